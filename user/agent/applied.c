/* SPDX-License-Identifier: BSD-2-Clause */
/* applied.c - a sorted array of references. */
#include "agent/applied.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sorted.h"

void applied_finish(struct applied *applied)
{
	for (size_t i = 0; i < applied->count; i++)
		service_unref(applied->items[i]);
	free(applied->items);
}

static int compare_service(const void *key, const void *item)
{
	const struct service *const *service = item;

	return service_key_compare(key, &(*service)->key);
}

/* The index of key, or where it would stand. */
static size_t position(const struct applied *applied, const struct service_key *key)
{
	return sorted_position(key, applied->items, applied->count, sizeof(struct service *),
			       compare_service);
}

static bool stands_at(const struct applied *applied, const struct service_key *key, size_t at)
{
	return at < applied->count && service_key_compare(&applied->items[at]->key, key) == 0;
}

struct service *applied_find(const struct applied *applied, const struct service_key *key)
{
	size_t at = position(applied, key);

	return stands_at(applied, key, at) ? applied->items[at] : NULL;
}

/* Keys are sorted by their VIP first. */
bool applied_has_vip(const struct applied *applied, const struct address *vip)
{
	const struct service_key first = { .vip = *vip };
	size_t at = position(applied, &first);

	return at < applied->count && address_compare(&applied->items[at]->key.vip, vip) == 0;
}

int applied_set(struct applied *applied, struct service *service)
{
	size_t at = position(applied, &service->key);
	struct service **grown;

	if (stands_at(applied, &service->key, at)) {
		service_ref(service);
		service_unref(applied->items[at]);
		applied->items[at] = service;
		return 0;
	}
	grown = realloc(applied->items, (applied->count + 1) * sizeof(struct service *));
	if (!grown)
		return -ENOMEM;
	applied->items = grown;
	memmove(&grown[at + 1], &grown[at], (applied->count - at) * sizeof(struct service *));
	grown[at] = service_ref(service);
	applied->count++;
	return 0;
}

void applied_remove(struct applied *applied, const struct service_key *key)
{
	size_t at = position(applied, key);

	if (!stands_at(applied, key, at))
		return;
	service_unref(applied->items[at]);
	applied->count--;
	memmove(&applied->items[at], &applied->items[at + 1],
		(applied->count - at) * sizeof(struct service *));
}

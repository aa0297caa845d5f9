/* SPDX-License-Identifier: BSD-2-Clause */
/* leaving.c - who is leaving, and who has been for too long. */
#include "model/leaving.h"

#include <errno.h>
#include <stdlib.h>

#include "model/endpoints.h"

void backend_list_finish(struct backend_list *list)
{
	free(list->items);
	*list = (struct backend_list){ 0 };
}

static int add(struct backend_list *list, const struct backend *backend)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 8;
		struct backend *grown = realloc(list->items, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->items = grown;
		list->capacity = capacity;
	}
	list->items[list->count++] = *backend;
	return 0;
}

int backend_list_set(struct backend_list *list, const struct backend *backends, size_t count)
{
	struct backend_list copy = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add(&copy, &backends[i]);
	if (r < 0) {
		backend_list_finish(&copy);
		return r;
	}
	backend_list_finish(list);
	*list = copy;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return backend_compare(a, b);
}

void backend_list_sort(struct backend_list *list)
{
	size_t count = 0;

	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare);
	for (size_t i = 0; i < list->count; i++)
		if (count == 0 || compare(&list->items[count - 1], &list->items[i]) != 0)
			list->items[count++] = list->items[i];
	list->count = count;
}

int leaving_collect(struct backend_list *list, const struct endpoint_set *set)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->usable_count; i++)
		if (backend_is_leaving(&set->candidates[i].backend))
			r = add(list, &set->candidates[i].backend);
	return r;
}

static bool is_expired(const struct backend *backend, const struct backend_list *expired)
{
	return backend_is_leaving(backend) && expired->count &&
	       bsearch(backend, expired->items, expired->count, sizeof(*backend), compare);
}

void leaving_drop_expired(struct endpoint_set *set, const struct backend_list *expired)
{
	size_t count = 0;

	for (size_t i = 0; i < set->usable_count; i++)
		if (!is_expired(&set->candidates[i].backend, expired))
			set->candidates[count++] = set->candidates[i];
	set->usable_count = count;
}

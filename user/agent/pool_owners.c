/* SPDX-License-Identifier: BSD-2-Clause */
/* pool_owners.c - compares the pool's owners with the model's Services. */
#include "agent/pool_owners.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "model/model.h"
#include "model/pool.h"

struct names {
	char **items;
	size_t count;
	bool is_short; /* memory ran out: the list is not whole */
};

static void names_add(struct names *names, char *name)
{
	char **grown = name ? realloc(names->items, (names->count + 1) * sizeof(*grown)) : NULL;

	if (!grown) {
		free(name);
		names->is_short = true;
		return;
	}
	names->items = grown;
	names->items[names->count++] = name;
}

static void names_finish(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_service(const struct service_status *status, void *context)
{
	char *name;

	if (asprintf(&name, "%s/%s", status->object->namespace, status->object->name) < 0)
		name = NULL;
	names_add(context, name);
}

/* An owner of several addresses comes several times in a row. */
static void add_owner(const char *owner, const struct address *address, void *context)
{
	struct names *names = context;

	(void)address;
	if (names->count == 0 || strcmp(names->items[names->count - 1], owner) != 0)
		names_add(names, strdup(owner));
}

int pool_owners_prune(struct pool *pool, const struct model *model, struct error *error)
{
	struct names services = { 0 }, owners = { 0 };
	int r = 0;

	model_for_each_status(model, add_service, &services);
	pool_for_each(pool, add_owner, &owners);
	if (services.is_short || owners.is_short)
		r = error_set(error, -ENOMEM, "no memory to compare the pool with the Services");
	if (services.count)
		qsort(services.items, services.count, sizeof(*services.items), compare_names);
	for (size_t i = 0; r == 0 && i < owners.count; i++) {
		if (services.count && bsearch(&owners.items[i], services.items, services.count,
					      sizeof(*services.items), compare_names))
			continue;
		pool_release(pool, owners.items[i]);
	}
	names_finish(&services);
	names_finish(&owners);
	return r;
}

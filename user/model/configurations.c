/* SPDX-License-Identifier: BSD-2-Clause */
/* configurations.c - a few objects in an array, the one that counts first. */
#include "model/configurations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/object.h"
#include "model/pool.h"

void configurations_finish(struct configurations *configurations)
{
	for (size_t i = 0; i < configurations->count; i++)
		object_destroy(configurations->items[i]);
	free(configurations->items);
	*configurations = (struct configurations){ 0 };
}

static int compare(const void *a, const void *b)
{
	const struct object *left = *(struct object *const *)a;
	const struct object *right = *(struct object *const *)b;
	int order = (left->creation_time_s > right->creation_time_s) -
		    (left->creation_time_s < right->creation_time_s);

	if (order == 0)
		order = strcmp(left->namespace, right->namespace);
	return order != 0 ? order : strcmp(left->name, right->name);
}

static size_t find_index(const struct configurations *configurations, const char *namespace,
			 const char *name)
{
	size_t i = 0;

	while (i < configurations->count &&
	       (strcmp(configurations->items[i]->namespace, namespace) != 0 ||
		strcmp(configurations->items[i]->name, name) != 0))
		i++;
	return i;
}

const struct object *configurations_find(const struct configurations *configurations,
					 const char *namespace, const char *name)
{
	size_t index = find_index(configurations, namespace, name);

	return index < configurations->count ? configurations->items[index] : NULL;
}

static void settle(struct configurations *configurations, struct pool *pool)
{
	const struct object *first, *second;

	problem_clear(&configurations->problem);
	if (configurations->count == 0) {
		pool_set_named(pool, NULL, 0);
		return;
	}
	qsort(configurations->items, configurations->count, sizeof(struct object *), compare);
	first = configurations->items[0];
	pool_set_named(pool, first->configuration.pools, first->configuration.pool_count);
	if (configurations->count == 1)
		return;
	second = configurations->items[1];
	problem_add(&configurations->problem,
		    "%s: AgentConfiguration %s/%s is not used, expected one: %s/%s counts",
		    second->origin, second->namespace, second->name, first->namespace, first->name);
}

int configurations_set(struct configurations *configurations, struct object *object,
		       struct pool *pool)
{
	size_t index = find_index(configurations, object->namespace, object->name);
	struct object **grown;

	if (index == configurations->count) {
		grown = realloc(configurations->items, (index + 1) * sizeof(*grown));
		if (!grown) {
			object_destroy(object);
			return -ENOMEM;
		}
		grown[index] = NULL;
		configurations->items = grown;
		configurations->count++;
	}
	pool_set_named(pool, NULL, 0);
	object_destroy(configurations->items[index]);
	configurations->items[index] = object;
	settle(configurations, pool);
	return 0;
}

bool configurations_remove(struct configurations *configurations, const char *namespace,
			   const char *name, struct pool *pool)
{
	size_t index = find_index(configurations, namespace, name);

	if (index == configurations->count)
		return false;
	pool_set_named(pool, NULL, 0);
	object_destroy(configurations->items[index]);
	configurations->items[index] = configurations->items[--configurations->count];
	settle(configurations, pool);
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_agent_configuration.c - an AgentConfiguration: the pools that addresses come from. */
#include "source/decode_part.h"

#include <errno.h>
#include <string.h>

#include "lib/error.h"

/* The kind is our own: a field that is not known is a mistake, which may open a pool to all. */
static int check_keys(const struct field *mapping, const char *const *known, struct error *error)
{
	for (const struct node *node = mapping->node ? mapping->node->first : NULL; node;
	     node = node->next) {
		struct field field = { .parent = mapping, .name = node->key, .node = node };
		size_t i = 0;

		while (known[i] && strcmp(known[i], node->key) != 0)
			i++;
		if (!known[i])
			return field_error(&field, error, "there is no such field");
	}
	return 0;
}

/* A label of RFC 1123. */
static int read_label(struct object *object, const struct field *field, const char *text,
		      const char **ret, struct error *error)
{
	if (!decode_is_label(text))
		return field_error(field, error,
				   "\"%.70s\", expected lower-case letters, digits and \"-\", "
				   "at most 63",
				   text);
	*ret = text;
	return decode_keep(object, ret, error);
}

static int read_name(struct object *object, const struct field *item, struct address_pool *pool,
		     struct error *error)
{
	struct field field = field_at(item, "name");
	const char *name = "";
	int r = field_string(item, "name", &name, error);

	if (r == 0 && !*name)
		return field_error(&field, error, "missing, expected the name of the pool");
	return r < 0 ? r : read_label(object, &field, name, &pool->name, error);
}

static int read_range(struct object *object, const struct field *item, void *element,
		      struct error *error)
{
	const char *text = "";
	struct error reason;
	int r = field_text(item, &text, error);

	(void)object;
	if (r == 0 && address_range_parse(text, element, &reason) < 0)
		return field_error(item, error, "%.200s", reason.text);
	return r;
}

static int read_addresses(struct object *object, const struct field *item,
			  struct address_pool *pool, struct error *error)
{
	struct field list, missing = field_at(item, "addresses");
	const void *ranges = NULL;
	int r = field_list(item, "addresses", &list, error);

	if (r < 0)
		return r;
	if (!list.node || list.node->count == 0)
		return field_error(&missing, error, "missing, expected at least one range");
	r = decode_items(object, &list, sizeof(struct address_range), read_range, &ranges,
			 &pool->range_count, error);
	pool->ranges = ranges;
	return r;
}

static int read_namespace(struct object *object, const struct field *item, void *element,
			  struct error *error)
{
	const char *text = "";
	int r = field_text(item, &text, error);

	return r < 0 ? r : read_label(object, item, text, element, error);
}

static int read_namespaces(struct object *object, const struct field *item,
			   struct address_pool *pool, struct error *error)
{
	const void *names = NULL;
	struct field list;
	int r = field_list(item, "namespaces", &list, error);

	if (r == 0)
		r = decode_items(object, &list, sizeof(const char *), read_namespace, &names,
				 &pool->namespace_count, error);
	pool->namespaces = names;
	return r;
}

static int read_selector(struct object *object, const struct field *item, struct address_pool *pool,
			 struct error *error)
{
	static const char *const known[] = { "matchLabels", NULL };
	struct field selector, labels;
	int r = field_mapping(item, "serviceSelector", &selector, error);

	if (r == 0)
		r = check_keys(&selector, known, error);
	if (r == 0)
		r = field_mapping(&selector, "matchLabels", &labels, error);
	return r < 0 ? r : decode_labels(object, &labels, &pool->selector, error);
}

/* Whether range i of pool overlaps one that stands before it, there or in other. */
static bool overlaps(const struct address_pool *pool, size_t i, const struct address_pool *other)
{
	size_t count = pool == other ? i : other->range_count;

	for (size_t o = 0; o < count; o++)
		if (address_range_overlaps(&pool->ranges[i], &other->ranges[o]))
			return true;
	return false;
}

/* Compares a pool with those that stand before it in their array, and itself. */
static int check_pool(const struct field *item, const struct address_pool *pool,
		      struct error *error)
{
	const struct address_pool *pools = pool - item->index;
	struct field name = field_at(item, "name"), addresses = field_at(item, "addresses");

	for (size_t i = 0; i <= item->index; i++) {
		if (i < item->index && strcmp(pools[i].name, pool->name) == 0)
			return field_error(&name, error, "\"%s\" is the name of another pool",
					   pool->name);
		for (size_t range = 0; range < pool->range_count; range++) {
			struct field field = { .parent = &addresses, .index = range };

			if (overlaps(pool, range, &pools[i]))
				return field_error(&field, error,
						   "overlaps addresses of pool \"%s\"",
						   pools[i].name);
		}
	}
	return 0;
}

static int read_pool(struct object *object, const struct field *item, void *element,
		     struct error *error)
{
	struct address_pool *pool = element;
	static const char *const known[] = { "name",       "addresses",
					     "namespaces", "serviceSelector",
					     "autoAssign", "avoidBuggyIPs",
					     NULL };
	int r = 0;

	if (!item->node || item->node->type != NODE_MAPPING)
		return field_error(item, error, "expected a mapping with name and addresses");
	r = check_keys(item, known, error);
	if (r == 0)
		r = read_name(object, item, pool, error);
	if (r == 0)
		r = read_addresses(object, item, pool, error);
	if (r == 0)
		r = read_namespaces(object, item, pool, error);
	if (r == 0)
		r = read_selector(object, item, pool, error);
	pool->auto_assign = true;
	if (r == 0)
		r = field_bool(item, "autoAssign", &pool->auto_assign, error);
	if (r == 0)
		r = field_bool(item, "avoidBuggyIPs", &pool->avoids_buggy, error);
	return r < 0 ? r : check_pool(item, pool, error);
}

static int read_pools(struct object *object, const struct field *spec, struct error *error)
{
	const void *pools = NULL;
	struct field list;
	int r = field_list(spec, "addressPools", &list, error);

	if (r == 0)
		r = decode_items(object, &list, sizeof(struct address_pool), read_pool, &pools,
				 &object->configuration.pool_count, error);
	object->configuration.pools = pools;
	return r;
}

int decode_agent_configuration(struct object *object, const struct field *top, struct error *error)
{
	static const char *const known[] = { "addressPools", NULL };
	struct field spec;
	int r = field_mapping(top, "spec", &spec, error);

	if (r == 0)
		r = check_keys(&spec, known, error);
	return r < 0 ? r : read_pools(object, &spec, error);
}

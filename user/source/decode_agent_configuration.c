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

static int read_range(const struct field *item, struct address_range *ret, struct error *error)
{
	const char *text = "";
	struct error reason;
	int r = field_text(item, &text, error);

	if (r == 0 && address_range_parse(text, ret, &reason) < 0)
		return field_error(item, error, "%.200s", reason.text);
	return r;
}

static int read_addresses(struct object *object, const struct field *item,
			  struct address_pool *pool, struct error *error)
{
	struct field list, missing = field_at(item, "addresses");
	struct address_range *ranges;
	size_t index = 0;
	int r = field_list(item, "addresses", &list, error);

	if (r < 0)
		return r;
	if (!list.node || list.node->count == 0)
		return field_error(&missing, error, "missing, expected at least one range");
	ranges = decode_array(object, list.node->count, sizeof(*ranges), error);
	if (!ranges)
		return -ENOMEM;
	for (const struct node *node = list.node->first; node; node = node->next, index++) {
		struct field range = field_item(&list, index, node);

		r = read_range(&range, &ranges[index], error);
		if (r < 0)
			return r;
	}
	pool->ranges = ranges;
	pool->range_count = index;
	return 0;
}

static int read_namespaces(struct object *object, const struct field *item,
			   struct address_pool *pool, struct error *error)
{
	const char **names;
	struct field list;
	size_t index = 0;
	int r = field_list(item, "namespaces", &list, error);

	if (r < 0 || !list.node)
		return r;
	names = decode_array(object, list.node->count, sizeof(*names), error);
	if (!names)
		return -ENOMEM;
	for (const struct node *node = list.node->first; node; node = node->next, index++) {
		struct field name = field_item(&list, index, node);
		const char *text = "";

		r = field_text(&name, &text, error);
		if (r == 0)
			r = read_label(object, &name, text, &names[index], error);
		if (r < 0)
			return r;
	}
	pool->namespaces = names;
	pool->namespace_count = index;
	return 0;
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

static int read_pool(struct object *object, const struct field *item, struct address_pool *pool,
		     struct error *error)
{
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
	return r;
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

/* Compares a pool with those that stand before it, and itself. */
static int check_pool(const struct field *item, const struct address_pool *pools, size_t index,
		      struct error *error)
{
	const struct address_pool *pool = &pools[index];
	struct field name = field_at(item, "name"), addresses = field_at(item, "addresses");

	for (size_t i = 0; i <= index; i++) {
		if (i < index && strcmp(pools[i].name, pool->name) == 0)
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

static int read_pools(struct object *object, const struct field *spec, struct error *error)
{
	struct address_pool *pools;
	struct field list;
	size_t index = 0;
	int r = field_list(spec, "addressPools", &list, error);

	if (r < 0 || !list.node)
		return r;
	pools = decode_array(object, list.node->count, sizeof(*pools), error);
	if (!pools)
		return -ENOMEM;
	for (const struct node *node = list.node->first; node; node = node->next, index++) {
		struct field item = field_item(&list, index, node);

		r = read_pool(object, &item, &pools[index], error);
		if (r == 0)
			r = check_pool(&item, pools, index, error);
		if (r < 0)
			return r;
	}
	object->configuration.pools = pools;
	object->configuration.pool_count = index;
	return 0;
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

/* SPDX-License-Identifier: BSD-2-Clause */
/* document_keys.c - the keys of a mapping: merged ones, and those given twice. */
#include "lib/document_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/error.h"

int builder_push_key(struct builder *builder, const struct key_mark *mark)
{
	if (builder->key_count == builder->key_capacity) {
		size_t capacity = builder->key_capacity ? builder->key_capacity * 2 : 64;
		struct key_mark *keys = reallocarray(builder->keys, capacity, sizeof(*keys));

		if (!keys)
			return builder_no_memory(builder);
		builder->keys = keys;
		builder->key_capacity = capacity;
	}
	builder->keys[builder->key_count++] = *mark;
	return 0;
}

static int merge_mapping(struct builder *builder, struct node *mapping, struct node ***tail,
			 const struct node *source, uint32_t rank)
{
	int r;

	if (source->type != NODE_MAPPING)
		return node_error(source, builder->error,
				  "\"<<\" merges %s, expected a mapping or a list of mappings",
				  node_type_name(source->type));
	for (const struct node *child = source->first; child; child = child->next) {
		struct key_mark mark = { .key = child->key, .rank = rank };

		r = builder_add_node(builder, child, child->type, &mark.value);
		if (r < 0)
			return r;
		/* What is below it is never changed and may have two parents. */
		*mark.value = *child;
		mark.value->next = NULL;
		node_append(mapping, tail, mark.value);
		r = builder_push_key(builder, &mark);
		if (r < 0)
			return r;
	}
	return 0;
}

int builder_merge(struct builder *builder, struct node *mapping, struct node ***tail,
		  const struct node *value)
{
	uint32_t rank = 1;
	int r;

	if (value->type != NODE_SEQUENCE)
		return merge_mapping(builder, mapping, tail, value, rank);
	for (const struct node *source = value->first; source; source = source->next) {
		r = merge_mapping(builder, mapping, tail, source, rank++);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct key_mark *left = a, *right = b;
	int order = strcmp(left->key, right->key);

	if (order == 0)
		order = (left->rank > right->rank) - (left->rank < right->rank);
	if (order == 0)
		order = (left->line > right->line) - (left->line < right->line);
	if (order == 0)
		order = (left->column > right->column) - (left->column < right->column);
	return order;
}

/* Most mappings are short, and those of machines are sorted. */
static bool is_strictly_sorted(const struct key_mark *keys, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(keys[i - 1].key, keys[i].key) >= 0)
			return false;
	return true;
}

int builder_settle_keys(struct builder *builder, struct node *mapping, size_t first)
{
	size_t count = builder->key_count - first;
	struct key_mark *keys;
	bool overridden = false;

	builder->key_count = first;
	if (count < 2)
		return 0;
	keys = builder->keys + first;
	if (is_strictly_sorted(keys, count))
		return 0;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count; i++) {
		struct node place = { .line = keys[i].line, .column = keys[i].column };

		if (strcmp(keys[i - 1].key, keys[i].key) != 0)
			continue;
		if (keys[i].rank == 0)
			return node_error(&place, builder->error,
					  "the key \"%.60s\" a second time, expected it once: "
					  "it stands on line %u already",
					  keys[i].key, keys[i - 1].line);
		keys[i].value->key = NULL;
		overridden = true;
	}
	if (overridden)
		node_drop_keyless(mapping);
	return 0;
}

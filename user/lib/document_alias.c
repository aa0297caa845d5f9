/* SPDX-License-Identifier: BSD-2-Clause */
/* document_alias.c - anchors, and copies of what they name. */
#include "lib/document_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/error.h"

#define COPIED_NODE_LIMIT 100000
#define ANCHOR_LIMIT 1000

int builder_add_anchor(struct builder *builder, const yaml_char_t *name, const struct node *node,
		       struct anchor **ret)
{
	struct anchor *anchor;

	if (builder->anchor_count++ == ANCHOR_LIMIT)
		return node_error(node, builder->error, "more than %d anchors, expected fewer",
				  ANCHOR_LIMIT);
	anchor = arena_alloc(builder->arena, sizeof(*anchor));
	if (!anchor)
		return builder_no_memory(builder);
	anchor->name = arena_strdup(builder->arena, (const char *)name);
	if (!anchor->name)
		return builder_no_memory(builder);
	anchor->node = node;
	anchor->next = builder->anchors;
	builder->anchors = anchor;
	*ret = anchor;
	return 0;
}

static int copy_node(struct builder *builder, const struct node *alias, const struct node *from,
		     unsigned int depth, struct node **ret)
{
	struct node *node, **tail;
	int r;

	if (depth > DEPTH_LIMIT)
		return node_error(alias, builder->error,
				  "aliases nested deeper than %d levels, expected fewer",
				  DEPTH_LIMIT);
	if (builder->copied_count++ == COPIED_NODE_LIMIT)
		return node_error(alias, builder->error,
				  "aliases that stand for more than %d values, expected fewer",
				  COPIED_NODE_LIMIT);
	r = builder_add_node(builder, from, from->type, &node);
	if (r < 0)
		return r;
	node->quoted = from->quoted;
	node->text = from->text;
	node->length = from->length;
	tail = &node->first;
	for (const struct node *child = from->first; child; child = child->next) {
		struct node *copy;

		r = copy_node(builder, alias, child, depth + 1, &copy);
		if (r < 0)
			return r;
		copy->key = child->key;
		node_append(node, &tail, copy);
	}
	*ret = node;
	return 0;
}

int builder_copy_alias(struct builder *builder, const yaml_event_t *event, unsigned int depth,
		       struct node **ret)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct node place = builder_place(builder, &event->start_mark);
	const struct anchor *anchor = builder->anchors;

	while (anchor && strcmp(anchor->name, name) != 0)
		anchor = anchor->next;
	if (!anchor)
		return node_error(&place, builder->error,
				  "*%.60s, expected an anchor &%.60s before it", name, name);
	if (!anchor->complete)
		return node_error(&place, builder->error,
				  "*%.60s inside of what &%.60s names, expected it elsewhere", name,
				  name);
	return copy_node(builder, &place, anchor->node, depth, ret);
}

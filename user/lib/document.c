/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * document.c - from libyaml's events to a tree in an arena.
 *
 * What a file can make us spend is bounded: depth, values, anchors, and the values
 * that aliases copy.
 */
#include "lib/document_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/error.h"
#include "lib/json_text.h"
#include "lib/yaml_problem.h"

#define NODE_LIMIT 4000000

static int build_event(struct builder *builder, const yaml_event_t *event, unsigned int depth,
		       struct node **ret);

int builder_no_memory(struct builder *builder)
{
	return error_set(builder->error, -ENOMEM, "%u:1: no memory left to read it",
			 builder->line_offset + 1);
}

struct node builder_place(const struct builder *builder, const yaml_mark_t *mark)
{
	return (struct node){
		.line = builder->line_offset + (uint32_t)mark->line + 1,
		.column = (uint32_t)mark->column + 1,
	};
}

int builder_add_node(struct builder *builder, const struct node *place, enum node_type type,
		     struct node **ret)
{
	struct node *node;

	if (builder->node_count == NODE_LIMIT)
		return node_error(place, builder->error,
				  "more than %d values, expected a smaller document", NODE_LIMIT);
	node = arena_alloc(builder->arena, sizeof(*node));
	if (!node)
		return builder_no_memory(builder);
	builder->node_count++;
	node->type = type;
	node->line = place->line;
	node->column = place->column;
	*ret = node;
	return 0;
}

static int next_event(struct builder *builder, yaml_event_t *event)
{
	if (yaml_parser_parse(&builder->parser, event))
		return 0;
	return yaml_problem_explain(&builder->parser, builder->text, builder->length,
				    builder->line_offset, builder->error);
}

static bool is_null_text(const char *text)
{
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
	       strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

/* A tag says more than the style: !!str 80 is text, !!int "80" is none. */
static bool is_string(const yaml_event_t *event)
{
	const char *tag = (const char *)event->data.scalar.tag;

	if (!tag || event->data.scalar.quoted_implicit)
		return event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0;
}

static int build_scalar(struct builder *builder, const yaml_event_t *event, struct node **ret)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct node place = builder_place(builder, &event->start_mark);
	bool quoted = is_string(event);
	struct node *node;
	int r = builder_add_node(builder, &place, NODE_SCALAR, &node);

	if (r < 0)
		return r;
	if (!quoted && strlen(text) == length && is_null_text(text)) {
		node->type = NODE_NULL;
	} else {
		node->quoted = quoted;
		node->length = length;
		node->text = arena_copy(builder->arena, text, length);
		if (!node->text)
			return builder_no_memory(builder);
	}
	*ret = node;
	return 0;
}

/* The next node; *ret is NULL when the event end came instead. */
static int build_next(struct builder *builder, yaml_event_type_t end, unsigned int depth,
		      struct node **ret)
{
	yaml_event_t event;
	int r = next_event(builder, &event);

	if (r < 0)
		return r;
	*ret = NULL;
	if (event.type != end)
		r = build_event(builder, &event, depth, ret);
	yaml_event_delete(&event);
	return r;
}

static int build_sequence(struct builder *builder, struct node *sequence, unsigned int depth)
{
	struct node **tail = &sequence->first, *child;
	int r;

	for (;;) {
		r = build_next(builder, YAML_SEQUENCE_END_EVENT, depth, &child);
		if (r < 0 || !child)
			return r;
		node_append(sequence, &tail, child);
	}
}

static int read_key(struct builder *builder, const yaml_event_t *event, struct key_mark *ret,
		    bool *ret_merge)
{
	struct node place = builder_place(builder, &event->start_mark);
	const char *text = (const char *)event->data.scalar.value;

	if (event->type != YAML_SCALAR_EVENT)
		return node_error(&place, builder->error,
				  "a key that is no text, expected \"key: value\"");
	if (strlen(text) != event->data.scalar.length)
		return node_error(&place, builder->error, "a key with a NUL in it, expected text");
	if (!is_string(event) && is_null_text(text))
		return node_error(&place, builder->error, "an empty key, expected \"key: value\"");
	*ret = (struct key_mark){ .line = place.line, .column = place.column };
	ret->key = arena_strdup(builder->arena, text);
	if (!ret->key)
		return builder_no_memory(builder);
	*ret_merge = !is_string(event) && strcmp(text, "<<") == 0;
	return 0;
}

/* The next key; key is NULL at the end of the mapping. */
static int build_key(struct builder *builder, struct key_mark *ret, bool *ret_merge)
{
	yaml_event_t event;
	int r = next_event(builder, &event);

	if (r < 0)
		return r;
	ret->key = NULL;
	if (event.type != YAML_MAPPING_END_EVENT)
		r = read_key(builder, &event, ret, ret_merge);
	yaml_event_delete(&event);
	return r;
}

static int build_mapping(struct builder *builder, struct node *mapping, unsigned int depth)
{
	size_t first = builder->key_count;
	struct node **tail = &mapping->first, *value;
	struct key_mark mark;
	bool merge = false;
	int r;

	for (;;) {
		r = build_key(builder, &mark, &merge);
		if (r < 0)
			return r;
		if (!mark.key)
			return builder_settle_keys(builder, mapping, first);
		r = build_next(builder, YAML_NO_EVENT, depth, &value);
		if (r < 0)
			return r;
		mark.value = merge ? NULL : value;
		r = builder_push_key(builder, &mark);
		if (r < 0)
			return r;
		if (merge) {
			r = builder_merge(builder, mapping, &tail, value);
			if (r < 0)
				return r;
		} else {
			value->key = mark.key;
			node_append(mapping, &tail, value);
		}
	}
}

static int build_collection(struct builder *builder, const yaml_event_t *event, unsigned int depth,
			    struct node *node)
{
	if (depth >= DEPTH_LIMIT)
		return node_error(node, builder->error,
				  "nested deeper than %d levels, expected fewer", DEPTH_LIMIT);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return build_sequence(builder, node, depth + 1);
	return build_mapping(builder, node, depth + 1);
}

static const yaml_char_t *anchor_name(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	default:
		return event->data.mapping_start.anchor;
	}
}

static int build_event(struct builder *builder, const yaml_event_t *event, unsigned int depth,
		       struct node **ret)
{
	bool collection = event->type != YAML_SCALAR_EVENT;
	struct node place = builder_place(builder, &event->start_mark);
	struct anchor *anchor = NULL;
	struct node *node = NULL;
	int r;

	if (event->type == YAML_ALIAS_EVENT)
		return builder_copy_alias(builder, event, depth, ret);
	if (!collection)
		r = build_scalar(builder, event, &node);
	else
		r = builder_add_node(builder, &place,
				     event->type == YAML_SEQUENCE_START_EVENT ? NODE_SEQUENCE
									      : NODE_MAPPING,
				     &node);
	if (r == 0 && anchor_name(event))
		r = builder_add_anchor(builder, anchor_name(event), node, &anchor);
	if (r == 0 && collection)
		r = build_collection(builder, event, depth, node);
	if (r < 0)
		return r;
	if (anchor)
		anchor->complete = true;
	*ret = node;
	return 0;
}

/* Takes the events that frame a document; true in *ret when the expected one came. */
static int take_event(struct builder *builder, yaml_event_type_t expected, bool *ret)
{
	yaml_event_t event;
	int r = next_event(builder, &event);

	if (r < 0)
		return r;
	*ret = event.type == expected;
	yaml_event_delete(&event);
	return 0;
}

static int build_document(struct builder *builder, struct node **ret)
{
	struct node start = { .line = builder->line_offset + 1, .column = 1 };
	bool came;
	int r = take_event(builder, YAML_STREAM_START_EVENT, &came);

	if (r == 0)
		r = take_event(builder, YAML_DOCUMENT_START_EVENT, &came);
	if (r < 0)
		return r;
	if (!came)
		return builder_add_node(builder, &start, NODE_NULL, ret);
	r = build_next(builder, YAML_NO_EVENT, 0, ret);
	if (r == 0)
		r = take_event(builder, YAML_DOCUMENT_END_EVENT, &came);
	if (r == 0)
		r = take_event(builder, YAML_STREAM_END_EVENT, &came);
	if (r == 0 && !came)
		return node_error(&start, builder->error,
				  "two documents in one, expected \"---\" on a line of its own");
	return r;
}

int document_parse(struct arena *arena, const char *text, size_t length, uint32_t line_offset,
		   const struct node **ret_root, struct error *error)
{
	struct builder builder = {
		.text = text,
		.length = length,
		.line_offset = line_offset,
		.arena = arena,
		.error = error,
	};
	struct node *root;
	int r;

	if (json_text_has_surrogates(text, length)) {
		builder.text = json_text_join_surrogates(arena, text, length, &builder.length);
		if (!builder.text)
			return builder_no_memory(&builder);
	}
	if (!yaml_parser_initialize(&builder.parser))
		return builder_no_memory(&builder);
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)builder.text,
				     builder.length);
	r = build_document(&builder, &root);
	yaml_parser_delete(&builder.parser);
	free(builder.keys);
	if (r == 0)
		*ret_root = root;
	return r;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_tree.c - one pass over a copy of the text, in which strings are decoded where they
 * stand. For 3 MB of EndpointSlices it needs 12 ms, Jansson and libyaml 65 ms each.
 */
#include "lib/json_tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"
#include "lib/json_string.h"
#include "lib/node_build.h"

/* As of documents that YAML's parser reads. */
#define DEPTH_LIMIT 64
#define NODE_LIMIT 4000000

/* Of a mapping with fewer keys each is compared with each. */
#define FEW_KEYS 16

struct parser {
	const char *text; /* as it came, for places */
	char *start;      /* the copy */
	char *at;
	const char *end;
	struct arena *arena;
	struct error *error;
	size_t node_count;
};

static int parse_value(struct parser *parser, unsigned int depth, struct node **ret);

static int no_memory(struct parser *parser)
{
	return error_set(parser->error, -ENOMEM, "no memory left to read JSON");
}

static struct node place_of(const struct parser *parser)
{
	struct node place = { .line = 1, .column = 1 };

	for (const char *c = parser->text; c < parser->text + (parser->at - parser->start); c++) {
		place.column++;
		if (*c == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return place;
}

static int refuse(struct parser *parser, const char *expected)
{
	struct node place = place_of(parser);
	unsigned char found;

	if (parser->at == parser->end)
		return node_error(&place, parser->error, "the end of the JSON, expected %s",
				  expected);
	found = (unsigned char)parser->text[parser->at - parser->start];
	if (found >= ' ' && found < 0x7f)
		return node_error(&place, parser->error, "'%c', expected %s", found, expected);
	return node_error(&place, parser->error, "byte 0x%02x, expected %s", found, expected);
}

static void skip_space(struct parser *parser)
{
	while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\n' ||
					    *parser->at == '\r' || *parser->at == '\t'))
		parser->at++;
}

/* True when c is next, which is then taken. */
static bool take(struct parser *parser, char c)
{
	skip_space(parser);
	if (parser->at == parser->end || *parser->at != c)
		return false;
	parser->at++;
	return true;
}

static int parse_string(struct parser *parser, const char **ret, size_t *ret_length)
{
	char *first = parser->at;
	const char *expected = json_string_decode(&parser->at, parser->end, ret_length);

	if (expected)
		return refuse(parser, expected);
	*ret = first;
	return 0;
}

static bool skip_digits(struct parser *parser)
{
	const char *first = parser->at;

	while (parser->at < parser->end && isdigit((unsigned char)*parser->at))
		parser->at++;
	return parser->at > first;
}

static bool skip_one_of(struct parser *parser, const char *characters)
{
	if (parser->at == parser->end || !*parser->at || !strchr(characters, *parser->at))
		return false;
	parser->at++;
	return true;
}

static bool skip_number(struct parser *parser)
{
	(void)skip_one_of(parser, "-");
	if (!skip_one_of(parser, "0") && !skip_digits(parser))
		return false;
	if (skip_one_of(parser, ".") && !skip_digits(parser))
		return false;
	if (!skip_one_of(parser, "eE"))
		return true;
	(void)skip_one_of(parser, "+-");
	return skip_digits(parser);
}

static int parse_number(struct parser *parser, struct node *node)
{
	const char *first = parser->at;

	if (!skip_number(parser))
		return refuse(parser, "a digit");
	node->length = (size_t)(parser->at - first);
	node->text = arena_copy(parser->arena, first, node->length);
	return node->text ? 0 : no_memory(parser);
}

static int parse_word(struct parser *parser, struct node *node)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t length = strlen(words[i]);

		if ((size_t)(parser->end - parser->at) < length ||
		    memcmp(parser->at, words[i], length) != 0)
			continue;
		parser->at += length;
		if (words[i][0] == 'n') {
			node->type = NODE_NULL;
		} else {
			node->text = words[i];
			node->length = length;
		}
		return 0;
	}
	return refuse(parser, "a value");
}

static int parse_list(struct parser *parser, struct node *node, unsigned int depth)
{
	struct node **tail = &node->first, *child;

	if (take(parser, ']'))
		return 0;
	do {
		int r = parse_value(parser, depth, &child);

		if (r < 0)
			return r;
		node_append(node, &tail, child);
	} while (take(parser, ','));
	return take(parser, ']') ? 0 : refuse(parser, "a comma or the list's end");
}

/* What the API server keeps for server-side apply; a label of that name is no list. */
static bool is_left_out(const struct node *child)
{
	return child->type == NODE_SEQUENCE && strcmp(child->key, "managedFields") == 0;
}

static int parse_member(struct parser *parser, unsigned int depth, struct node **ret)
{
	const char *key = NULL;
	size_t length = 0;
	int r;

	if (!take(parser, '"'))
		return refuse(parser, "a key in quotes");
	r = parse_string(parser, &key, &length);
	if (r == 0 && strlen(key) != length)
		return refuse(parser, "a key without a NUL in it");
	if (r == 0 && !take(parser, ':'))
		return refuse(parser, "a colon behind the key");
	if (r == 0)
		r = parse_value(parser, depth, ret);
	if (r == 0)
		(*ret)->key = key;
	return r;
}

struct ranked {
	struct node *child;
	size_t rank; /* its place in the mapping */
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;
	int order = strcmp(left->child->key, right->child->key);

	return order ? order : (left->rank > right->rank) - (left->rank < right->rank);
}

/* Takes the key from every child behind which there is another one of its key. */
static int find_doubles(struct parser *parser, struct node *mapping, bool *ret_found)
{
	struct ranked *children = calloc(mapping->count, sizeof(*children));
	size_t count = 0;

	if (!children)
		return no_memory(parser);
	for (struct node *child = mapping->first; child; child = child->next, count++)
		children[count] = (struct ranked){ child, count };
	qsort(children, count, sizeof(*children), compare_ranked);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(children[i - 1].child->key, children[i].child->key) != 0)
			continue;
		children[i - 1].child->key = NULL;
		*ret_found = true;
	}
	free(children);
	return 0;
}

static bool find_doubles_of_few(struct node *mapping)
{
	bool found = false;

	for (struct node *child = mapping->first; child; child = child->next) {
		for (const struct node *other = child->next; other; other = other->next) {
			if (strcmp(child->key, other->key) != 0)
				continue;
			child->key = NULL;
			found = true;
			break;
		}
	}
	return found;
}

static int settle_keys(struct parser *parser, struct node *mapping)
{
	bool found = false;
	int r = 0;

	if (mapping->count < FEW_KEYS)
		found = find_doubles_of_few(mapping);
	else
		r = find_doubles(parser, mapping, &found);
	if (found)
		node_drop_keyless(mapping);
	return r;
}

static int parse_mapping(struct parser *parser, struct node *node, unsigned int depth)
{
	struct node **tail = &node->first, *child;

	if (take(parser, '}'))
		return 0;
	do {
		int r = parse_member(parser, depth, &child);

		if (r < 0)
			return r;
		if (!is_left_out(child))
			node_append(node, &tail, child);
	} while (take(parser, ','));
	if (!take(parser, '}'))
		return refuse(parser, "a comma or the mapping's end");
	return settle_keys(parser, node);
}

static int add_node(struct parser *parser, struct node **ret)
{
	struct node place;

	if (parser->node_count == NODE_LIMIT) {
		place = place_of(parser);
		return node_error(&place, parser->error,
				  "more than %d values, expected a smaller document", NODE_LIMIT);
	}
	*ret = arena_alloc(parser->arena, sizeof(**ret));
	if (!*ret)
		return no_memory(parser);
	parser->node_count++;
	return 0;
}

static int parse_collection(struct parser *parser, struct node *node, unsigned int depth)
{
	struct node place;

	if (depth >= DEPTH_LIMIT) {
		place = place_of(parser);
		return node_error(&place, parser->error,
				  "nested deeper than %d levels, expected fewer", DEPTH_LIMIT);
	}
	node->type = *parser->at++ == '[' ? NODE_SEQUENCE : NODE_MAPPING;
	if (node->type == NODE_SEQUENCE)
		return parse_list(parser, node, depth + 1);
	return parse_mapping(parser, node, depth + 1);
}

static int parse_value(struct parser *parser, unsigned int depth, struct node **ret)
{
	struct node *node;
	char first;
	int r = add_node(parser, &node);

	if (r < 0)
		return r;
	skip_space(parser);
	*ret = node;
	if (parser->at == parser->end)
		return refuse(parser, "a value");
	first = *parser->at;
	if (first == '[' || first == '{')
		return parse_collection(parser, node, depth);
	node->type = NODE_SCALAR;
	if (first == '"') {
		parser->at++;
		node->quoted = true;
		return parse_string(parser, &node->text, &node->length);
	}
	if (first == '-' || isdigit((unsigned char)first))
		return parse_number(parser, node);
	return parse_word(parser, node);
}

int json_tree_parse(struct arena *arena, const char *text, size_t length,
		    const struct node **ret_root, struct error *error)
{
	struct parser parser = { .text = text, .arena = arena, .error = error };
	struct node *root;
	int r;

	parser.start = parser.at = arena_copy(arena, text, length);
	if (!parser.start)
		return no_memory(&parser);
	parser.end = parser.start + length;
	r = parse_value(&parser, 0, &root);
	if (r < 0)
		return r;
	skip_space(&parser);
	if (parser.at < parser.end)
		return refuse(&parser, "nothing behind the value");
	*ret_root = root;
	return 0;
}

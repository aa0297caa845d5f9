/* SPDX-License-Identifier: BSD-2-Clause */
/* field.c - values within an object, and the sentences about them. */
#include "source/field.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"

#define PATH_SIZE 160

bool field_allows_leading_zeros(const struct field *field)
{
	while (field->parent)
		field = field->parent;
	return field->allows_leading_zeros;
}

struct field field_at(const struct field *parent, const char *name)
{
	return (struct field){
		.parent = parent,
		.name = name,
		.node = node_get(parent->node, name),
	};
}

struct field field_item(const struct field *list, size_t index, const struct node *node)
{
	return (struct field){
		.parent = list,
		.index = index,
		.node = node->type == NODE_NULL ? NULL : node,
	};
}

/* Writes the path to field and returns its length; one that does not fit is cut. */
static size_t write_path(const struct field *field, char path[static PATH_SIZE])
{
	size_t length = field->parent ? write_path(field->parent, path) : 0;
	int written;

	if (!field->name && !field->parent)
		return 0;
	if (field->name)
		written = snprintf(path + length, PATH_SIZE - length, "%s%s", length ? "." : "",
				   field->name);
	else
		written = snprintf(path + length, PATH_SIZE - length, "[%zu]", field->index);
	length += written > 0 ? (size_t)written : 0;
	return length < PATH_SIZE ? length : PATH_SIZE - 1;
}

static const struct node *place_of(const struct field *field)
{
	while (!field->node && field->parent)
		field = field->parent;
	return field->node;
}

int field_error(const struct field *field, struct error *error, const char *format, ...)
{
	static const struct node nowhere = { .line = 1, .column = 1 };
	const struct node *place = place_of(field);
	char path[PATH_SIZE] = "", sentence[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	(void)write_path(field, path);
	return node_error(place ? place : &nowhere, error, "%s%s%s", path, *path ? ": " : "",
			  sentence);
}

static int get_typed(const struct field *parent, const char *name, enum node_type type,
		     struct field *ret, struct error *error)
{
	*ret = field_at(parent, name);
	if (!ret->node || ret->node->type == type)
		return 0;
	return field_error(ret, error, "%s, expected %s", node_type_name(ret->node->type),
			   node_type_name(type));
}

int field_mapping(const struct field *parent, const char *name, struct field *ret,
		  struct error *error)
{
	return get_typed(parent, name, NODE_MAPPING, ret, error);
}

int field_list(const struct field *parent, const char *name, struct field *ret, struct error *error)
{
	return get_typed(parent, name, NODE_SEQUENCE, ret, error);
}

int field_text(const struct field *item, const char **ret, struct error *error)
{
	char path[PATH_SIZE] = "";

	if (!item->node)
		return field_error(item, error, "nothing, expected text");
	if (node_string(item->node, "", ret, NULL) == 0)
		return 0;
	(void)write_path(item, path);
	return node_string(item->node, path, ret, error);
}

int field_string(const struct field *parent, const char *name, const char **ret,
		 struct error *error)
{
	struct field field = field_at(parent, name);

	return field.node ? field_text(&field, ret, error) : 0;
}

int field_bool(const struct field *parent, const char *name, bool *ret, struct error *error)
{
	struct field field = field_at(parent, name);
	char path[PATH_SIZE] = "";

	if (!field.node || node_bool(field.node, "", ret, NULL) == 0)
		return 0;
	(void)write_path(&field, path);
	return node_bool(field.node, path, ret, error);
}

int field_integer(const struct field *parent, const char *name, int64_t low, int64_t high,
		  int64_t *ret, struct error *error)
{
	struct field field = field_at(parent, name);
	char path[PATH_SIZE] = "";

	if (!field.node || node_integer(field.node, "", low, high, ret, NULL) == 0)
		return 0;
	(void)write_path(&field, path);
	return node_integer(field.node, path, low, high, ret, error);
}

/* "a, b or c" */
static void list_choices(const struct choice *choices, char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; choices[i].text; i++) {
		const char *between = i == 0 ? "" : choices[i + 1].text ? ", " : " or ";
		int written =
			snprintf(text + length, size - length, "%s%s", between, choices[i].text);

		if (written < 0 || (size_t)written >= size - length)
			return;
		length += (size_t)written;
	}
}

int field_choice(const struct field *parent, const char *name, const struct choice *choices,
		 int *ret, struct error *error)
{
	struct field field = field_at(parent, name);
	const char *text = "";
	char expected[128] = "";
	int r = field_string(parent, name, &text, error);

	if (r < 0 || !*text)
		return r;
	for (size_t i = 0; choices[i].text; i++) {
		if (strcmp(text, choices[i].text) == 0) {
			*ret = choices[i].value;
			return 0;
		}
	}
	list_choices(choices, expected, sizeof(expected));
	return field_error(&field, error, "\"%.60s\", expected %s", text, expected);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* node.c - nodes of a document as the API's types. */
#include "lib/document.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/error.h"
#include "lib/node_build.h"

/* Of a value, as much as a sentence shows. */
#define SHOWN_BYTES 60

const char *node_type_name(enum node_type type)
{
	switch (type) {
	case NODE_NULL:
		return "nothing";
	case NODE_SCALAR:
		return "text";
	case NODE_SEQUENCE:
		return "a list";
	case NODE_MAPPING:
		return "a mapping";
	}
	return "nothing";
}

const struct node *node_get(const struct node *node, const char *key)
{
	if (!node || node->type != NODE_MAPPING)
		return NULL;
	for (const struct node *child = node->first; child; child = child->next)
		if (strcmp(child->key, key) == 0)
			return child->type == NODE_NULL ? NULL : child;
	return NULL;
}

const char *node_text(const struct node *node, const char *key)
{
	const struct node *child = node_get(node, key);

	return child && child->type == NODE_SCALAR ? child->text : "";
}

bool node_has_item(const struct node *node, const char *text)
{
	if (!node || node->type != NODE_SEQUENCE)
		return false;
	for (const struct node *item = node->first; item; item = item->next)
		if (item->type == NODE_SCALAR && strcmp(item->text, text) == 0)
			return true;
	return false;
}

void node_append(struct node *parent, struct node ***tail, struct node *child)
{
	**tail = child;
	*tail = &child->next;
	parent->count++;
}

void node_drop_keyless(struct node *mapping)
{
	struct node **at = &mapping->first;

	while (*at) {
		if ((*at)->key) {
			at = &(*at)->next;
		} else {
			*at = (*at)->next;
			mapping->count--;
		}
	}
}

int node_error(const struct node *node, struct error *error, const char *format, ...)
{
	va_list args;
	int length = 0;

	if (!error)
		return -EINVAL;
	error->code = -EINVAL;
	if (node->line)
		length = snprintf(error->text, sizeof(error->text), "%" PRIu32 ":%" PRIu32 ": ",
				  node->line, node->column);
	va_start(args, format);
	(void)vsnprintf(error->text + length, sizeof(error->text) - (size_t)length, format, args);
	va_end(args);
	/* The values come from files: nothing of them may steer a terminal or break a line. */
	for (char *c = error->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -EINVAL;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool parse_bool(const struct node *node, bool *ret)
{
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES",
					   "on",   "On",   "ON",   "y",   "Y",   NULL };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO",
					  "off",   "Off",   "OFF",   "n",  "N",  NULL };

	if (node->quoted)
		return false;
	*ret = is_one_of(node->text, yes);
	return *ret || is_one_of(node->text, no);
}

static const char *skip_digits(const char *text, const char *digits)
{
	return text + strspn(text, digits);
}

/* What YAML 1.1 takes for an integer or a float. */
static bool looks_like_number(const char *text)
{
	static const char decimal[] = "0123456789_";
	const char *end;

	if (*text == '+' || *text == '-')
		text++;
	if (strcasecmp(text, ".inf") == 0 || strcasecmp(text, ".nan") == 0)
		return true;
	if (text[0] == '0' && text[1] && strchr("xob", text[1]) && text[2])
		return *skip_digits(text + 2, "0123456789abcdefABCDEF_") == '\0';
	if (!isdigit((unsigned char)text[0]) &&
	    !(text[0] == '.' && isdigit((unsigned char)text[1])))
		return false;
	end = skip_digits(text, decimal);
	if (*end == '.')
		end = skip_digits(end + 1, decimal);
	if (*end == 'e' || *end == 'E') {
		end++;
		if (*end == '+' || *end == '-')
			end++;
		if (!isdigit((unsigned char)*end))
			return false;
		end = skip_digits(end, decimal);
	}
	return *end == '\0';
}

static int expect_scalar(const struct node *node, const char *path, const char *expected,
			 struct error *error)
{
	if (node->type != NODE_SCALAR)
		return node_error(node, error, "%s: %s, expected %s", path,
				  node_type_name(node->type), expected);
	if (strlen(node->text) != node->length)
		return node_error(node, error, "%s: text with a NUL in it, expected %s", path,
				  expected);
	return 0;
}

int node_string(const struct node *node, const char *path, const char **ret, struct error *error)
{
	int r = expect_scalar(node, path, "text", error);
	bool value;

	if (r < 0)
		return r;
	if (!node->quoted && looks_like_number(node->text))
		return node_error(node, error,
				  "%s: the number %.*s, expected text: put it in quotes", path,
				  SHOWN_BYTES, node->text);
	if (parse_bool(node, &value))
		return node_error(node, error, "%s: %s means %s, expected text: put it in quotes",
				  path, node->text, value ? "true" : "false");
	*ret = node->text;
	return 0;
}

int node_bool(const struct node *node, const char *path, bool *ret, struct error *error)
{
	int r = expect_scalar(node, path, "true or false", error);
	bool value;

	if (r < 0)
		return r;
	if (!parse_bool(node, &value))
		return node_error(node, error, "%s: %s\"%.*s\", expected true or false", path,
				  node->quoted ? "the text " : "", SHOWN_BYTES, node->text);
	*ret = value;
	return 0;
}

/* Plain decimals only: 010 is eight to some programs and ten to others. */
static bool is_whole_number(const struct node *node)
{
	const char *digits = node->text + (node->text[0] == '-');

	if (node->quoted || !isdigit((unsigned char)*digits))
		return false;
	if (digits[0] == '0' && digits[1] != '\0')
		return false;
	return *skip_digits(digits, "0123456789") == '\0';
}

int node_integer(const struct node *node, const char *path, int64_t low, int64_t high, int64_t *ret,
		 struct error *error)
{
	int r = expect_scalar(node, path, "a whole number", error);
	long long value;

	if (r < 0)
		return r;
	if (!is_whole_number(node))
		return node_error(
			node, error,
			"%s: %s\"%.*s\", expected a whole number from %" PRId64 " to %" PRId64,
			path, node->quoted ? "the text " : "", SHOWN_BYTES, node->text, low, high);
	errno = 0;
	value = strtoll(node->text, NULL, 10);
	if (errno == ERANGE || value < low || value > high)
		return node_error(node, error, "%s: %.*s, expected %" PRId64 " to %" PRId64, path,
				  SHOWN_BYTES, node->text, low, high);
	*ret = value;
	return 0;
}

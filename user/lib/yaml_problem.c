/* SPDX-License-Identifier: BSD-2-Clause */
/* yaml_problem.c - libyaml's complaints as sentences for the operator. */
#include "lib/yaml_problem.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/document.h"
#include "lib/error.h"

struct sentence {
	const char *problem; /* libyaml's words */
	const char *text;    /* ours */
};

static const struct sentence sentences[] = {
	{ "mapping values are not allowed in this context",
	  "a \":\" that opens no value here, expected quotes around the text or less indentation" },
	{ "block sequence entries are not allowed in this context",
	  "a \"- \" that opens no item here, expected it on a line of its own" },
	{ "mapping keys are not allowed in this context",
	  "a \"? \" that opens no key here, expected \"key: value\"" },
	{ "did not find expected key",
	  "something at this indentation that is no key, expected \"key: value\" as above" },
	{ "did not find expected '-' indicator",
	  "something at this indentation that is no item, expected \"- \" as above" },
	{ "could not find expected ':'", "a line without \":\", expected \"key: value\"" },
	{ "did not find expected ',' or ']'",
	  "a list in brackets goes on, expected \",\" or \"]\"" },
	{ "did not find expected ',' or '}'",
	  "a mapping in braces goes on, expected \",\" or \"}\"" },
	{ "did not find expected node content", "no value, expected one" },
	{ "did not find expected <document start>",
	  "text behind the end of the document, expected \"---\" before another" },
	{ "found a tab character that violates indentation",
	  "a tab in the indentation, expected spaces" },
	{ "found a tab character where an indentation space is expected",
	  "a tab in the indentation, expected spaces" },
	{ "found unexpected end of stream", "the document ends, expected a closing quote" },
	{ "found unexpected document indicator",
	  "the document ends inside quotes, expected a closing quote" },
	{ "found unknown escape character",
	  "an unknown escape in double quotes, expected \\\\ for a backslash" },
	{ "did not find expected hexdecimal number",
	  "an escape without its digits, expected hexadecimal" },
	{ "found invalid Unicode character escape code",
	  "an escape that is no character, expected Unicode" },
	{ "found incompatible YAML document", "another version of YAML, expected 1.1 or 1.2" },
	{ "found undefined tag handle", "an unknown tag, expected none" },
	{ "invalid leading UTF-8 octet", "a byte that is no text, expected UTF-8" },
	{ "invalid trailing UTF-8 octet", "a byte that is no text, expected UTF-8" },
	{ "incomplete UTF-8 octet sequence", "text ends within a character, expected UTF-8" },
	{ "invalid length of a UTF-8 sequence", "a byte that is no text, expected UTF-8" },
	{ "invalid Unicode character", "a byte that is no text, expected UTF-8" },
	{ "control characters are not allowed",
	  "a control character, expected an escape in double quotes" },
};

/* The line and column (from 0, in characters) of a byte. */
static void locate_byte(const char *text, size_t at, size_t *ret_line, size_t *ret_column)
{
	size_t line = 0, column = 0;

	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			line++;
			column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

/* The byte at a line and column (from 0, in characters); NUL behind the end. */
static char byte_at(const char *text, size_t length, size_t line, size_t column)
{
	const char *end = text + length;

	for (; line > 0; line--) {
		text = memchr(text, '\n', (size_t)(end - text));
		if (!text)
			return '\0';
		text++;
	}
	for (; text < end; text++) {
		if (((unsigned char)*text & 0xc0) == 0x80)
			continue;
		if (column-- == 0)
			return *text;
	}
	return '\0';
}

static int explain_character(const struct node *place, char found, struct error *error)
{
	if (found == '\t')
		return node_error(place, error, "a tab, expected spaces");
	if (isgraph((unsigned char)found))
		return node_error(place, error,
				  "a value that starts with \"%c\", expected quotes around it",
				  found);
	return node_error(place, error, "a character that starts no value, expected quotes");
}

int yaml_problem_explain(const yaml_parser_t *parser, const char *text, size_t length,
			 uint32_t line_offset, struct error *error)
{
	const char *problem = parser->problem ? parser->problem : "something unknown";
	size_t line = parser->problem_mark.line, column = parser->problem_mark.column;
	struct node place = { .type = NODE_NULL };

	if (parser->error == YAML_READER_ERROR)
		locate_byte(text, parser->problem_offset < length ? parser->problem_offset : length,
			    &line, &column);
	place.line = line_offset + (uint32_t)line + 1;
	place.column = (uint32_t)column + 1;
	if (parser->error == YAML_MEMORY_ERROR)
		return error_set(error, -ENOMEM, "%u:%u: no memory left to read it", place.line,
				 place.column);
	if (strcmp(problem, "found character that cannot start any token") == 0)
		return explain_character(&place, byte_at(text, length, line, column), error);
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (strcmp(problem, sentences[i].problem) == 0)
			return node_error(&place, error, "%s", sentences[i].text);
	return node_error(&place, error, "%s, expected valid YAML", problem);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * document_split.c - a stream of documents, cut by its lines alone: what is wrong
 * inside one document cannot hide the next.
 */
#include "lib/document.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct line {
	const char *text;
	size_t length; /* with the line break */
};

static struct line line_at(const char *text, size_t length, size_t at)
{
	const char *end = memchr(text + at, '\n', length - at);

	return (struct line){
		.text = text + at,
		.length = end ? (size_t)(end - (text + at)) + 1 : length - at,
	};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_marker(const struct line *line, const char *marker)
{
	return line->length >= 3 && memcmp(line->text, marker, 3) == 0 &&
	       (line->length == 3 || is_blank(line->text[3]));
}

/* Whether anything but white space and a comment stands from column on. */
static bool has_content(const struct line *line, size_t column)
{
	while (column < line->length && is_blank(line->text[column]))
		column++;
	return column < line->length && line->text[column] != '#';
}

/*
 * The lines from *at on that make one chunk, maybe without content. Directives and
 * comments before "---" belong to the document it opens.
 */
static bool cut_chunk(const char *text, size_t length, size_t *at, uint32_t *line,
		      size_t *ret_length)
{
	size_t start = *at;
	bool opened = false, content = false;

	while (*at < length) {
		struct line next = line_at(text, length, *at);
		bool opens = is_marker(&next, "---"), ends = is_marker(&next, "...");
		bool directive = !opened && !content && next.text[0] == '%';

		if (opens && (opened || content))
			break;
		if (!ends)
			*ret_length = *at + next.length - start;
		*at += next.length;
		*line += next.text[next.length - 1] == '\n';
		if (ends)
			break;
		opened = opened || opens;
		content = content || (!directive && has_content(&next, opens ? 3 : 0));
	}
	return content;
}

bool document_split(const char *text, size_t length, size_t *at, uint32_t *line,
		    const char **ret_text, size_t *ret_length, uint32_t *ret_line)
{
	while (*at < length) {
		size_t start, chunk_length = 0;
		uint32_t lines_before;

		if (length - *at >= 3 && memcmp(text + *at, BYTE_ORDER_MARK, 3) == 0)
			*at += 3;
		start = *at;
		lines_before = *line;
		if (!cut_chunk(text, length, at, line, &chunk_length))
			continue;
		*ret_text = text + start;
		*ret_length = chunk_length;
		*ret_line = lines_before;
		return true;
	}
	return false;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* json_text.c - JSON's surrogate pairs as YAML escapes. */
#include "lib/json_text.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"

#define ESCAPE_BYTES 6 /* \ud83d */

bool json_text_has_surrogates(const char *text, size_t length)
{
	size_t start = 0;

	while (start < length && strchr(" \t\r\n", text[start]) && text[start])
		start++;
	if (start == length || (text[start] != '{' && text[start] != '['))
		return false;
	return memmem(text, length, "\\ud", 3) || memmem(text, length, "\\uD", 3);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The code unit of an escape at text, -1 when there is none. */
static long code_unit(const char *text, const char *end)
{
	long unit = 0;

	if (end - text < ESCAPE_BYTES || text[0] != '\\' || text[1] != 'u')
		return -1;
	for (int i = 2; i < ESCAPE_BYTES; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static bool is_high(long unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(long unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Copies the escape at *from; both move behind it. A backslash takes the next byte along. */
static void copy_escape(const char **from, const char *end, char **to)
{
	long high = code_unit(*from, end), low = -1;

	if (is_high(high))
		low = code_unit(*from + ESCAPE_BYTES, end);
	if (is_low(low)) {
		unsigned long character = 0x10000UL + (((unsigned long)high - 0xd800) << 10) +
					  ((unsigned long)low - 0xdc00);

		*to += snprintf(*to, 2 * ESCAPE_BYTES, "\\U%08lx", character);
		*from += 2 * ESCAPE_BYTES;
	} else if (is_high(high) || is_low(high)) {
		memcpy(*to, "\\ufffd", ESCAPE_BYTES);
		*to += ESCAPE_BYTES;
		*from += ESCAPE_BYTES;
	} else {
		*(*to)++ = *(*from)++;
		if (*from < end)
			*(*to)++ = *(*from)++;
	}
}

char *json_text_join_surrogates(struct arena *arena, const char *text, size_t length,
				size_t *ret_length)
{
	char *copy = arena_alloc(arena, length + 1), *to = copy;
	const char *end = text + length;

	if (!copy)
		return NULL;
	while (text < end) {
		if (*text == '\\')
			copy_escape(&text, end, &to);
		else
			*to++ = *text++;
	}
	*ret_length = (size_t)(to - copy);
	return copy;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* json_string.c - escapes and UTF-8. */
#include "lib/json_string.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT 0xfffd

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\uXXXX" at at; -1 when it is none. */
static int32_t read_unit(const char *at, const char *end)
{
	int32_t unit = 0;

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(at[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static char *put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*to++ = (char)(0xe0 | code >> 12);
		} else {
			*to++ = (char)(0xf0 | code >> 18);
			*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

static const char *decode_unicode(char **at, const char *end, char **to)
{
	int32_t unit = read_unit(*at, end), low;
	uint32_t code = (uint32_t)unit;

	if (unit < 0)
		return "four hexadecimal digits behind \\u";
	*at += 6;
	if (unit >= 0xd800 && unit < 0xe000) {
		low = unit < 0xdc00 ? read_unit(*at, end) : -1;
		code = REPLACEMENT;
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) +
			       (uint32_t)(low - 0xdc00);
			*at += 6;
		}
	}
	*to = put_utf8(*to, code);
	return NULL;
}

static const char *decode_escape(char **at, const char *end, char **to)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	if (end - *at >= 2 && (*at)[1] == 'u')
		return decode_unicode(at, end, to);
	letter = end - *at >= 2 && (*at)[1] ? strchr(letters, (*at)[1]) : NULL;
	if (!letter)
		return "one of \" \\ / b f n r t u behind a backslash";
	*(*to)++ = bytes[letter - letters];
	*at += 2;
	return NULL;
}

/* How many bytes the character at at has; 0 when it is no UTF-8. */
static size_t utf8_length(const char *at, const char *end)
{
	const unsigned char *c = (const unsigned char *)at;
	size_t length = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
	uint32_t code = c[0] & (0xffU >> (length + 1));

	if (c[0] < 0xc2 || c[0] > 0xf4 || (size_t)(end - at) < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (c[i] & 0x3f);
	}
	if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000))
		return 0;
	return code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

/* One character or escape that is not plain. */
static const char *decode_other(char **at, const char *end, char **to)
{
	size_t length;

	if (*at == end)
		return "a quote at the end of the string";
	if (**at == '\\')
		return decode_escape(at, end, to);
	if ((unsigned char)**at < ' ')
		return "control characters of a string as \\u escapes";
	length = utf8_length(*at, end);
	if (!length)
		return "UTF-8";
	memmove(*to, *at, length);
	*at += length;
	*to += length;
	return NULL;
}

const char *json_string_decode(char **at, const char *end, size_t *ret_length)
{
	char *start = *at, *to;

	while (*at < end && is_plain((unsigned char)**at))
		(*at)++;
	to = *at;
	while (*at == end || **at != '"') {
		const char *expected = decode_other(at, end, &to);

		if (expected)
			return expected;
		while (*at < end && is_plain((unsigned char)**at))
			*to++ = *(*at)++;
	}
	*to = '\0';
	(*at)++;
	*ret_length = (size_t)(to - start);
	return NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* json_string.h - the strings of JSON, decoded where they stand. */
#ifndef LIB_JSON_STRING_H
#define LIB_JSON_STRING_H

#include <stddef.h>

/*
 * Decodes the string whose first byte (behind the quote) is at *at, in place: a decoded string
 * is never longer. It is UTF-8; halves of surrogate pairs become U+FFFD, as Go reads them.
 *
 * *at moves behind the closing quote, *ret_length is without the NUL that is put behind it.
 * NULL when it was good; else what was expected, and *at is where.
 */
const char *json_string_decode(char **at, const char *end, size_t *ret_length);

#endif

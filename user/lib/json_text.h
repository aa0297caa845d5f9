/* SPDX-License-Identifier: BSD-2-Clause */
/* json_text.h - what JSON writes differently from YAML. */
#ifndef LIB_JSON_TEXT_H
#define LIB_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * Whether text is JSON (starts with a brace or bracket) that has \u escapes of
 * surrogates, which YAML refuses.
 */
bool json_text_has_surrogates(const char *text, size_t length);

/*
 * A copy in arena with pairs written as \U0001f600 and lone halves as \ufffd, as Go
 * reads them; never longer than text. NULL when there is no memory.
 */
char *json_text_join_surrogates(struct arena *arena, const char *text, size_t length,
				size_t *ret_length);

#endif

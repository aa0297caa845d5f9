/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * terminal.h - text on its way to people: what manifests and agents say may not
 * forge lines or send control sequences.
 */
#ifndef CMD_TERMINAL_H
#define CMD_TERMINAL_H

#include <stddef.h>
#include <stdio.h>

struct error;

/* Columns that terminal_print fills: one a character of UTF-8. */
size_t terminal_width(const char *text);

/* Writes text with every control character as '?'. */
void terminal_print(FILE *out, const char *text);

/* One line on standard error: "guideway: " and the sentence. Returns EXIT_FAILURE. */
int terminal_fail(const struct error *error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* terminal.c - text on its way to people. */
#include "cmd/terminal.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/error.h"

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes of the control character at text, 0 when it is none: C0, DEL, or C1 (U+0080 to U+009F). */
static size_t control_length(const char *text)
{
	unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];

	if (first < 0x20 || first == 0x7f)
		return 1;
	return first == 0xc2 && second >= 0x80 && second < 0xa0 ? 2 : 0;
}

size_t terminal_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += !is_continuation(*text);
	return width;
}

void terminal_print(FILE *out, const char *text)
{
	while (*text) {
		size_t control = control_length(text);

		(void)fputc(control ? '?' : *text, out);
		text += control ? control : 1;
	}
}

int terminal_fail(const struct error *error)
{
	(void)fflush(stdout);
	(void)fputs("guideway: ", stderr);
	terminal_print(stderr, error->text);
	(void)fputc('\n', stderr);
	return EXIT_FAILURE;
}

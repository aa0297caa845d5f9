/* SPDX-License-Identifier: BSD-2-Clause */
/* table_output.c - cells in one growing array; the widths are found when printing. */
#include "cmd/table_output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/terminal.h"

#define GAP 3

struct table {
	size_t column_count;
	char **cells; /* the first row is the headers */
	size_t count, room;
	bool out_of_memory;
};

struct table *table_create(const char *const *headers, size_t column_count)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->column_count = column_count;
	for (size_t column = 0; column < column_count; column++)
		table_add(table, "%s", headers[column]);
	return table;
}

void table_destroy(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

static bool make_room(struct table *table)
{
	size_t room = table->room ? table->room * 2 : 64;
	char **cells;

	if (table->count < table->room)
		return true;
	cells = realloc(table->cells, room * sizeof(*cells));
	if (!cells)
		return false;
	table->cells = cells;
	table->room = room;
	return true;
}

void table_add(struct table *table, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int length;

	if (table->out_of_memory)
		return;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length == 0) {
		free(text);
		text = strdup("<none>");
	}
	if (length < 0 || !text || !make_room(table)) {
		if (length >= 0)
			free(text);
		table->out_of_memory = true;
		return;
	}
	table->cells[table->count++] = text;
}

static void measure(const struct table *table, size_t *widths)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t width = terminal_width(table->cells[i]);
		size_t *widest = &widths[i % table->column_count];

		if (width > *widest)
			*widest = width;
	}
}

int table_print(const struct table *table, FILE *out)
{
	size_t columns = table->column_count, *widths;

	if (table->out_of_memory)
		return -ENOMEM;
	widths = calloc(columns, sizeof(*widths));
	if (!widths)
		return -ENOMEM;
	measure(table, widths);
	for (size_t i = 0; i < table->count / columns * columns; i++) {
		const char *cell = table->cells[i];
		bool last = i % columns == columns - 1;

		terminal_print(out, cell);
		if (last)
			(void)fputc('\n', out);
		else
			(void)fprintf(out, "%*s",
				      (int)(widths[i % columns] - terminal_width(cell) + GAP), "");
	}
	free(widths);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table_output.h - tables as kubectl prints them: left-aligned columns, three
 * spaces between them, nothing behind the last.
 */
#ifndef CMD_TABLE_OUTPUT_H
#define CMD_TABLE_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

struct table;

/* The headers are borrowed. NULL when there is no memory. */
struct table *table_create(const char *const *headers, size_t column_count);
void table_destroy(struct table *table); /* NULL is nothing */

/*
 * The next cell, from left to right and row after row. An empty one is shown as
 * "<none>". When memory runs out, table_print says so.
 */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the headers and every complete row. 0, or -ENOMEM when a cell is missing. */
int table_print(const struct table *table, FILE *out);

#endif

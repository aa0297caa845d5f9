/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * field.h - a value within an object, and the way to it from the top for sentences
 * such as "7:11: spec.ports[0].port: 70000, expected 1 to 65535".
 *
 * Fields live on the stack, each points to the one around it. The path is written
 * only when there is something to say.
 */
#ifndef SOURCE_FIELD_H
#define SOURCE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/document.h"

struct error;

struct field {
	const struct field *parent; /* NULL: the top, which has no name */
	const char *name;           /* NULL: item index of a list */
	size_t index;
	const struct node *node; /* NULL: not given, or null */

	bool allows_leading_zeros; /* in addresses; of the top only: see field_allows_leading_zeros
				    */
};

struct choice {
	const char *text; /* NULL behind the last */
	int value;
};

/* As the top around this field says. */
bool field_allows_leading_zeros(const struct field *field);

/* Without a look at its type. */
struct field field_at(const struct field *parent, const char *name);
struct field field_item(const struct field *list, size_t index, const struct node *node);

/* "line:column: path: " and the sentence; returns -EINVAL. Of a field not given: its parent's
 * place. */
int field_error(const struct field *field, struct error *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* field_at, but when the field is given it must be a mapping or list. */
int field_mapping(const struct field *parent, const char *name, struct field *ret,
		  struct error *error);
int field_list(const struct field *parent, const char *name, struct field *ret,
	       struct error *error);

/* A scalar of parent. *ret keeps its value, the default, when the field is not given. */
int field_string(const struct field *parent, const char *name, const char **ret,
		 struct error *error);
int field_bool(const struct field *parent, const char *name, bool *ret, struct error *error);
int field_integer(const struct field *parent, const char *name, int64_t low, int64_t high,
		  int64_t *ret, struct error *error);
/* One of the texts of choices; an empty text counts as not given. */
int field_choice(const struct field *parent, const char *name, const struct choice *choices,
		 int *ret, struct error *error);

/* The item itself as text. */
int field_text(const struct field *item, const char **ret, struct error *error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout.h - turns a value of one layout into another by what BTF says of both: fields of the
 * same name have the same meaning, wherever they stand and however wide they are.
 */
#ifndef DATAPATH_LAYOUT_H
#define DATAPATH_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct error;

/* A type as one BTF describes it; borrowed. */
struct layout {
	const struct btf *btf;
	uint32_t type;
};

/* Bytes of the old value, and where they go in the new one. */
struct layout_move {
	uint32_t from, from_size;
	uint32_t to, to_size; /* differs from from_size in integers of 1, 2, 4 or 8 bytes only */
};

struct layout_plan {
	struct layout_move *moves; /* by to */
	size_t count, room;
	uint32_t from_size, to_size; /* of the whole values */
};

/*
 * How values of `from` become such of `to`; a field that `from` does not have is zero. To be
 * freed with layout_plan_free, also after an error. -EPROTO when one cannot be told
 * from the other (which field stands in error), -ENOMEM.
 */
int layout_plan_make(struct layout from, struct layout to, struct layout_plan *ret,
		     struct error *error);
void layout_plan_free(struct layout_plan *plan);
/* Both layouts are the same. */
bool layout_plan_is_copy(const struct layout_plan *plan);
/* Writes all of value, to_size bytes. -ERANGE: a number is too large for its new field. */
int layout_convert(const struct layout_plan *plan, const void *old, void *value);

#endif

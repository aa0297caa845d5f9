/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * regions.h - which stretches of the slots array are free. A stretch that is given
 * back is not taken again before running programs can no longer read it.
 */
#ifndef DATAPATH_REGIONS_H
#define DATAPATH_REGIONS_H

#include <stdint.h>

struct regions;

/* Everything in 0 .. limit is free. NULL when there is no memory. */
struct regions *regions_create(uint32_t limit);
void regions_destroy(struct regions *regions); /* NULL is nothing */

/* First fit. -ENOSPC when no stretch of count is free, -ENOMEM. */
int regions_take(struct regions *regions, uint32_t count, uint32_t *ret_offset);
/* Takes this very stretch, which an adopted table has. -EEXIST when part of it is taken, -ENOMEM.
 */
int regions_mark(struct regions *regions, uint32_t offset, uint32_t count);
void regions_give(struct regions *regions, uint32_t offset, uint32_t count);

uint32_t regions_used_count(const struct regions *regions);

#endif

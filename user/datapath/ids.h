/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ids.h - which entries of an array map are in use. An id that is given back is not
 * taken again before running programs can no longer hold it.
 */
#ifndef DATAPATH_IDS_H
#define DATAPATH_IDS_H

#include <stdint.h>

struct ids;

/*
 * Ids 1 .. limit - 1; 0 is never given. Before ids that were given back are taken again,
 * forget, which may be NULL, is called with context. NULL when there is no memory.
 */
struct ids *ids_create(uint32_t limit, void (*forget)(void *context), void *context);
void ids_destroy(struct ids *ids); /* NULL is nothing */

/* A free id, now in use; 0 when there is none. */
uint32_t ids_take(struct ids *ids);
/* Marks an id in use that is found so in an adopted map. */
void ids_mark(struct ids *ids, uint32_t id);
void ids_give(struct ids *ids, uint32_t id);

uint32_t ids_used_count(const struct ids *ids);

#endif

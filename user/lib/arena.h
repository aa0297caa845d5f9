/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.h - memory of one owner: many small pieces, freed as one.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_create(void); /* NULL when there is no memory */
void arena_destroy(struct arena *arena);

/* Zeroed, aligned for any type, NULL when there is no memory. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

/* A copy of length bytes with a NUL behind them. */
char *arena_copy(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.h - a hash table of fixed size for keys and values of fixed size, which never evicts.
 *
 * Running out of room or memory ends the program: who fills it asks map_count() before.
 */
#ifndef TESTS_BPF_REFERENCE_MAP_H
#define TESTS_BPF_REFERENCE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map;

struct map *map_create(size_t key_bytes, size_t value_bytes, uint32_t max);
void map_destroy(struct map *map);

/* The value, which the caller may change; NULL when the key is not there. */
void *map_find(const struct map *map, const void *key);
/* Replaces what was there. Returns the map's copy of the value. */
void *map_put(struct map *map, const void *key, const void *value);
void map_delete(struct map *map, const void *key);
void map_empty(struct map *map);
uint32_t map_count(const struct map *map);

/*
 * The entries by number, in no order: 0 <= index < map_count(). The numbers are void once
 * one is deleted.
 */
const void *map_key_at(const struct map *map, uint32_t index);
void *map_value_at(const struct map *map, uint32_t index);

#endif

// SPDX-License-Identifier: BSD-2-Clause
/*
 * map.c - entries stand in an array without gaps; a second array of numbers, walked from the
 * key's hash on, finds them. The last entry takes the place of one that is deleted.
 */
#include "reference/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY UINT32_MAX

struct map {
	size_t key_bytes, value_bytes, entry_bytes;
	uint32_t max, count, places; /* a power of two, twice as many as entries or more */
	uint32_t *place;             /* index of the entry, or EMPTY */
	uint8_t *entries;
};

static void *allocate(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (!memory) {
		fprintf(stderr, "reference: no memory for a map of %zu bytes\n", bytes);
		abort();
	}
	return memory;
}

struct map *map_create(size_t key_bytes, size_t value_bytes, uint32_t max)
{
	struct map *map = allocate(sizeof(*map));

	map->key_bytes = key_bytes;
	map->value_bytes = value_bytes;
	map->entry_bytes = (key_bytes + 7) / 8 * 8 + (value_bytes + 7) / 8 * 8;
	map->max = max;
	for (map->places = 2; map->places < 2 * max; map->places *= 2)
		;
	map->place = allocate(map->places * sizeof(*map->place));
	map->entries = allocate(max * map->entry_bytes);
	map_empty(map);
	return map;
}

void map_destroy(struct map *map)
{
	if (!map)
		return;
	free(map->place);
	free(map->entries);
	free(map);
}

void map_empty(struct map *map)
{
	memset(map->place, 0xff, map->places * sizeof(*map->place));
	map->count = 0;
}

uint32_t map_count(const struct map *map)
{
	return map->count;
}

const void *map_key_at(const struct map *map, uint32_t index)
{
	return map->entries + index * map->entry_bytes;
}

void *map_value_at(const struct map *map, uint32_t index)
{
	return map->entries + index * map->entry_bytes + (map->key_bytes + 7) / 8 * 8;
}

/* FNV-1a. */
static uint32_t hash(const struct map *map, const uint8_t *key)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < map->key_bytes; i++)
		h = (h ^ key[i]) * 0x100000001b3ULL;
	return (h ^ h >> 32) & (map->places - 1);
}

/* Where the key is, or where it would be put. */
static uint32_t find_place(const struct map *map, const void *key)
{
	uint32_t at = hash(map, key);

	while (map->place[at] != EMPTY &&
	       memcmp(map_key_at(map, map->place[at]), key, map->key_bytes) != 0)
		at = (at + 1) & (map->places - 1);
	return at;
}

void *map_find(const struct map *map, const void *key)
{
	uint32_t index = map->place[find_place(map, key)];

	return index == EMPTY ? NULL : map_value_at(map, index);
}

void *map_put(struct map *map, const void *key, const void *value)
{
	uint32_t at = find_place(map, key);

	if (map->place[at] == EMPTY) {
		if (map->count == map->max) {
			fprintf(stderr, "reference: a map of %u entries is full\n", map->max);
			abort();
		}
		map->place[at] = map->count++;
		memcpy((void *)map_key_at(map, map->place[at]), key, map->key_bytes);
	}
	return memcpy(map_value_at(map, map->place[at]), value, map->value_bytes);
}

/* Those that walked over the freed place are put where they are found without it. */
static void close_gap(struct map *map, uint32_t at)
{
	for (uint32_t next = (at + 1) & (map->places - 1); map->place[next] != EMPTY;
	     next = (next + 1) & (map->places - 1)) {
		uint32_t index = map->place[next];

		map->place[next] = EMPTY;
		map->place[find_place(map, map_key_at(map, index))] = index;
	}
}

void map_delete(struct map *map, const void *key)
{
	uint32_t at = find_place(map, key), index = map->place[at], last = map->count - 1;

	if (index == EMPTY)
		return;
	map->place[at] = EMPTY;
	close_gap(map, at);
	if (index != last) {
		map->place[find_place(map, map_key_at(map, last))] = index;
		memcpy(map->entries + index * map->entry_bytes,
		       map->entries + last * map->entry_bytes, map->entry_bytes);
	}
	map->count = last;
}

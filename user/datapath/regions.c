/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * regions.c - two lists of stretches, sorted by offset and merged: free ones, and
 * those given back since the last grace period.
 *
 * Room in both is made when a stretch is taken, so giving one back cannot fail.
 */
#include "datapath/regions.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/grace.h"

struct stretch {
	uint32_t offset;
	uint32_t count;
};

struct stretch_list {
	struct stretch *items;
	size_t count;
	size_t room;
};

struct regions {
	struct stretch_list clean;
	struct stretch_list given_back;
	size_t taken_count;  /* stretches */
	uint32_t used_count; /* slots */
};

static int list_reserve(struct stretch_list *list, size_t count)
{
	struct stretch *items;
	size_t room = list->room ? list->room : 16;

	while (room < count)
		room *= 2;
	if (room == list->room)
		return 0;
	items = realloc(list->items, room * sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	list->room = room;
	return 0;
}

static void list_remove(struct stretch_list *list, size_t at)
{
	list->count--;
	memmove(&list->items[at], &list->items[at + 1],
		(list->count - at) * sizeof(list->items[0]));
}

/* The first stretch that ends behind offset. */
static size_t list_find(const struct stretch_list *list, uint32_t offset)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (list->items[middle].offset + list->items[middle].count <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void list_insert(struct stretch_list *list, struct stretch added)
{
	size_t at = list_find(list, added.offset);

	if (at > 0 && list->items[at - 1].offset + list->items[at - 1].count == added.offset) {
		at--;
		list->items[at].count += added.count;
	} else {
		memmove(&list->items[at + 1], &list->items[at],
			(list->count - at) * sizeof(list->items[0]));
		list->items[at] = added;
		list->count++;
	}
	if (at + 1 < list->count &&
	    list->items[at].offset + list->items[at].count == list->items[at + 1].offset) {
		list->items[at].count += list->items[at + 1].count;
		list_remove(list, at + 1);
	}
}

struct regions *regions_create(uint32_t limit)
{
	struct regions *regions = calloc(1, sizeof(*regions));

	if (!regions)
		return NULL;
	if (list_reserve(&regions->clean, 16) < 0 || list_reserve(&regions->given_back, 16) < 0) {
		regions_destroy(regions);
		return NULL;
	}
	list_insert(&regions->clean, (struct stretch){ 0, limit });
	return regions;
}

void regions_destroy(struct regions *regions)
{
	if (!regions)
		return;
	free(regions->clean.items);
	free(regions->given_back.items);
	free(regions);
}

/* Room for what may follow before the next take: this one, a reclaim, and a give of each. */
static int reserve_one_more(struct regions *regions)
{
	size_t pieces = regions->clean.count + regions->given_back.count;

	if (list_reserve(&regions->clean, pieces + 2) < 0)
		return -ENOMEM;
	return list_reserve(&regions->given_back,
			    regions->given_back.count + regions->taken_count + 1);
}

/* Takes count slots at offset out of the clean stretch at index. */
static void carve(struct regions *regions, size_t index, uint32_t offset, uint32_t count)
{
	struct stretch whole = regions->clean.items[index];
	uint32_t before = offset - whole.offset;
	uint32_t after = whole.count - before - count;

	list_remove(&regions->clean, index);
	if (before)
		list_insert(&regions->clean, (struct stretch){ whole.offset, before });
	if (after)
		list_insert(&regions->clean, (struct stretch){ offset + count, after });
	regions->taken_count++;
	regions->used_count += count;
}

static bool take_first_fit(struct regions *regions, uint32_t count, uint32_t *ret_offset)
{
	for (size_t i = 0; i < regions->clean.count; i++) {
		if (regions->clean.items[i].count < count)
			continue;
		*ret_offset = regions->clean.items[i].offset;
		carve(regions, i, *ret_offset, count);
		return true;
	}
	return false;
}

static void reclaim(struct regions *regions)
{
	grace_wait();
	for (size_t i = 0; i < regions->given_back.count; i++)
		list_insert(&regions->clean, regions->given_back.items[i]);
	regions->given_back.count = 0;
}

int regions_take(struct regions *regions, uint32_t count, uint32_t *ret_offset)
{
	if (reserve_one_more(regions) < 0)
		return -ENOMEM;
	if (take_first_fit(regions, count, ret_offset))
		return 0;
	if (regions->given_back.count == 0)
		return -ENOSPC;
	reclaim(regions);
	return take_first_fit(regions, count, ret_offset) ? 0 : -ENOSPC;
}

int regions_mark(struct regions *regions, uint32_t offset, uint32_t count)
{
	size_t at = list_find(&regions->clean, offset);
	const struct stretch *found;

	if (reserve_one_more(regions) < 0)
		return -ENOMEM;
	found = &regions->clean.items[at];
	if (at == regions->clean.count || found->offset > offset ||
	    found->count - (offset - found->offset) < count)
		return -EEXIST;
	carve(regions, at, offset, count);
	return 0;
}

void regions_give(struct regions *regions, uint32_t offset, uint32_t count)
{
	list_insert(&regions->given_back, (struct stretch){ offset, count });
	regions->taken_count--;
	regions->used_count -= count;
}

uint32_t regions_used_count(const struct regions *regions)
{
	return regions->used_count;
}

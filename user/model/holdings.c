/* SPDX-License-Identifier: BSD-2-Clause */
/* holdings.c - two sorted arrays of pointers: by owner and by address. */
#include "model/holdings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void holdings_finish(struct holdings *holdings)
{
	for (size_t i = 0; i < holdings->count; i++)
		free(holdings->by_owner[i]);
	free(holdings->by_owner);
	free(holdings->by_address);
	*holdings = (struct holdings){ 0 };
}

/* Where in by_owner the first holding of owner not below address stands, or would. */
static size_t find_by_owner(const struct holdings *holdings, const char *owner,
			    const struct address *address)
{
	size_t low = 0, high = holdings->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct holding *holding = holdings->by_owner[middle];
		int order = strcmp(holding->owner, owner);

		if (order == 0)
			order = address_compare(&holding->address, address);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t find_by_address(const struct holdings *holdings, const struct address *address)
{
	size_t low = 0, high = holdings->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address_compare(&holdings->by_address[middle]->address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct holding *holdings_find(const struct holdings *holdings, const struct address *address)
{
	size_t index = find_by_address(holdings, address);

	if (index == holdings->count ||
	    address_compare(&holdings->by_address[index]->address, address) != 0)
		return NULL;
	return holdings->by_address[index];
}

struct holding *holdings_of(const struct holdings *holdings, const char *owner, size_t index)
{
	const struct address lowest = { 0 };
	size_t i = find_by_owner(holdings, owner, &lowest) + index;

	if (i >= holdings->count || strcmp(holdings->by_owner[i]->owner, owner) != 0)
		return NULL;
	return holdings->by_owner[i];
}

static int reserve_room(struct holdings *holdings)
{
	size_t capacity = holdings->capacity ? 2 * holdings->capacity : 16;
	struct holding **grown;

	if (holdings->count < holdings->capacity)
		return 0;
	grown = realloc(holdings->by_owner, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	holdings->by_owner = grown;
	grown = realloc(holdings->by_address, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	holdings->by_address = grown;
	holdings->capacity = capacity;
	return 0;
}

static void insert_at(struct holding **array, size_t count, size_t index, struct holding *holding)
{
	memmove(array + index + 1, array + index, (count - index) * sizeof(*array));
	array[index] = holding;
}

static void remove_at(struct holding **array, size_t count, size_t index)
{
	memmove(array + index, array + index + 1, (count - index - 1) * sizeof(*array));
}

int holdings_add(struct holdings *holdings, const char *owner, const struct address *address,
		 bool sticky)
{
	size_t owner_size = strlen(owner) + 1;
	struct holding *holding = calloc(1, sizeof(*holding) + owner_size);

	if (!holding || reserve_room(holdings) < 0) {
		free(holding);
		return -ENOMEM;
	}
	holding->address = *address;
	holding->is_sticky = sticky;
	memcpy(holding->owner, owner, owner_size);
	insert_at(holdings->by_owner, holdings->count, find_by_owner(holdings, owner, address),
		  holding);
	insert_at(holdings->by_address, holdings->count, find_by_address(holdings, address),
		  holding);
	holdings->count++;
	return 0;
}

void holdings_remove(struct holdings *holdings, struct holding *holding)
{
	remove_at(holdings->by_owner, holdings->count,
		  find_by_owner(holdings, holding->owner, &holding->address));
	remove_at(holdings->by_address, holdings->count,
		  find_by_address(holdings, &holding->address));
	holdings->count--;
	free(holding);
}

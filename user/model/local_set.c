/* SPDX-License-Identifier: BSD-2-Clause */
/* local_set.c - addresses of ready endpoints, counted. */
#include "model/local_set.h"

#include <errno.h>
#include <stdlib.h>

#include "model/endpoints.h"

static int add(struct local_set *local, const struct address *address)
{
	if (local->count == local->capacity) {
		size_t capacity = local->capacity ? 2 * local->capacity : 16;
		struct address *grown = realloc(local->items, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		local->items = grown;
		local->capacity = capacity;
	}
	local->items[local->count++] = *address;
	return 0;
}

int local_set_add(struct local_set *local, const struct endpoint_set *set)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->usable_count; i++)
		if (set->candidates[i].rank == CANDIDATE_READY &&
		    set->candidates[i].backend.weight > 0)
			r = add(local, &set->candidates[i].backend.address);
	return r;
}

size_t local_set_count(struct local_set *local)
{
	size_t counts[2] = { 0 };

	if (local->count > 1)
		qsort(local->items, local->count, sizeof(*local->items), address_compare_first);
	for (size_t i = 0; i < local->count; i++)
		if (i == 0 || address_compare(&local->items[i - 1], &local->items[i]) != 0)
			counts[address_is_ipv4(&local->items[i])]++;
	return counts[0] > counts[1] ? counts[0] : counts[1];
}

void local_set_finish(struct local_set *local)
{
	free(local->items);
	*local = (struct local_set){ 0 };
}

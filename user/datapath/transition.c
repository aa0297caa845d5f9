/* SPDX-License-Identifier: BSD-2-Clause */
/* transition.c - compares tables hash range by hash range. */
#include "datapath/transition.h"

#include <stdbool.h>

/* The first hash, of 32 bits, in a table of count slots that is in the slot; see gw_hash_slot(). */
static uint64_t first_hash(uint32_t slot, uint32_t count)
{
	return (((uint64_t)slot << 32) + count - 1) / count;
}

static uint32_t slot_at(uint64_t hash, uint32_t count)
{
	return (uint32_t)((hash * count) >> 32);
}

/* The slots of another table that have hashes of this slot. */
static void overlap(uint32_t slot, uint32_t count, uint32_t other_count, uint32_t *ret_first,
		    uint32_t *ret_last)
{
	*ret_first = slot_at(first_hash(slot, count), other_count);
	*ret_last = slot_at(first_hash(slot + 1, count) - 1, other_count);
}

/* Whom the slot of base has after transition_heal(). */
static uint32_t healed_owner(struct slot_table base, uint32_t slot, struct slot_table next,
			     const uint32_t *alive)
{
	uint32_t owner = slot_owner_id(base.slots[slot]);

	if (owner != GW_NONE && alive[owner])
		return owner;
	return slot_owner_id(next.slots[slot_at(first_hash(slot, base.count), next.count)]);
}

static bool was_tracked(struct slot_table before, uint32_t first, uint32_t last)
{
	for (uint32_t slot = first; slot <= last; slot++)
		if (before.slots[slot].owner & GW_SLOT_TRACK)
			return true;
	return false;
}

static bool has_other_base(struct slot_table base, uint32_t first, uint32_t last,
			   struct slot_table next, uint32_t owner, const uint32_t *alive)
{
	for (uint32_t slot = first; slot <= last; slot++)
		if (healed_owner(base, slot, next, alive) != owner)
			return true;
	return false;
}

uint32_t transition_track(struct slot_table next, struct slot_table before, struct slot_table base,
			  const uint32_t *alive)
{
	uint32_t tracked = 0, first, last;

	for (uint32_t slot = 0; slot < next.count; slot++) {
		uint32_t owner = slot_owner_id(next.slots[slot]);
		bool track;

		overlap(slot, next.count, before.count, &first, &last);
		track = was_tracked(before, first, last);
		overlap(slot, next.count, base.count, &first, &last);
		track = track || has_other_base(base, first, last, next, owner, alive);
		if (!track)
			continue;
		next.slots[slot].owner |= GW_SLOT_TRACK;
		tracked++;
	}
	return tracked;
}

void transition_heal(struct slot_table base, struct slot_table next, const uint32_t *alive)
{
	for (uint32_t slot = 0; slot < base.count; slot++) {
		uint32_t owner = healed_owner(base, slot, next, alive);
		uint32_t track = base.slots[slot].owner & GW_SLOT_TRACK;

		if (owner != slot_owner_id(base.slots[slot]))
			__atomic_store_n(&base.slots[slot].owner, owner | track, __ATOMIC_RELAXED);
	}
}

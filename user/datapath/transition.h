/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transition.h - from one table of a service to the next without moving a flow: which slots
 * are tracked, and by which table unrecorded flows go. Plain arrays, no maps.
 *
 * INVARIANT: every live flow that is not on its base owner is recorded.
 * Between two tables it is kept by:
 *   - a slot is tracked if a flow of its hashes may have another owner than it: where the base
 *     table says somebody else, and where the table before was tracked;
 *   - in an untracked slot, the base owner of all its hashes is its owner, so that flows that
 *     begin there unrecorded are on their base owner;
 *   - the base table changes only where its owner has left, whose flows are lost, or to
 *     become the current one (rebase), after every live flow of tracked slots was recorded.
 * Tables may have different sizes: a slot is a range of hashes, and ranges overlap.
 */
#ifndef DATAPATH_TRANSITION_H
#define DATAPATH_TRANSITION_H

#include <stdint.h>

#include <guideway/abi.h>
#include <guideway/flow_hash.h>

struct slot_table {
	struct gw_slot *slots;
	uint32_t count;
};

static inline uint32_t slot_owner_id(struct gw_slot slot)
{
	return slot.owner & ~GW_SLOT_TRACK;
}

/* The slot of a recorded flow, by its tag: the part of its hash that says which. */
static inline uint32_t slot_of_tag(struct slot_table table, uint32_t tag)
{
	return gw_hash_slot((__u64)tag << 32, table.count);
}

static inline uint32_t owner_of_tag(struct slot_table table, uint32_t tag)
{
	return slot_owner_id(table.slots[slot_of_tag(table, tag)]);
}

/*
 * Marks the slots of next, which has owners only, that must be tracked when it follows
 * before, with base as the base table. alive[id] is not 0 for the backends that stay.
 * Returns how many are tracked. When none is, next can be its own base.
 */
uint32_t transition_track(struct slot_table next, struct slot_table before, struct slot_table base,
			  const uint32_t *alive);

/* Once next is what packets see: gives it the hashes of base whose owner is not alive. */
void transition_heal(struct slot_table base, struct slot_table next, const uint32_t *alive);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* watch_set.c - the watched addresses, a sorted array: replaced as a whole, searched often. */
#include "net/watch_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sorted.h"

static int allocate(struct watch_set *set, size_t count)
{
	memset(set, 0, sizeof(*set));
	set->watched = reallocarray(NULL, count + 1, sizeof(*set->watched));
	set->changed = reallocarray(NULL, count + 1, sizeof(*set->changed));
	set->count = count;
	if (set->watched && set->changed)
		return 0;
	watch_set_finish(set);
	return -ENOMEM;
}

static void mark_changed(struct watch_set *set, size_t index)
{
	if (set->watched[index].is_changed)
		return;
	set->watched[index].is_changed = true;
	set->changed[set->changed_count++] = (uint32_t)index;
}

int watch_set_copy(const struct watch_set *old, struct watch_set *ret)
{
	if (allocate(ret, old->count) < 0)
		return -ENOMEM;
	if (old->count > 0) {
		memcpy(ret->watched, old->watched, old->count * sizeof(*old->watched));
		memcpy(ret->changed, old->changed, old->changed_count * sizeof(*old->changed));
	}
	ret->changed_count = old->changed_count;
	return 0;
}

int watch_set_inherit(const struct watch_set *old, const struct address *addresses, size_t count,
		      struct watch_set *ret)
{
	const struct watched *known = old->watched;
	const struct watched *end = known + old->count;

	if (allocate(ret, count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct watched *watched = &ret->watched[i];

		while (known < end && address_compare(&known->address, &addresses[i]) < 0)
			known++;
		if (known < end && address_compare(&known->address, &addresses[i]) == 0) {
			*watched = *known;
			watched->is_changed = false;
			if (known->is_changed)
				mark_changed(ret, i);
		} else {
			*watched = (struct watched){
				.address = addresses[i],
				.neighbour = NO_NEIGHBOUR,
				.is_new = true,
			};
		}
	}
	return 0;
}

void watch_set_finish(struct watch_set *set)
{
	free(set->watched);
	free(set->changed);
	memset(set, 0, sizeof(*set));
}

/* The first address that is not before the given one. */
static size_t position(const struct watch_set *set, const struct address *address)
{
	return sorted_position(address, set->watched, set->count, sizeof(*set->watched),
			       address_compare_first);
}

const struct watched *watch_set_find(const struct watch_set *set, const struct address *address)
{
	size_t at = position(set, address);

	if (at == set->count || address_compare(&set->watched[at].address, address) != 0)
		return NULL;
	return &set->watched[at];
}

bool watch_set_meets(const struct watch_set *set, const struct prefix *prefix)
{
	size_t at = position(set, &prefix->address);

	return at < set->count && prefix_contains(prefix, &set->watched[at].address);
}

static bool are_equal(const struct next_hop *a, const struct next_hop *b)
{
	return a->state == b->state && a->interface == b->interface && a->ifindex == b->ifindex &&
	       a->mtu == b->mtu && a->has_source == b->has_source &&
	       memcmp(a->vlan, b->vlan, sizeof(a->vlan)) == 0 &&
	       memcmp(a->src_mac, b->src_mac, sizeof(a->src_mac)) == 0 &&
	       memcmp(a->dst_mac, b->dst_mac, sizeof(a->dst_mac)) == 0 &&
	       address_compare(&a->neighbour, &b->neighbour) == 0 &&
	       address_compare(&a->source, &b->source) == 0;
}

void watch_set_store(struct watch_set *set, size_t index, const struct next_hop *next_hop)
{
	struct watched *watched = &set->watched[index];

	if (!watched->is_new && !are_equal(&watched->next_hop, next_hop))
		mark_changed(set, index);
	watched->next_hop = *next_hop;
	watched->is_new = false;
}

void watch_set_clear_changed(struct watch_set *set)
{
	for (size_t i = 0; i < set->changed_count; i++)
		set->watched[set->changed[i]].is_changed = false;
	set->changed_count = 0;
}

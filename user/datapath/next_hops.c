/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * next_hops.c - owns the entries of the map next_hops. Backends that are reached the
 * same way share one, so that a router's new MAC address is one store.
 */
#include "datapath/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "datapath/ids.h"
#include "lib/error.h"
#include "lib/sorted.h"

_Static_assert(offsetof(struct gw_next_hop, src_mac) == 8, "dst_mac and flags are one word");
_Static_assert(offsetof(struct gw_next_hop, vlan) == 16, "the tags are one word");
_Static_assert(sizeof(((struct gw_next_hop *)0)->vlan) / sizeof(struct gw_vlan) ==
		       NEXT_HOP_VLAN_MAX,
	       "room for every tag");

void next_hops_ref(struct datapath *datapath, uint32_t id)
{
	if (id != GW_NONE)
		datapath->next_hop_users[id]++;
}

static void forget_placed(struct datapath *datapath, uint32_t id)
{
	struct placed_next_hop *placed = datapath->placed_next_hops;

	for (size_t i = 0; i < datapath->placed_next_hop_count; i++) {
		if (placed[i].id != id)
			continue;
		datapath->placed_next_hop_count--;
		memmove(&placed[i], &placed[i + 1],
			(datapath->placed_next_hop_count - i) * sizeof(*placed));
		return;
	}
}

void next_hops_unref(struct datapath *datapath, uint32_t id)
{
	if (id == GW_NONE || --datapath->next_hop_users[id] > 0)
		return;
	forget_placed(datapath, id);
	ids_give(datapath->next_hop_ids, id);
}

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Whether two next hops may share an entry: the rest of it can change in place. */
static int identity_compare(const struct next_hop *a, const struct next_hop *b)
{
	int r = order(a->ifindex, b->ifindex);

	if (r == 0)
		r = memcmp(a->vlan, b->vlan, sizeof(a->vlan));
	if (r == 0)
		r = address_compare(&a->neighbour, &b->neighbour);
	if (r == 0)
		r = order(a->has_source, b->has_source);
	if (r == 0 && a->has_source)
		r = address_compare(&a->source, &b->source);
	return r;
}

static int compare_placed(const void *key, const void *item)
{
	const struct placed_next_hop *placed = item;

	return identity_compare(key, &placed->value);
}

static size_t position(const struct datapath *datapath, const struct next_hop *next_hop)
{
	return sorted_position(next_hop, datapath->placed_next_hops,
			       datapath->placed_next_hop_count, sizeof(*datapath->placed_next_hops),
			       compare_placed);
}

static void store_word(void *to, const void *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	__atomic_store_n((uint64_t *)to, word, __ATOMIC_RELEASE);
}

/* The prefix that is configured for encapsulation, else the first of the source addresses. */
static void entry_set_encap_source(const struct datapath *datapath, const struct next_hop *next_hop,
				   struct gw_next_hop *entry)
{
	const struct address *reached =
		next_hop->has_source ? &next_hop->source : &next_hop->neighbour;
	const struct prefix *prefix = &datapath->encap_sources[address_is_ipv4(reached)];

	if (prefix->length)
		abi_address(&prefix->address, &entry->encap_source);
	else if (entry->gateway_count)
		abi_address(&datapath->gateways[entry->gateway_first], &entry->encap_source);
}

/* Stores what differs; the word with the neighbour's MAC and the flags last. */
static int entry_write(struct datapath *datapath, uint32_t id, const struct next_hop *next_hop,
		       struct error *error)
{
	struct gw_next_hop entry = {
		.flags = next_hop->state == NEXT_HOP_RESOLVED ? GW_NEXT_HOP_RESOLVED : 0,
		.ifindex = next_hop->ifindex,
		.mtu = next_hop->mtu,
	};
	char *from = (char *)&entry, *to = (char *)&datapath->next_hops[id];
	int r = gateways_for(datapath, next_hop, &entry.gateway_first, &entry.gateway_count, error);

	if (r < 0)
		return r;
	entry_set_encap_source(datapath, next_hop, &entry);
	memcpy(entry.dst_mac, next_hop->dst_mac, sizeof(entry.dst_mac));
	memcpy(entry.src_mac, next_hop->src_mac, sizeof(entry.src_mac));
	for (size_t i = 0; i < NEXT_HOP_VLAN_MAX && next_hop->vlan[i].protocol; i++)
		entry.vlan[i] = (struct gw_vlan){ htons(next_hop->vlan[i].protocol),
						  htons(next_hop->vlan[i].id) };
	for (size_t at = sizeof(entry); at > 0; at -= sizeof(uint64_t))
		store_word(to + at - sizeof(uint64_t), from + at - sizeof(uint64_t));
	return 0;
}

static int entry_create(struct datapath *datapath, size_t at, const struct next_hop *next_hop,
			uint32_t *ret_id, struct error *error)
{
	uint32_t id;
	int r;

	if (array_reserve((void **)&datapath->placed_next_hops, &datapath->placed_next_hop_room,
			  datapath->placed_next_hop_count + 1,
			  sizeof(*datapath->placed_next_hops)) < 0)
		return error_set(error, -ENOMEM, "no memory for a next hop");
	id = ids_take(datapath->next_hop_ids);
	if (id == 0)
		return error_set(error, -ENOSPC, "more than %u next hops", GW_NEXT_HOP_MAX - 1);
	r = entry_write(datapath, id, next_hop, error);
	if (r < 0) {
		ids_give(datapath->next_hop_ids, id);
		return r;
	}
	memmove(&datapath->placed_next_hops[at + 1], &datapath->placed_next_hops[at],
		(datapath->placed_next_hop_count - at) * sizeof(*datapath->placed_next_hops));
	datapath->placed_next_hops[at] = (struct placed_next_hop){ *next_hop, id };
	datapath->placed_next_hop_count++;
	*ret_id = id;
	return 0;
}

/* The id of an entry that says what next_hop says. */
static int entry_get(struct datapath *datapath, const struct next_hop *next_hop, uint32_t *ret_id,
		     struct error *error)
{
	size_t at = position(datapath, next_hop);
	struct placed_next_hop *placed = &datapath->placed_next_hops[at];
	int r;

	if (at == datapath->placed_next_hop_count ||
	    identity_compare(&placed->value, next_hop) != 0)
		return entry_create(datapath, at, next_hop, ret_id, error);
	if (memcmp(&placed->value, next_hop, sizeof(*next_hop)) != 0) {
		r = entry_write(datapath, placed->id, next_hop, error);
		if (r < 0)
			return r;
		placed->value = *next_hop;
	}
	*ret_id = placed->id;
	return 0;
}

/* What an earlier agent knew is better than nothing, as long as nobody says otherwise. */
static bool keeps_adopted(const struct datapath *datapath, const struct route *route,
			  const struct next_hop *next_hop)
{
	return next_hop->state == NEXT_HOP_UNRESOLVED && route->next_hop == GW_NONE &&
	       route->first_backend != GW_NONE &&
	       datapath->backends[route->first_backend].next_hop != GW_NONE;
}

int datapath_set_next_hop(struct datapath *datapath, const struct address *backend,
			  const struct next_hop *next_hop, struct error *error)
{
	struct route *route = routes_get(datapath, backend);
	uint32_t id = GW_NONE;
	int r;

	if (!route)
		return error_set(error, -ENOMEM, "no memory for a route");
	if (keeps_adopted(datapath, route, next_hop))
		return 0;
	if (next_hop->state != NEXT_HOP_UNREACHABLE) {
		r = entry_get(datapath, next_hop, &id, error);
		if (r < 0)
			return r;
	}
	next_hops_ref(datapath, id);
	next_hops_unref(datapath, route->next_hop);
	route->next_hop = id;
	for (uint32_t i = route->first_backend; i != GW_NONE; i = datapath->backend_links[i].next)
		backends_set_next_hop(datapath, i, id);
	return 0;
}

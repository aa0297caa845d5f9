/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat_table.h - one entry per translated flow: owns nat4 and nat6, and nat_unconfirmed4
 * and 6. A family's keys and values are as short as they can be, since what a flow
 * costs is the cache lines of its entry; here alone code knows of the two. Who calls knows
 * the family when compiled: a byte of the key may have changed, as the compiler sees it.
 *
 * The key is the reply's full tuple. At most one of a family's two maps has an entry
 * of a key; who moves or replaces one follows an order that keeps it so:
 * promotion inserts into nat before it deletes from nat_unconfirmed, and who
 * has inserted into nat_unconfirmed looks into nat once more. Only nat_claim()'s
 * winner may remove another flow's entry. Elements of LRU maps may be evicted
 * at any time: a flow that finds nothing takes a new port.
 */
#ifndef BPF_NAT_TABLE_H
#define BPF_NAT_TABLE_H

#include "nat_state.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_NAT_MAX);
	__type(key, struct gw_nat_key4);
	__type(value, struct gw_nat4);
} nat4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_NAT6_MAX);
	__type(key, struct gw_nat_key);
	__type(value, struct gw_nat6);
} nat6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_UNCONFIRMED_MAX);
	__type(key, struct gw_nat_key4);
	__type(value, struct gw_nat4);
} nat_unconfirmed4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_UNCONFIRMED_MAX);
	__type(key, struct gw_nat_key);
	__type(value, struct gw_nat6);
} nat_unconfirmed6 SEC(".maps");

struct nat_holder {
	struct gw_nat *entry; /* NULL: the key is free */
	bool is_confirmed;
};

/* Who a flow is between, as its client sees it. */
struct nat_ends {
	struct gw_addr client, vip;
	__be16 client_port, vip_port;
};

/*
 * What the functions below take as map_key: the key itself, or, for IPv4, what it is in
 * short, in *room. Made once for all lookups of a key, since the stack is small.
 */
static __always_inline const void *nat_map_key(const struct gw_nat_key *key, bool is_ipv6,
					       struct gw_nat_key4 *room)
{
	if (is_ipv6)
		return key;
	*room = (struct gw_nat_key4){ .backend = key->backend.word[3],
				      .gateway = key->gateway.word[3],
				      .backend_port = key->backend_port,
				      .gateway_port = key->gateway_port,
				      .protocol = key->protocol };
	return room;
}

static __always_inline struct gw_nat *nat_lookup(const void *map_key, bool is_ipv6,
						 bool is_confirmed)
{
	if (is_ipv6) {
		if (is_confirmed)
			return bpf_map_lookup_elem(&nat6, map_key);
		return bpf_map_lookup_elem(&nat_unconfirmed6, map_key);
	}
	if (is_confirmed)
		return bpf_map_lookup_elem(&nat4, map_key);
	return bpf_map_lookup_elem(&nat_unconfirmed4, map_key);
}

static __always_inline void nat_delete(const void *map_key, bool is_ipv6, bool is_confirmed)
{
	if (is_ipv6 && is_confirmed)
		bpf_map_delete_elem(&nat6, map_key);
	else if (is_ipv6)
		bpf_map_delete_elem(&nat_unconfirmed6, map_key);
	else if (is_confirmed)
		bpf_map_delete_elem(&nat4, map_key);
	else
		bpf_map_delete_elem(&nat_unconfirmed4, map_key);
}

/* A new flow of the table of those that sent a first packet only; -EEXIST: the key is taken. */
static __always_inline long nat_insert(const void *map_key, bool is_ipv6,
				       const struct gw_nat6 *entry)
{
	struct gw_nat4 entry4;

	if (is_ipv6)
		return bpf_map_update_elem(&nat_unconfirmed6, map_key, entry, BPF_NOEXIST);
	entry4 = (struct gw_nat4){ .common = entry->common,
				   .client = entry->client.word[3],
				   .vip = entry->vip.word[3] };
	return bpf_map_update_elem(&nat_unconfirmed4, map_key, &entry4, BPF_NOEXIST);
}

/* Copies entry, which is in the unconfirmed table, to the other. */
static __always_inline long nat_confirm(const void *map_key, bool is_ipv6,
					const struct gw_nat *entry)
{
	if (is_ipv6)
		return bpf_map_update_elem(&nat6, map_key, entry, BPF_NOEXIST);
	return bpf_map_update_elem(&nat4, map_key, entry, BPF_NOEXIST);
}

static __always_inline struct nat_ends nat_ends_of(const struct gw_nat *entry, bool is_ipv6)
{
	struct nat_ends ends = { .client_port = entry->client_port, .vip_port = entry->vip_port };

	if (is_ipv6) {
		ends.client = ((const struct gw_nat6 *)entry)->client;
		ends.vip = ((const struct gw_nat6 *)entry)->vip;
	} else {
		ends.client = addr_from_ip4(((const struct gw_nat4 *)entry)->client);
		ends.vip = addr_from_ip4(((const struct gw_nat4 *)entry)->vip);
	}
	return ends;
}

static __always_inline struct nat_holder nat_find(const void *map_key, bool is_ipv6)
{
	struct gw_nat *entry = nat_lookup(map_key, is_ipv6, true);

	if (entry)
		return (struct nat_holder){ entry, true };
	entry = nat_lookup(map_key, is_ipv6, false);
	if (entry)
		return (struct nat_holder){ entry, false };
	/* Promoted between the two looks. */
	return (struct nat_holder){ nat_lookup(map_key, is_ipv6, true), true };
}

static __always_inline bool nat_is_of(const struct gw_nat *entry, bool is_ipv6,
				      const struct nat_ends *flow)
{
	struct nat_ends ends;

	if (entry->client_port != flow->client_port || entry->vip_port != flow->vip_port)
		return false;
	ends = nat_ends_of(entry, is_ipv6);
	return addr_equal(&ends.client, &flow->client) && addr_equal(&ends.vip, &flow->vip);
}

static __always_inline struct nat_ends nat_ends_of_packet(const struct packet *packet)
{
	return (struct nat_ends){ packet->src, packet->dst, packet->src_port, packet->dst_port };
}

/* Once a second and flow. False when another flow is just taking the entry. */
static __always_inline bool nat_refresh(struct gw_nat *entry, __u32 now_s)
{
	__u32 seen = *(volatile __u32 *)&entry->seen;

	if (seen == now_s)
		return true;
	if (seen == NAT_CLAIMED)
		return false;
	return __sync_val_compare_and_swap(&entry->seen, seen, now_s) != NAT_CLAIMED;
}

/* Takes the key from a flow that has been silent for longer than timeout_s. */
static __always_inline bool nat_claim(const void *map_key, bool is_ipv6, struct nat_holder holder,
				      __u32 now_s, int timeout_s)
{
	__u32 seen = *(volatile __u32 *)&holder.entry->seen;

	/* Another CPU's clock may be ahead of ours by a tick: an age is signed. */
	if (seen == NAT_CLAIMED || (int)(now_s - seen) <= timeout_s)
		return false;
	if (__sync_val_compare_and_swap(&holder.entry->seen, seen, NAT_CLAIMED) != seen)
		return false;
	nat_delete(map_key, is_ipv6, holder.is_confirmed);
	return true;
}

/*
 * Both sides have spoken: out of reach of those who only send SYNs. When the
 * entry was evicted and its key taken by another flow meanwhile, that flow
 * keeps it: replies must have one receiver. entry may be void afterwards.
 */
static __always_inline void nat_promote(const void *map_key, bool is_ipv6,
					const struct gw_nat *entry, const struct nat_ends *flow)
{
	const struct gw_nat *left;

	if (nat_confirm(map_key, is_ipv6, entry))
		return;
	left = nat_lookup(map_key, is_ipv6, false);
	if (left)
		nat_delete(map_key, is_ipv6, !nat_is_of(left, is_ipv6, flow));
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat_port.h - source address and port of a translated flow: owns nat_moved.
 *
 * A flow's hash gives it a sequence of candidates, and it takes the first that
 * no other flow towards the same backend holds. Nearly always that is the first
 * of all, and nothing needs to be searched. A flow that has to move on sets a
 * bit by its hash before it does: only flows with a set bit look further than
 * their first candidate. Bits are never cleared; one too many costs lookups.
 *
 * What the others need is in functions that the verifier checks by themselves,
 * once, and that share their flow through a map of one.
 */
#ifndef BPF_NAT_PORT_H
#define BPF_NAT_PORT_H

#include <linux/errno.h>

#include <guideway/flow_hash.h>

#include "config.h"
#include "nat_table.h"
#include "next_hop.h"

#define NAT_CANDIDATES 32
#define NAT_MOVED_WORDS (1U << 18)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NAT_MOVED_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} nat_moved SEC(".maps");

/* A flow without an entry at its first candidate; one a CPU, since the stack has no room. */
struct nat_flow {
	__u64 hash;
	struct gw_nat_key key; /* gateway and gateway_port: the candidate's */
	struct gw_nat entry;   /* as it is to be inserted */
	__u32 gateway_first;
	__u32 gateway_count;
	__u32 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_flow);
} nat_flow SEC(".maps");

static __always_inline struct nat_flow *nat_flow_here(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&nat_flow, &first);
}

/* (start + k * stride) mod count, without a division for k = 0; start < count */
static __always_inline __u32 walk(__u32 start, __u32 k, __u32 stride, __u32 count)
{
	return k ? (start + k * stride) % count : start;
}

/*
 * The flow's k-th candidate. The table's slot has used up the hash's upper bits.
 * An odd stride below count visits every port of a range that is a power of two.
 */
static __always_inline bool nat_candidate(struct gw_nat_key *key, __u64 hash, __u32 gateway_first,
					  __u32 gateway_count, __u32 k)
{
	__u32 ports = config.nat_port_count;
	__u32 port_start = ((hash & 0xffffffff) * ports) >> 32;
	__u32 port_stride = (((__u32)(hash & 0xffff) * (ports - 1)) >> 16) | 1;
	__u32 gateway_start = ((__u32)(hash >> 32 & 0xffff) * gateway_count) >> 16;
	const struct gw_addr *gateway =
		gateway_find(gateway_first + walk(gateway_start, k, 1, gateway_count));

	if (!gateway || ports == 0)
		return false;
	key->gateway = *gateway;
	key->gateway_port =
		bpf_htons(config.nat_port_first + walk(port_start, k, port_stride, ports));
	return true;
}

static __always_inline __u64 *moved_word(__u64 hash, __u64 *ret_bit)
{
	__u64 mixed = gw_hash_finish(hash);
	__u32 index = (mixed >> 6) % NAT_MOVED_WORDS;

	*ret_bit = 1ULL << (mixed & 63);
	return bpf_map_lookup_elem(&nat_moved, &index);
}

static __always_inline bool nat_has_moved(__u64 hash)
{
	__u64 bit, *word = moved_word(hash, &bit);

	return word && *word & bit;
}

static __always_inline void nat_set_moved(__u64 hash)
{
	__u64 bit, *word = moved_word(hash, &bit);

	if (word && !(*word & bit))
		__sync_fetch_and_or(word, bit);
}

static __always_inline bool nat_is_own(const struct gw_nat *entry, const struct gw_nat *own)
{
	return nat_is_of(entry, &own->client, &own->vip, own->client_port, own->vip_port);
}

static __always_inline bool nat_flow_candidate(struct nat_flow *flow, __u32 k)
{
	return nat_candidate(&flow->key, flow->hash, flow->gateway_first, flow->gateway_count, k);
}

/* Whether the flow has an entry behind its first candidate, whose key is then in nat_flow. */
__noinline int nat_find_moved(void)
{
	struct nat_flow *flow = nat_flow_here();

	if (!flow)
		return false;
	for (__u32 k = 1; k < NAT_CANDIDATES; k++) {
		struct nat_holder holder;

		if (!nat_flow_candidate(flow, k))
			return false;
		holder = nat_find(&flow->key);
		if (holder.entry && nat_is_own(holder.entry, &flow->entry))
			return true;
	}
	return false;
}

/*
 * Takes key for a flow that has no entry. NAT_PORTS_EXHAUSTED: another flow has
 * it. UNDECIDED: it is ours, if only since another CPU did the same just now.
 */
static __always_inline enum gw_verdict nat_take(const struct gw_nat_key *key,
						const struct gw_nat *entry)
{
	struct nat_holder holder = nat_find(key);
	long error;

	if (holder.entry && nat_is_own(holder.entry, entry) &&
	    nat_refresh(holder.entry, entry->seen))
		return UNDECIDED;
	if (holder.entry && !nat_claim(key, holder, entry->seen))
		return GW_NAT_PORTS_EXHAUSTED;

	error = bpf_map_update_elem(&nat_unconfirmed, key, entry, BPF_NOEXIST);
	if (error && error != -EEXIST)
		return GW_NAT_TABLE_FULL;
	if (error) {
		holder.entry = bpf_map_lookup_elem(&nat_unconfirmed, key);
	} else {
		holder.entry = bpf_map_lookup_elem(&nat, key);
		if (!holder.entry)
			return UNDECIDED;
		bpf_map_delete_elem(&nat_unconfirmed, key);
	}
	return holder.entry && nat_is_own(holder.entry, entry) ? UNDECIDED : GW_NAT_PORTS_EXHAUSTED;
}

/* An enum gw_verdict: UNDECIDED with the first candidate that can be had in nat_flow's key. */
__noinline int nat_allocate(void)
{
	struct nat_flow *flow = nat_flow_here();

	if (!flow)
		return GW_NAT_TABLE_FULL;
	for (__u32 k = 0; k < NAT_CANDIDATES; k++) {
		enum gw_verdict verdict;

		if (!nat_flow_candidate(flow, k))
			return GW_NO_GATEWAY_ADDRESS;
		if (k > 0)
			nat_set_moved(flow->hash);
		verdict = nat_take(&flow->key, &flow->entry);
		if (verdict != GW_NAT_PORTS_EXHAUSTED)
			return verdict;
	}
	return GW_NAT_PORTS_EXHAUSTED;
}

#endif

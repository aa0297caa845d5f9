/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat_port.h - source address and port of a translated flow: owns nat_moved and nat_flow.
 *
 * A flow's hash gives it a sequence of candidates, and it takes the first that
 * no other flow towards the same backend holds. Nearly always that is the first
 * of all, and nothing needs to be searched. A flow that has to move on sets a
 * bit by its hash before it does: only flows with a set bit look further than
 * their first candidate. Bits are never cleared; one too many costs lookups.
 *
 * Who finds no entry at the first candidate writes the flow to nat_flow and leaves the packet to
 * a way of its own, nat_settle(), which comes back with the flow's key.
 */
#ifndef BPF_NAT_PORT_H
#define BPF_NAT_PORT_H

#include <linux/errno.h>

#include <guideway/flow_hash.h>

#include "admit.h"
#include "config.h"
#include "handover.h"
#include "nat_table.h"
#include "next_hop.h"

#define NAT_CANDIDATES 32
/*
 * Connections whose client has not spoken again have so many of a flow's candidates only in a
 * flood of SYNs: then one of them gives its port to the new one. A client that answers
 * is quicker than the flood comes back to its port.
 */
#define NAT_FLOODED (NAT_CANDIDATES / 2)
#define NAT_MOVED_WORDS (1U << 18)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NAT_MOVED_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} nat_moved SEC(".maps");

/*
 * Which ports a flow may take that begins. During an upgrade flows begin in two programs, none of
 * which knows the other's: so that no two hold one key, each takes every other port.
 */
enum nat_parity { NAT_ANY_PORT, NAT_EVEN_PORT, NAT_ODD_PORT };

/* A flow without an entry at its first candidate, and what becomes of it; one a CPU. */
struct nat_flow {
	__u64 hash;            /* finished */
	struct gw_nat_key key; /* gateway and gateway_port: the candidate's */
	struct gw_nat6 entry;  /* as it is to be inserted */
	__u32 gateway_first;
	__u32 gateway_count; /* 0: key is the one that the flow can have */
	__u32 service;
	__u32 flow_cost_ns; /* of a new flow of UDP; TCP's first packet was admitted already */
	__u8 may_begin;     /* an ICMP error and a later fragment begin nothing */
	__u8 is_error;
	__u8 is_settled; /* key is the flow's: for the packet that comes next, see below */
	__u8 is_new;
	__u8 tcp_flags;
	/* While it looks for a port: how many candidates are half open, and the first of these. */
	__u8 half_open, victim;
	__u8 takes_victim;
	__u8 parity; /* enum nat_parity */
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

/*
 * Where a packet's way begins: whether it comes from nat_settle(). Asked once, as what
 * this packet leaves behind is not for the next.
 */
static __always_inline __u8 nat_comes_settled(void)
{
	struct nat_flow *flow = nat_flow_here();
	__u8 is_settled;

	if (!flow)
		return false;
	is_settled = *(volatile __u8 *)&flow->is_settled;
	flow->is_settled = false;
	return is_settled;
}

/* (start + k * stride) mod count, without a division for k = 0; start < count */
static __always_inline __u32 walk(__u32 start, __u32 k, __u32 stride, __u32 count)
{
	return k ? (start + k * stride) % count : start;
}

/*
 * The flow's k-th candidate. The hash is finished: every bit of it is as good as another.
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

static __always_inline bool nat_is_own(const struct gw_nat *entry, bool is_ipv6,
				       const struct nat_flow *flow)
{
	const struct nat_ends ends = { flow->entry.client, flow->entry.vip,
				       flow->entry.common.client_port,
				       flow->entry.common.vip_port };

	return nat_is_of(entry, is_ipv6, &ends);
}

static __always_inline bool nat_flow_candidate(struct nat_flow *flow, __u32 k)
{
	return nat_candidate(&flow->key, flow->hash, flow->gateway_first, flow->gateway_count, k);
}

/* Whether the flow has an entry behind its first candidate, whose key is then the flow's. */
static __always_inline bool find_moved(struct nat_flow *flow, bool is_ipv6)
{
	struct gw_nat_key4 room;

	for (__u32 k = 1; k < NAT_CANDIDATES; k++) {
		struct nat_holder holder;

		if (!nat_flow_candidate(flow, k))
			return false;
		holder = nat_find(nat_map_key(&flow->key, is_ipv6, &room), is_ipv6);
		if (holder.entry && nat_is_own(holder.entry, is_ipv6, flow))
			return true;
	}
	return false;
}

static __always_inline bool nat_is_half_open(const struct nat_flow *flow, struct nat_holder holder)
{
	return flow->key.protocol == IPPROTO_TCP && !holder.is_confirmed;
}

/* For how long the holder of a key that the flow wants may be silent. */
static __always_inline int nat_patience_s(const struct nat_flow *flow, struct nat_holder holder)
{
	if (flow->takes_victim && nat_is_half_open(flow, holder))
		return -1;
	return nat_timeout_s(holder.entry->state, flow->key.protocol, holder.is_confirmed);
}

static __always_inline bool nat_may_take(const struct nat_flow *flow)
{
	if (flow->parity == NAT_ANY_PORT || flow->gateway_count == 0)
		return true;
	return (bpf_ntohs(flow->key.gateway_port) & 1) == (flow->parity == NAT_ODD_PORT);
}

static __always_inline enum nat_parity nat_parity_now(void)
{
	if (config.nat_port_count == 1)
		return NAT_ANY_PORT;
	if (is_handing_over())
		return NAT_EVEN_PORT;
	return is_taking_over() ? NAT_ODD_PORT : NAT_ANY_PORT;
}

/*
 * Takes its key, candidate k, for a flow that has no entry. NAT_PORTS_EXHAUSTED: another flow
 * has it. UNDECIDED: it is ours, if only since another CPU did the same just now.
 */
static __always_inline enum gw_verdict nat_take(struct nat_flow *flow, bool is_ipv6, __u32 k)
{
	struct gw_nat_key4 room;
	const void *map_key = nat_map_key(&flow->key, is_ipv6, &room);
	__u32 now_s = flow->entry.common.seen;
	struct nat_holder holder = nat_find(map_key, is_ipv6);
	long error;

	if (holder.entry && nat_is_own(holder.entry, is_ipv6, flow) &&
	    nat_refresh(holder.entry, now_s))
		return UNDECIDED;
	if (!nat_may_take(flow))
		return GW_NAT_PORTS_EXHAUSTED;
	if (holder.entry &&
	    !nat_claim(map_key, is_ipv6, holder, now_s, nat_patience_s(flow, holder))) {
		if (nat_is_half_open(flow, holder) && flow->half_open++ == 0)
			flow->victim = k;
		return GW_NAT_PORTS_EXHAUSTED;
	}

	error = nat_insert(map_key, is_ipv6, &flow->entry);
	if (error && error != -EEXIST)
		return GW_NAT_TABLE_FULL;
	if (error) {
		holder.entry = nat_lookup(map_key, is_ipv6, false);
	} else {
		holder.entry = nat_lookup(map_key, is_ipv6, true);
		if (!holder.entry)
			return UNDECIDED;
		nat_delete(map_key, is_ipv6, false);
	}
	return holder.entry && nat_is_own(holder.entry, is_ipv6, flow) ? UNDECIDED
								       : GW_NAT_PORTS_EXHAUSTED;
}

/* Whether the flow, all of whose candidates are held, may take one that is half open. */
static __always_inline bool nat_is_flooded(const struct nat_flow *flow)
{
	return config.nat_port_count >= NAT_CANDIDATES && flow->half_open >= NAT_FLOODED &&
	       tcp_begins(flow->tcp_flags);
}

/* UNDECIDED with the first candidate that can be had in the flow's key. */
static __always_inline enum gw_verdict allocate(struct nat_flow *flow, bool is_ipv6)
{
	enum gw_verdict verdict = GW_NAT_PORTS_EXHAUSTED;
	__u32 k = 0;

	flow->half_open = 0;
	flow->takes_victim = false;
	flow->parity = nat_parity_now();
	do {
		/* Without gateways the key is the one that the flow can have. */
		if (flow->gateway_count == 0 && k > 0)
			break;
		if (flow->gateway_count && !nat_flow_candidate(flow, k))
			return GW_NO_GATEWAY_ADDRESS;
		if (k > 0)
			nat_set_moved(flow->hash);
		verdict = nat_take(flow, is_ipv6, k);
	} while (verdict == GW_NAT_PORTS_EXHAUSTED && ++k < NAT_CANDIDATES);
	if (verdict != GW_NAT_PORTS_EXHAUSTED || !nat_is_flooded(flow) ||
	    !nat_flow_candidate(flow, flow->victim))
		return verdict;
	flow->takes_victim = true;
	return nat_take(flow, is_ipv6, flow->victim);
}

/*
 * The loops by themselves, for each family: Linux 6.1 refuses a loop that the compiler has
 * laid out so that it is entered from above by falling through.
 */
__noinline int nat_find_moved4(void)
{
	struct nat_flow *flow = nat_flow_here();

	return flow && find_moved(flow, false);
}

__noinline int nat_find_moved6(void)
{
	struct nat_flow *flow = nat_flow_here();

	return flow && find_moved(flow, true);
}

__noinline int nat_allocate4(void)
{
	struct nat_flow *flow = nat_flow_here();

	return flow ? allocate(flow, false) : GW_NAT_TABLE_FULL;
}

__noinline int nat_allocate6(void)
{
	struct nat_flow *flow = nat_flow_here();

	return flow ? allocate(flow, true) : GW_NAT_TABLE_FULL;
}

/* Finds or makes the flow's entry. UNDECIDED: its key is in flow, and flow is settled. */
static __always_inline enum gw_verdict nat_settle(struct nat_flow *flow, bool is_ipv6)
{
	enum gw_verdict verdict;

	flow->is_settled = true;
	flow->is_new = false;
	if (flow->gateway_count && nat_has_moved(flow->hash) &&
	    (is_ipv6 ? nat_find_moved6() : nat_find_moved4()))
		return UNDECIDED;
	flow->is_settled = false;
	if (flow->key.protocol == IPPROTO_TCP && !tcp_begins(flow->tcp_flags) && is_taking_over())
		return GW_TAKING_OVER;
	if (!flow->may_begin)
		return flow->is_error ? GW_ICMP_UNMATCHED : GW_FRAGMENT_EARLY;
	if (flow->flow_cost_ns && !flow_limit_admits(flow->service, flow->flow_cost_ns))
		return GW_FLOW_LIMITED;
	verdict = is_ipv6 ? nat_allocate6() : nat_allocate4();
	if (verdict != UNDECIDED)
		return verdict;
	flow->is_settled = flow->is_new = true;
	return UNDECIDED;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* decap_admit.h - whose tunnel packets are unwrapped, and for whom: owns sources and destinations.
 */
#ifndef BPF_DECAP_ADMIT_H
#define BPF_DECAP_ADMIT_H

#include "decap_parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, GW_DECAP_PREFIX_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct gw_decap_prefix);
	__type(value, __u32);
} sources SEC(".maps"), destinations SEC(".maps");

/* Of linux/socket.h, whose header is the kernel's own. */
enum {
	FAMILY_IP4 = 2,
	FAMILY_IP6 = 10,
};

/*
 * Tunnels that pass through a router or a node with pods are somebody else's. The kernel
 * does not forward what is for itself, and nothing where forwarding is off.
 */
static __always_inline bool is_for_this_host(const struct tunnel *tunnel)
{
	struct bpf_fib_lookup route = { .ifindex = tunnel->ctx->ingress_ifindex };
	long r;

	if (tunnel->src.is_ipv6) {
		route.family = FAMILY_IP6;
		__builtin_memcpy(route.ipv6_src, &tunnel->src.address, sizeof(route.ipv6_src));
		__builtin_memcpy(route.ipv6_dst, &tunnel->dst, sizeof(route.ipv6_dst));
	} else {
		route.family = FAMILY_IP4;
		route.ipv4_src = tunnel->src.address.word[3];
		route.ipv4_dst = tunnel->dst.word[3];
	}
	r = bpf_fib_lookup(tunnel->ctx, &route, sizeof(route), 0);
	return r == BPF_FIB_LKUP_RET_NOT_FWDED || r == BPF_FIB_LKUP_RET_FWD_DISABLED;
}

static __always_inline enum gw_decap_verdict admit_outer(struct tunnel *tunnel)
{
	if (!is_for_this_host(tunnel))
		return GW_DECAP_PASSED;
	tunnel->src.bits = GW_DECAP_FAMILY_BITS + 128;
	if (config.checks_source && !bpf_map_lookup_elem(&sources, &tunnel->src))
		return GW_DECAP_SOURCE_REFUSED;
	return tunnel->is_fragment ? GW_DECAP_FRAGMENT : UNDECIDED;
}

static __always_inline enum gw_decap_verdict admit_inner(const struct tunnel *tunnel)
{
	struct gw_decap_prefix dst = { .bits = GW_DECAP_FAMILY_BITS + 128 };

	if (!config.checks_destination)
		return UNDECIDED;
	if (tunnel->inner4) {
		dst.address = (struct gw_addr){ { 0, 0, IP4_MAPPED, tunnel->inner4->daddr } };
	} else if (tunnel->inner6) {
		dst.is_ipv6 = true;
		__builtin_memcpy(&dst.address, &tunnel->inner6->daddr, sizeof(dst.address));
	}
	return bpf_map_lookup_elem(&destinations, &dst) ? UNDECIDED : GW_DECAP_DESTINATION_REFUSED;
}

#endif

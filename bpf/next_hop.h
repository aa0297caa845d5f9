/* SPDX-License-Identifier: GPL-2.0-only */
/* next_hop.h - where frames for a backend go, as the agent resolved it: owns next_hops and
 * gateways. */
#ifndef BPF_NEXT_HOP_H
#define BPF_NEXT_HOP_H

#include "frame.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GW_NEXT_HOP_MAX);
	__type(key, __u32);
	__type(value, struct gw_next_hop);
} next_hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GW_GATEWAY_MAX);
	__type(key, __u32);
	__type(value, struct gw_addr);
} gateways SEC(".maps");

/* A MAC address and what shares its word: read at once, as the agent stores it. */
union mac_word {
	__u64 word;
	struct {
		struct mac mac;
		__u16 flags;
	};
};

static __always_inline union mac_word mac_word_read(const void *group)
{
	return (union mac_word){ .word = *(const volatile __u64 *)group };
}

/* NULL when the next hop is not known or has no MAC address. */
static __always_inline const struct gw_next_hop *next_hop_find(__u32 id, struct link *ret_link)
{
	const struct gw_next_hop *hop;
	union mac_word dst;

	if (id == GW_NONE)
		return NULL;
	hop = bpf_map_lookup_elem(&next_hops, &id);
	if (!hop)
		return NULL;
	dst = mac_word_read(hop->dst_mac);
	if (!(dst.flags & GW_NEXT_HOP_RESOLVED))
		return NULL;

	ret_link->dst = dst.mac;
	ret_link->src = mac_word_read(hop->src_mac).mac;
	ret_link->vlan[0] = hop->vlan[0];
	ret_link->vlan[1] = hop->vlan[1];
	ret_link->ifindex = hop->ifindex;
	return hop;
}

static __always_inline const struct gw_addr *gateway_find(__u32 index)
{
	return bpf_map_lookup_elem(&gateways, &index);
}

#endif

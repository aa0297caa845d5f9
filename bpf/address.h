/* SPDX-License-Identifier: GPL-2.0-only */
/* address.h - whose is this address? Owns address_filter and addresses. */
#ifndef BPF_ADDRESS_H
#define BPF_ADDRESS_H

#include <guideway/address_filter.h>

#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gw_address_filter);
} address_filter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_ADDRESS_MAX);
	__type(key, struct gw_addr);
	__type(value, __u32);
} addresses SEC(".maps");

/* The flags that the address may have; 0 is certain. */
static __always_inline __u32 address_guess(const struct gw_addr *address)
{
	__u32 first = 0;
	const struct gw_address_filter *filter = bpf_map_lookup_elem(&address_filter, &first);

	return filter ? filter->flags[gw_filter_cell(address)] : 0;
}

/*
 * The flags that it has: enum gw_address_flag. Of a copy: the compiler keeps in memory all of
 * a struct of which a helper sees a part.
 */
static __always_inline __u32 address_find(const struct gw_addr *address)
{
	const struct gw_addr key = *address;
	const __u32 *flags = bpf_map_lookup_elem(&addresses, &key);

	return flags ? *flags : 0;
}

/* What a VIP does not serve is refused for this reason, unless the host has a use for it. */
static __always_inline enum gw_verdict address_refuse(__u32 address_flags, enum gw_verdict reason)
{
	bool is_only_vip = (address_flags & (GW_ADDRESS_VIP | GW_ADDRESS_LOCAL)) == GW_ADDRESS_VIP;

	return is_only_vip ? reason : GW_NOT_OURS;
}

#endif

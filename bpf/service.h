/* SPDX-License-Identifier: GPL-2.0-only */
/* service.h - an address, port and protocol -> service: owns services4 and services6. */
#ifndef BPF_SERVICE_H
#define BPF_SERVICE_H

#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_SERVICE_MAX);
	__type(key, struct gw_socket4);
	__type(value, struct gw_service);
} services4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_SERVICE_MAX);
	__type(key, struct gw_socket);
	__type(value, struct gw_service);
} services6 SEC(".maps");

static __always_inline struct gw_socket socket_of(const struct gw_addr *address, __be16 port,
						  __u8 protocol)
{
	return (struct gw_socket){ .address = *address, .port = port, .protocol = protocol };
}

/*
 * Stored as one word: what reads a key reads words, and has to wait for stores that are
 * narrower than its loads.
 */
union socket4 {
	__u64 word;
	struct gw_socket4 socket;
};

static __always_inline union socket4 socket4_of(const struct gw_addr *address, __be16 port,
						__u8 protocol)
{
	return (union socket4){ .word = address->word[3] | (__u64)port << 32 |
					(__u64)protocol << 48 };
}

/* NULL when nobody serves the flow's destination. */
static __always_inline const struct gw_service *service_find(const struct packet *packet)
{
	if (packet->is_ipv6) {
		const struct gw_socket key =
			socket_of(&packet->dst, packet->dst_port, packet->protocol);

		return bpf_map_lookup_elem(&services6, &key);
	} else {
		const union socket4 key =
			socket4_of(&packet->dst, packet->dst_port, packet->protocol);

		return bpf_map_lookup_elem(&services4, &key);
	}
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nat_entry.h - entries of translated flows in the maps of either family, and packets of such
 * flows. Each test is run for both families.
 */
#ifndef TESTS_BPF_NAT_ENTRY_H
#define TESTS_BPF_NAT_ENTRY_H

#include <time.h>

#include "exchange.h"

static bool is_ip6;

static inline int use_ip4(void **state)
{
	(void)state;
	is_ip6 = false;
	return 0;
}

static inline int use_ip6(void **state)
{
	(void)state;
	is_ip6 = true;
	return 0;
}

#define IN_BOTH_FAMILIES(test)                                                                     \
	{ #test "_in_ipv4", test, use_ip4, NULL, NULL },                                           \
	{                                                                                          \
#test "_in_ipv6", test, use_ip6, NULL, NULL                                        \
	}

static inline struct packet_spec request(uint8_t protocol)
{
	return is_ip6 ? request6(protocol) : request4(protocol);
}

static inline struct gw_traffic traffic(uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return traffic_of(is_ip6 ? SERVICE_TCP6 : SERVICE_TCP4);
	return traffic_of(is_ip6 ? SERVICE_UDP6 : SERVICE_UDP4);
}

static inline const struct bpf_map *confirmed(void)
{
	return is_ip6 ? world->maps.nat6 : world->maps.nat4;
}

static inline const struct bpf_map *unconfirmed(void)
{
	return is_ip6 ? world->maps.nat_unconfirmed6 : world->maps.nat_unconfirmed4;
}

union nat_key {
	struct gw_nat_key4 ip4;
	struct gw_nat_key ip6;
};

/* Both begin with the same. */
union nat_entry {
	struct gw_nat common;
	struct gw_nat4 ip4;
	struct gw_nat6 ip6;
};

static inline union nat_key nat_key(uint8_t protocol, uint16_t port)
{
	if (is_ip6)
		return (union nat_key){ .ip6 = { .backend = address(BACKEND6),
						 .gateway = address(GATEWAY6),
						 .backend_port = htons(8080),
						 .gateway_port = htons(port),
						 .protocol = protocol,
						 .is_ipv6 = 1 } };
	return (union nat_key){ .ip4 = { .backend = address(BACKEND4).word[3],
					 .gateway = address(GATEWAY4).word[3],
					 .backend_port = htons(8080),
					 .gateway_port = htons(port),
					 .protocol = protocol } };
}

static inline bool nat_get(const struct bpf_map *map, uint8_t protocol, uint16_t port,
			   union nat_entry *ret_entry)
{
	const union nat_key key = nat_key(protocol, port);

	return bpf_map_lookup_elem(bpf_map__fd(map), &key, ret_entry) == 0;
}

static inline void nat_put(const struct bpf_map *map, uint8_t protocol, uint16_t port,
			   const union nat_entry *entry)
{
	const union nat_key key = nat_key(protocol, port);

	map_set(map, &key, entry);
}

static inline void nat_delete(const struct bpf_map *map, uint8_t protocol, uint16_t port)
{
	const union nat_key key = nat_key(protocol, port);

	(void)bpf_map_delete_elem(bpf_map__fd(map), &key);
}

/* The entry of the world's only port, which must be in this map and not in the other. */
static inline union nat_entry entry_in(const struct bpf_map *map, uint8_t protocol)
{
	const struct bpf_map *other = map == confirmed() ? unconfirmed() : confirmed();
	union nat_entry entry = {}, unwanted;

	assert_true(nat_get(map, protocol, NAT_PORT, &entry));
	assert_false(nat_get(other, protocol, NAT_PORT, &unwanted));
	return entry;
}

static inline uint32_t state_in(const struct bpf_map *map, uint8_t protocol)
{
	return entry_in(map, protocol).common.state;
}

static inline uint32_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static inline void age_entry(const struct bpf_map *map, uint8_t protocol, uint32_t seen)
{
	union nat_entry entry = entry_in(map, protocol);

	entry.common.seen = seen;
	nat_put(map, protocol, NAT_PORT, &entry);
}

/* A packet of the client with this port; returns its verdict and the source port it leaves with. */
static inline uint32_t send_from(uint16_t client_port, uint8_t protocol, uint8_t tcp_flags,
				 uint16_t *ret_port)
{
	struct packet_spec spec = request(protocol);
	struct frame in, out = {};
	uint32_t verdict;

	spec.src_port = client_port;
	spec.tcp_flags = tcp_flags;
	in = frame_build(&spec);
	(void)run_raw(&in, &out, &verdict);
	if (ret_port)
		*ret_port = get16(out.bytes + frame_network(&out) + (is_ip6 ? 40 : 20));
	return verdict;
}

static inline void client_sends(uint8_t protocol, uint8_t tcp_flags)
{
	assert_int_equal(send_from(33333, protocol, tcp_flags, NULL), GW_FORWARDED);
}

static inline void backend_sends(uint8_t protocol, uint8_t tcp_flags)
{
	struct packet_spec reply = reply_to(request(protocol));

	reply.tcp_flags = tcp_flags;
	(void)run(&reply, GW_REPLIED, XDP_TX);
}

/* To the gateway's port, and expected at the client with this port. */
static inline void reply_reaches(uint16_t gateway_port, uint16_t client_port)
{
	struct packet_spec asked = request(IPPROTO_UDP), reply = reply_to(asked), back;

	asked.src_port = client_port;
	reply.dst_port = gateway_port;
	back = replied(reply, asked);
	run_and_expect(&reply, GW_REPLIED, XDP_TX, &back);
}

#endif

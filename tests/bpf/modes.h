/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modes.h - every forwarding mode with every family it can have, inside and outside, and
 * what a request looks like when it leaves in each.
 */
#ifndef TESTS_BPF_MODES_H
#define TESTS_BPF_MODES_H

#include <guideway/flow_hash.h>

#include "exchange.h"
#include "outer.h"

struct mode {
	const char *name;
	enum gw_mode mode;
	bool is_ip6;          /* the client's packets */
	bool has_ip6_backend; /* the outer header, of those that have one */
};

static const struct mode modes[] = {
	{ "snat IPv4", GW_MODE_SNAT, false, false },
	{ "snat IPv6", GW_MODE_SNAT, true, true },
	{ "dnat IPv4", GW_MODE_DNAT, false, false },
	{ "dnat IPv6", GW_MODE_DNAT, true, true },
	{ "l2 IPv4", GW_MODE_L2, false, false },
	{ "l2 IPv6", GW_MODE_L2, true, true },
	{ "ipip IPv4 in IPv4", GW_MODE_IPIP, false, false },
	{ "ipip IPv6 in IPv6", GW_MODE_IPIP, true, true },
	{ "ipip IPv4 in IPv6", GW_MODE_IPIP, false, true },
	{ "ipip IPv6 in IPv4", GW_MODE_IPIP, true, false },
	{ "gue IPv4 in IPv4", GW_MODE_GUE, false, false },
	{ "gue IPv6 in IPv6", GW_MODE_GUE, true, true },
	{ "gue IPv4 in IPv6", GW_MODE_GUE, false, true },
	{ "gue IPv6 in IPv4", GW_MODE_GUE, true, false },
};

#define for_each_mode(it)                                                                          \
	for (const struct mode *it = modes; it < modes + sizeof(modes) / sizeof(modes[0]); it++)

static inline bool mode_translates(const struct mode *mode)
{
	return mode->mode == GW_MODE_SNAT || mode->mode == GW_MODE_DNAT;
}

static inline bool mode_wraps(const struct mode *mode)
{
	return mode->mode == GW_MODE_IPIP || mode->mode == GW_MODE_GUE;
}

static inline uint32_t mode_service(const struct mode *mode, uint8_t protocol)
{
	if (mode->is_ip6)
		return protocol == IPPROTO_TCP ? SERVICE_TCP6 : SERVICE_UDP6;
	return protocol == IPPROTO_TCP ? SERVICE_TCP4 : SERVICE_UDP4;
}

static inline uint32_t mode_next_hop(const struct mode *mode)
{
	return mode->has_ip6_backend ? NEXT_HOP6 : NEXT_HOP4;
}

static inline struct gw_next_hop mode_hop(const struct mode *mode)
{
	return next_hop_to_backend(mode->has_ip6_backend);
}

static inline struct packet_spec mode_request(const struct mode *mode, uint8_t protocol)
{
	return mode->is_ip6 ? request6(protocol) : request4(protocol);
}

static inline void set_mode_service(const struct mode *mode, uint8_t protocol)
{
	uint32_t id = mode_service(mode, protocol);
	const struct gw_service service = service_in_mode(id, mode->mode);

	set_service(mode->is_ip6 ? VIP6 : VIP4, protocol, protocol == IPPROTO_TCP ? 80 : 53,
		    &service);
	set_backend(id, mode->has_ip6_backend ? BACKEND6 : BACKEND4, 8080, mode_next_hop(mode));
}

/* A world whose services of the case's family are in its mode. */
static inline void mode_open(const struct mode *mode)
{
	world_open();
	frame_case = mode->name;
	set_mode_service(mode, IPPROTO_TCP);
	set_mode_service(mode, IPPROTO_UDP);
}

/* How the packet leaves but for an outer header. */
static inline struct packet_spec mode_inner(const struct mode *mode, struct packet_spec spec)
{
	struct packet_spec out = forwarded(spec);

	if (mode->mode != GW_MODE_SNAT) {
		out.src = spec.src;
		out.src_port = spec.src_port;
	}
	if (!mode_translates(mode)) {
		out.dst = spec.dst;
		out.dst_port = spec.dst_port;
	}
	return out;
}

static inline uint64_t flow_hash_of(const struct packet_spec *spec)
{
	const struct gw_config config = world_config();
	const struct gw_addr src = address(spec->src), dst = address(spec->dst);

	return gw_flow_hash(config.hash_key, &src, &dst, htons(spec->src_port),
			    htons(spec->dst_port), spec->protocol, spec_is_ip6(spec));
}

/* The outer header of the packets of flow, which is a request's. */
static inline struct outer_spec mode_outer(const struct mode *mode, const struct packet_spec *flow)
{
	uint32_t hash = flow_hash_of(flow) >> 32;
	bool is_ip6 = mode->has_ip6_backend;
	struct outer_spec outer = {
		.src = address(is_ip6 ? ENCAP6 : ENCAP4),
		.dst = address(is_ip6 ? BACKEND6 : BACKEND4),
		.is_gue = mode->mode == GW_MODE_GUE,
		.gue_src_port = 49152 + hash % 16384,
		.flow_label = hash & 0xfffff,
	};

	outer.src.word[3] |= world_config().encap_mask[is_ip6 ? 0 : 1] & hash;
	return outer;
}

/* Bytes that the mode puts in front of the IP packet. */
static inline size_t mode_room(const struct mode *mode)
{
	const struct packet_spec flow = mode_request(mode, IPPROTO_UDP);
	const struct outer_spec outer = mode_outer(mode, &flow);

	return mode_wraps(mode) ? outer_bytes(&outer) : 0;
}

/* inner: a frame of the flow with all that mode_inner() changes. */
static inline struct frame mode_wrap(const struct mode *mode, const struct frame *inner,
				     const struct packet_spec *flow)
{
	const struct outer_spec outer = mode_outer(mode, flow);

	return mode_wraps(mode) ? frame_wrap(inner, &outer) : *inner;
}

/* What the request becomes when hop is where it goes. */
static inline struct frame mode_forwarded(const struct mode *mode, const struct packet_spec *spec,
					  const struct gw_next_hop *hop)
{
	struct packet_spec out = mode_inner(mode, *spec);
	struct frame inner;

	memcpy(out.vlan, hop->vlan, sizeof(out.vlan));
	inner = frame_build(&out);
	return mode_wrap(mode, &inner, spec);
}

static inline void mode_expect(const struct mode *mode, const struct packet_spec *spec,
			       const struct gw_next_hop *hop)
{
	struct frame in = frame_build(spec), wanted = mode_forwarded(mode, spec, hop), out;

	out = run_frame(&in, GW_FORWARDED, XDP_REDIRECT);
	assert_frame_equal(&out, &wanted);
}

#endif

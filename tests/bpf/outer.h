/* SPDX-License-Identifier: BSD-2-Clause */
/* outer.h - a frame's IP packet in another header, as the modes ipip and gue send it. */
#ifndef TESTS_BPF_OUTER_H
#define TESTS_BPF_OUTER_H

#include "frame.h"

enum {
	OUTER_TTL = 64,
	GUE_HEADER_BYTES = 8,
};

struct outer_spec {
	struct gw_addr src, dst; /* IPv4 mapped: an IPv4 header */
	bool is_gue;
	uint16_t gue_src_port;
	uint32_t flow_label; /* IPv6 */
};

static inline bool outer_is_ip6(const struct outer_spec *outer)
{
	return outer->dst.word[0] || outer->dst.word[1] || outer->dst.word[2] != htonl(0xffff);
}

static inline size_t outer_bytes(const struct outer_spec *outer)
{
	return (outer_is_ip6(outer) ? 40 : 20) + (outer->is_gue ? GUE_HEADER_BYTES : 0);
}

static inline void outer_write_ip4(uint8_t *ip, const struct outer_spec *outer, uint8_t protocol,
				   uint8_t traffic_class, size_t payload_bytes)
{
	ip[0] = 0x45;
	ip[1] = traffic_class;
	put16(ip + 2, 20 + payload_bytes);
	put16(ip + 6, 0x4000); /* don't fragment */
	ip[8] = OUTER_TTL;
	ip[9] = protocol;
	memcpy(ip + 12, &outer->src.word[3], 4);
	memcpy(ip + 16, &outer->dst.word[3], 4);
	put16(ip + 10, sum_finish(sum_bytes(0, ip, 20)));
}

static inline void outer_write_ip6(uint8_t *ip, const struct outer_spec *outer, uint8_t protocol,
				   uint8_t traffic_class, size_t payload_bytes)
{
	put32(ip, 6U << 28 | traffic_class << 20 | outer->flow_label);
	put16(ip + 4, payload_bytes);
	ip[6] = protocol;
	ip[7] = OUTER_TTL;
	memcpy(ip + 8, &outer->src, 16);
	memcpy(ip + 24, &outer->dst, 16);
}

/* The length of a frame's IP packet, as its header says. */
static inline size_t frame_ip_bytes(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + frame_network(frame);

	return ip[0] >> 4 == 6 ? 40 + get16(ip + 4) : get16(ip + 2);
}

static inline uint8_t frame_traffic_class(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + frame_network(frame);

	return ip[0] >> 4 == 6 ? get16(ip) >> 4 & 0xff : ip[1];
}

/* Padding behind the inner packet stays where it is. */
static inline struct frame frame_wrap(const struct frame *inner, const struct outer_spec *outer)
{
	size_t at = frame_network(inner), room = outer_bytes(outer), payload_bytes;
	bool inner_is_ip6 = inner->bytes[at] >> 4 == 6;
	uint8_t protocol = outer->is_gue ? IPPROTO_UDP : inner_is_ip6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	uint8_t traffic_class = frame_traffic_class(inner);
	struct frame frame = *inner;
	uint8_t *ip = frame.bytes + at;

	payload_bytes = frame_ip_bytes(inner) + (outer->is_gue ? GUE_HEADER_BYTES : 0);
	(void)frame_append(&frame, room);
	memmove(ip + room, inner->bytes + at, inner->size - at);
	memset(ip, 0, room);
	if (outer_is_ip6(outer))
		outer_write_ip6(ip, outer, protocol, traffic_class, payload_bytes);
	else
		outer_write_ip4(ip, outer, protocol, traffic_class, payload_bytes);
	put16(frame.bytes + at - 2, outer_is_ip6(outer) ? 0x86dd : 0x0800);
	if (outer->is_gue) {
		put16(ip + room - 8, outer->gue_src_port);
		put16(ip + room - 6, GW_GUE_PORT);
		put16(ip + room - 4, payload_bytes);
	}
	return frame;
}

#endif

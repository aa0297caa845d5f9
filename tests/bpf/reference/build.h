/* SPDX-License-Identifier: BSD-2-Clause */
/* build.h - frames from descriptions, with right checksums and lengths. */
#ifndef TESTS_BPF_REFERENCE_BUILD_H
#define TESTS_BPF_REFERENCE_BUILD_H

#include "reference/model.h"

/* Longest transport header and payload. */
#define SEGMENT_BYTES_MAX 9100

/* A packet. Ports are in host order. */
struct spec {
	struct link link;
	bool is_ipv6;
	struct gw_addr src, dst;
	uint8_t protocol, ttl, traffic_class;
	uint16_t src_port, dst_port;

	uint32_t id;      /* of a fragmented datagram */
	bool is_fragment; /* IPv6: with a fragment header */
	bool may_not_fragment;
	size_t from, bytes; /* the piece of the segment, when it is one; 0 bytes: all */

	size_t ip_option_bytes;      /* IPv4: a multiple of 4 */
	uint8_t extensions[8];       /* IPv6: types, 0 ends them, as hop-by-hop is written 0xff */
	uint8_t inner_extensions[8]; /* behind the fragment header */
	uint8_t extension_units;     /* of 8 bytes, behind the first 8 */

	uint8_t tcp_flags;
	uint32_t seq, ack;
	const uint8_t *tcp_options;
	size_t tcp_option_bytes; /* a multiple of 4 */
	bool has_no_checksum;    /* UDP */

	uint8_t icmp_type, icmp_code;
	uint32_t icmp_rest;
	const uint8_t *payload; /* NULL: counted bytes */
	size_t payload_bytes;
	size_t padding_bytes; /* behind the IP packet */
};

#define EXTENSION_HOP_BY_HOP 0xff

/* The transport header and payload; returns their size. */
size_t build_segment(const struct spec *spec, uint8_t *ret_segment);
/* The IP packet that carries the segment or a piece of it; returns its size. */
size_t build_packet(const struct spec *spec, const uint8_t *segment, size_t bytes,
		    uint8_t *ret_packet);
void build_frame(const struct spec *spec, struct frame *ret_frame);

#endif

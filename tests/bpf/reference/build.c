// SPDX-License-Identifier: BSD-2-Clause
/* build.c - transport, IP, Ethernet: from the inside to the outside. */
#include "reference/build.h"

#include <string.h>

#include "reference/bytes.h"

static size_t build_tcp(const struct spec *spec, uint8_t *tcp)
{
	size_t bytes = 20 + spec->tcp_option_bytes;

	put16(tcp, spec->src_port);
	put16(tcp + 2, spec->dst_port);
	put32(tcp + 4, spec->seq);
	put32(tcp + 8, spec->ack);
	tcp[12] = bytes / 4 << 4;
	tcp[13] = spec->tcp_flags;
	put16(tcp + 14, 0xfaf0);
	if (spec->tcp_option_bytes)
		memcpy(tcp + 20, spec->tcp_options, spec->tcp_option_bytes);
	return bytes;
}

static size_t build_udp(const struct spec *spec, uint8_t *udp)
{
	put16(udp, spec->src_port);
	put16(udp + 2, spec->dst_port);
	put16(udp + 4, 8 + spec->payload_bytes);
	return 8;
}

static size_t build_icmp(const struct spec *spec, uint8_t *icmp)
{
	icmp[0] = spec->icmp_type;
	icmp[1] = spec->icmp_code;
	put32(icmp + 4, spec->icmp_rest);
	return 8;
}

/* Where the checksum is, behind the header's begin; 0: there is none. */
static size_t build_header(const struct spec *spec, uint8_t *segment, size_t *ret_bytes)
{
	*ret_bytes = 0;
	switch (spec->protocol) {
	case IPPROTO_TCP:
		*ret_bytes = build_tcp(spec, segment);
		return 16;
	case IPPROTO_UDP:
		*ret_bytes = build_udp(spec, segment);
		return spec->has_no_checksum ? 0 : 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		*ret_bytes = build_icmp(spec, segment);
		return 2;
	default:
		return 0;
	}
}

static void fill_payload(const struct spec *spec, uint8_t *at)
{
	if (spec->payload && spec->payload_bytes)
		memcpy(at, spec->payload, spec->payload_bytes);
	else
		for (size_t i = 0; i < spec->payload_bytes; i++)
			at[i] = i + 1;
}

size_t build_segment(const struct spec *spec, uint8_t *ret_segment)
{
	size_t checksum_at, bytes;
	uint64_t sum = 0;
	uint16_t checksum;

	memset(ret_segment, 0, 60);
	checksum_at = build_header(spec, ret_segment, &bytes);
	fill_payload(spec, ret_segment + bytes);
	bytes += spec->payload_bytes;
	if (checksum_at == 0)
		return bytes;
	if (spec->protocol != IPPROTO_ICMP)
		sum = sum_pseudo_header(&spec->src, &spec->dst, spec->is_ipv6, bytes,
					spec->protocol);
	checksum = sum_checksum(sum + sum_bytes(ret_segment, bytes), 0);
	if (spec->protocol == IPPROTO_UDP && checksum == 0)
		checksum = 0xffff;
	put16(ret_segment + checksum_at, checksum);
	return bytes;
}

static size_t build_ip4(const struct spec *spec, const uint8_t *segment, size_t bytes, bool more,
			uint8_t *ip)
{
	size_t header_bytes = 20 + spec->ip_option_bytes;

	write_ip_header(ip, &spec->src, &spec->dst, false, spec->protocol, spec->ttl,
			spec->ip_option_bytes + bytes);
	memset(ip + 20, 1, spec->ip_option_bytes); /* no operation */
	ip[0] = 0x40 | header_bytes / 4;
	ip[1] = spec->traffic_class;
	put16(ip + 4, spec->id);
	put16(ip + 6, (spec->may_not_fragment ? 0x4000 : 0) | (more ? 0x2000 : 0) | spec->from / 8);
	put16(ip + 10, 0);
	put16(ip + 10, sum_checksum(sum_bytes(ip, header_bytes), 0));
	memcpy(ip + header_bytes, segment, bytes);
	return header_bytes + bytes;
}

/* The headers of these types at at; *next is where the type of the next one is written. */
static uint8_t *build_extensions(const struct spec *spec, const uint8_t *types, uint8_t *at,
				 uint8_t **next)
{
	size_t bytes = 8 + spec->extension_units * 8;

	for (; *types; types++) {
		**next = *types == EXTENSION_HOP_BY_HOP ? IPPROTO_HOPOPTS : *types;
		memset(at, 0, bytes);
		at[1] = spec->extension_units;
		*next = at;
		at += bytes;
	}
	return at;
}

static size_t build_ip6(const struct spec *spec, const uint8_t *segment, size_t bytes, bool more,
			uint8_t *ip)
{
	uint8_t *next = ip + 6, *at = ip + 40;

	write_ip_header(ip, &spec->src, &spec->dst, true, 0, spec->ttl, 0);
	ip[0] |= spec->traffic_class >> 4;
	ip[1] |= spec->traffic_class << 4;
	at = build_extensions(spec, spec->extensions, at, &next);
	if (spec->is_fragment) {
		*next = IPPROTO_FRAGMENT;
		next = at;
		at[1] = 0;
		put16(at + 2, spec->from | more);
		put32(at + 4, spec->id);
		at += 8;
		if (spec->from == 0)
			at = build_extensions(spec, spec->inner_extensions, at, &next);
	}
	*next = spec->protocol;
	memcpy(at, segment, bytes);
	put16(ip + 4, at + bytes - ip - 40);
	return at + bytes - ip;
}

size_t build_packet(const struct spec *spec, const uint8_t *segment, size_t bytes,
		    uint8_t *ret_packet)
{
	size_t piece =
		spec->bytes && spec->from + spec->bytes < bytes ? spec->bytes : bytes - spec->from;
	bool more = spec->from + piece < bytes;

	segment += spec->from;
	return spec->is_ipv6 ? build_ip6(spec, segment, piece, more, ret_packet)
			     : build_ip4(spec, segment, piece, more, ret_packet);
}

void build_frame(const struct spec *spec, struct frame *ret_frame)
{
	static uint8_t segment[SEGMENT_BYTES_MAX + 64];
	uint8_t *at = ret_frame->bytes + 12;

	memcpy(ret_frame->bytes, spec->link.dst_mac, 6);
	memcpy(ret_frame->bytes + 6, spec->link.src_mac, 6);
	for (int i = 0; i < 2 && spec->link.tags[i].tpid; i++, at += 4)
		memcpy(at, &spec->link.tags[i], 4);
	put16(at, spec->is_ipv6 ? 0x86dd : 0x0800);
	at += 2;
	at += build_packet(spec, segment, build_segment(spec, segment), at);
	memset(at, 0xee, spec->padding_bytes);
	ret_frame->size = at + spec->padding_bytes - ret_frame->bytes;
}

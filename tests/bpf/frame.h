/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.h - frames for the packet tests, built from a description. Checksums
 * are computed in full, from the bytes: what the program changes step by step
 * must come to the same.
 */
#ifndef TESTS_BPF_FRAME_H
#define TESTS_BPF_FRAME_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include <guideway/abi.h>

#define FRAME_BYTES_MAX 8192
#define ETHERNET_BYTES 14

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
};

struct frame {
	uint8_t bytes[FRAME_BYTES_MAX];
	size_t size;
};

struct mac_address {
	uint8_t byte[6];
};

/* What is left 0 has a default where 0 makes no sense. */
struct packet_spec {
	struct mac_address src_mac, dst_mac;
	struct gw_vlan vlan[2]; /* network order, outer first */
	const char *src, *dst;  /* addresses; IPv6 where there is a colon */
	uint16_t src_port, dst_port;
	uint8_t protocol;
	uint8_t ttl; /* default 64 */
	uint8_t tcp_flags;
	uint32_t seq, ack;
	uint8_t icmp_type, icmp_code;
	uint32_t icmp_rest;        /* network order */
	uint16_t fragment;         /* IPv4: flags and offset */
	bool keeps_id_zero;        /* IPv4 identification: default 0x1234 */
	size_t option_bytes;       /* IPv4: a multiple of 4 */
	size_t tcp_option_bytes;   /* a multiple of 4 */
	const uint8_t *extensions; /* IPv6: types, 0xff ends */
	uint8_t extension_units;   /* of 8 bytes, behind the first 8; default 1 */
	bool has_no_checksum;      /* UDP */
	const void *payload;       /* default: counted bytes */
	size_t payload_bytes;
	size_t padding_bytes; /* behind the IP packet */
};

static inline bool text_is_ip6(const char *text)
{
	return strchr(text, ':');
}

static inline struct gw_addr address(const char *text)
{
	struct gw_addr addr = { { 0, 0, htonl(0xffff), 0 } };

	if (text_is_ip6(text))
		assert_int_equal(inet_pton(AF_INET6, text, &addr), 1);
	else
		assert_int_equal(inet_pton(AF_INET, text, &addr.word[3]), 1);
	return addr;
}

static inline uint32_t sum_bytes(uint32_t sum, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

static inline uint16_t sum_finish(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static inline void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static inline uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static inline uint8_t *frame_append(struct frame *frame, size_t size)
{
	uint8_t *at = frame->bytes + frame->size;

	assert_true(frame->size + size <= FRAME_BYTES_MAX);
	memset(at, 0, size);
	frame->size += size;
	return at;
}

static inline void frame_append_link(struct frame *frame, const struct packet_spec *spec,
				     uint16_t ethertype)
{
	memcpy(frame_append(frame, 6), &spec->dst_mac, 6);
	memcpy(frame_append(frame, 6), &spec->src_mac, 6);
	for (int i = 0; i < 2 && spec->vlan[i].tpid; i++)
		memcpy(frame_append(frame, 4), &spec->vlan[i], 4);
	put16(frame_append(frame, 2), ethertype);
}

static inline bool spec_is_ip6(const struct packet_spec *spec)
{
	return text_is_ip6(spec->dst);
}

static inline uint32_t sum_pseudo_header(const struct packet_spec *spec, size_t bytes)
{
	struct gw_addr src = address(spec->src), dst = address(spec->dst);
	size_t skip = spec_is_ip6(spec) ? 0 : 12;
	uint32_t sum = spec->protocol + bytes;

	sum = sum_bytes(sum, (uint8_t *)&src + skip, 16 - skip);
	return sum_bytes(sum, (uint8_t *)&dst + skip, 16 - skip);
}

static inline void frame_append_payload(struct frame *frame, const struct packet_spec *spec)
{
	uint8_t *at = frame_append(frame, spec->payload_bytes);

	for (size_t i = 0; i < spec->payload_bytes; i++)
		at[i] = spec->payload ? ((const uint8_t *)spec->payload)[i] : i + 1;
}

static inline size_t append_tcp(struct frame *frame, const struct packet_spec *spec)
{
	uint8_t *tcp = frame_append(frame, 20 + spec->tcp_option_bytes);

	put16(tcp, spec->src_port);
	put16(tcp + 2, spec->dst_port);
	put32(tcp + 4, spec->seq);
	put32(tcp + 8, spec->ack);
	tcp[12] = (20 + spec->tcp_option_bytes) / 4 << 4;
	tcp[13] = spec->tcp_flags;
	memset(tcp + 20, 1, spec->tcp_option_bytes);
	return 16;
}

static inline size_t append_udp(struct frame *frame, const struct packet_spec *spec)
{
	uint8_t *udp = frame_append(frame, 8);

	put16(udp, spec->src_port);
	put16(udp + 2, spec->dst_port);
	put16(udp + 4, 8 + spec->payload_bytes);
	return 6;
}

static inline size_t append_icmp(struct frame *frame, const struct packet_spec *spec)
{
	uint8_t *icmp = frame_append(frame, 8);

	icmp[0] = spec->icmp_type;
	icmp[1] = spec->icmp_code;
	memcpy(icmp + 4, &spec->icmp_rest, 4);
	return 2;
}

static inline void frame_append_transport(struct frame *frame, const struct packet_spec *spec)
{
	size_t start = frame->size, checksum_at, bytes;
	uint32_t sum = 0;
	uint16_t checksum;

	switch (spec->protocol) {
	case IPPROTO_TCP:
		checksum_at = append_tcp(frame, spec);
		break;
	case IPPROTO_UDP:
		checksum_at = append_udp(frame, spec);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		checksum_at = append_icmp(frame, spec);
		break;
	default:
		frame_append_payload(frame, spec);
		return;
	}
	frame_append_payload(frame, spec);
	if (spec->has_no_checksum)
		return;

	bytes = frame->size - start;
	if (spec->protocol != IPPROTO_ICMP)
		sum = sum_pseudo_header(spec, bytes);
	checksum = sum_finish(sum_bytes(sum, frame->bytes + start, bytes));
	if (spec->protocol == IPPROTO_UDP && checksum == 0)
		checksum = 0xffff;
	put16(frame->bytes + start + checksum_at, checksum);
}

static inline void frame_append_ip4(struct frame *frame, const struct packet_spec *spec)
{
	struct gw_addr src = address(spec->src), dst = address(spec->dst);
	size_t start = frame->size, header_bytes = 20 + spec->option_bytes;
	uint8_t *ip = frame_append(frame, header_bytes);

	ip[0] = 0x40 | header_bytes / 4;
	put16(ip + 4, spec->keeps_id_zero ? 0 : 0x1234);
	put16(ip + 6, spec->fragment);
	ip[8] = spec->ttl ? spec->ttl : 64;
	ip[9] = spec->protocol;
	memcpy(ip + 12, &src.word[3], 4);
	memcpy(ip + 16, &dst.word[3], 4);
	memset(ip + 20, 1, spec->option_bytes);
	frame_append_transport(frame, spec);
	put16(ip + 2, frame->size - start);
	put16(ip + 10, sum_finish(sum_bytes(0, ip, header_bytes)));
}

static inline void frame_append_ip6(struct frame *frame, const struct packet_spec *spec)
{
	static const uint8_t none[] = { 0xff };
	const uint8_t *extension = spec->extensions ? spec->extensions : none;
	struct gw_addr src = address(spec->src), dst = address(spec->dst);
	uint8_t *ip = frame_append(frame, 40), *next = ip + 6;
	size_t start = frame->size;
	uint8_t units = spec->extension_units ? spec->extension_units : 1;

	ip[0] = 0x60;
	ip[7] = spec->ttl ? spec->ttl : 64;
	memcpy(ip + 8, &src, 16);
	memcpy(ip + 24, &dst, 16);
	for (; *extension != 0xff; extension++) {
		*next = *extension;
		next = frame_append(frame, 8 + units * 8);
		next[1] = units;
	}
	*next = spec->protocol;
	frame_append_transport(frame, spec);
	put16(ip + 4, frame->size - start);
}

static inline struct frame frame_build(const struct packet_spec *spec)
{
	struct frame frame = {};

	frame_append_link(&frame, spec, spec_is_ip6(spec) ? 0x86dd : 0x0800);
	if (spec_is_ip6(spec))
		frame_append_ip6(&frame, spec);
	else
		frame_append_ip4(&frame, spec);
	memset(frame_append(&frame, spec->padding_bytes), 0xee, spec->padding_bytes);
	return frame;
}

/* Where the IP header begins. */
static inline size_t frame_network(const struct frame *frame)
{
	size_t at = 12;

	while (get16(frame->bytes + at) == 0x8100 || get16(frame->bytes + at) == 0x88a8)
		at += 4;
	return at + 2;
}

static inline void assert_frame_equal(const struct frame *frame, const struct frame *expected)
{
	assert_int_equal(frame->size, expected->size);
	assert_memory_equal(frame->bytes, expected->bytes, expected->size);
}

#endif

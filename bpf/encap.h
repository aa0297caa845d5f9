/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encap.h - modes ipip and gue: the packet as it is, one hop older, in a header to the
 * backend, of the backend's family.
 *
 * DSCP and ECN are copied outwards (RFC 6040, 4.1, normal mode). Outer packets are never
 * fragmented: the way's MTU was asked before, so DF is set and the id may be 0 (RFC 6864).
 */
#ifndef BPF_ENCAP_H
#define BPF_ENCAP_H

#include "config.h"
#include "csum.h"
#include "next_hop.h"
#include "select.h"

#define ENCAP_TTL 64
#define GUE_SOURCE_PORT_FIRST 49152 /* 2^14 of them: the dynamic ports of RFC 6335 */
#define GUE_SOURCE_PORT_MASK 0x3fff
#define IP4_DONT_FRAGMENT 0x4000

/* All that the outer headers say. */
struct encap {
	struct gw_addr src, dst;
	__u32 payload_bytes; /* behind the outer IP header */
	__u32 hash;          /* upper half of the flow's */
	__u8 traffic_class;
	__u8 inner_protocol; /* IPPROTO_IPIP or IPPROTO_IPV6 */
	bool is_gue;
};

static __always_inline bool backend_is_ip4(const struct gw_backend *backend)
{
	return backend->flags & GW_BACKEND_IPV4;
}

static __always_inline __u32 encap_bytes(bool is_ip4, bool is_gue)
{
	return (is_ip4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
	       (is_gue ? sizeof(struct udphdr) : 0);
}

static __always_inline bool encap_has_source(const struct gw_next_hop *hop)
{
	return hop->encap_source.word[0] | hop->encap_source.word[3];
}

static __always_inline __u8 traffic_class_of(const struct packet *packet)
{
	if (packet->ip6)
		return bpf_ntohs(*(const __be16 *)packet->ip6) >> 4;
	return packet->ip4 ? packet->ip4->tos : 0;
}

static __always_inline bool encap_write_ip4(struct cursor *cursor, const struct encap *encap)
{
	struct iphdr *ip = cursor_take(cursor, sizeof(*ip));
	__u32 *words = (__u32 *)ip;
	__u32 first, second, third;

	if (!ip)
		return false;
	/* In words, whose sum is the header's: no field is read back. */
	first = bpf_htonl((4U << 28 | sizeof(*ip) / 4 << 24) | encap->traffic_class << 16 |
			  (sizeof(*ip) + encap->payload_bytes));
	second = bpf_htonl(IP4_DONT_FRAGMENT);
	third = bpf_htonl(ENCAP_TTL << 24 | (encap->is_gue ? IPPROTO_UDP : encap->inner_protocol)
						    << 16);
	words[0] = first;
	words[1] = second;
	words[2] =
		third |
		csum_finish((__u64)first + second + third + encap->src.word[3] + encap->dst.word[3])
			<< 16;
	words[3] = encap->src.word[3];
	words[4] = encap->dst.word[3];
	return true;
}

static __always_inline bool encap_write_ip6(struct cursor *cursor, const struct encap *encap)
{
	struct ipv6hdr *ip = cursor_take(cursor, sizeof(*ip));
	__u32 *words = (__u32 *)ip;

	if (!ip)
		return false;
	words[0] = bpf_htonl(6U << 28 | encap->traffic_class << 20 | (encap->hash & 0xfffff));
	words[1] =
		bpf_htonl(encap->payload_bytes << 16 |
			  (encap->is_gue ? IPPROTO_UDP : encap->inner_protocol) << 8 | ENCAP_TTL);
	__builtin_memcpy(&ip->saddr, &encap->src, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &encap->dst, sizeof(ip->daddr));
	return true;
}

/* Without a checksum, which both families' tunnels may leave out (RFC 6935). */
static __always_inline bool encap_write_gue(struct cursor *cursor, const struct encap *encap)
{
	struct udphdr *udp = cursor_take(cursor, sizeof(*udp));

	if (!udp)
		return false;
	udp->source = bpf_htons(GUE_SOURCE_PORT_FIRST + (encap->hash & GUE_SOURCE_PORT_MASK));
	udp->dest = bpf_htons(GW_GUE_PORT);
	udp->len = bpf_htons(encap->payload_bytes);
	udp->check = 0;
	return true;
}

/* The source is spread by the flow, so that the backend's card spreads flows over its queues. */
static __always_inline struct encap encap_of(const struct packet *packet,
					     const struct selection *selection,
					     const struct gw_next_hop *hop, bool is_gue)
{
	struct encap encap = {
		.src = hop->encap_source,
		.dst = selection->backend->address,
		.hash = selection->hash >> 32,
		.payload_bytes = packet->ip_bytes + (is_gue ? sizeof(struct udphdr) : 0),
		.traffic_class = traffic_class_of(packet),
		.inner_protocol = packet->is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP,
		.is_gue = is_gue,
	};

	encap.src.word[3] |= encap.hash & config.encap_mask[backend_is_ip4(selection->backend)];
	return encap;
}

static __always_inline enum gw_verdict
encap_in_ip4(struct packet *packet, const struct encap *encap, const struct link *link)
{
	enum gw_verdict verdict;
	struct cursor cursor;

	packet->ethertype = bpf_htons(ETH_P_IP);
	verdict = frame_write(packet, link, encap_bytes(true, encap->is_gue), &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	if (!encap_write_ip4(&cursor, encap))
		return GW_NO_HEADROOM;
	return !encap->is_gue || encap_write_gue(&cursor, encap) ? UNDECIDED : GW_NO_HEADROOM;
}

static __always_inline enum gw_verdict
encap_in_ip6(struct packet *packet, const struct encap *encap, const struct link *link)
{
	enum gw_verdict verdict;
	struct cursor cursor;

	packet->ethertype = bpf_htons(ETH_P_IPV6);
	verdict = frame_write(packet, link, encap_bytes(false, encap->is_gue), &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	if (!encap_write_ip6(&cursor, encap))
		return GW_NO_HEADROOM;
	return !encap->is_gue || encap_write_gue(&cursor, encap) ? UNDECIDED : GW_NO_HEADROOM;
}

static __always_inline enum gw_verdict encap_forward(struct packet *packet,
						     const struct selection *selection,
						     const struct gw_next_hop *hop,
						     const struct link *link, bool is_gue)
{
	const struct encap encap = encap_of(packet, selection, hop, is_gue);

	packet_pass_hop(packet);
	if (backend_is_ip4(selection->backend))
		return encap_in_ip4(packet, &encap, link);
	return encap_in_ip6(packet, &encap, link);
}

#endif

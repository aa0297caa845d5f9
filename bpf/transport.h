/* SPDX-License-Identifier: GPL-2.0-only */
/* transport.h - parse, second half: what lies behind the addresses of a packet to one of ours. */
#ifndef BPF_TRANSPORT_H
#define BPF_TRANSPORT_H

#include "packet.h"

#define IP6_EXTENSIONS_MAX 4
#define IP4_FRAGMENT_MASK 0x3fff /* more fragments, or an offset */
#define IP4_OFFSET_MASK 0x1fff   /* in units of 8 bytes */
#define IP4_MORE 0x2000
#define IP4_OPTION_BYTES_MASK 0x3f
#define EXTENSION_BYTES_MASK 0x3fff /* 4 headers of at most 2,048 bytes */
#define EXTENSIONS_START_MAX 512    /* of a frame: behind what an ICMP error quotes it is farther */
#define DATAGRAM_BYTES_MAX 65535

struct extension {
	__u8 next;
	__u8 units; /* of 8 bytes, behind the first 8 */
	__u8 type;  /* this and the next: of a routing header only */
	__u8 segments_left;
	__u8 data[4];
};

struct fragment_header {
	__u8 next;
	__u8 zero;
	__be16 offset; /* the last three bits are flags: bit 0 says that others follow */
	__be32 id;
};

/* 0/8, 127/8, multicast and broadcast answer nobody and are answered by nobody. */
static __always_inline bool ip4_is_host(__be32 ip4)
{
	__u8 first = bpf_ntohl(ip4) >> 24;

	return first != 0 && first != 127 && first < 224;
}

static __always_inline bool ip6_is_host(const struct gw_addr *addr)
{
	if ((addr->word[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000))
		return false;
	return addr->word[0] | addr->word[1] | addr->word[2] |
	       (addr->word[3] & bpf_htonl(0xfffffffe)); /* :: and ::1 */
}

/* A piece of a datagram: units of 8 bytes from its start, and more to follow. */
static __always_inline enum gw_verdict parse_fragment(struct packet *packet, __u32 id, __u16 units,
						      bool is_last)
{
	__u32 bytes = packet->ip_bytes - packet->header_bytes;

	if (units == 0 && is_last)
		return UNDECIDED; /* all of it (RFC 6946) */
	if (packet->ip_bytes < packet->header_bytes || bytes == 0 || (!is_last && bytes % 8) ||
	    units * 8 + bytes > DATAGRAM_BYTES_MAX)
		return GW_BAD_HEADER;
	packet->fragment_id = id;
	packet->fragment_units = units;
	packet->fragment_bytes = bytes;
	packet->is_first_fragment = units == 0;
	packet->is_later_fragment = units != 0;
	return UNDECIDED;
}

static __always_inline enum gw_verdict parse_ip4_rest(struct packet *packet, struct cursor *cursor)
{
	const struct iphdr *ip = packet->ip4;
	__u16 offset = bpf_ntohs(ip->frag_off);
	__be16 id = ip->id;

	packet->header_bytes = ip->ihl * 4;
	packet->ip_bytes = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || packet->header_bytes < sizeof(*ip) ||
	    packet->ip_bytes < packet->header_bytes || !ip4_is_host(ip->saddr))
		return GW_BAD_HEADER;
	if (packet->ip_bytes > packet->frame_bytes - packet->link_bytes)
		return GW_TRUNCATED;
	/* The mask is for 6.1, which does not always remember that they are no less than 20. */
	if (!cursor_take(cursor, (packet->header_bytes - sizeof(*ip)) & IP4_OPTION_BYTES_MASK))
		return GW_TRUNCATED;
	return parse_fragment(packet, id, offset & IP4_OFFSET_MASK, !(offset & IP4_MORE));
}

static __always_inline bool is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS;
}

/*
 * The way through the extension headers that begin at the frame's offset, the
 * first of type protocol. Returns protocol << 16 | bytes of what lies behind
 * them, or a negative verdict. Behind more of them than the limit, protocol
 * stays that of one: nobody serves it.
 *
 * Inlined, each count of headers would be verified together with everything
 * that follows: as a function by itself it halves the verifier's work.
 */
__noinline int packet_skip_extensions(struct xdp_md *ctx, __u32 offset, __u32 protocol)
{
	struct cursor cursor = cursor_at_start(ctx);
	__u32 bytes = 0;

	if (offset > EXTENSIONS_START_MAX || !cursor_take(&cursor, offset))
		return -GW_TRUNCATED;
	for (int i = 0; i < IP6_EXTENSIONS_MAX && is_extension(protocol); i++) {
		struct extension *extension = cursor_take(&cursor, sizeof(*extension));

		if (!extension)
			return -GW_TRUNCATED;
		/* A route that is not at its end: this packet is for somebody else yet. */
		if (protocol == IPPROTO_ROUTING && extension->segments_left != 0)
			return -GW_BAD_HEADER;
		protocol = extension->next;
		bytes += 8 + extension->units * 8;
		if (!cursor_take(&cursor, extension->units * 8))
			return -GW_TRUNCATED;
	}
	return (protocol & 0xff) << 16 | bytes;
}

static __always_inline enum gw_verdict parse_extensions(struct packet *packet,
							struct cursor *cursor)
{
	int way;

	if (!is_extension(packet->protocol))
		return UNDECIDED;
	way = packet_skip_extensions(packet->ctx, packet->link_bytes + packet->header_bytes,
				     packet->protocol);
	if (way < 0)
		return -way;
	packet->protocol = way >> 16;
	packet->header_bytes += way & 0xffff;
	if (packet->header_bytes > packet->ip_bytes ||
	    !cursor_take(cursor, way & EXTENSION_BYTES_MASK))
		return GW_TRUNCATED;
	return UNDECIDED;
}

/* Its header, and those that the datagram has behind it: only the first fragment has them. */
static __always_inline enum gw_verdict parse_ip6_fragment(struct packet *packet,
							  struct cursor *cursor)
{
	struct fragment_header *header = cursor_take(cursor, sizeof(*header));
	enum gw_verdict verdict;
	__u16 offset;

	if (!header)
		return GW_TRUNCATED;
	offset = bpf_ntohs(header->offset);
	packet->protocol = header->next;
	packet->header_bytes += sizeof(*header);
	if (packet->header_bytes > packet->ip_bytes)
		return GW_TRUNCATED;
	verdict = parse_fragment(packet, header->id, offset >> 3, !(offset & 1));
	if (verdict != UNDECIDED || packet->is_later_fragment)
		return verdict;
	return parse_extensions(packet, cursor);
}

static __always_inline enum gw_verdict parse_ip6_rest(struct packet *packet, struct cursor *cursor)
{
	const struct ipv6hdr *ip = packet->ip6;
	enum gw_verdict verdict;

	packet->header_bytes = sizeof(*ip);
	packet->ip_bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (ip->version != 6 || !ip6_is_host(&packet->src))
		return GW_BAD_HEADER;
	if (packet->ip_bytes > packet->frame_bytes - packet->link_bytes)
		return GW_TRUNCATED;
	verdict = parse_extensions(packet, cursor);
	if (verdict != UNDECIDED || packet->protocol != IPPROTO_FRAGMENT)
		return verdict;
	return parse_ip6_fragment(packet, cursor);
}

static __always_inline enum gw_verdict parse_tcp(struct packet *packet, struct cursor *cursor,
						 __u32 bytes)
{
	struct tcphdr *tcp = cursor_take(cursor, sizeof(*tcp));

	if (!tcp || bytes < sizeof(*tcp))
		return GW_TRUNCATED;
	if (tcp->doff * 4 < sizeof(*tcp))
		return GW_BAD_HEADER;
	if (tcp->doff * 4 > bytes)
		return GW_TRUNCATED;
	packet->tcp = tcp;
	packet->ports = &tcp->source;
	packet->checksum = &tcp->check;
	packet->src_port = tcp->source;
	packet->dst_port = tcp->dest;
	packet->tcp_flags = ((__u8 *)tcp)[13];
	return UNDECIDED;
}

static __always_inline enum gw_verdict parse_udp(struct packet *packet, struct cursor *cursor,
						 __u32 bytes)
{
	struct udphdr *udp = cursor_take(cursor, sizeof(*udp));

	if (!udp || bytes < sizeof(*udp))
		return GW_TRUNCATED;
	if (bpf_ntohs(udp->len) < sizeof(*udp))
		return GW_BAD_HEADER;
	if (bpf_ntohs(udp->len) > bytes && !packet->is_first_fragment)
		return GW_TRUNCATED;
	packet->udp = udp;
	packet->ports = &udp->source;
	packet->checksum = &udp->check;
	packet->src_port = udp->source;
	packet->dst_port = udp->dest;
	return UNDECIDED;
}

static __always_inline enum gw_verdict parse_icmp(struct packet *packet, struct cursor *cursor,
						  __u32 bytes)
{
	struct icmp6hdr *icmp = cursor_take(cursor, sizeof(*icmp));

	if (!icmp || bytes < sizeof(*icmp))
		return GW_TRUNCATED;
	packet->icmp = icmp;
	packet->icmp_type = icmp->icmp6_type;
	return UNDECIDED;
}

static __always_inline enum gw_verdict parse_rest(struct packet *packet, struct cursor *cursor)
{
	if (packet->ip6)
		return parse_ip6_rest(packet, cursor);
	if (packet->ip4)
		return parse_ip4_rest(packet, cursor);
	return GW_NOT_OURS;
}

/* The cursor stands behind the fixed IP header, where packet_parse_network() left it. */
static __always_inline enum gw_verdict packet_parse_transport(struct packet *packet,
							      struct cursor *cursor)
{
	enum gw_verdict verdict = parse_rest(packet, cursor);
	__u32 bytes;

	if (verdict != UNDECIDED || packet->is_later_fragment)
		return verdict;
	bytes = packet->ip_bytes - packet->header_bytes;
	if (packet->protocol == IPPROTO_TCP && !packet->is_error)
		return parse_tcp(packet, cursor, bytes);
	if (packet->protocol == IPPROTO_UDP && !packet->is_error)
		return parse_udp(packet, cursor, bytes);
	if (packet->protocol == (packet->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return parse_icmp(packet, cursor, bytes);
	return UNDECIDED;
}

#endif

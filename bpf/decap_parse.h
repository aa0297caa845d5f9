/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decap_parse.h - bytes -> struct tunnel: the headers outside, and the one inside.
 *
 * What cannot be known for a tunnel packet passes: the kernel sees what is wrong with it.
 */
#ifndef BPF_DECAP_PARSE_H
#define BPF_DECAP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <guideway/decap_abi.h>

/* A stage's answer when the packet's way goes on. */
#define UNDECIDED GW_DECAP_VERDICT_COUNT

#define VLAN_TAGS_MAX 2
#define EXTENSIONS_MAX 2 /* ip6_tunnel writes one: its encapsulation limit */
#define IP4_MAPPED bpf_htonl(0xffff)
#define IP4_FRAGMENT 0x3fff /* more fragments, and the offset */
#define IP4_OFFSET 0x1fff
#define IP6_FRAGMENT 0xfff9
#define IP6_OFFSET 0xfff8
#define UDP_HEADER_BYTES 8
#define GUE_VARIANT_1 1 /* of the first two bits: an IP header follows at once */

const volatile struct gw_decap_config config SEC(".rodata");

struct tunnel {
	struct xdp_md *ctx;
	struct iphdr *inner4; /* one of them, once the inner header is parsed */
	struct ipv6hdr *inner6;
	struct gw_decap_prefix src; /* outer, as the key of sources */
	struct gw_addr dst;         /* outer */
	__u16 macs[6];              /* destination and source, as on the wire */
	struct gw_vlan vlan[VLAN_TAGS_MAX];
	__be16 ethertype; /* behind the tags */
	__u32 frame_bytes;
	__u32 link_bytes;    /* of Ethernet header and tags */
	__u32 ip_bytes;      /* of the outer IP packet, as it says itself */
	__u32 udp_bytes;     /* the same of GUE's datagram */
	__u32 outer_bytes;   /* of the headers to remove */
	__u32 payload_bytes; /* behind them, as they say */
	enum gw_decap_verdict unwrapped;
	__u8 protocol; /* outer */
	__u8 ecn;      /* outer */
	__u8 inner_version;
	__u8 is_fragment;
	__u8 is_later_fragment; /* not the first of its packet */
};

struct cursor {
	void *at;
	void *end;
	__u32 taken; /* bytes */
};

static __always_inline struct cursor cursor_at_start(struct xdp_md *ctx)
{
	return (struct cursor){ (void *)(long)ctx->data, (void *)(long)ctx->data_end, 0 };
}

/* The next bytes, or NULL when the frame ends before them. */
static __always_inline void *cursor_take(struct cursor *cursor, __u32 bytes)
{
	void *header = cursor->at;

	if (header + bytes > cursor->end)
		return NULL;
	cursor->at = header + bytes;
	cursor->taken += bytes;
	return header;
}

static __always_inline bool is_group(const __u16 *mac)
{
	return mac[0] & bpf_htons(0x0100);
}

/* A frame to a group is never a tunnel's: who is it for? */
static __always_inline enum gw_decap_verdict parse_link(struct tunnel *tunnel,
							struct cursor *cursor)
{
	struct link_header {
		__u16 macs[6];
		__be16 ethertype;
	} *link = cursor_take(cursor, sizeof(*link));

	if (!link || is_group(link->macs))
		return GW_DECAP_PASSED;
	__builtin_memcpy(tunnel->macs, link->macs, sizeof(link->macs));
	tunnel->ethertype = link->ethertype;

#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct tag {
			__be16 tci, ethertype;
		} * tag;

		if (tunnel->ethertype != bpf_htons(ETH_P_8021Q) &&
		    tunnel->ethertype != bpf_htons(ETH_P_8021AD))
			break;
		tag = cursor_take(cursor, sizeof(*tag));
		if (!tag)
			return GW_DECAP_PASSED;
		tunnel->vlan[i].tpid = tunnel->ethertype;
		tunnel->vlan[i].tci = tag->tci;
		tunnel->ethertype = tag->ethertype;
	}
	tunnel->link_bytes = cursor->taken;
	return UNDECIDED;
}

static __always_inline bool is_of_a_tunnel(__u8 protocol)
{
	return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6 || protocol == IPPROTO_UDP;
}

/* Of UDP without its port nobody knows whether it is GUE. */
static __always_inline enum gw_decap_verdict broken(__u8 protocol, enum gw_decap_verdict verdict)
{
	return protocol == IPPROTO_UDP ? GW_DECAP_PASSED : verdict;
}

static __always_inline enum gw_decap_verdict parse_outer4(struct tunnel *tunnel,
							  struct cursor *cursor)
{
	struct iphdr *ip = cursor_take(cursor, sizeof(*ip));

	if (!ip || !is_of_a_tunnel(ip->protocol))
		return GW_DECAP_PASSED;
	tunnel->protocol = ip->protocol;
	if (ip->version != 4 || ip->ihl * 4 < sizeof(*ip))
		return broken(ip->protocol, GW_DECAP_BAD_HEADER);
	if (!cursor_take(cursor, ip->ihl * 4 - sizeof(*ip)))
		return broken(ip->protocol, GW_DECAP_TRUNCATED);
	tunnel->ip_bytes = bpf_ntohs(ip->tot_len);
	tunnel->ecn = ip->tos & 3;
	tunnel->is_fragment = (ip->frag_off & bpf_htons(IP4_FRAGMENT)) != 0;
	tunnel->is_later_fragment = (ip->frag_off & bpf_htons(IP4_OFFSET)) != 0;
	tunnel->src.address = (struct gw_addr){ { 0, 0, IP4_MAPPED, ip->saddr } };
	tunnel->dst = (struct gw_addr){ { 0, 0, IP4_MAPPED, ip->daddr } };
	return UNDECIDED;
}

/* Options that every host reads, then perhaps a fragment header. */
static __always_inline bool parse_extensions(struct tunnel *tunnel, struct cursor *cursor)
{
	struct fragment {
		__u8 next, zero;
		__be16 offset;
		__be32 id;
	} * fragment;

	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		struct options {
			__u8 next, units;
			__u8 first[6];
		} * options;

		if (tunnel->protocol != IPPROTO_HOPOPTS && tunnel->protocol != IPPROTO_DSTOPTS)
			break;
		options = cursor_take(cursor, sizeof(*options));
		if (!options || !cursor_take(cursor, options->units * 8))
			return false;
		tunnel->protocol = options->next;
	}
	if (tunnel->protocol != IPPROTO_FRAGMENT)
		return true;
	fragment = cursor_take(cursor, sizeof(*fragment));
	if (!fragment)
		return false;
	tunnel->protocol = fragment->next;
	tunnel->is_fragment = (fragment->offset & bpf_htons(IP6_FRAGMENT)) != 0;
	tunnel->is_later_fragment = (fragment->offset & bpf_htons(IP6_OFFSET)) != 0;
	return true;
}

static __always_inline enum gw_decap_verdict parse_outer6(struct tunnel *tunnel,
							  struct cursor *cursor)
{
	struct ipv6hdr *ip = cursor_take(cursor, sizeof(*ip));

	if (!ip)
		return GW_DECAP_PASSED;
	tunnel->protocol = ip->nexthdr;
	if (!parse_extensions(tunnel, cursor) || !is_of_a_tunnel(tunnel->protocol))
		return GW_DECAP_PASSED;
	if (ip->version != 6)
		return broken(tunnel->protocol, GW_DECAP_BAD_HEADER);
	tunnel->ip_bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	tunnel->ecn = ip->flow_lbl[0] >> 4 & 3;
	tunnel->src.is_ipv6 = true;
	__builtin_memcpy(&tunnel->src.address, &ip->saddr, sizeof(struct gw_addr));
	__builtin_memcpy(&tunnel->dst, &ip->daddr, sizeof(struct gw_addr));
	return UNDECIDED;
}

/*
 * Another variant, or nothing at all, is left to the kernel. The UDP checksum is over
 * everything and is not looked at: the inner packet has its own.
 */
static __always_inline enum gw_decap_verdict parse_gue(struct tunnel *tunnel, struct cursor *cursor)
{
	__be16 *ports, *lengths;
	struct cursor behind;
	__u8 *first;

	if (tunnel->is_later_fragment)
		return GW_DECAP_PASSED;
	ports = cursor_take(cursor, 2 * sizeof(*ports));
	if (!ports || ports[1] != config.gue_port)
		return GW_DECAP_PASSED;
	lengths = cursor_take(cursor, 2 * sizeof(*lengths));
	if (!lengths)
		return GW_DECAP_TRUNCATED;
	tunnel->udp_bytes = bpf_ntohs(lengths[0]);
	if (tunnel->udp_bytes == UDP_HEADER_BYTES)
		return GW_DECAP_PASSED;
	behind = *cursor;
	first = cursor_take(&behind, sizeof(*first));
	if (!first)
		return GW_DECAP_TRUNCATED;
	if (*first >> 6 != GUE_VARIANT_1)
		return GW_DECAP_PASSED;
	tunnel->inner_version = *first >> 4;
	tunnel->unwrapped = GW_DECAP_UNWRAPPED_GUE;
	return UNDECIDED;
}

static __always_inline enum gw_decap_verdict parse_outer(struct tunnel *tunnel,
							 struct cursor *cursor)
{
	enum gw_decap_verdict verdict = GW_DECAP_PASSED;

	if (tunnel->ethertype == bpf_htons(ETH_P_IP))
		verdict = parse_outer4(tunnel, cursor);
	else if (tunnel->ethertype == bpf_htons(ETH_P_IPV6))
		verdict = parse_outer6(tunnel, cursor);
	if (verdict == UNDECIDED && tunnel->protocol == IPPROTO_UDP)
		verdict = parse_gue(tunnel, cursor);
	if (verdict != UNDECIDED)
		return verdict;
	tunnel->outer_bytes = cursor->taken - tunnel->link_bytes;
	if (tunnel->protocol != IPPROTO_UDP) {
		tunnel->inner_version = tunnel->protocol == IPPROTO_IPIP ? 4 : 6;
		tunnel->unwrapped = GW_DECAP_UNWRAPPED_IPIP;
	}
	return UNDECIDED;
}

static __always_inline enum gw_decap_verdict parse_lengths(struct tunnel *tunnel)
{
	if (tunnel->ip_bytes < tunnel->outer_bytes)
		return GW_DECAP_BAD_HEADER;
	if (tunnel->link_bytes + tunnel->ip_bytes > tunnel->frame_bytes)
		return GW_DECAP_TRUNCATED;
	tunnel->payload_bytes = tunnel->ip_bytes - tunnel->outer_bytes;
	if (tunnel->protocol != IPPROTO_UDP)
		return UNDECIDED;
	if (tunnel->udp_bytes < UDP_HEADER_BYTES)
		return GW_DECAP_BAD_HEADER;
	if (tunnel->udp_bytes - UDP_HEADER_BYTES > tunnel->payload_bytes)
		return GW_DECAP_TRUNCATED;
	tunnel->payload_bytes = tunnel->udp_bytes - UDP_HEADER_BYTES;
	return UNDECIDED;
}

static __always_inline enum gw_decap_verdict parse_inner4(struct tunnel *tunnel,
							  struct cursor *cursor)
{
	struct iphdr *ip = cursor_take(cursor, sizeof(*ip));

	if (!ip || tunnel->payload_bytes < sizeof(*ip))
		return GW_DECAP_TRUNCATED;
	if (ip->version != 4 || ip->ihl * 4 < sizeof(*ip) || bpf_ntohs(ip->tot_len) < ip->ihl * 4)
		return GW_DECAP_BAD_INNER;
	if (bpf_ntohs(ip->tot_len) > tunnel->payload_bytes)
		return GW_DECAP_TRUNCATED;
	tunnel->inner4 = ip;
	return UNDECIDED;
}

static __always_inline enum gw_decap_verdict parse_inner6(struct tunnel *tunnel,
							  struct cursor *cursor)
{
	struct ipv6hdr *ip = cursor_take(cursor, sizeof(*ip));

	if (!ip || tunnel->payload_bytes < sizeof(*ip))
		return GW_DECAP_TRUNCATED;
	if (ip->version != 6)
		return GW_DECAP_BAD_INNER;
	if (sizeof(*ip) + bpf_ntohs(ip->payload_len) > tunnel->payload_bytes)
		return GW_DECAP_TRUNCATED;
	tunnel->inner6 = ip;
	return UNDECIDED;
}

/* What stands behind the inner header is for the kernel to judge. */
static __always_inline enum gw_decap_verdict parse_inner(struct tunnel *tunnel,
							 struct cursor *cursor)
{
	enum gw_decap_verdict verdict = parse_lengths(tunnel);

	if (verdict != UNDECIDED)
		return verdict;
	switch (tunnel->inner_version) {
	case 4:
		return parse_inner4(tunnel, cursor);
	case 6:
		return parse_inner6(tunnel, cursor);
	default:
		return GW_DECAP_BAD_INNER;
	}
}

#endif

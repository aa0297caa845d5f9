/* SPDX-License-Identifier: GPL-2.0-only */
/* answer.h - what the gateway itself says as a VIP: back the way the packet came. */
#ifndef BPF_ANSWER_H
#define BPF_ANSWER_H

#include "csum.h"
#include "frame.h"

#define ANSWER_TTL 64

static __always_inline struct link answer_link(const struct packet *packet)
{
	return (struct link){
		.dst = packet->link->src,
		.src = packet->link->dst,
		.vlan = { packet->vlan[0], packet->vlan[1] },
		.ifindex = packet->ctx->ingress_ifindex,
	};
}

/* Cuts or grows the frame, which bytes of payload shall follow the Ethernet header. */
static __always_inline bool answer_resize(struct packet *packet, __u32 bytes)
{
	int grow = (int)(packet->link_bytes + bytes) - (int)packet->frame_bytes;

	return grow == 0 || !bpf_xdp_adjust_tail(packet->ctx, grow);
}

static __always_inline void answer_write_ip4(struct iphdr *ip, const struct packet *packet,
					     __u8 protocol, __u32 payload_bytes)
{
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = bpf_htons(sizeof(*ip) + payload_bytes),
		.frag_off = bpf_htons(0x4000), /* don't fragment, so id may be 0 (RFC 6864) */
		.ttl = ANSWER_TTL,
		.protocol = protocol,
		.saddr = packet->dst.word[3],
		.daddr = packet->src.word[3],
	};
	ip->check = csum_finish(csum_add(0, ip, sizeof(*ip)));
}

static __always_inline void answer_write_ip6(struct ipv6hdr *ip, const struct packet *packet,
					     const struct gw_addr *to, __u8 protocol,
					     __u32 payload_bytes, __u8 hop_limit)
{
	*ip = (struct ipv6hdr){
		.version = 6,
		.payload_len = bpf_htons(payload_bytes),
		.nexthdr = protocol,
		.hop_limit = hop_limit,
	};
	__builtin_memcpy(&ip->saddr, &packet->dst, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, to, sizeof(ip->daddr));
}

static __always_inline __u32 answer_ip_bytes(const struct packet *packet)
{
	return packet->is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

/* A fresh IP header from the VIP to the sender, where the cursor stands. */
static __always_inline bool answer_write_ip(struct cursor *cursor, const struct packet *packet,
					    __u8 protocol, __u32 payload_bytes)
{
	if (packet->is_ipv6) {
		struct ipv6hdr *ip6 = cursor_take(cursor, sizeof(*ip6));

		if (!ip6)
			return false;
		answer_write_ip6(ip6, packet, &packet->src, protocol, payload_bytes, ANSWER_TTL);
	} else {
		struct iphdr *ip4 = cursor_take(cursor, sizeof(*ip4));

		if (!ip4)
			return false;
		answer_write_ip4(ip4, packet, protocol, payload_bytes);
	}
	return true;
}

#endif

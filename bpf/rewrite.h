/* SPDX-License-Identifier: GPL-2.0-only */
/* rewrite.h - new addresses and ports for a packet that is forwarded, and one hop less. */
#ifndef BPF_REWRITE_H
#define BPF_REWRITE_H

#include "csum.h"
#include "packet.h"

struct ends {
	struct gw_addr src, dst;
	__be16 src_port, dst_port;
};

static __always_inline void rewrite_transport(struct packet *packet, const struct ends *to)
{
	__u64 change = 0;

	change = csum_change_addr(change, &packet->src, &to->src);
	change = csum_change_addr(change, &packet->dst, &to->dst);
	change = csum_change(change, packet->src_port, to->src_port);
	change = csum_change(change, packet->dst_port, to->dst_port);
	csum_apply_transport(packet->checksum, change, packet->protocol);
	packet->ports[0] = to->src_port;
	packet->ports[1] = to->dst_port;
}

static __always_inline void rewrite_ip4(struct iphdr *ip, const struct ends *to, __u8 hops)
{
	__u64 change = csum_change(0, bpf_htons(hops << 8), 0); /* the TTL is an upper byte */

	change = csum_change(change, ip->saddr, to->src.word[3]);
	change = csum_change(change, ip->daddr, to->dst.word[3]);
	csum_apply(&ip->check, change);
	ip->saddr = to->src.word[3];
	ip->daddr = to->dst.word[3];
	ip->ttl -= hops;
}

static __always_inline void rewrite_ip6(struct ipv6hdr *ip, const struct ends *to, __u8 hops)
{
	__builtin_memcpy(&ip->saddr, &to->src, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &to->dst, sizeof(ip->daddr));
	ip->hop_limit -= hops;
}

/* For TCP and UDP, of the same family on both sides; a later fragment has no more than addresses.
 */
static __always_inline void packet_rewrite(struct packet *packet, const struct ends *to, __u8 hops)
{
	if (packet->ports && packet->checksum)
		rewrite_transport(packet, to);
	if (packet->ip6)
		rewrite_ip6(packet->ip6, to, hops);
	else if (packet->ip4)
		rewrite_ip4(packet->ip4, to, hops);
}

/* One hop less, and nothing else. */
static __always_inline void packet_pass_hop(struct packet *packet)
{
	struct iphdr *ip = packet->ip4;

	if (packet->ip6) {
		packet->ip6->hop_limit--;
	} else if (ip) {
		csum_pass_hop(ip);
		ip->ttl--;
	}
}

#endif

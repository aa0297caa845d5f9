/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quote.h - an ICMP error is about the packet that it quotes: whose flow it belongs to, and
 * how the quotation is put back into the words of whoever sent that packet. Owns
 * translation.
 */
#ifndef BPF_QUOTE_H
#define BPF_QUOTE_H

#include "rewrite.h"
#include "transport.h"

#define QUOTED_BYTES_MIN 8   /* of the transport header (RFC 792) */
#define QUOTE_AT_MASK 0x3fff /* the longest headers there can be are shorter */

/* Handed to quote_translate(): the stack has no room for both it and who calls it. */
struct translation {
	struct ends to;
	struct gw_addr sender; /* who the error is from */
	__u8 hops;             /* that it takes */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct translation);
} translation SEC(".maps");

static __always_inline enum gw_verdict quote_parse_ip4(struct packet *packet, struct cursor *cursor,
						       __u32 *ret_bytes)
{
	struct iphdr *ip = cursor_take(cursor, sizeof(*ip));
	__u32 option_bytes;

	if (!ip)
		return GW_TRUNCATED;
	option_bytes = ip->ihl * 4 - sizeof(*ip);
	if (ip->version != 4 || ip->ihl * 4 < sizeof(*ip) ||
	    ip->frag_off & bpf_htons(IP4_OFFSET_MASK) || ip->saddr != packet->dst.word[3])
		return GW_ICMP_UNMATCHED;
	packet->src = addr_from_ip4(ip->daddr);
	packet->protocol = ip->protocol;
	*ret_bytes = sizeof(*ip) + option_bytes;
	return cursor_take(cursor, option_bytes & IP4_OPTION_BYTES_MASK) ? UNDECIDED : GW_TRUNCATED;
}

static __always_inline enum gw_verdict
quote_skip_extensions(struct packet *packet, struct cursor *cursor, __u32 *ret_bytes)
{
	struct fragment_header *fragment;
	int way;

	if (is_extension(packet->protocol)) {
		way = packet_skip_extensions(packet->ctx,
					     packet->link_bytes + packet->header_bytes +
						     sizeof(struct icmp6hdr) + *ret_bytes,
					     packet->protocol);
		if (way < 0)
			return GW_ICMP_UNMATCHED;
		packet->protocol = way >> 16;
		*ret_bytes += way & 0xffff;
		if (!cursor_take(cursor, way & EXTENSION_BYTES_MASK))
			return GW_TRUNCATED;
	}
	if (packet->protocol != IPPROTO_FRAGMENT)
		return UNDECIDED;
	fragment = cursor_take(cursor, sizeof(*fragment));
	if (!fragment)
		return GW_TRUNCATED;
	packet->protocol = fragment->next;
	*ret_bytes += sizeof(*fragment);
	return bpf_ntohs(fragment->offset) >> 3 ? GW_ICMP_UNMATCHED : UNDECIDED;
}

static __always_inline enum gw_verdict quote_parse_ip6(struct packet *packet, struct cursor *cursor,
						       __u32 *ret_bytes)
{
	struct ipv6hdr *ip = cursor_take(cursor, sizeof(*ip));
	struct gw_addr sender;

	if (!ip)
		return GW_TRUNCATED;
	sender = addr_from_ip6(&ip->saddr);
	if (ip->version != 6 || !addr_equal(&sender, &packet->dst))
		return GW_ICMP_UNMATCHED;
	packet->src = addr_from_ip6(&ip->daddr);
	packet->protocol = ip->nexthdr;
	*ret_bytes = sizeof(*ip);
	return quote_skip_extensions(packet, cursor, ret_bytes);
}

/*
 * Behind the ICMP header of an error, where the cursor stands: the packet becomes one of
 * the flow it is about, from the end that could not be reached. A packet that somebody
 * other than our destination sent is none of ours.
 */
static __always_inline enum gw_verdict quote_parse(struct packet *packet, struct cursor *cursor)
{
	enum gw_verdict verdict;
	__be16 *ports;

	if (packet->is_ipv6)
		verdict = quote_parse_ip6(packet, cursor, &packet->quoted_bytes);
	else
		verdict = quote_parse_ip4(packet, cursor, &packet->quoted_bytes);
	if (verdict != UNDECIDED)
		return verdict;
	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return GW_ICMP_UNMATCHED;
	ports = cursor_take(cursor, QUOTED_BYTES_MIN);
	if (!ports || packet->header_bytes + sizeof(struct icmp6hdr) + packet->quoted_bytes +
				      QUOTED_BYTES_MIN >
			      packet->ip_bytes)
		return GW_TRUNCATED;
	packet->src_port = ports[1];
	packet->dst_port = ports[0];
	return UNDECIDED;
}

/* The headers that a translation changes. */
struct quote {
	void *ip;
	struct icmp6hdr *icmp;
	void *quoted;
	__be16 *ports;
};

static __always_inline bool quote_find(struct xdp_md *ctx, struct quote *quote, __u32 ip_at,
				       __u32 icmp_at, __u32 ports_at, __u32 ip_bytes)
{
	struct cursor ip = cursor_at_start(ctx), icmp = ip, ports = ip;

	if (!cursor_take(&ip, ip_at & QUOTE_AT_MASK) ||
	    !cursor_take(&icmp, icmp_at & QUOTE_AT_MASK) ||
	    !cursor_take(&ports, ports_at & QUOTE_AT_MASK))
		return false;
	quote->ip = cursor_take(&ip, ip_bytes);
	quote->icmp = cursor_take(&icmp, sizeof(*quote->icmp));
	quote->quoted = cursor_take(&icmp, ip_bytes);
	quote->ports = cursor_take(&ports, 2 * sizeof(*quote->ports));
	return quote->ip && quote->icmp && quote->quoted && quote->ports;
}

static __always_inline __u64 quote_rewrite_ports(__be16 *ports, const struct ends *to)
{
	__u64 change = csum_change(csum_change(0, ports[0], to->dst_port), ports[1], to->src_port);

	ports[0] = to->dst_port;
	ports[1] = to->src_port;
	return change;
}

/* The quoted header's sum stays true: only the ports add to the ICMP sum. */
static __always_inline void quote_rewrite_ip4(const struct quote *quote,
					      const struct translation *translation)
{
	const struct ends *to = &translation->to;
	const struct ends outer = { .src = translation->sender, .dst = to->dst };
	struct iphdr *quoted = quote->quoted;
	__u64 change;

	csum_apply(&quote->icmp->icmp6_cksum, quote_rewrite_ports(quote->ports, to));
	change = csum_change(csum_change(0, quoted->saddr, to->dst.word[3]), quoted->daddr,
			     to->src.word[3]);
	csum_apply(&quoted->check, change);
	quoted->saddr = to->dst.word[3];
	quoted->daddr = to->src.word[3];
	rewrite_ip4(quote->ip, &outer, translation->hops);
}

static __always_inline __u64 quote_rewrite_address(__u64 change, struct in6_addr *address,
						   const struct gw_addr *to)
{
	const struct gw_addr old = addr_from_ip6(address);

	__builtin_memcpy(address, to, sizeof(*address));
	return csum_change_addr(change, &old, to);
}

static __always_inline void quote_rewrite_ip6(const struct quote *quote,
					      const struct translation *translation)
{
	const struct ends *to = &translation->to;
	struct ipv6hdr *ip = quote->ip, *quoted = quote->quoted;
	__u64 change = quote_rewrite_ports(quote->ports, to);

	change = quote_rewrite_address(change, &quoted->saddr, &to->dst);
	change = quote_rewrite_address(change, &quoted->daddr, &to->src);
	change = quote_rewrite_address(change, &ip->saddr, &translation->sender);
	change = quote_rewrite_address(change, &ip->daddr, &to->dst);
	csum_apply(&quote->icmp->icmp6_cksum, change);
	ip->hop_limit -= translation->hops;
}

/*
 * Translates an error as translation says: it goes to to.dst, from sender, and quotes a
 * packet from to.dst to to.src. The quoted transport checksum is left as it is: it may be
 * cut off, and nobody checks it (RFC 5508, REQ-4, asks for no more). Offsets are from the
 * frame's start. Returns 0.
 */
__noinline int quote_translate(struct xdp_md *ctx, __u32 ip_at, __u32 icmp_at, __u32 ports_at,
			       __u32 is_ipv6)
{
	__u32 first = 0;
	const struct translation *said = bpf_map_lookup_elem(&translation, &first);
	struct quote quote;

	if (!said)
		return 0;
	if (is_ipv6) {
		if (quote_find(ctx, &quote, ip_at, icmp_at, ports_at, sizeof(struct ipv6hdr)))
			quote_rewrite_ip6(&quote, said);
	} else if (quote_find(ctx, &quote, ip_at, icmp_at, ports_at, sizeof(struct iphdr))) {
		quote_rewrite_ip4(&quote, said);
	}
	return 0;
}

/* An error about a flow that is translated to to; sender: who it is from then. */
static __always_inline void quote_rewrite(const struct packet *packet, const struct ends *to,
					  const struct gw_addr *sender, __u8 hops)
{
	__u32 icmp_at = packet->link_bytes + packet->header_bytes, first = 0;
	struct translation *said = bpf_map_lookup_elem(&translation, &first);

	if (!said)
		return;
	said->to = *to;
	said->sender = *sender;
	said->hops = hops;
	quote_translate(packet->ctx, packet->link_bytes, icmp_at,
			icmp_at + sizeof(struct icmp6hdr) + packet->quoted_bytes, packet->is_ipv6);
}

/* Who an error is from, as it arrived. */
static __always_inline struct gw_addr quote_sender(const struct packet *packet)
{
	if (packet->ip6)
		return addr_from_ip6(&packet->ip6->saddr);
	if (packet->ip4)
		return addr_from_ip4(packet->ip4->saddr);
	return (struct gw_addr){};
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plain.h - parse of what nearly all packets are: TCP or UDP in one piece, behind an
 * IP header without options or extensions. Anything else, and anything that is
 * wrong, is for transport.h to read once more and to name.
 */
#ifndef BPF_PLAIN_H
#define BPF_PLAIN_H

#include "address.h"
#include "dnat.h"
#include "serve.h"
#include "transport.h"

#define IP4_VERSION_IHL 0x45

static __always_inline bool plain_ip4(struct packet *packet)
{
	const struct iphdr *ip = packet->ip4;

	packet->header_bytes = sizeof(*ip);
	packet->ip_bytes = bpf_ntohs(ip->tot_len);
	return *(const __u8 *)ip == IP4_VERSION_IHL &&
	       !(ip->frag_off & bpf_htons(IP4_FRAGMENT_MASK)) && ip4_is_host(ip->saddr);
}

static __always_inline bool plain_ip6(struct packet *packet)
{
	const struct ipv6hdr *ip = packet->ip6;

	packet->header_bytes = sizeof(*ip);
	packet->ip_bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	return ip->version == 6 && ip6_is_host(&packet->src);
}

/* The cursor stands behind the fixed IP header. */
static __always_inline bool plain_parse(struct packet *packet, struct cursor *cursor)
{
	__u32 bytes;

	if (packet->ip6) {
		if (!plain_ip6(packet))
			return false;
	} else if (packet->ip4) {
		if (!plain_ip4(packet))
			return false;
	} else {
		return false;
	}
	/* What is shorter than its header has far too many bytes here. */
	bytes = packet->ip_bytes - packet->header_bytes;
	if (bytes > packet->frame_bytes - packet->link_bytes - packet->header_bytes)
		return false;
	if (packet->protocol == IPPROTO_TCP)
		return parse_tcp(packet, cursor, bytes) == UNDECIDED;
	if (packet->protocol == IPPROTO_UDP)
		return parse_udp(packet, cursor, bytes) == UNDECIDED;
	return false;
}

/* Whether it is ICMP, or in IPv6 may be: behind headers that plain_parse() does not know. */
static __always_inline bool plain_may_be_icmp(const struct packet *packet)
{
	if (!packet->ip6)
		return packet->protocol == IPPROTO_ICMP;
	return packet->protocol == IPPROTO_ICMPV6 || packet->protocol == IPPROTO_FRAGMENT ||
	       is_extension(packet->protocol);
}

/* A packet to nobody of ours, unless it is a backend's reply in mode dnat. */
static __always_inline enum gw_verdict plain_stranger(struct packet *packet, struct cursor *cursor)
{
	enum gw_verdict verdict;

	if (packet->is_solicitation)
		return NEIGHBOUR_REQUEST;
	if (plain_may_be_icmp(packet))
		return UNUSUAL;
	if (!(address_guess(&packet->src) & GW_ADDRESS_BACKEND))
		return GW_NOT_OURS;
	if (mac_is_group(&packet->link->dst) || !plain_parse(packet, cursor))
		return UNUSUAL;
	verdict = dnat_reply(packet);
	return verdict == UNDECIDED ? GW_NOT_OURS : verdict;
}

static __always_inline enum gw_verdict balance_plain(struct packet *packet, struct cursor *cursor)
{
	__u32 guess = address_guess(&packet->dst);
	enum gw_verdict verdict;

	if (!guess)
		return plain_stranger(packet, cursor);
	if (packet->is_solicitation)
		return NEIGHBOUR_REQUEST;
	if (mac_is_group(&packet->link->dst) || !plain_parse(packet, cursor))
		return UNUSUAL;
	if (guess & GW_ADDRESS_GATEWAY && nat_is_reply_port(packet->dst_port)) {
		verdict = nat_reply(packet);
		if (verdict != UNDECIDED)
			return verdict;
	}
	return guess & GW_ADDRESS_VIP ? serve(packet, UNUSUAL) : UNUSUAL;
}

#endif

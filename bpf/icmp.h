/* SPDX-License-Identifier: GPL-2.0-only */
/* icmp.h - echo: a VIP answers, in place; and which messages are errors. */
#ifndef BPF_ICMP_H
#define BPF_ICMP_H

#include "answer.h"

static __always_inline bool icmp_is_error(const struct packet *packet)
{
	__u8 type = packet->icmp_type;

	if (packet->is_ipv6)
		return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER;
	return type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER;
}

static __always_inline bool echo_is_request(const struct packet *packet)
{
	__u8 request = packet->is_ipv6 ? ICMPV6_ECHO_REQUEST : ICMP4_ECHO_REQUEST;

	return packet->icmp && packet->icmp_type == request;
}

/* Swapped addresses leave every sum as it is: only the TTL counts. */
static __always_inline void echo_turn_ip4(struct iphdr *ip, const struct packet *packet)
{
	csum_apply(&ip->check, csum_change(0, bpf_htons(ip->ttl << 8), bpf_htons(ANSWER_TTL << 8)));
	ip->ttl = ANSWER_TTL;
	ip->saddr = packet->dst.word[3];
	ip->daddr = packet->src.word[3];
}

static __always_inline void echo_turn_ip6(struct ipv6hdr *ip, const struct packet *packet)
{
	ip->hop_limit = ANSWER_TTL;
	__builtin_memcpy(&ip->saddr, &packet->dst, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &packet->src, sizeof(ip->daddr));
}

static __always_inline enum gw_verdict echo_answer(struct packet *packet)
{
	__u8 answer = packet->is_ipv6 ? ICMPV6_ECHO_REPLY : ICMP4_ECHO_REPLY;
	struct link link = answer_link(packet);
	struct icmp6hdr *icmp = packet->icmp;
	enum gw_verdict verdict;
	struct cursor cursor;

	csum_apply(&icmp->icmp6_cksum,
		   csum_change(0, bpf_htons(packet->icmp_type << 8), bpf_htons(answer << 8)));
	icmp->icmp6_type = answer;
	if (packet->ip6)
		echo_turn_ip6(packet->ip6, packet);
	else if (packet->ip4)
		echo_turn_ip4(packet->ip4, packet);
	verdict = frame_write(packet, &link, 0, &cursor);
	return verdict == UNDECIDED ? GW_ECHO_REPLIED : verdict;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* reject.h - a service without endpoints says so: owns reject_bucket. */
#ifndef BPF_REJECT_H
#define BPF_REJECT_H

#include "answer.h"
#include "config.h"

#define NS_PER_S 1000000000ULL
/* What a client needs to know its packet again: the headers and the ports. */
#define QUOTE_BYTES_MAX (CSUM_WORDS_MAX * 4)

/* One number a CPU: up to which time the rate is used up. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} reject_bucket SEC(".maps");

/*
 * A token bucket of one second's tokens, as the generic cell rate algorithm
 * writes it: a token costs its share of a second, and what is used may be
 * ahead of the clock by a second.
 */
static __always_inline bool reject_is_allowed(void)
{
	__u32 first = 0;
	__u64 now_ns = bpf_ktime_get_coarse_ns(), cost_ns;
	__u64 *used_until_ns = bpf_map_lookup_elem(&reject_bucket, &first);

	if (!used_until_ns || config.reject_per_second == 0)
		return false;
	cost_ns = NS_PER_S / config.reject_per_second;
	if (*used_until_ns < now_ns)
		*used_until_ns = now_ns;
	if (*used_until_ns + cost_ns > now_ns + NS_PER_S)
		return false;
	*used_until_ns += cost_ns;
	return true;
}

/* RFC 9293, 3.5.2: a reset that the sender of this segment accepts. */
static __always_inline void reset_from(struct tcphdr *reset, const struct packet *packet)
{
	const struct tcphdr *tcp = packet->tcp;
	__u32 payload_bytes = packet->ip_bytes - packet->header_bytes - tcp->doff * 4;

	*reset = (struct tcphdr){
		.source = tcp->dest,
		.dest = tcp->source,
		.doff = sizeof(*reset) / 4,
		.rst = 1,
	};
	if (packet->tcp_flags & TCP_ACK) {
		reset->seq = tcp->ack_seq;
		return;
	}
	reset->ack = 1;
	reset->ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + payload_bytes + tcp->syn + tcp->fin);
}

static __always_inline enum gw_verdict reject_with_reset(struct packet *packet)
{
	struct link link = answer_link(packet);
	struct tcphdr reset, *tcp;
	enum gw_verdict verdict;
	struct cursor cursor;

	reset_from(&reset, packet);
	if (!answer_resize(packet, answer_ip_bytes(packet) + sizeof(reset)))
		return GW_NO_HEADROOM;
	verdict = frame_write(packet, &link, 0, &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	if (!answer_write_ip(&cursor, packet, IPPROTO_TCP, sizeof(reset)))
		return GW_NO_HEADROOM;
	tcp = cursor_take(&cursor, sizeof(*tcp));
	if (!tcp)
		return GW_NO_HEADROOM;
	reset.check =
		csum_finish(csum_add_pseudo_header(csum_add(0, &reset, sizeof(reset)), &packet->src,
						   &packet->dst, sizeof(reset), IPPROTO_TCP));
	*tcp = reset;
	return GW_REJECTED;
}

static __always_inline void unreachable_write(struct icmp6hdr *icmp, const struct packet *packet,
					      struct cursor *quote, __u32 quote_bytes)
{
	__u64 sum = 0;

	*icmp = (struct icmp6hdr){ .icmp6_type = ICMP4_UNREACHABLE,
				   .icmp6_code = ICMP4_UNREACHABLE_PORT };
	if (packet->is_ipv6) {
		icmp->icmp6_type = ICMPV6_DEST_UNREACH;
		icmp->icmp6_code = ICMP6_UNREACHABLE_PORT;
		sum = csum_add_pseudo_header(sum, &packet->src, &packet->dst,
					     sizeof(*icmp) + quote_bytes, IPPROTO_ICMPV6);
	}
	sum = csum_add(sum, icmp, sizeof(*icmp));
	icmp->icmp6_cksum = csum_finish(csum_add_frame(sum, quote, quote_bytes));
}

/* New headers grow in front of the packet, which so becomes its own quotation. */
static __always_inline enum gw_verdict reject_with_unreachable(struct packet *packet)
{
	struct link link = answer_link(packet);
	__u32 quote_bytes = packet->header_bytes + sizeof(struct udphdr);
	__u32 room = answer_ip_bytes(packet) + sizeof(struct icmp6hdr);
	struct icmp6hdr *icmp;
	enum gw_verdict verdict;
	struct cursor cursor;

	if (quote_bytes > QUOTE_BYTES_MAX)
		quote_bytes = QUOTE_BYTES_MAX;
	if (!answer_resize(packet, quote_bytes))
		return GW_NO_HEADROOM;
	verdict = frame_write(packet, &link, room, &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	if (!answer_write_ip(&cursor, packet, packet->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			     sizeof(*icmp) + quote_bytes))
		return GW_NO_HEADROOM;
	icmp = cursor_take(&cursor, sizeof(*icmp));
	if (!icmp)
		return GW_NO_HEADROOM;
	unreachable_write(icmp, packet, &cursor, quote_bytes);
	return GW_REJECTED;
}

static __always_inline enum gw_verdict reject(struct packet *packet)
{
	if (packet->tcp_flags & TCP_RST)
		return GW_NO_ENDPOINT;
	if (!reject_is_allowed())
		return GW_REJECT_LIMITED;
	if (packet->tcp)
		return reject_with_reset(packet);
	return reject_with_unreachable(packet);
}

#endif

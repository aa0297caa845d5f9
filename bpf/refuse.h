/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refuse.h - what cannot be forwarded is told to its sender: a service without endpoints, a
 * packet too big for the way, or too old. Owns answer_bucket.
 */
#ifndef BPF_REFUSE_H
#define BPF_REFUSE_H

#include "answer.h"
#include "clock.h"
#include "config.h"
#include "transport.h"

/* What a client needs to know its packet again: the headers and the ports. */
#define QUOTE_BYTES_MAX (CSUM_WORDS_MAX * 4)

/* One number a CPU: up to which time the rate is used up. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} answer_bucket SEC(".maps");

static __always_inline bool answer_is_allowed(void)
{
	__u32 first = 0;
	__u64 *used_until_ns = bpf_map_lookup_elem(&answer_bucket, &first), after_ns;

	if (!used_until_ns || config.answers_per_second == 0)
		return false;
	after_ns = bucket_after_token(*used_until_ns, NS_PER_S / config.answers_per_second,
				      bpf_ktime_get_coarse_ns());
	if (after_ns)
		*used_until_ns = after_ns;
	return after_ns;
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

static __always_inline bool refuse_with_reset(struct packet *packet)
{
	struct link link = answer_link(packet);
	struct tcphdr reset, *tcp;
	struct cursor cursor;

	reset_from(&reset, packet);
	if (!answer_resize(packet, answer_ip_bytes(packet) + sizeof(reset)) ||
	    frame_write(packet, &link, 0, &cursor) != UNDECIDED)
		return false;
	if (!answer_write_ip(&cursor, packet, IPPROTO_TCP, sizeof(reset)))
		return false;
	tcp = cursor_take(&cursor, sizeof(*tcp));
	if (!tcp)
		return false;
	reset.check =
		csum_finish(csum_add_pseudo_header(csum_add(0, &reset, sizeof(reset)), &packet->src,
						   &packet->dst, sizeof(reset), IPPROTO_TCP));
	*tcp = reset;
	return true;
}

/* Type and code of both families, and the MTU that a packet too big is told. */
struct refusal {
	__u8 type4, code4, type6, code6;
	__u32 mtu;
};

static __always_inline struct refusal refusal_of(enum gw_verdict reason, __u32 mtu)
{
	switch (reason) {
	case GW_TOO_BIG:
		return (struct refusal){ ICMP4_UNREACHABLE, ICMP4_TOO_BIG, ICMP6_TOO_BIG, 0, mtu };
	case GW_TTL_EXCEEDED:
		return (struct refusal){ ICMP4_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0, 0 };
	default:
		return (struct refusal){ ICMP4_UNREACHABLE, ICMP4_UNREACHABLE_PORT,
					 ICMP6_UNREACHABLE, ICMP6_UNREACHABLE_PORT, 0 };
	}
}

static __always_inline void refusal_write(struct icmp6hdr *icmp, const struct packet *packet,
					  const struct refusal *refusal, struct cursor *quote,
					  __u32 quote_bytes)
{
	__u64 sum = 0;

	*icmp = (struct icmp6hdr){
		.icmp6_type = packet->is_ipv6 ? refusal->type6 : refusal->type4,
		.icmp6_code = packet->is_ipv6 ? refusal->code6 : refusal->code4,
	};
	/* RFC 1191 has 16 bits of it, where they are the lower ones of RFC 4443's 32. */
	icmp->icmp6_dataun.un_data32[0] = bpf_htonl(refusal->mtu);
	if (packet->is_ipv6)
		sum = csum_add_pseudo_header(sum, &packet->src, &packet->dst,
					     sizeof(*icmp) + quote_bytes, IPPROTO_ICMPV6);
	sum = csum_add(sum, icmp, sizeof(*icmp));
	icmp->icmp6_cksum = csum_finish(csum_add_frame(sum, quote, quote_bytes));
}

/* New headers grow in front of the packet, which so becomes its own quotation. */
static __always_inline bool refuse_with_icmp(struct packet *packet, const struct refusal *refusal)
{
	struct link link = answer_link(packet);
	__u32 quote_bytes = packet->header_bytes + sizeof(struct udphdr);
	__u32 room = answer_ip_bytes(packet) + sizeof(struct icmp6hdr);
	struct icmp6hdr *icmp;
	struct cursor cursor;

	if (quote_bytes > QUOTE_BYTES_MAX)
		quote_bytes = QUOTE_BYTES_MAX;
	if (!answer_resize(packet, quote_bytes) ||
	    frame_write(packet, &link, room, &cursor) != UNDECIDED)
		return false;
	if (!answer_write_ip(&cursor, packet, packet->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			     sizeof(*icmp) + quote_bytes))
		return false;
	icmp = cursor_take(&cursor, sizeof(*icmp));
	if (!icmp)
		return false;
	refusal_write(icmp, packet, refusal, &cursor, quote_bytes);
	return true;
}

static __always_inline enum gw_verdict refused_verdict(enum gw_verdict reason)
{
	switch (reason) {
	case GW_TOO_BIG:
		return GW_TOO_BIG_ANSWERED;
	case GW_TTL_EXCEEDED:
		return GW_TTL_ANSWERED;
	default:
		return GW_REJECTED;
	}
}

/* An answer to an answer could go on for ever; a later fragment's sender would not know it. */
static __always_inline bool may_be_answered(const struct packet *packet)
{
	return packet->ports && !(packet->tcp_flags & TCP_RST);
}

/*
 * Answers the packet that ended as reason says: NO_ENDPOINT, TOO_BIG (mtu: what would not
 * have been) or TTL_EXCEEDED. Returns the verdict that it ends with; what is sent goes back
 * the way it came.
 */
static __always_inline enum gw_verdict refuse(struct packet *packet, enum gw_verdict reason,
					      __u32 mtu)
{
	struct cursor cursor = cursor_at_start(packet->ctx);
	const struct refusal refusal = refusal_of(reason, mtu);
	bool is_sent;

	if (packet_parse_network(packet, &cursor) != UNDECIDED ||
	    packet_parse_transport(packet, &cursor) != UNDECIDED || !may_be_answered(packet))
		return reason;
	if (!answer_is_allowed())
		return reason == GW_NO_ENDPOINT ? GW_REJECT_LIMITED : reason;
	if (packet->tcp && reason == GW_NO_ENDPOINT)
		is_sent = refuse_with_reset(packet);
	else
		is_sent = refuse_with_icmp(packet, &refusal);
	return is_sent ? refused_verdict(reason) : GW_NO_HEADROOM;
}

#endif

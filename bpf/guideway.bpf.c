// SPDX-License-Identifier: GPL-2.0-only
/*
 * guideway.bpf.c - the XDP load balancer.
 *
 *   parse -> classify -> admit -> select -> forward -> count
 *
 * A stage returns UNDECIDED, or the verdict that ends the packet's way. serve() orders the
 * stages; only xdp_action() knows about XDP.
 *
 * The way is compiled several times. The plain one, which nearly all packets go, is the
 * program guideway itself and for IPv6 plain6: they keep nearly everything in registers. What
 * they do not know they leave to another way, which reads the packet anew: each is a
 * program with a stack of its own, reached by a tail call through `ways`.
 */
#include "count.h"
#include "handover.h"
#include "icmp_error.h"
#include "neighbour.h"
#include "plain.h"
#include "refuse.h"
#include "stranger.h"
#include "whole.h"

/* What refuse is to say of the packet. */
struct refused {
	__u32 reason; /* enum gw_verdict */
	__u32 mtu;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct refused);
} refused SEC(".maps");

enum way {
	WAY_PLAIN6,
	WAY_WHOLE4,
	WAY_WHOLE6,
	WAY_ERROR4,
	WAY_ERROR6,
	WAY_STRANGER4,
	WAY_STRANGER6,
	WAY_STRANGER_ERROR4,
	WAY_STRANGER_ERROR6,
	WAY_SETTLE4,
	WAY_SETTLE6,
	WAY_TRACK,
	WAY_UNKNOWN_REPLY,
	WAY_NEIGHBOUR,
	WAY_REFUSE,
	WAY_COUNT,
};

int plain6(struct xdp_md *ctx);
int whole4(struct xdp_md *ctx);
int whole6(struct xdp_md *ctx);
int error4(struct xdp_md *ctx);
int error6(struct xdp_md *ctx);
int stranger4(struct xdp_md *ctx);
int stranger6(struct xdp_md *ctx);
int stranger_error4(struct xdp_md *ctx);
int stranger_error6(struct xdp_md *ctx);
int settle4(struct xdp_md *ctx);
int settle6(struct xdp_md *ctx);
int track(struct xdp_md *ctx);
int unknown_reply(struct xdp_md *ctx);
int neighbour(struct xdp_md *ctx);
int refuse_way(struct xdp_md *ctx);

/*
 * Part of the program, not of its state: each load has its own. The agent pins it as long as
 * the program is attached, since the kernel empties a program array that nobody holds.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, WAY_COUNT);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} ways SEC(".maps") = {
	.values = {
		[WAY_PLAIN6] = (void *)&plain6,
		[WAY_WHOLE4] = (void *)&whole4,
		[WAY_WHOLE6] = (void *)&whole6,
		[WAY_ERROR4] = (void *)&error4,
		[WAY_ERROR6] = (void *)&error6,
		[WAY_STRANGER4] = (void *)&stranger4,
		[WAY_STRANGER6] = (void *)&stranger6,
		[WAY_STRANGER_ERROR4] = (void *)&stranger_error4,
		[WAY_STRANGER_ERROR6] = (void *)&stranger_error6,
		[WAY_SETTLE4] = (void *)&settle4,
		[WAY_SETTLE6] = (void *)&settle6,
		[WAY_TRACK] = (void *)&track,
		[WAY_UNKNOWN_REPLY] = (void *)&unknown_reply,
		[WAY_NEIGHBOUR] = (void *)&neighbour,
		[WAY_REFUSE] = (void *)&refuse_way,
	},
};

/*
 * A veth does not wake its peer after XDP_TX unless that has an XDP program too
 * (veth_xdp_flush), while a redirect needs no more than GRO there.
 */
static __always_inline int xdp_send(const struct packet *packet)
{
	if (packet->egress_ifindex == packet->ctx->ingress_ifindex && !config.redirect_always)
		return XDP_TX;
	return bpf_redirect(packet->egress_ifindex, 0);
}

#define ACTION_PASS XDP_PASS
#define ACTION_DROP XDP_DROP
#define ACTION_SEND xdp_send(packet)

static __always_inline int xdp_action(const struct packet *packet, enum gw_verdict verdict)
{
	switch (verdict) {
#define X(name, text, action, help)                                                                \
	case GW_##name:                                                                            \
		return ACTION_##action;
		GW_VERDICTS(X)
#undef X
	default:
		return XDP_ABORTED;
	}
}

/* The way of a packet that was left; WAY_COUNT: it has its verdict. */
static __always_inline enum way way_of(const struct packet *packet, enum gw_verdict left)
{
	switch ((__u32)left) {
	case UNUSUAL:
		return packet->is_ipv6 ? WAY_WHOLE6 : WAY_WHOLE4;
	case ICMP_ERROR:
		return packet->is_ipv6 ? WAY_ERROR6 : WAY_ERROR4;
	case STRANGER:
		if (packet->is_error)
			return packet->is_ipv6 ? WAY_STRANGER_ERROR6 : WAY_STRANGER_ERROR4;
		return packet->is_ipv6 ? WAY_STRANGER6 : WAY_STRANGER4;
	case UNSETTLED:
		return packet->is_ipv6 ? WAY_SETTLE6 : WAY_SETTLE4;
	case TRACKED:
		return WAY_TRACK;
	case UNKNOWN_REPLY:
		return WAY_UNKNOWN_REPLY;
	case NEIGHBOUR_REQUEST:
		return WAY_NEIGHBOUR;
	case GW_NO_ENDPOINT:
	case GW_TOO_BIG:
	case GW_TTL_EXCEEDED:
		return WAY_REFUSE;
	default:
		return WAY_COUNT;
	}
}

static __always_inline int count_and_act(const struct packet *packet, enum gw_verdict verdict)
{
	count_verdict(verdict, packet->frame_bytes);
	return xdp_action(packet, verdict);
}

/* Ends a way, or goes on in another; a tail call does not return. */
static __always_inline int finish(const struct packet *packet, enum gw_verdict verdict)
{
	__u32 first = 0;
	struct refused *said;
	enum way way;

	/* First of all, since it is nearly always so. */
	if (verdict == GW_FORWARDED || verdict == GW_REPLIED) {
		count_verdict(verdict, packet->frame_bytes);
		return xdp_send(packet);
	}
	way = way_of(packet, verdict);
	if (way == WAY_REFUSE) {
		said = bpf_map_lookup_elem(&refused, &first);
		if (!said)
			return XDP_ABORTED;
		*said = (struct refused){ verdict, packet->mtu };
	}
	/* One call for each: an index that is known is a jump, another an indirect call. */
	switch (way) {
#define X(way)                                                                                     \
	case way:                                                                                  \
		bpf_tail_call_static(packet->ctx, &ways, way);                                     \
		return XDP_ABORTED;
		X(WAY_WHOLE4)
		X(WAY_WHOLE6)
		X(WAY_ERROR4)
		X(WAY_ERROR6)
		X(WAY_STRANGER4)
		X(WAY_STRANGER6)
		X(WAY_STRANGER_ERROR4)
		X(WAY_STRANGER_ERROR6)
		X(WAY_SETTLE4)
		X(WAY_SETTLE6)
		X(WAY_TRACK)
		X(WAY_UNKNOWN_REPLY)
		X(WAY_NEIGHBOUR)
		X(WAY_REFUSE)
#undef X
	default:
		return count_and_act(packet, verdict);
	}
}

static __always_inline struct packet packet_of(struct xdp_md *ctx, bool is_ipv6, bool is_error)
{
	return (struct packet){ .ctx = ctx,
				.frame_bytes = bpf_xdp_get_buff_len(ctx),
				.is_ipv6 = is_ipv6,
				.is_error = is_error };
}

/* What has frags has more bytes than these: what is ours of it is not plain. */
static __always_inline struct packet plain_packet_of(struct xdp_md *ctx, bool is_ipv6)
{
	return (struct packet){ .ctx = ctx,
				.frame_bytes = ctx->data_end - ctx->data,
				.is_ipv6 = is_ipv6,
				.is_plain = true };
}

/*
 * Whether plain6 would find that it is nobody's of ours, TCP or UDP at once behind the header: a
 * way less for these, as for IPv4's.
 */
static __always_inline bool is_stranger6(struct cursor *cursor)
{
	const struct ipv6hdr *ip = cursor_take(cursor, sizeof(*ip));

	if (!ip || (ip->nexthdr != IPPROTO_TCP && ip->nexthdr != IPPROTO_UDP))
		return false;
	return !address_guess((const struct gw_addr *)&ip->daddr) &&
	       !(address_guess((const struct gw_addr *)&ip->saddr) & GW_ADDRESS_BACKEND);
}

SEC("xdp.frags")
int guideway(struct xdp_md *ctx)
{
	struct packet packet = plain_packet_of(ctx, false);
	struct cursor cursor = cursor_at_start(ctx);

	if (parse_link(&packet, &cursor) != UNDECIDED)
		return count_and_act(&packet, GW_NOT_OURS);
	switch (packet.ethertype) {
	case bpf_htons(ETH_P_IP):
		if (parse_ip4(&packet, &cursor) != UNDECIDED)
			return count_and_act(&packet, GW_NOT_OURS);
		return finish(&packet, balance_plain(&packet, &cursor));
	case bpf_htons(ETH_P_IPV6):
		if (is_stranger6(&cursor))
			return count_and_act(&packet, GW_NOT_OURS);
		bpf_tail_call_static(ctx, &ways, WAY_PLAIN6);
		return XDP_ABORTED;
	case bpf_htons(ETH_P_ARP):
		if (parse_arp(&packet, &cursor) != UNDECIDED || !address_guess(&packet.dst))
			return count_and_act(&packet, GW_NOT_OURS);
		return finish(&packet, NEIGHBOUR_REQUEST);
	default:
		return count_and_act(&packet, GW_NOT_OURS);
	}
}

SEC("xdp.frags")
int plain6(struct xdp_md *ctx)
{
	struct packet packet = plain_packet_of(ctx, true);
	struct cursor cursor = cursor_at_start(ctx);

	if (parse_link(&packet, &cursor) != UNDECIDED || parse_ip6(&packet, &cursor) != UNDECIDED)
		return count_and_act(&packet, GW_NOT_OURS);
	return finish(&packet, balance_plain(&packet, &cursor));
}

SEC("xdp.frags")
int whole4(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, false, false);

	return finish(&packet, balance_whole(&packet));
}

SEC("xdp.frags")
int whole6(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, true, false);

	return finish(&packet, balance_whole(&packet));
}

SEC("xdp.frags")
int error4(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, false, true);

	return finish(&packet, balance_error(&packet));
}

SEC("xdp.frags")
int error6(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, true, true);

	return finish(&packet, balance_error(&packet));
}

SEC("xdp.frags")
int stranger4(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, false, false);

	return finish(&packet, balance_stranger(&packet));
}

SEC("xdp.frags")
int stranger6(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, true, false);

	return finish(&packet, balance_stranger(&packet));
}

SEC("xdp.frags")
int stranger_error4(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, false, true);

	return finish(&packet, balance_stranger(&packet));
}

SEC("xdp.frags")
int stranger_error6(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, true, true);

	return finish(&packet, balance_stranger(&packet));
}

/* What begins no flow and is of none that we know may be of one that the host has. */
static __always_inline enum gw_verdict refuse_unsettled(const struct nat_flow *flow,
							enum gw_verdict verdict)
{
	if (!flow->may_begin)
		verdict = address_refuse(address_find(&flow->entry.vip), verdict);
	return verdict == GW_NOT_OURS ? verdict : count_drop(flow->service, verdict);
}

/* The packet goes on as it would have with an entry, but in a way that knows where to find it. */
static __always_inline int settle(struct packet *packet)
{
	struct nat_flow *flow = nat_flow_here();
	enum gw_verdict verdict;

	if (!flow)
		return XDP_ABORTED;
	verdict = nat_settle(flow, packet->is_ipv6);
	if (verdict == UNDECIDED)
		return finish(packet, flow->is_error ? ICMP_ERROR : UNUSUAL);
	return count_and_act(packet, refuse_unsettled(flow, verdict));
}

SEC("xdp.frags")
int settle4(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, false, false);

	return settle(&packet);
}

SEC("xdp.frags")
int settle6(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, true, false);

	return settle(&packet);
}

SEC("xdp.frags")
int track(struct xdp_md *ctx)
{
	const struct tracked *found = track_find();
	struct packet packet;

	if (!found)
		return XDP_ABORTED;
	packet = packet_of(ctx, found->is_ipv6, found->is_error);
	return finish(&packet, found->is_error ? ICMP_ERROR : UNUSUAL);
}

/* Left to the host, which would reset the connection; so not while its flow may yet come. */
SEC("xdp.frags")
int unknown_reply(struct xdp_md *ctx)
{
	const struct packet packet = packet_of(ctx, false, false);

	return count_and_act(&packet, is_taking_over() ? GW_TAKING_OVER : GW_NOT_OURS);
}

SEC("xdp.frags")
int neighbour(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, false, false);

	return count_and_act(&packet, balance_neighbour(&packet));
}

/* Counts the packet as it came: what it answers with is another. */
SEC("xdp.frags")
int refuse_way(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, false, false);
	__u32 first = 0;
	const struct refused *said = bpf_map_lookup_elem(&refused, &first);

	if (!said)
		return XDP_ABORTED;
	return count_and_act(&packet, refuse(&packet, said->reason, said->mtu));
}

char LICENSE[] SEC("license") = "GPL";

// SPDX-License-Identifier: GPL-2.0-only
/*
 * guideway.bpf.c - the XDP load balancer.
 *
 *   parse -> classify -> select -> forward -> count
 *
 * A stage returns UNDECIDED, or the verdict that ends the packet's way. Only
 * balance() orders the stages; only xdp_action() knows about XDP.
 */
#include "packet.h"
#include "transport.h"
#include "service.h"
#include "select.h"
#include "forward.h"
#include "count.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gw_meta);
} meta SEC(".maps");

static __always_inline enum gw_verdict balance(struct packet *packet)
{
	struct cursor cursor = cursor_at_start(packet->ctx);
	const struct gw_service *service = NULL;
	struct selection selection;
	enum gw_verdict verdict;
	__u32 address_flags = 0;

	verdict = packet_parse_network(packet, &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = address_classify(packet, &address_flags);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = packet_parse_transport(packet, &cursor);
	if (verdict != UNDECIDED)
		return address_refuse(address_flags, verdict);
	verdict = service_classify(packet, address_flags, &service);
	if (verdict != UNDECIDED || !service)
		return verdict;
	verdict = backend_select(packet, service, &selection);
	if (verdict != UNDECIDED)
		return verdict;
	return forward(packet, service, &selection);
}

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

SEC("xdp.frags")
int guideway(struct xdp_md *ctx)
{
	struct packet packet = {
		.ctx = ctx,
		.frame_bytes = bpf_xdp_get_buff_len(ctx),
	};
	enum gw_verdict verdict = balance(&packet);

	count_verdict(verdict, packet.frame_bytes);
	return xdp_action(&packet, verdict);
}

char LICENSE[] SEC("license") = "GPL";

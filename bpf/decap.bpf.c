// SPDX-License-Identifier: GPL-2.0-only
/*
 * decap.bpf.c - for backends without tunnel devices: takes the outer headers off IPIP
 * (any family in any) and GUE variant 1, and gives what was inside to the kernel's stack.
 *
 *   link -> outer headers -> is it ours? -> admit -> inner header -> ECN -> remove
 *
 * A stage returns UNDECIDED, or the verdict that ends the packet's way; unwrap() orders
 * them. One level is unwrapped: a tunnel in the tunnel is the kernel's.
 */
#include "decap_parse.h"
#include "decap_admit.h"
#include "decap_remove.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GW_DECAP_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, struct gw_counter);
} counters SEC(".maps");

static __always_inline enum gw_decap_verdict unwrap(struct tunnel *tunnel)
{
	struct cursor cursor = cursor_at_start(tunnel->ctx);
	enum gw_decap_verdict verdict;

	verdict = parse_link(tunnel, &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = parse_outer(tunnel, &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = admit_outer(tunnel);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = parse_inner(tunnel, &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = admit_inner(tunnel);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = ecn_combine(tunnel);
	if (verdict != UNDECIDED)
		return verdict;
	return remove_outer(tunnel);
}

static __always_inline void count(enum gw_decap_verdict verdict, __u32 bytes)
{
	__u32 index = verdict;
	struct gw_counter *counter = bpf_map_lookup_elem(&counters, &index);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += bytes;
}

static __always_inline int xdp_action(enum gw_decap_verdict verdict)
{
	switch (verdict) {
#define X(name, text, action, help)                                                                \
	case GW_DECAP_##name:                                                                      \
		return XDP_##action;
		GW_DECAP_VERDICTS(X)
#undef X
	default:
		return XDP_ABORTED;
	}
}

SEC("xdp.frags")
int decap(struct xdp_md *ctx)
{
	struct tunnel tunnel = {
		.ctx = ctx,
		.frame_bytes = bpf_xdp_get_buff_len(ctx),
	};
	enum gw_decap_verdict verdict = unwrap(&tunnel);

	count(verdict, tunnel.frame_bytes);
	return xdp_action(verdict);
}

char LICENSE[] SEC("license") = "GPL";

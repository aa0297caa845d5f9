// SPDX-License-Identifier: GPL-2.0-only
/*
 * frames.bpf.c - both ends of the road on which forwarding is measured.
 *
 * generate runs as live frames (BPF_F_TEST_XDP_LIVE_FRAMES) on the client's device; count
 * ends a frame's way; reflect sends it back. What arrived is counted, per CPU.
 */
#include <linux/bpf.h>

#include <linux/in.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frames.h"

const volatile __u32 frame_words[FRAME_WORDS]; /* a struct frame; source port and checksum 0 */
const volatile __u32 checksum_base;            /* UDP's sum without the source port, folded */
const volatile __u32 first_port;
const volatile __u32 flow_mask; /* a power of two of flows, less one */

/* Of the one thread that generates. */
__u64 sent;
__u64 burst_interval_ns = 64000; /* userspace sets the pace */
__u64 next_burst_ns;
__u32 burst_left;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} received SEC(".maps");

/* Whether it is time: a generator that finds the ring full again and again takes the ring's
 * cache lines from the gateway, which is then measured slower than it is. */
static __always_inline bool may_send(void)
{
	__u64 now;

	if (burst_left == 0) {
		now = bpf_ktime_get_ns();
		if (now < next_burst_ns)
			return false;
		next_burst_ns = now + burst_interval_ns;
		burst_left = BURST;
	}
	burst_left--;
	return true;
}

/* The whole frame each time: it comes back as its receiver left it. */
SEC("xdp")
int generate(struct xdp_md *ctx)
{
	struct frame *frame = (void *)(long)ctx->data;
	__u32 *words = (void *)(long)ctx->data;
	__u16 port;
	__u32 sum;

	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (!may_send())
		return XDP_DROP;
	port = bpf_htons(first_port + (sent++ & flow_mask));
	sum = checksum_base + port;
#pragma unroll
	for (int i = 0; i < FRAME_WORDS; i++)
		words[i] = frame_words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	frame->udp.source = port;
	frame->udp.check = sum == 0xffff ? 0xffff : ~sum;
	return XDP_TX;
}

/* Ours is UDP, bare or in a tunnel; the machines' own ARP and IPv6 are not. */
static __always_inline bool is_ours(const struct frame *frame, const void *end)
{
	return (const void *)(frame + 1) <= end && frame->ethernet.h_proto == bpf_htons(ETH_P_IP) &&
	       (frame->ip.protocol == IPPROTO_UDP || frame->ip.protocol == IPPROTO_IPIP);
}

static __always_inline void count_one(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&received, &zero);

	if (count)
		*count += 1;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	if (!is_ours((void *)(long)ctx->data, (void *)(long)ctx->data_end))
		return XDP_PASS;
	count_one();
	return XDP_DROP;
}

/*
 * Turned round; no checksum changes by that. A redirect, since XDP_TX does not wake the other
 * end of a veth unless that has an XDP program too.
 */
SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	struct frame *frame = (void *)(long)ctx->data;
	struct ethhdr ethernet;
	__be32 address;
	__be16 port;

	if (!is_ours(frame, (void *)(long)ctx->data_end))
		return XDP_PASS;
	count_one();
	ethernet = frame->ethernet;
	__builtin_memcpy(frame->ethernet.h_dest, ethernet.h_source, ETH_ALEN);
	__builtin_memcpy(frame->ethernet.h_source, ethernet.h_dest, ETH_ALEN);
	address = frame->ip.saddr;
	frame->ip.saddr = frame->ip.daddr;
	frame->ip.daddr = address;
	port = frame->udp.source;
	frame->udp.source = frame->udp.dest;
	frame->udp.dest = port;
	return bpf_redirect(ctx->ingress_ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";

// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_wrapper.bpf.c - gives a program under test the same fresh packet again and again.
 *
 * BPF_PROG_TEST_RUN with repeat hands out the frame as the run before left it: rewritten,
 * longer, without headroom. So the repeated program is this one. Each time it puts head
 * and tail back, writes the headers anew, makes it a packet of the next flow, and
 * tail-calls the program under test through a constant index, which the JIT compiles to
 * a jump. All of it costs the same whatever that program is: what an empty program takes
 * is subtracted. Time is taken inside, every BENCH_CHUNK_PACKETS packets, since around
 * the system call it is too coarse, and too much else happens there.
 *
 * "xdp.frags", as the program under test: an array of programs holds only one sort.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench_wrapper.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_FLOWS_MAX);
	__type(key, __u32);
	__type(value, struct bench_flow);
} flows SEC(".maps");

volatile struct bench_steps steps = {};
volatile struct bench_state state = {};
struct bench_template template SEC(".data") = {};
__u64 stamps[BENCH_STAMPS_MAX] = {};

/* Headers behind Ethernet as far as the wrapper knows them: no tags, no options. */
struct ip4_packet {
	struct iphdr ip;
	__be16 src_port, dst_port;
};

struct ip6_packet {
	struct ipv6hdr ip;
	__be16 src_port, dst_port;
};

static __always_inline void *frame_at(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;

	return data + BENCH_COPY_BYTES <= (void *)(long)ctx->data_end ? data : NULL;
}

/*
 * Head and tail back to where they were. The verifier lets a packet's address be stored,
 * and what is loaded again is a number to calculate with. The head is always adjusted,
 * so that programs that move it do not pay for that more than others.
 */
static __always_inline int restore_size(struct xdp_md *ctx)
{
	long size;

	state.now = ctx->data;
	if (!state.head)
		state.head = state.now;
	if (bpf_xdp_adjust_head(ctx, (int)(state.head - state.now)))
		return -1;
	size = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	if (size != BENCH_FRAME_BYTES)
		return (int)bpf_xdp_adjust_tail(ctx, (int)(BENCH_FRAME_BYTES - size));
	return 0;
}

/*
 * In words that lie as the fields of IP and TCP headers do: a field that is read soon
 * afterwards and spans two of these stores would stall the processor, and a frame that
 * comes from a network card does not.
 */
static __always_inline void copy_template(void *frame)
{
	__u32 *to = frame + 2, *from = (__u32 *)(template.frame + 2);

	*(__u16 *)frame = *(__u16 *)template.frame;
#pragma unroll
	for (int i = 0; i < (BENCH_COPY_BYTES - 2) / 4; i++)
		to[i] = from[i];
}

static __always_inline void write_source(void *frame, __u32 flow)
{
	__be32 src = bpf_htonl(steps.src_base + flow);
	__be16 port = bpf_htons(state.src_port);
	struct ip4_packet *ip4 = frame + ETH_HLEN;
	struct ip6_packet *ip6 = frame + ETH_HLEN;

	if (steps.is_ipv6) {
		ip6->ip.saddr.s6_addr32[3] = src;
		ip6->src_port = port;
	} else {
		ip4->ip.saddr = src;
		ip4->src_port = port;
	}
}

static __always_inline void write_destination(void *frame, __u32 flow)
{
	__be32 dst = bpf_htonl(steps.dst_base + flow);
	struct ip4_packet *ip4 = frame + ETH_HLEN;
	struct ip6_packet *ip6 = frame + ETH_HLEN;

	if (steps.is_ipv6)
		ip6->ip.daddr.s6_addr32[3] = dst;
	else
		ip4->ip.daddr = dst;
}

static __always_inline void write_flow(void *frame, __u32 number)
{
	const struct bench_flow *flow = bpf_map_lookup_elem(&flows, &number);
	struct ip4_packet *ip4 = frame + ETH_HLEN;
	struct ip6_packet *ip6 = frame + ETH_HLEN;

	if (!flow)
		return;
	if (steps.is_ipv6) {
#pragma unroll
		for (int i = 0; i < 4; i++) {
			ip6->ip.saddr.s6_addr32[i] = flow->src[i];
			ip6->ip.daddr.s6_addr32[i] = flow->dst[i];
		}
		ip6->src_port = flow->src_port;
		ip6->dst_port = flow->dst_port;
	} else {
		ip4->ip.saddr = flow->src[3];
		ip4->ip.daddr = flow->dst[3];
		ip4->src_port = flow->src_port;
		ip4->dst_port = flow->dst_port;
	}
}

/* The number of this packet's flow, and on to the next. */
static __always_inline __u32 step(void)
{
	__u32 flow = state.flow, next = flow + steps.stride;

	if (next >= steps.limit) {
		next -= steps.limit - steps.first;
		state.src_port += steps.port_step;
	}
	state.flow = next;
	return flow;
}

static __always_inline bool present_packet(struct xdp_md *ctx)
{
	void *frame;
	__u32 flow;

	if (restore_size(ctx))
		return false;
	frame = frame_at(ctx);
	if (!frame)
		return false;
	copy_template(frame);
	flow = step();
	switch (steps.stepping) {
	case BENCH_STEP_SOURCE:
		write_source(frame, flow);
		break;
	case BENCH_STEP_DESTINATION:
		write_destination(frame, flow);
		break;
	default:
		write_flow(frame, flow);
	}
	return true;
}

SEC("xdp.frags")
int bench_wrapper(struct xdp_md *ctx)
{
	__u32 packets = state.packets;

	if (packets % BENCH_CHUNK_PACKETS == 0)
		stamps[packets / BENCH_CHUNK_PACKETS % BENCH_STAMPS_MAX] = bpf_ktime_get_ns();
	state.packets = packets + 1;
	if (present_packet(ctx))
		bpf_tail_call_static(ctx, &target, 0);
	return XDP_ABORTED;
}

/* What the program made of the packet before, turned round: that flow's reply. */
static __always_inline void learn_reply(void *frame, struct bench_flow *flow)
{
	struct ip4_packet *ip4 = frame + ETH_HLEN;
	struct ip6_packet *ip6 = frame + ETH_HLEN;

	if (steps.is_ipv6) {
		__builtin_memcpy(flow->src, &ip6->ip.daddr, sizeof(flow->src));
		__builtin_memcpy(flow->dst, &ip6->ip.saddr, sizeof(flow->dst));
		flow->src_port = ip6->dst_port;
		flow->dst_port = ip6->src_port;
	} else {
		flow->src[3] = ip4->ip.daddr;
		flow->dst[3] = ip4->ip.saddr;
		flow->src_port = ip4->dst_port;
		flow->dst_port = ip4->src_port;
	}
}

/*
 * Not measured: writes into flows the replies to the requests that it hands out, in their
 * order, so that the map is read from front to back and hardly costs anything later.
 */
SEC("xdp.frags")
int bench_learn(struct xdp_md *ctx)
{
	void *frame = frame_at(ctx);

	if (frame && state.packets > 0) {
		__u32 index = state.learn;
		struct bench_flow *flow = bpf_map_lookup_elem(&flows, &index);

		if (flow)
			learn_reply(frame, flow);
		state.learn = index + 1;
	}
	state.packets++;
	if (present_packet(ctx))
		bpf_tail_call_static(ctx, &target, 0);
	return XDP_ABORTED;
}

/* What is subtracted. */
SEC("xdp.frags")
int bench_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

/* Folded sum of a header whose checksum is zero. */
static __always_inline __u16 ip4_checksum(const struct iphdr *ip)
{
	const __u16 *word = (const __u16 *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < (int)(sizeof(*ip) / sizeof(*word)); i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* The floor: the least that an encapsulating load balancer does, nothing looked up. */
SEC("xdp.frags")
int bench_push(struct xdp_md *ctx)
{
	struct outer {
		struct ethhdr eth;
		struct iphdr ip;
	} __attribute__((packed, aligned(2))) * outer;
	struct ethhdr *inner;
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_IPIP,
		.saddr = bpf_htonl(0x0a000001),
		.daddr = bpf_htonl(0x0a010001),
	};
	void *end;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(ip)))
		return XDP_DROP;
	outer = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	inner = (void *)outer + sizeof(ip);
	if ((void *)(inner + 1) > end)
		return XDP_DROP;
	ip.tot_len = bpf_htons(end - (void *)outer - sizeof(outer->eth));
	ip.check = ip4_checksum(&ip);
	__builtin_memcpy(outer->eth.h_dest, inner->h_source, ETH_ALEN);
	__builtin_memcpy(outer->eth.h_source, inner->h_dest, ETH_ALEN);
	outer->eth.h_proto = bpf_htons(ETH_P_IP);
	outer->ip = ip;
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";

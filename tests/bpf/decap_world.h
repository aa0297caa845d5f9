/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decap_world.h - the program that unwraps, in a network namespace of its own, and frames
 * of a gateway for it. As in world.h each packet's verdict is the one counter that moved.
 */
#ifndef TESTS_BPF_DECAP_WORLD_H
#define TESTS_BPF_DECAP_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <guideway/decap_abi.h>
#include <linux/bpf.h>

#include "decap.skel.h"
#include "frame.h"

#define TEST(name) cmocka_unit_test_teardown(name, world_close)

#define GATEWAY4 "10.1.0.254"
#define GATEWAY6 "fd00:1::fe"
#define BACKEND4 "10.1.0.1"
#define BACKEND6 "fd00:1::1"
#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:2::7"
#define VIP4 "192.0.2.1"
#define VIP6 "2001:db8:1::1"

enum {
	CPU_MAX = 1024,
	UDP = IPPROTO_UDP,
	GUE_PORT = 6080,
	PREFIX_OF_IPV4 = 96, /* bits before an IPv4 address in 16 bytes */
};

static struct decap_bpf *world;

static int world_close(void **state)
{
	(void)state;
	decap_bpf__destroy(world);
	world = NULL;
	return 0;
}

/* value: "0" or "1", of both families */
static inline void set_forwarding(const char *value)
{
	static const char *const paths[] = { "/proc/sys/net/ipv4/conf/all/forwarding",
					     "/proc/sys/net/ipv6/conf/all/forwarding" };

	for (size_t i = 0; i < 2; i++) {
		int fd = open(paths[i], O_WRONLY);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, value, 1), 1);
		assert_int_equal(close(fd), 0);
	}
}

/* The program asks the routing table what is its own, so that the machine's is no good. */
static int world_isolate(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) == 0)
		set_forwarding("0");
	return 0;
}

/* Skips the test where the kernel does not let us load the program. */
static inline void world_open_with(struct gw_decap_config config)
{
	int r;

	world = decap_bpf__open();
	assert_non_null(world);
	memcpy((void *)&world->rodata->config, &config, sizeof(config));
	r = decap_bpf__load(world);
	if (r == -EPERM) {
		print_message("# needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN\n");
		skip();
	}
	assert_int_equal(r, 0);
}

static inline void world_open(void)
{
	world_open_with((struct gw_decap_config){ .gue_port = htons(GUE_PORT) });
}

/* bits: of the address in its own family */
static inline void allow(const struct bpf_map *map, const char *text, uint32_t bits)
{
	bool is_ipv6 = strchr(text, ':');
	struct gw_decap_prefix key = {
		.bits = GW_DECAP_FAMILY_BITS + (is_ipv6 ? 0 : PREFIX_OF_IPV4) + bits,
		.is_ipv6 = is_ipv6,
		.address = address(text),
	};
	uint32_t value = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY), 0);
}

static inline struct gw_counter verdict_counter(uint32_t verdict)
{
	struct gw_counter per_cpu[CPU_MAX] = {}, sum = {};

	assert_true(libbpf_num_possible_cpus() <= CPU_MAX);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world->maps.counters), &verdict, per_cpu),
			 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		sum.packets += per_cpu[cpu].packets;
		sum.bytes += per_cpu[cpu].bytes;
	}
	return sum;
}

/* The one verdict that was counted between the two readings. */
static inline uint32_t verdict_between(const struct gw_counter *before, uint64_t bytes)
{
	uint32_t found = GW_DECAP_VERDICT_COUNT;

	for (uint32_t verdict = 0; verdict < GW_DECAP_VERDICT_COUNT; verdict++) {
		struct gw_counter after = verdict_counter(verdict);

		if (after.packets == before[verdict].packets)
			continue;
		assert_int_equal(found, GW_DECAP_VERDICT_COUNT);
		assert_int_equal(after.packets, before[verdict].packets + 1);
		assert_int_equal(after.bytes, before[verdict].bytes + bytes);
		found = verdict;
	}
	return found;
}

static inline const char *verdict_name(uint32_t verdict)
{
	static const char *const names[] = {
#define X(name, text, action, help) text,
		GW_DECAP_VERDICTS(X)
#undef X
	};

	return verdict < GW_DECAP_VERDICT_COUNT ? names[verdict] : "none";
}

static inline int xdp_of(uint32_t verdict)
{
	static const uint8_t actions[] = {
#define X(name, text, action, help) XDP_##action,
		GW_DECAP_VERDICTS(X)
#undef X
	};

	return actions[verdict];
}

/* Runs the program on in and expects the verdict; what only passes must pass as it came. */
static inline struct frame run(const struct frame *in, uint32_t expected)
{
	struct gw_counter before[GW_DECAP_VERDICT_COUNT];
	struct frame out = {};
	uint32_t verdict;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = out.bytes, .data_size_out = sizeof(out.bytes), .repeat = 1);

	for (verdict = 0; verdict < GW_DECAP_VERDICT_COUNT; verdict++)
		before[verdict] = verdict_counter(verdict);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(world->progs.decap), &opts), 0);
	out.size = opts.data_size_out;
	verdict = verdict_between(before, in->size);
	if (verdict != expected)
		fail_msg("verdict %s, expected %s", verdict_name(verdict), verdict_name(expected));
	assert_int_equal(opts.retval, xdp_of(verdict));
	if (verdict == GW_DECAP_PASSED)
		assert_frame_equal(&out, in);
	return out;
}

/* From a gateway to the backend; GUE where protocol is UDP, else of the inner family. */
static inline struct packet_spec outer_spec(bool is_ip6, uint8_t protocol)
{
	return (struct packet_spec){ .src_mac = { { 2, 0, 0, 0, 0, 0xa2 } },
				     .dst_mac = { { 2, 0, 0, 0, 0, 0xb1 } },
				     .src = is_ip6 ? GATEWAY6 : GATEWAY4,
				     .dst = is_ip6 ? BACKEND6 : BACKEND4,
				     .src_port = 50000,
				     .dst_port = GUE_PORT,
				     .protocol = protocol };
}

/* What a client sent to the VIP. */
static inline struct packet_spec inner_spec(bool is_ip6)
{
	return (struct packet_spec){ .src = is_ip6 ? CLIENT6 : CLIENT4,
				     .dst = is_ip6 ? VIP6 : VIP4,
				     .src_port = 33333,
				     .dst_port = 80,
				     .protocol = IPPROTO_TCP,
				     .tcp_flags = SYN,
				     .ttl = 7,
				     .payload_bytes = 11 };
}

static inline uint8_t ipip_of(const struct packet_spec *inner)
{
	return spec_is_ip6(inner) ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

/* The packet in inner's frame, without its link header, behind the headers of outer. */
static inline struct frame wrap_frame(struct packet_spec outer, const struct frame *inner)
{
	size_t network = frame_network(inner);

	outer.payload = inner->bytes + network;
	outer.payload_bytes = inner->size - network;
	return frame_build(&outer);
}

static inline struct frame wrap(const struct packet_spec *outer, const struct packet_spec *inner)
{
	struct frame frame = frame_build(inner);

	return wrap_frame(*outer, &frame);
}

/* What the kernel must see of it: the inner packet in the frame of the outer one. */
static inline struct frame unwrapped(const struct packet_spec *outer,
				     const struct packet_spec *inner)
{
	struct packet_spec spec = *inner;

	spec.src_mac = outer->src_mac;
	spec.dst_mac = outer->dst_mac;
	memcpy(spec.vlan, outer->vlan, sizeof(spec.vlan));
	spec.padding_bytes += outer->padding_bytes;
	return frame_build(&spec);
}

static inline uint32_t verdict_of(const struct packet_spec *outer)
{
	return outer->protocol == UDP ? GW_DECAP_UNWRAPPED_GUE : GW_DECAP_UNWRAPPED_IPIP;
}

static inline void assert_unwrapped(const struct packet_spec *outer,
				    const struct packet_spec *inner)
{
	struct frame in = wrap(outer, inner), wanted = unwrapped(outer, inner);
	struct frame out = run(&in, verdict_of(outer));

	assert_frame_equal(&out, &wanted);
}

static inline void run_spec(const struct packet_spec *outer, const struct packet_spec *inner,
			    uint32_t expected)
{
	struct frame in = wrap(outer, inner);

	(void)run(&in, expected);
}

/* Calls check for every outer family, inner family, and IPIP and GUE. */
static inline void for_each_tunnel(void (*check)(struct packet_spec *outer,
						 struct packet_spec *inner))
{
	for (int i = 0; i < 8; i++) {
		struct packet_spec inner = inner_spec(i & 1);
		struct packet_spec outer = outer_spec(i & 2, i & 4 ? UDP : ipip_of(&inner));

		check(&outer, &inner);
	}
}

/* TOS or traffic class of the IP header at a place; IPv4's checksum is made anew. */
static inline void set_traffic_class(struct frame *frame, size_t at, uint8_t value)
{
	uint8_t *ip = frame->bytes + at;

	if (ip[0] >> 4 == 6) {
		ip[0] = 0x60 | value >> 4;
		ip[1] = value << 4 | (ip[1] & 0xf);
		return;
	}
	ip[1] = value;
	put16(ip + 10, 0);
	put16(ip + 10, sum_finish(sum_bytes(0, ip, (ip[0] & 0xf) * 4)));
}

#endif

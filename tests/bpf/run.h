/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.h - a packet through the program. Every one is watched: its verdict is the one
 * counter that moved, by one packet and its bytes; what passes must pass as it came.
 */
#ifndef TESTS_BPF_RUN_H
#define TESTS_BPF_RUN_H

#include "world.h"

enum {
	CPU_MAX = 1024,
};

/* All of them at once; per CPU they are the kernel's, so they are added up. */
static inline void verdicts_read(struct gw_counter ret_verdicts[GW_VERDICT_COUNT])
{
	static struct gw_counter per_cpu[GW_VERDICT_COUNT * CPU_MAX];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t keys[GW_VERDICT_COUNT], count = GW_VERDICT_COUNT, next;
	int cpus = libbpf_num_possible_cpus();

	assert_in_range(cpus, 1, CPU_MAX);
	(void)bpf_map_lookup_batch(bpf_map__fd(world->maps.verdicts), NULL, &next, keys, per_cpu,
				   &count, &opts);
	assert_int_equal(count, GW_VERDICT_COUNT);
	memset(ret_verdicts, 0, GW_VERDICT_COUNT * sizeof(*ret_verdicts));
	for (uint32_t i = 0; i < count * cpus; i++) {
		ret_verdicts[keys[i / cpus]].packets += per_cpu[i].packets;
		ret_verdicts[keys[i / cpus]].bytes += per_cpu[i].bytes;
	}
}

static inline struct gw_counter verdict_counter(uint32_t verdict)
{
	struct gw_counter all[GW_VERDICT_COUNT];

	verdicts_read(all);
	return all[verdict];
}

/* Of the service's one backend. */
static inline struct gw_traffic traffic_of(uint32_t service)
{
	struct gw_traffic per_cpu[CPU_MAX] = {}, sum = {};

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(world->maps.backend_traffic), &service, per_cpu),
		0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		sum.packets += per_cpu[cpu].packets;
		sum.bytes += per_cpu[cpu].bytes;
		sum.flows += per_cpu[cpu].flows;
		sum.reply_packets += per_cpu[cpu].reply_packets;
		sum.reply_bytes += per_cpu[cpu].reply_bytes;
	}
	return sum;
}

static inline const char *verdict_name(uint32_t verdict)
{
	static const char *const names[] = {
#define X(name, text, action, help) text,
		GW_VERDICTS(X)
#undef X
	};

	return verdict < GW_VERDICT_COUNT ? names[verdict] : "none";
}

/* The one verdict that was counted between the two readings. */
static inline uint32_t verdict_between(const struct gw_counter *before, uint64_t bytes)
{
	struct gw_counter after[GW_VERDICT_COUNT];
	uint32_t found = GW_VERDICT_COUNT;

	verdicts_read(after);
	for (uint32_t verdict = 0; verdict < GW_VERDICT_COUNT; verdict++) {
		if (after[verdict].packets == before[verdict].packets)
			continue;
		assert_int_equal(found, GW_VERDICT_COUNT);
		assert_int_equal(after[verdict].packets, before[verdict].packets + 1);
		assert_int_equal(after[verdict].bytes, before[verdict].bytes + bytes);
		found = verdict;
	}
	return found;
}

static inline int xdp_of(uint32_t verdict, int sends)
{
	enum { PASS, DROP, SEND };
	static const uint8_t actions[] = {
#define X(name, text, action, help) action,
		GW_VERDICTS(X)
#undef X
	};

	switch (actions[verdict]) {
	case PASS:
		return XDP_PASS;
	case DROP:
		return XDP_DROP;
	default:
		return sends;
	}
}

/* Runs the program on in. Returns the XDP action, and in *ret_verdict its reason. */
static inline int run_raw(const struct frame *in, struct frame *out, uint32_t *ret_verdict)
{
	struct xdp_md ctx = { .data_end = in->size, .ingress_ifindex = world_ingress };
	struct gw_counter before[GW_VERDICT_COUNT];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = out->bytes, .data_size_out = sizeof(out->bytes), .repeat = 1);

	if (world_ingress) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	verdicts_read(before);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(world->progs.guideway), &opts), 0);
	out->size = opts.data_size_out;
	*ret_verdict = verdict_between(before, in->size);
	if (opts.retval == XDP_PASS && *ret_verdict != GW_REPLY_PASSED)
		assert_frame_equal(out, in);
	return opts.retval;
}

/* Runs it and expects the verdict; what is sent leaves as sends: XDP_TX or XDP_REDIRECT. */
static inline struct frame run_frame(const struct frame *in, uint32_t expected, int sends)
{
	struct frame out = {};
	uint32_t verdict;
	int action = run_raw(in, &out, &verdict);

	if (verdict != expected)
		fail_msg("%s: verdict %s, expected %s", frame_case, verdict_name(verdict),
			 verdict_name(expected));
	assert_int_equal(action, xdp_of(verdict, sends));
	return out;
}

static inline struct frame run(const struct packet_spec *spec, uint32_t expected, int sends)
{
	struct frame in = frame_build(spec);

	return run_frame(&in, expected, sends);
}

/* A packet that gets no answer. */
static inline void run_to_end(const struct packet_spec *spec, uint32_t expected)
{
	(void)run(spec, expected, XDP_ABORTED);
}

static inline void run_and_expect(const struct packet_spec *spec, uint32_t verdict, int sends,
				  const struct packet_spec *expected)
{
	struct frame out = run(spec, verdict, sends), wanted = frame_build(expected);

	assert_frame_equal(&out, &wanted);
}

#endif

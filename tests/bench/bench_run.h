/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_run.h - runs programs in the wrapper, see bench_wrapper.bpf.c, and collects how
 * long a packet took, one value for each chunk of packets.
 */
#ifndef TESTS_BENCH_RUN_H
#define TESTS_BENCH_RUN_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "bench_frame.h"
#include "bench_json.h"
#include "bench_wrapper.h"
#include "tests/bench/bench_wrapper.skel.h"

/* Nanoseconds a packet, one a chunk. */
struct samples {
	double *values;
	size_t count, room;
};

static inline bool samples_add(struct samples *samples, double value)
{
	if (samples->count == samples->room) {
		size_t room = samples->room ? 2 * samples->room : 1024;
		double *values = realloc(samples->values, room * sizeof(*values));

		if (!values)
			return false;
		samples->values = values;
		samples->room = room;
	}
	samples->values[samples->count++] = value;
	return true;
}

static inline void samples_free(struct samples *samples)
{
	free(samples->values);
	*samples = (struct samples){ 0 };
}

static inline int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Sorts them. */
static inline struct quantiles samples_quantiles(struct samples *samples)
{
	if (samples->count == 0)
		return (struct quantiles){ 0 };
	qsort(samples->values, samples->count, sizeof(*samples->values), by_value);
	return (struct quantiles){ samples->values[0], samples->values[samples->count / 10],
				   samples->values[samples->count / 2] };
}

static inline struct quantiles quantiles_subtract(struct quantiles a, struct quantiles b)
{
	return (struct quantiles){ a.min - b.min, a.p10 - b.p10, a.median - b.median };
}

/* One wrapper with its own packets and target, for one thread at a time. */
struct runner {
	struct bench_wrapper_bpf *skeleton;
	int target_fd; /* of the array of the one program under test */
	int wrapper_fd, learn_fd, empty_fd, push_fd;
	uint32_t ifindex; /* where packets arrive */
	uint32_t chunks;  /* that the last run measured */
};

static inline void runner_close(struct runner *runner)
{
	bench_wrapper_bpf__destroy(runner->skeleton);
	*runner = (struct runner){ 0 };
}

/* 0 or negative errno. */
static inline int runner_open(struct runner *runner, uint32_t ifindex)
{
	struct bench_wrapper_bpf *skeleton = bench_wrapper_bpf__open_and_load();

	if (!skeleton)
		return -errno;
	*runner = (struct runner){
		.skeleton = skeleton,
		.target_fd = bpf_map__fd(skeleton->maps.target),
		.wrapper_fd = bpf_program__fd(skeleton->progs.bench_wrapper),
		.learn_fd = bpf_program__fd(skeleton->progs.bench_learn),
		.empty_fd = bpf_program__fd(skeleton->progs.bench_empty),
		.push_fd = bpf_program__fd(skeleton->progs.bench_push),
		.ifindex = ifindex,
	};
	return 0;
}

/* The packets of the runs that follow, which begin with flow. */
static inline void runner_set(struct runner *runner, const struct frame *frame,
			      const struct bench_steps *steps, uint32_t flow)
{
	volatile struct bench_state *state = &runner->skeleton->bss->state;

	memcpy(runner->skeleton->data->template.frame, frame->bytes, sizeof(frame->bytes));
	memcpy((void *)&runner->skeleton->bss->steps, steps, sizeof(*steps));
	state->flow = flow;
	state->src_port = steps->src_port;
}

/* Runs outer, which hands packets to the program target_fd. 0 or negative errno. */
static inline int runner_repeat(struct runner *runner, int outer_fd, int target_fd,
				uint32_t packets)
{
	volatile struct bench_state *state = &runner->skeleton->bss->state;
	struct frame frame;
	struct xdp_md ctx = { .data_end = sizeof(frame.bytes), .ingress_ifindex = runner->ifindex };
	uint32_t first = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.bytes,
		    .data_size_in = sizeof(frame.bytes), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .repeat = (int)packets);

	memcpy(frame.bytes, runner->skeleton->data->template.frame, sizeof(frame.bytes));
	if (bpf_map_update_elem(runner->target_fd, &first, &target_fd, BPF_ANY) < 0)
		return -errno;
	state->head = 0;
	state->packets = 0;
	return bpf_prog_test_run_opts(outer_fd, &opts) < 0 ? -errno : 0;
}

/* Measures so many chunks; their times are then in the stamps. 0 or negative errno. */
static inline int runner_measure(struct runner *runner, int target_fd, uint32_t chunks)
{
	int r = runner_repeat(runner, runner->wrapper_fd, target_fd,
			      chunks * BENCH_CHUNK_PACKETS + 1);

	runner->chunks = r == 0 ? chunks : 0;
	return r;
}

/* When the last run began and ended; ns of the monotonic clock. */
struct interval {
	uint64_t start_ns, end_ns;
};

static inline struct interval runner_interval(const struct runner *runner)
{
	const __u64 *stamps = runner->skeleton->bss->stamps;

	return (struct interval){ stamps[0], stamps[runner->chunks] };
}

/* Adds the last run's chunks, those that lie within the interval, to samples. 0 or -ENOMEM. */
static inline int runner_collect(const struct runner *runner, struct interval within,
				 struct samples *samples)
{
	const __u64 *stamps = runner->skeleton->bss->stamps;

	for (uint32_t i = 0; i < runner->chunks; i++) {
		if (stamps[i] < within.start_ns || stamps[i + 1] > within.end_ns)
			continue;
		if (!samples_add(samples,
				 (double)(stamps[i + 1] - stamps[i]) / BENCH_CHUNK_PACKETS))
			return -ENOMEM;
	}
	return 0;
}

#endif

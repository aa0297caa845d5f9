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

/* Sorts them; there must be some. */
static inline struct quantiles samples_quantiles(struct samples *samples)
{
	qsort(samples->values, samples->count, sizeof(*samples->values), by_value);
	return (struct quantiles){ samples->values[0], samples->values[samples->count / 10],
				   samples->values[samples->count / 2] };
}

/* One wrapper with its own flows and target, for one thread. */
struct runner {
	struct bench_wrapper_bpf *skeleton;
	struct bench_flow *flows; /* the mapped array */
	int target_fd;            /* of the array of the one program under test */
	int wrapper_fd, learn_fd, empty_fd, push_fd;
};

static inline void runner_close(struct runner *runner)
{
	if (runner->flows)
		(void)munmap(runner->flows, BENCH_FLOWS_MAX * sizeof(*runner->flows));
	bench_wrapper_bpf__destroy(runner->skeleton);
	*runner = (struct runner){ 0 };
}

/* 0 or negative errno. */
static inline int runner_open(struct runner *runner)
{
	struct bench_wrapper_bpf *skeleton = bench_wrapper_bpf__open_and_load();
	void *flows;

	if (!skeleton)
		return -errno;
	*runner = (struct runner){
		.skeleton = skeleton,
		.target_fd = bpf_map__fd(skeleton->maps.target),
		.wrapper_fd = bpf_program__fd(skeleton->progs.bench_wrapper),
		.learn_fd = bpf_program__fd(skeleton->progs.bench_learn),
		.empty_fd = bpf_program__fd(skeleton->progs.bench_empty),
		.push_fd = bpf_program__fd(skeleton->progs.bench_push),
	};
	flows = mmap(NULL, BENCH_FLOWS_MAX * sizeof(*runner->flows), PROT_READ | PROT_WRITE,
		     MAP_SHARED, bpf_map__fd(skeleton->maps.flows), 0);
	if (flows == MAP_FAILED) {
		int r = -errno;

		runner_close(runner);
		return r;
	}
	runner->flows = flows;
	return 0;
}

/* The packets of the runs that follow. */
static inline void runner_set(struct runner *runner, const struct frame *frame,
			      const struct bench_steps *steps)
{
	memcpy(runner->skeleton->data->template.frame, frame->bytes, sizeof(frame->bytes));
	memcpy((void *)&runner->skeleton->bss->steps, steps, sizeof(*steps));
}

/* Runs outer, which hands packets to the program target_fd. 0 or negative errno. */
static inline int runner_repeat(struct runner *runner, int outer_fd, int target_fd,
				uint32_t packets)
{
	const struct bench_steps *steps = (void *)&runner->skeleton->bss->steps;
	volatile struct bench_state *state = &runner->skeleton->bss->state;
	struct frame frame;
	uint32_t first = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.bytes,
		    .data_size_in = sizeof(frame.bytes), .repeat = (int)packets);

	memcpy(frame.bytes, runner->skeleton->data->template.frame, sizeof(frame.bytes));
	if (bpf_map_update_elem(runner->target_fd, &first, &target_fd, BPF_ANY) < 0)
		return -errno;
	state->head = 0;
	state->packets = 0;
	/* A run goes on with the flows where the one before ended, so that all get their turn. */
	if (state->flow < steps->first || state->flow >= steps->limit) {
		state->flow = steps->first;
		state->src_port = steps->src_port;
	}
	return bpf_prog_test_run_opts(outer_fd, &opts) < 0 ? -errno : 0;
}

/* Measures chunks chunks and adds them to samples. 0 or negative errno. */
static inline int runner_measure(struct runner *runner, int target_fd, uint32_t chunks,
				 struct samples *samples)
{
	const __u64 *stamps = runner->skeleton->bss->stamps;
	int r = runner_repeat(runner, runner->wrapper_fd, target_fd,
			      chunks * BENCH_CHUNK_PACKETS + 1);

	for (uint32_t i = 0; r == 0 && i < chunks; i++)
		if (!samples_add(samples,
				 (double)(stamps[i + 1] - stamps[i]) / BENCH_CHUNK_PACKETS))
			r = -ENOMEM;
	return r;
}

#endif

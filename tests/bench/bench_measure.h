/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_measure.h - one case measured on one core.
 *
 * Rounds of three runs: the empty program, the bare IPIP push, and the real program, all in
 * the same wrapper (bench_wrapper.bpf.c) with the same packets. Each gives a value every
 * 4,096 packets. Over all rounds, the minimum, the 10th percentile and the median of the
 * empty program are subtracted from those of the others: what disturbs the machine disturbs
 * all three, and the 10th percentile is from its quiet moments.
 */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <stdio.h>
#include <time.h>

#include "bench_case.h"
#include "bench_lane.h"
#include "bench_world.h"

#define ROUND_CHUNKS 32

struct options {
	const char *pattern, *json_path;
	double seconds; /* a case */
};

struct bench {
	struct options options;
	struct lane lanes[LANES_MAX];
	size_t lane_count;
	struct world world;
	double p1_ns; /* 0: row P1 was not measured */
	bool has_failed;
};

struct result {
	struct quantiles net, push;
	double empty_ns; /* p10 of the empty program, gross */
};

static inline double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline bool complain(struct bench *bench, const struct bench_case *test, const char *what)
{
	char name[NAME_SIZE];

	(void)fflush(stdout);
	(void)fprintf(stderr, "bench_datapath: %s: %s\n", case_name(test, name), what);
	bench->has_failed = true;
	return false;
}

static inline int program_fd(const struct bench *bench, const struct lane *lane,
			     enum program program)
{
	switch (program) {
	case EMPTY:
		return lane->runner.empty_fd;
	case PUSH:
		return lane->runner.push_fd;
	default:
		return bench->world.datapath->program_fd;
	}
}

static inline bool world_is_for(const struct world *world, const struct bench_case *test)
{
	return world->datapath && world->mode == test->mode && world->services == test->services &&
	       world->is_changing == (test->kind == CHANGING);
}

static inline bool prepare(struct bench *bench, const struct bench_case *test, size_t lane_count)
{
	struct error error = { 0 };

	if (!world_is_for(&bench->world, test)) {
		world_close(&bench->world);
		if (world_open(&bench->world, test->mode, test->services, test->kind == CHANGING,
			       &error) < 0)
			return complain(bench, test, error.text);
	}
	for (size_t i = 0; i < lane_count; i++)
		if (lane_prepare(&bench->lanes[i], test, program_fd(bench, NULL, REAL)) < 0)
			return complain(bench, test, "cannot establish its flows");
	return true;
}

/* One run of so many chunks of the program in each of the lanes. 0 or negative errno. */
static inline int run_once(struct bench *bench, struct lane *lanes, size_t count, uint32_t chunks,
			   enum program program, struct samples *samples[])
{
	struct interval common = { 0, UINT64_MAX };
	int r;

	for (size_t i = 0; i < count; i++) {
		lanes[i].program = program;
		lanes[i].target_fd = program_fd(bench, &lanes[i], program);
		lanes[i].chunks = chunks;
	}
	r = lanes_measure(lanes, count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct interval interval = runner_interval(&lanes[i].runner);

		if (common.start_ns < interval.start_ns)
			common.start_ns = interval.start_ns;
		if (common.end_ns > interval.end_ns)
			common.end_ns = interval.end_ns;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = runner_collect(&lanes[i].runner, common, samples[i]);
	return r;
}

/* Rounds until the time is used up; the first warms up and does not count. */
static inline int measure(struct bench *bench, struct samples samples[static PROGRAMS])
{
	double end_s = 0;
	int r = 0;

	do {
		for (int i = 0; r == 0 && i < PROGRAMS; i++)
			r = run_once(bench, bench->lanes, 1, ROUND_CHUNKS, i,
				     (struct samples *[]){ &samples[i] });
		if (end_s == 0) {
			for (int i = 0; i < PROGRAMS; i++)
				samples[i].count = 0;
			end_s = now_s() + bench->options.seconds;
		}
	} while (r == 0 && (samples[0].count == 0 || now_s() < end_s));
	return r;
}

/* What the tables counted, to see that the bench measures what it says. */
struct tally {
	uint64_t packets; /* with the case's verdict */
	uint64_t new_flows;
	uint64_t lookups, found; /* of recorded flows */
};

static inline struct tally take_tally(const struct bench *bench, const struct bench_case *test)
{
	return (struct tally){ world_verdicts(&bench->world, kinds[test->kind].verdict),
			       world_new_flows(&bench->world),
			       world_track_count(&bench->world, "lookups"),
			       world_track_count(&bench->world, "found") };
}

/* after must come from rounds of measure() alone; the warming one is in packets as well. */
static inline bool check_tally(struct bench *bench, const struct bench_case *test,
			       struct tally before, struct tally after, size_t chunks)
{
	double packets = ((double)chunks + ROUND_CHUNKS) * BENCH_CHUNK_PACKETS;
	double share = (double)(after.packets - before.packets) / packets;
	double share_new = (double)(after.new_flows - before.new_flows) / packets;
	double share_found = (double)(after.found - before.found) / packets;
	char what[128];

	if (share < 0.99)
		(void)snprintf(what, sizeof(what), "only %.1f %% of its packets were \"%s\"",
			       share * 100, kinds[test->kind].verdict);
	else if (test->kind != NEW_FLOWS && share_new > 0.01)
		(void)snprintf(what, sizeof(what), "%.1f %% of its packets began a flow",
			       share_new * 100);
	else if (test->kind == CHANGING && share_found < 0.99)
		(void)snprintf(what, sizeof(what),
			       "only %.1f %% of its packets were of a known flow",
			       share_found * 100);
	else if (test->kind != CHANGING && after.lookups != before.lookups)
		(void)snprintf(what, sizeof(what), "flows were looked up, though nothing changes");
	else
		return true;
	return complain(bench, test, what);
}

static inline bool run_case(struct bench *bench, const struct bench_case *test, struct result *ret)
{
	struct samples samples[PROGRAMS] = { 0 };
	struct quantiles empty;
	struct tally before;
	bool is_good;

	if (!prepare(bench, test, 1))
		return false;
	before = take_tally(bench, test);
	is_good = measure(bench, samples) == 0 || complain(bench, test, "cannot run the program");
	is_good = is_good &&
		  check_tally(bench, test, before, take_tally(bench, test), samples[REAL].count);
	empty = samples_quantiles(&samples[EMPTY]);
	ret->empty_ns = empty.p10;
	ret->push = quantiles_subtract(samples_quantiles(&samples[PUSH]), empty);
	ret->net = quantiles_subtract(samples_quantiles(&samples[REAL]), empty);
	for (int i = 0; i < PROGRAMS; i++)
		samples_free(&samples[i]);
	return is_good;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_lane.h - a runner on a CPU of its own, with flows of its own: what one core does,
 * or two at once.
 */
#ifndef TESTS_BENCH_LANE_H
#define TESTS_BENCH_LANE_H

#include <pthread.h>
#include <sched.h>

#include "bench_case.h"
#include "bench_run.h"

#define LANES_MAX 2
#define LEARN_BATCH 16384 /* flows, far fewer than the table of unconfirmed ones holds */

enum program {
	EMPTY,
	PUSH,
	REAL,
	PROGRAMS,
};

/* A run goes on with the flow after the last one of the same program. */
struct position {
	uint32_t flow;
	uint16_t src_port;
};

struct lane {
	struct runner runner;
	int cpu;
	uint32_t first_flow; /* so that no two lanes share one */
	struct position positions[PROGRAMS];

	/* For one run. */
	pthread_barrier_t *start;
	enum program program;
	int target_fd; /* the program's */
	uint32_t chunks;
	int result;
};

static inline bool pin_to_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) == 0;
}

/* The last ones we may use, since the first one gets most interrupts; how many there are. */
static inline int lane_cpus(int cpus[static LANES_MAX])
{
	cpu_set_t allowed;
	int count = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return 0;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && count < LANES_MAX; cpu--)
		if (CPU_ISSET(cpu, &allowed))
			cpus[count++] = cpu;
	return count;
}

static inline void *lane_main(void *context)
{
	struct lane *lane = context;
	struct position *position = &lane->positions[lane->program];
	volatile struct bench_state *state = &lane->runner.skeleton->bss->state;

	state->flow = position->flow;
	state->src_port = position->src_port;
	lane->result = pin_to_cpu(lane->cpu) ? 0 : -errno;
	(void)pthread_barrier_wait(lane->start);
	if (lane->result == 0)
		lane->result = runner_measure(&lane->runner, lane->target_fd, lane->chunks);
	*position = (struct position){ state->flow, state->src_port };
	return NULL;
}

/* Runs all at once. 0 or the negative errno of one that failed. */
static inline int lanes_measure(struct lane *lanes, size_t count)
{
	pthread_t threads[LANES_MAX];
	pthread_barrier_t start;
	int r = 0;

	(void)pthread_barrier_init(&start, NULL, (unsigned int)count);
	for (size_t i = 0; i < count; i++) {
		lanes[i].start = &start;
		if (pthread_create(&threads[i], NULL, lane_main, &lanes[i]) != 0)
			abort(); /* others wait at the barrier already */
	}
	for (size_t i = 0; i < count; i++) {
		(void)pthread_join(threads[i], NULL);
		if (lanes[i].result < 0)
			r = lanes[i].result;
	}
	(void)pthread_barrier_destroy(&start);
	return r;
}

static inline struct bench_steps lane_steps(const struct lane *lane, const struct bench_case *test)
{
	struct bench_steps steps = case_steps(test);

	steps.src_base += lane->first_flow;
	return steps;
}

/* The replies that were learned. */
static inline struct bench_steps reply_steps(const struct bench_case *test, uint32_t first,
					     uint32_t count)
{
	return (struct bench_steps){
		.stepping = BENCH_STEP_TABLE,
		.is_ipv6 = test->is_ipv6,
		.first = first,
		.limit = first + count,
		.stride = 1,
	};
}

/* Hands count requests to the program, from the flow with this number on. */
static inline int lane_request(struct lane *lane, int outer_fd, const struct bench_case *test,
			       int program_fd, struct bench_steps steps, uint32_t flow,
			       uint32_t count)
{
	struct frame_spec spec = case_frame(test);
	struct frame frame = frame_build(&spec);

	runner_set(&lane->runner, &frame, &steps, flow);
	return runner_repeat(&lane->runner, outer_fd, program_fd, count);
}

/*
 * Fills the map flows, from its entry flow on, with the replies to count requests. One
 * packet more: the result of each is seen when the next is handed out.
 */
static inline int lane_learn(struct lane *lane, const struct bench_case *test, int program_fd,
			     struct bench_steps steps, uint32_t flow, uint32_t count)
{
	lane->runner.skeleton->bss->state.learn = flow;
	return lane_request(lane, lane->runner.learn_fd, test, program_fd, steps, flow, count + 1);
}

/* Makes count flows known: requests, the replies to them, and requests again. */
static inline int lane_establish_batch(struct lane *lane, const struct bench_case *test,
				       int program_fd, uint32_t flow, uint32_t count)
{
	struct frame_spec spec = case_frame(test);
	struct frame frame = frame_build(&spec);
	struct bench_steps steps = lane_steps(lane, test);
	struct bench_steps replies = reply_steps(test, flow, count);
	struct runner *runner = &lane->runner;
	int r;

	steps.stride = 1;
	r = lane_learn(lane, test, program_fd, steps, flow, count);
	if (r < 0)
		return r;
	runner_set(runner, &frame, &replies, flow);
	r = runner_repeat(runner, runner->wrapper_fd, program_fd, count);
	if (r < 0)
		return r;
	return lane_request(lane, runner->wrapper_fd, test, program_fd, steps, flow, count);
}

/*
 * In another order than they are measured in: what the program allocates for them would
 * lie in memory in just that order, which it does nowhere else. Last, replies are learned
 * in the order in which they are measured.
 */
static inline int lane_establish(struct lane *lane, const struct bench_case *test, int program_fd)
{
	int r = 0;

	for (uint32_t flow = 0; r == 0 && flow < test->flows; flow += LEARN_BATCH) {
		uint32_t count = test->flows - flow;

		if (count > LEARN_BATCH)
			count = LEARN_BATCH;
		r = lane_establish_batch(lane, test, program_fd, flow, count);
	}
	if (r == 0)
		r = lane_learn(lane, test, program_fd, lane_steps(lane, test), 0, test->flows);
	return r;
}

/* Readies the lane for the case's packets. 0 or negative errno. */
static inline int lane_prepare(struct lane *lane, const struct bench_case *test, int program_fd)
{
	struct frame_spec spec = case_frame(test);
	struct frame frame = frame_build(&spec);
	struct bench_steps steps = lane_steps(lane, test);
	int r = 0;

	if (case_has_replies(test) &&
	    (test->kind == REQUEST || test->kind == CHANGING || test->kind == REPLY))
		r = lane_establish(lane, test, program_fd);
	else if (test->kind == CHANGING)
		r = lane_request(lane, lane->runner.wrapper_fd, test, program_fd, steps, 0,
				 test->flows);
	if (test->kind == REPLY)
		steps = reply_steps(test, 0, test->flows);
	runner_set(&lane->runner, &frame, &steps, 0);
	for (int i = 0; i < PROGRAMS; i++)
		lane->positions[i] = (struct position){ 0, steps.src_port };
	return r;
}

#endif

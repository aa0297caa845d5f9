// SPDX-License-Identifier: BSD-2-Clause
/*
 * trial.c - time is the only thing that both sides must have in common and neither is given.
 * Both count in whole seconds of the coarse clock: no packet is run near the turn of one.
 */
#include "reference/trial.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <linux/bpf.h>

enum {
	TURN_NS = 10000000,  /* before the end of a second */
	ENTRIES_MAX = 30000, /* of any map: half of what may be evicted */
	EPOCH_MIN = 2000,
	EPOCH_MAX = 600000,
	ANSWERS_EVERY = 16384,
	ACTS_EVERY = 256,
	COUNTED_BYTES_MAX = 3400, /* about a page: the plain way does not count what is behind */
};

const char *verdict_name(enum gw_verdict verdict)
{
	static const char *const names[] = {
#define X(name, text, action, help) text,
		GW_VERDICTS(X)
#undef X
	};

	return verdict < GW_VERDICT_COUNT ? names[verdict] : "none";
}

static uint32_t second_now(long *ret_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	*ret_ns = now.tv_nsec;
	return now.tv_sec;
}

static uint32_t steady_second(void)
{
	uint32_t now_s;
	long ns;

	do
		now_s = second_now(&ns);
	while (ns > 1000000000 - TURN_NS);
	return now_s;
}

static void begin_epoch(struct trial *trial)
{
	uint32_t now_s = steady_second();

	memcpy(trial->tables.slots, trial->made->slots, sizeof(trial->tables.slots));
	memcpy(trial->tables.backends, trial->made->backends, sizeof(trial->tables.backends));
	kernel_reset(trial->kernel, &trial->world->tables, now_s);
	model_reset(&trial->model, now_s);
	memset(trial->generator.datagrams, 0, sizeof(trial->generator.datagrams));
	trial->epoch_end = trial->packets + EPOCH_MIN + random_below(&trial->epochs, EPOCH_MAX);
}

void trial_begin(struct trial *trial, const struct world *world, const struct tables *tables,
		 struct kernel *kernel, uint64_t seed)
{
	memset(trial, 0, sizeof(*trial));
	trial->seed = seed;
	trial->world = world;
	trial->kernel = kernel;
	trial->made = tables;
	trial->tables = *tables;
	model_init(&trial->model, &trial->tables);
	trial->generator.random.state = seed;
	trial->generator.world = world;
	trial->generator.model = &trial->model;
	trial->epochs.state = seed ^ 0xffff;
	trial->acts.state = seed ^ 0xaaaa;
	begin_epoch(trial);
}

void trial_end(struct trial *trial)
{
	model_finish(&trial->model);
}

static void print_bytes(const char *what, const struct frame *frame)
{
	printf("#   %s, %zu bytes\n", what, frame->size);
	for (size_t i = 0; i < frame->size && i < 320; i += 32) {
		printf("#    ");
		for (size_t j = i; j < i + 32 && j < frame->size; j++)
			printf("%s%02x", j % 4 ? "" : " ", frame->bytes[j]);
		printf("\n");
	}
}

static void print_mismatch(const struct trial *trial, const struct frame *in, uint32_t ingress,
			   const struct outcome *seen, const struct outcome *expected)
{
	static const char *const actions[] = { "aborted", "drop", "pass", "tx", "redirect" };

	printf("# seed 0x%" PRIx64 ", packet %" PRIu64
	       " on device %u: %s, %s; the model says %s, %s\n",
	       trial->seed, trial->packets, ingress, verdict_name(seen->verdict),
	       actions[seen->action], verdict_name(expected->verdict), actions[expected->action]);
	print_bytes("in", in);
	if (seen->action != XDP_DROP)
		print_bytes("out", &seen->frame);
	if (expected->action != XDP_DROP)
		print_bytes("the model's", &expected->frame);
}

static bool frames_equal(const struct frame *a, const struct frame *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool outcomes_equal(const struct outcome *a, const struct outcome *b)
{
	return a->verdict == b->verdict && a->action == b->action &&
	       (a->action == XDP_DROP || frames_equal(&a->frame, &b->frame));
}

static bool state_agrees(struct trial *trial)
{
	char why[256];

	if (kernel_state_is(trial->kernel, &trial->model, why, sizeof(why)))
		return true;
	if (!trial->is_quiet)
		printf("# seed 0x%" PRIx64 ", after packet %" PRIu64 ": %s\n", trial->seed,
		       trial->packets, why);
	return false;
}

static bool run_one(struct trial *trial)
{
	static struct outcome seen, expected;
	static struct frame in;
	uint32_t ingress;
	long ns;

	generate(&trial->generator, &in, &ingress);
	trial->model.state.now_s = steady_second();
	seen.action = kernel_run(trial->kernel, &in, ingress, &seen.frame);
	if (second_now(&ns) != trial->model.state.now_s) {
		trial->unsure++;
		begin_epoch(trial);
		return true;
	}
	model_run(&trial->model, &in, ingress, &expected);
	seen.verdict = kernel_verdict(trial->kernel, expected.verdict,
				      in.size <= COUNTED_BYTES_MAX ? in.size : 0);
	trial->verdicts[expected.verdict]++;
	trial->packets++;
	if (outcomes_equal(&seen, &expected))
		return true;
	if (!trial->is_quiet)
		print_mismatch(trial, &in, ingress, &seen, &expected);
	return false;
}

static bool epoch_is_over(const struct trial *trial)
{
	const struct state *state = &trial->model.state;

	return trial->packets >= trial->epoch_end || map_count(state->nat) > ENTRIES_MAX ||
	       map_count(state->fragments) > ENTRIES_MAX ||
	       map_count(state->affinities) > ENTRIES_MAX || map_count(state->moved) > ENTRIES_MAX;
}

bool trial_run(struct trial *trial, uint64_t packets)
{
	uint64_t end = trial->packets + packets;

	while (trial->packets < end) {
		if (trial->packets % ANSWERS_EVERY == 0)
			kernel_refill_answers(trial->kernel);
		if (trial->packets % ACTS_EVERY == 0 && !trial->is_quiet)
			agent_act(&trial->tables, trial->kernel, &trial->acts);
		if (!run_one(trial))
			return false;
		if (!epoch_is_over(trial))
			continue;
		if (!state_agrees(trial))
			return false;
		begin_epoch(trial);
	}
	return state_agrees(trial);
}

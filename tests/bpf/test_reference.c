// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_reference.c - the program and a second description of what it should do (reference/)
 * are given the same packets and tables.
 *
 *   test_reference [--packets N] [--seed N]
 *
 * On a machine that is GUIDEWAY_SLOWNESS times slower it takes so much fewer packets.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "reference/change.h"
#include "reference/network.h"
#include "reference/trial.h"

enum {
	PACKETS = 1000000,
	FEW_PACKETS = 50000,
	CHANGE_RUNS = 15, /* until a change is noticed */
	CHANGE_PACKETS = 20000,
};

static uint64_t packets, seed;
static uint64_t verdicts[GW_VERDICT_COUNT];
static struct world world;
static struct kernel *kernel; /* with its tables */
static struct trial trial;

static int close_world(void **state)
{
	(void)state;
	kernel_close(kernel);
	kernel = NULL;
	return 0;
}

/* The world of the seed, in the kernel: loading takes seconds, so it stays for the next test. */
static void open_world(bool answers)
{
	static bool has_network;
	struct random random = { seed };
	int r = 0;

	if (kernel && !world.tables.config.answers_per_second == !answers)
		return;
	(void)close_world(NULL);
	world_make(&world, &random, answers);
	if (!has_network)
		r = network_make(&world.tables);
	has_network = true;
	if (!r)
		r = kernel_open(&kernel, &world.tables);
	if (r == -EPERM) {
		print_message("# needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN\n");
		skip();
	}
	assert_int_equal(r, 0);
}

static void run_world(uint64_t count)
{
	bool agrees;

	trial_begin(&trial, &world, &world.tables, kernel, seed);
	agrees = trial_run(&trial, count);
	for (int i = 0; i < GW_VERDICT_COUNT; i++)
		verdicts[i] += trial.verdicts[i];
	printf("# note: %" PRIu64 " packets, seed 0x%" PRIx64 ", %" PRIu64
	       " at the turn of a second\n",
	       trial.packets, seed, trial.unsure);
	trial_end(&trial);
	assert_true(agrees);
	assert_true(trial.unsure <= 10 + count / 1000);
}

static void the_model_agrees_on_every_packet(void **state)
{
	(void)state;
	open_world(true);
	run_world(packets);
}

static bool is_noticed(const struct change *change)
{
	static struct tables tables;
	bool agrees = true;

	tables = world.tables;
	change->make(&tables);
	trial_begin(&trial, &world, &tables, kernel, seed);
	trial.is_quiet = true;
	for (int i = 0; i < CHANGE_RUNS && agrees; i++)
		agrees = trial_run(&trial, CHANGE_PACKETS);
	trial_end(&trial);
	return !agrees;
}

static void a_model_with_one_wrong_entry_disagrees(void **state)
{
	(void)state;
	open_world(true);
	for (size_t i = 0; i < change_count; i++)
		if (!is_noticed(&changes[i]))
			fail_msg("%s: not noticed", changes[i].what);
}

static void the_model_agrees_where_nothing_may_be_answered(void **state)
{
	(void)state;
	open_world(false);
	run_world(FEW_PACKETS);
}

/* How often each verdict has to occur among 1,000,000 packets; 0: it cannot, here. */
static uint64_t occurrences_wanted(enum gw_verdict verdict)
{
	switch (verdict) {
	case GW_NAT_TABLE_FULL: /* the tables have room */
	case GW_NO_HEADROOM:    /* so have the frames */
	case GW_TAKING_OVER:    /* no upgrade */
		return 0;
	case GW_REJECT_LIMITED: /* only where nothing may be answered */
		return 20;
	default:
		return packets / 5000;
	}
}

static void every_verdict_occurs(void **state)
{
	(void)state;
	for (int i = 0; i < GW_VERDICT_COUNT; i++)
		printf("# note: %8" PRIu64 " %s\n", verdicts[i], verdict_name(i));
	for (int i = 0; i < GW_VERDICT_COUNT; i++)
		if (verdicts[i] < occurrences_wanted(i))
			fail_msg("%s: %" PRIu64 " of %" PRIu64 " wanted", verdict_name(i),
				 verdicts[i], occurrences_wanted(i));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_model_agrees_on_every_packet),
	cmocka_unit_test(a_model_with_one_wrong_entry_disagrees),
	cmocka_unit_test(the_model_agrees_where_nothing_may_be_answered),
	cmocka_unit_test(every_verdict_occurs),
};

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (*text && !*end)
		return value;
	fprintf(stderr, "'%s' is no number\n", text);
	exit(2);
}

static uint64_t packets_by_default(void)
{
	const char *slowness = getenv("GUIDEWAY_SLOWNESS");
	uint64_t times = slowness ? number(slowness) : 1;

	return PACKETS / (times ? times : 1);
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "packets", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			packets = number(optarg);
		else if (option == 's')
			seed = number(optarg);
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	cpu_set_t one_cpu;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return 1;
	packets = packets_by_default();
	read_options(argc, argv);
	/* Per-CPU state such as the token bucket must be one. */
	CPU_ZERO(&one_cpu);
	CPU_SET(sched_getcpu(), &one_cpu);
	sched_setaffinity(0, sizeof(one_cpu), &one_cpu);
	return cmocka_run_group_tests(tests, NULL, close_world);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_datapath.c - what a packet costs in the XDP program, net of an empty one.
 *
 * For each case, rounds of three runs: the empty program, the bare IPIP push, and the real
 * program, all in the same wrapper (bench_wrapper.bpf.c) with the same packets. Each gives
 * a value every 4,096 packets. Over all rounds, the minimum, the 10th percentile and the
 * median of the empty program are subtracted from those of the others: what disturbs the
 * machine disturbs all three, and the 10th percentile is from its quiet moments.
 *
 * On two cores: rounds of one core, the other, and both at once, the empty program and the
 * real one in each. The ratio is the sum over the cores of its net time alone by its net
 * time in company; only chunks count that ran while the other core was at it too.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench_case.h"
#include "bench_json.h"
#include "bench_lane.h"
#include "bench_world.h"

#define SKIPPED 77
#define ROUND_CHUNKS 48
#define SECONDS_DEFAULT 2.0

struct options {
	const char *pattern, *json_path;
	double seconds; /* a case */
};

enum program {
	EMPTY,
	PUSH,
	REAL,
	PROGRAMS,
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
};

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool complain(struct bench *bench, const struct bench_case *test, const char *what)
{
	char name[NAME_SIZE];

	(void)fflush(stdout);
	(void)fprintf(stderr, "bench_datapath: %s: %s\n", case_name(test, name), what);
	bench->has_failed = true;
	return false;
}

static int program_fd(const struct bench *bench, const struct lane *lane, enum program program)
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

static bool world_is_for(const struct world *world, const struct bench_case *test)
{
	return world->datapath && world->mode == test->mode && world->services == test->services;
}

static bool prepare(struct bench *bench, const struct bench_case *test, size_t lane_count)
{
	struct error error = { 0 };

	if (!world_is_for(&bench->world, test)) {
		world_close(&bench->world);
		if (world_open(&bench->world, test->mode, test->services, &error) < 0)
			return complain(bench, test, error.text);
	}
	for (size_t i = 0; i < lane_count; i++)
		if (lane_prepare(&bench->lanes[i], test, program_fd(bench, NULL, REAL)) < 0)
			return complain(bench, test, "cannot establish its flows");
	return true;
}

/* One run of the program in each of the lanes. 0 or negative errno. */
static int run_once(struct bench *bench, struct lane *lanes, size_t count, enum program program,
		    struct samples *samples[])
{
	struct interval common = { 0, UINT64_MAX };
	int r;

	for (size_t i = 0; i < count; i++) {
		lanes[i].target_fd = program_fd(bench, &lanes[i], program);
		lanes[i].chunks = ROUND_CHUNKS;
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
static int measure(struct bench *bench, struct samples samples[static PROGRAMS])
{
	double end_s = 0;
	int r = 0;

	do {
		for (int i = 0; r == 0 && i < PROGRAMS; i++)
			r = run_once(bench, bench->lanes, 1, i,
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
};

static struct tally take_tally(const struct bench *bench, const struct bench_case *test)
{
	return (struct tally){ world_verdicts(&bench->world, kinds[test->kind].verdict),
			       world_new_flows(&bench->world) };
}

/* after must come from rounds of measure() alone; the warming one is in packets as well. */
static bool check_tally(struct bench *bench, const struct bench_case *test, struct tally before,
			struct tally after, size_t chunks)
{
	double packets = ((double)chunks + ROUND_CHUNKS) * BENCH_CHUNK_PACKETS;
	double share = (double)(after.packets - before.packets) / packets;
	double share_new = (double)(after.new_flows - before.new_flows) / packets;
	char what[128];

	if (share < 0.99)
		(void)snprintf(what, sizeof(what), "only %.1f %% of its packets were \"%s\"",
			       share * 100, kinds[test->kind].verdict);
	else if (test->kind != NEW_FLOWS && share_new > 0.01)
		(void)snprintf(what, sizeof(what), "%.1f %% of its packets began a flow",
			       share_new * 100);
	else
		return true;
	return complain(bench, test, what);
}

static bool run_case(struct bench *bench, const struct bench_case *test, struct result *ret)
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
	ret->push = quantiles_subtract(samples_quantiles(&samples[PUSH]), empty);
	ret->net = quantiles_subtract(samples_quantiles(&samples[REAL]), empty);
	for (int i = 0; i < PROGRAMS; i++)
		samples_free(&samples[i]);
	return is_good;
}

struct judgement {
	char text[64]; /* the goal; empty when there is none */
	bool is_met;
};

static void judge(struct judgement *judgement, double value, double limit, const char *unit)
{
	size_t used = strlen(judgement->text);

	if (used == 0)
		judgement->is_met = true;
	(void)snprintf(judgement->text + used, sizeof(judgement->text) - used, "%s<= %g%s",
		       used ? ", " : "", limit, unit);
	judgement->is_met &= value <= limit;
}

static struct judgement judge_result(const struct bench *bench, const struct goal *goal,
				     const struct result *result)
{
	struct judgement judgement = { 0 };

	if (goal->ns > 0)
		judge(&judgement, result->net.p10, goal->ns, "");
	if (goal->times_push > 0)
		judge(&judgement, result->net.p10 / result->push.p10, goal->times_push, " pushes");
	if (goal->times_p1 > 0 && bench->p1_ns > 0)
		judge(&judgement, result->net.p10 / bench->p1_ns, goal->times_p1, " P1");
	return judgement;
}

static void print_judgement(const struct judgement *judgement)
{
	if (judgement->text[0])
		(void)printf("  %s: %s", judgement->text, judgement->is_met ? "met" : "MISSED");
	(void)printf("\n");
	(void)fflush(stdout);
}

/* Takes object, which may be NULL after a failure. */
static void append_json(struct bench *bench, json_t *object, const struct judgement *judgement)
{
	if (judgement->text[0] && object) {
		(void)json_object_set_new(object, "goal", json_string(judgement->text));
		(void)json_object_set_new(object, "met", json_boolean(judgement->is_met));
	}
	if (!bench->options.json_path)
		json_decref(object);
	else if (!bench_json_append(bench->options.json_path, object))
		bench->has_failed = true;
}

static void report(struct bench *bench, const struct bench_case *test, const struct result *result)
{
	double ratio = result->net.p10 / result->push.p10;
	struct judgement judgement;
	char name[NAME_SIZE];

	if (strcmp(test->row, "P1") == 0 && bench->p1_ns == 0)
		bench->p1_ns = result->net.p10;
	judgement = judge_result(bench, &test->goal, result);
	(void)printf("%-4s %-42s %7.1f %7.1f %7.1f %7.1f %6.1fx", test->row, case_name(test, name),
		     result->net.min, result->net.p10, result->net.median, result->push.p10, ratio);
	print_judgement(&judgement);
	append_json(bench,
		    json_pack("{s:s, s:s, s:o, s:f, s:f}", "row", test->row, "case", name, "net_ns",
			      bench_json_quantiles(result->net), "floor_ns", result->push.p10,
			      "ratio_to_floor", ratio),
		    &judgement);
}

/* A core alone and in company. */
struct company {
	struct samples alone[PROGRAMS], together[PROGRAMS];
};

static int measure_company_once(struct bench *bench, struct company companies[static LANES_MAX],
				enum program program)
{
	struct samples *together[LANES_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < LANES_MAX; i++) {
		together[i] = &companies[i].together[program];
		r = run_once(bench, &bench->lanes[i], 1, program,
			     (struct samples *[]){ &companies[i].alone[program] });
	}
	return r == 0 ? run_once(bench, bench->lanes, LANES_MAX, program, together) : r;
}

static int measure_company(struct bench *bench, struct company companies[static LANES_MAX])
{
	double end_s = now_s() + bench->options.seconds;
	int r;

	do {
		r = measure_company_once(bench, companies, EMPTY);
		if (r == 0)
			r = measure_company_once(bench, companies, REAL);
	} while (r == 0 && now_s() < end_s);
	return r;
}

static void company_add_ratio(struct company *company, struct quantiles *ratio)
{
	struct quantiles alone = quantiles_subtract(samples_quantiles(&company->alone[REAL]),
						    samples_quantiles(&company->alone[EMPTY]));
	struct quantiles together =
		quantiles_subtract(samples_quantiles(&company->together[REAL]),
				   samples_quantiles(&company->together[EMPTY]));

	ratio->min += alone.min / together.min;
	ratio->p10 += alone.p10 / together.p10;
	ratio->median += alone.median / together.median;
}

static void report_two_cores(struct bench *bench, const struct bench_case *test,
			     struct quantiles ratio)
{
	struct judgement judgement = { .is_met = ratio.p10 >= TWO_CORES_GOAL };
	char name[NAME_SIZE];

	(void)snprintf(judgement.text, sizeof(judgement.text), ">= %gx", TWO_CORES_GOAL);
	(void)printf("%-4s %-42s %6.2fx %6.2fx %6.2fx %16s", test->row, case_name(test, name),
		     ratio.min, ratio.p10, ratio.median, "");
	print_judgement(&judgement);
	append_json(bench,
		    json_pack("{s:s, s:s, s:o}", "row", test->row, "case", name,
			      "ratio_to_one_core", bench_json_quantiles(ratio)),
		    &judgement);
}

static void run_two_cores(struct bench *bench, const struct bench_case *test)
{
	struct company companies[LANES_MAX] = { 0 };
	struct quantiles ratio = { 0 };
	int r;

	if (!prepare(bench, test, LANES_MAX))
		return;
	r = measure_company(bench, companies);
	for (size_t i = 0; i < LANES_MAX; i++) {
		company_add_ratio(&companies[i], &ratio);
		for (int j = 0; j < PROGRAMS; j++) {
			samples_free(&companies[i].alone[j]);
			samples_free(&companies[i].together[j]);
		}
	}
	if (r < 0)
		(void)complain(bench, test, "cannot run the program");
	else
		report_two_cores(bench, test, ratio);
}

static bool is_wanted(const struct options *options, const struct bench_case *test)
{
	char name[NAME_SIZE];

	return !options->pattern || strstr(case_name(test, name), options->pattern) ||
	       strcmp(test->row, options->pattern) == 0;
}

static void print_titles(const char *title, const char *push, const char *ratio, const char *goal)
{
	(void)printf("%-47s %7s %7s %7s %7s %7s  %s\n", title, "min", "p10", "median", push, ratio,
		     goal);
}

static void run(struct bench *bench)
{
	bool has_titles = false;

	print_titles("XDP program, net nanoseconds a packet", "push", "ratio", "goal for p10");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result result;

		if (is_wanted(&bench->options, &cases[i]) && run_case(bench, &cases[i], &result))
			report(bench, &cases[i], &result);
	}
	for (size_t i = 0; i < sizeof(two_core_cases) / sizeof(two_core_cases[0]); i++) {
		if (bench->lane_count < 2 || !is_wanted(&bench->options, &two_core_cases[i]))
			continue;
		if (!has_titles)
			print_titles("\nXDP program, two cores against one", "", "",
				     "goal for p10");
		has_titles = true;
		run_two_cores(bench, &two_core_cases[i]);
	}
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
	*ret = (struct options){ .seconds = SECONDS_DEFAULT };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			ret->json_path = argv[++i];
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			ret->seconds = atof(argv[++i]);
		else if (argv[i][0] == '-' || ret->pattern)
			return false;
		else
			ret->pattern = argv[i];
	}
	return ret->seconds > 0;
}

/* Why there can be no figures here; NULL when there can. */
static const char *obstacle(void)
{
	FILE *file;
	int jit;

	if (geteuid() != 0)
		return "needs root: run it with sudo";
	file = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	jit = file ? fgetc(file) : '1';
	if (file)
		(void)fclose(file);
	return jit == '0' ? "the BPF JIT is off: sysctl net.core.bpf_jit_enable=1" : NULL;
}

/* The main thread stays where the first lane is, with the memory it fills. */
static int open_lanes(struct bench *bench)
{
	int cpus[LANES_MAX];
	int count = lane_cpus(cpus), r = 0;

	for (int i = 0; r == 0 && i < count; i++) {
		bench->lanes[i].cpu = cpus[i];
		bench->lanes[i].first_flow = (uint32_t)i * MANY;
		r = runner_open(&bench->lanes[i].runner, if_nametoindex(DEVICE));
	}
	bench->lane_count = (size_t)count;
	return r == 0 && (count == 0 || !pin_to_cpu(cpus[0])) ? -errno : r;
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	const char *reason = obstacle();
	int r;

	if (!parse_options(argc, argv, &bench.options)) {
		(void)fprintf(stderr, "Usage: bench_datapath [--seconds A_CASE] [--json FILE] "
				      "[ROW|PART_OF_A_NAME]\n");
		return 2;
	}
	if (reason) {
		(void)printf("XDP program: skipped: %s\n", reason);
		return SKIPPED;
	}
	r = world_create_network();
	if (r == 0)
		r = open_lanes(&bench);
	if (r < 0) {
		(void)fprintf(stderr, "bench_datapath: cannot set up: %s\n", strerror(-r));
		return 1;
	}
	run(&bench);
	world_close(&bench.world);
	for (size_t i = 0; i < bench.lane_count; i++)
		runner_close(&bench.lanes[i].runner);
	return bench.has_failed;
}

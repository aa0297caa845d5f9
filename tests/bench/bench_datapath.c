/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_datapath.c - what a packet costs in the XDP program, net of an empty one, and what
 * two cores do against one: bench_measure.h and bench_company.h say how.
 *
 * "empty" is what an empty program and the wrapper take. It says how quiet the machine was:
 * cases of one family have about the same, and where it is much more, all figures are.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench_case.h"
#include "bench_company.h"
#include "bench_json.h"
#include "bench_measure.h"

#define SKIPPED 77
#define SECONDS_DEFAULT 2.0

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
	(void)printf("%-4s %-42s %7.1f %7.1f %7.1f %6.1f %6.1fx %6.1f", test->row,
		     case_name(test, name), result->net.min, result->net.p10, result->net.median,
		     result->push.p10, ratio, result->empty_ns);
	print_judgement(&judgement);
	append_json(bench,
		    json_pack("{s:s, s:s, s:o, s:f, s:f, s:f}", "row", test->row, "case", name,
			      "net_ns", bench_json_quantiles(result->net), "floor_ns",
			      result->push.p10, "ratio_to_floor", ratio, "empty_ns",
			      result->empty_ns),
		    &judgement);
}

static void report_two_cores(struct bench *bench, const struct bench_case *test,
			     struct quantiles ratio)
{
	struct judgement judgement = { .is_met = ratio.p10 >= TWO_CORES_GOAL };
	char name[NAME_SIZE];

	(void)snprintf(judgement.text, sizeof(judgement.text), ">= %gx", TWO_CORES_GOAL);
	(void)printf("%-4s %-42s %6.2fx %6.2fx %6.2fx %21s", test->row, case_name(test, name),
		     ratio.min, ratio.p10, ratio.median, "");
	print_judgement(&judgement);
	append_json(bench,
		    json_pack("{s:s, s:s, s:o}", "row", test->row, "case", name,
			      "ratio_to_one_core", bench_json_quantiles(ratio)),
		    &judgement);
}

static bool is_wanted(const struct options *options, const struct bench_case *test)
{
	char name[NAME_SIZE];

	return !options->pattern || strstr(case_name(test, name), options->pattern) ||
	       strcmp(test->row, options->pattern) == 0;
}

static void run_on_one_core(struct bench *bench)
{
	(void)printf("%-47s %7s %7s %7s %6s %7s %6s  %s\n", "XDP program, net nanoseconds a packet",
		     "min", "p10", "median", "push", "ratio", "empty", "goal for p10");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result result;

		if (is_wanted(&bench->options, &cases[i]) && run_case(bench, &cases[i], &result))
			report(bench, &cases[i], &result);
	}
}

static void run_on_two_cores(struct bench *bench)
{
	(void)printf("\n%-47s %7s %7s %7s %21s  %s\n", "XDP program, two cores against one", "min",
		     "p10", "median", "", "goal for p10");
	for (size_t i = 0; i < sizeof(two_core_cases) / sizeof(two_core_cases[0]); i++) {
		const struct bench_case *test = &two_core_cases[i];
		struct quantiles ratio;

		if (is_wanted(&bench->options, test) && run_two_cores(bench, test, &ratio))
			report_two_cores(bench, test, ratio);
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
	return r == 0 && !pin_to_cpu(cpus[0]) ? -errno : r;
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
	run_on_one_core(&bench);
	if (bench.lane_count >= LANES_MAX)
		run_on_two_cores(&bench);
	world_close(&bench.world);
	for (size_t i = 0; i < bench.lane_count; i++)
		runner_close(&bench.lanes[i].runner);
	return bench.has_failed;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_maglev.c - how long a Maglev table takes to fill: row P10. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_json.h"
#include "lib/error.h"
#include "model/maglev.h"
#include "model/service.h"

#define MOST_REPETITIONS 400
#define CASE_TIME_LIMIT_MS 250.0
#define GOAL_MS 2.0 /* 65,537 slots, 1,000 backends of one weight */

struct bench_case {
	uint32_t slot_count; /* 0: what the ladder says */
	size_t backend_count;
	bool weighted;
};

static const struct bench_case cases[] = {
	{ 65537, 1000, false }, { 65537, 1000, true }, { 65537, 10, false }, { 0, 10, false },
	{ 0, 100, false },      { 0, 1000, false },    { 0, 10000, false },
};

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static struct backend *create_backends(size_t count, bool weighted)
{
	struct backend *backends = calloc(count, sizeof(*backends));

	for (size_t i = 0; backends && i < count; i++) {
		backends[i].address = (struct address){
			{ [10] = 0xff, [11] = 0xff, 10, 0, (uint8_t)(i >> 8), (uint8_t)i }
		};
		backends[i].port = 8080;
		backends[i].weight = weighted ? 1 + (uint32_t)i % 10 : 1;
	}
	return backends;
}

/* Fills until the time is used up; the number of repetitions, or 0 on failure. */
static size_t measure(const struct backend *backends, size_t backend_count, uint32_t *slots,
		      uint32_t slot_count, double times_ms[static MOST_REPETITIONS])
{
	double end_ms = now_ms() + CASE_TIME_LIMIT_MS;
	struct error error = { 0 };
	size_t count = 0;

	while (count < MOST_REPETITIONS && (count == 0 || now_ms() < end_ms)) {
		double start_ms = now_ms();

		if (maglev_fill(backends, backend_count, slots, slot_count, &error) < 0) {
			(void)fprintf(stderr, "bench_maglev: %s\n", error.text);
			return 0;
		}
		times_ms[count++] = now_ms() - start_ms;
	}
	return count;
}

static bool has_goal(const struct bench_case *bench)
{
	return bench->slot_count == 65537 && bench->backend_count == 1000 && !bench->weighted;
}

static void print_result(const struct bench_case *bench, uint32_t slot_count,
			 struct quantiles times_ms)
{
	(void)printf("%-4s %8u  %8zu  %-8s  %8.3f  %8.3f  %8.3f", has_goal(bench) ? "P10" : "-",
		     slot_count, bench->backend_count, bench->weighted ? "1 to 10" : "equal",
		     times_ms.min, times_ms.p10, times_ms.median);
	if (has_goal(bench))
		(void)printf("  <= %g: %s", GOAL_MS, times_ms.p10 <= GOAL_MS ? "met" : "MISSED");
	(void)printf("\n");
}

static bool append_json(const char *path, const struct bench_case *bench, uint32_t slot_count,
			struct quantiles times_ms)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "Maglev table, %u slots, %zu backends%s", slot_count,
		       bench->backend_count, bench->weighted ? ", weights 1 to 10" : "");
	return bench_json_append(path,
				 json_pack("{s:s, s:s, s:o}", "row", has_goal(bench) ? "P10" : "-",
					   "case", name, "ms", bench_json_quantiles(times_ms)));
}

/* json_path may be NULL. */
static bool run_case(const struct bench_case *bench, const char *json_path)
{
	uint32_t slot_count =
		bench->slot_count ? bench->slot_count : maglev_slot_count(bench->backend_count);
	struct backend *backends = create_backends(bench->backend_count, bench->weighted);
	uint32_t *slots = calloc(slot_count, sizeof(*slots));
	double times_ms[MOST_REPETITIONS];
	bool is_good = false;
	size_t count = 0;

	if (backends && slots)
		count = measure(backends, bench->backend_count, slots, slot_count, times_ms);
	if (count > 0) {
		struct quantiles result;

		qsort(times_ms, count, sizeof(times_ms[0]), by_value);
		result = (struct quantiles){ times_ms[0], times_ms[count / 10],
					     times_ms[count / 2] };
		print_result(bench, slot_count, result);
		is_good = !json_path || append_json(json_path, bench, slot_count, result);
	}
	free(slots);
	free(backends);
	return is_good;
}

int main(int argc, char **argv)
{
	const char *json_path = argc == 3 && strcmp(argv[1], "--json") == 0 ? argv[2] : NULL;

	if (argc > 1 && !json_path) {
		(void)fprintf(stderr, "Usage: bench_maglev [--json FILE]\n");
		return 2;
	}
	(void)printf("maglev_fill, milliseconds\n");
	(void)printf("%-4s %8s  %8s  %-8s  %8s  %8s  %8s  %s\n", "row", "slots", "backends",
		     "weights", "min", "p10", "median", "goal for p10");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!run_case(&cases[i], json_path))
			return 1;
	return 0;
}

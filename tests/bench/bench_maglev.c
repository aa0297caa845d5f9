/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_maglev.c - how long a Maglev table takes to fill. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/error.h"
#include "model/maglev.h"
#include "model/service.h"

#define MOST_REPETITIONS 400
#define CASE_TIME_LIMIT_MS 250.0

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

static bool run_case(const struct bench_case *bench)
{
	uint32_t slot_count =
		bench->slot_count ? bench->slot_count : maglev_slot_count(bench->backend_count);
	struct backend *backends = create_backends(bench->backend_count, bench->weighted);
	uint32_t *slots = calloc(slot_count, sizeof(*slots));
	double times_ms[MOST_REPETITIONS];
	size_t count = 0;

	if (backends && slots)
		count = measure(backends, bench->backend_count, slots, slot_count, times_ms);
	if (count > 0) {
		qsort(times_ms, count, sizeof(times_ms[0]), by_value);
		(void)printf("%8u  %8zu  %-8s  %8.3f  %8.3f  %8.3f\n", slot_count,
			     bench->backend_count, bench->weighted ? "1 to 10" : "equal",
			     times_ms[0], times_ms[count / 10], times_ms[count / 2]);
	}
	free(slots);
	free(backends);
	return count > 0;
}

int main(void)
{
	(void)printf("maglev_fill, milliseconds\n");
	(void)printf("%8s  %8s  %-8s  %8s  %8s  %8s\n", "slots", "backends", "weights", "min",
		     "p10", "median");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!run_case(&cases[i]))
			return 1;
	return 0;
}

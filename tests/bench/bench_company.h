/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_company.h - one case measured on two cores at once, against one.
 *
 * Rounds of one core, the other, and both at once, the empty program and the real one in
 * each. The ratio is the sum over the cores of its net time alone by its net time in
 * company; only chunks count that ran while the other core was at it too.
 */
#ifndef TESTS_BENCH_COMPANY_H
#define TESTS_BENCH_COMPANY_H

#include "bench_measure.h"

/* A core alone and in company. */
struct company {
	struct samples alone[PROGRAMS], together[PROGRAMS];
};

static inline int measure_company_once(struct bench *bench,
				       struct company companies[static LANES_MAX],
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

static inline int measure_company(struct bench *bench, struct company companies[static LANES_MAX])
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

static inline void company_add_ratio(struct company *company, struct quantiles *ratio)
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

/* False when it failed. */
static inline bool run_two_cores(struct bench *bench, const struct bench_case *test,
				 struct quantiles *ret_ratio)
{
	struct company companies[LANES_MAX] = { 0 };
	int r;

	*ret_ratio = (struct quantiles){ 0 };
	if (!prepare(bench, test, LANES_MAX))
		return false;
	r = measure_company(bench, companies);
	for (size_t i = 0; i < LANES_MAX; i++) {
		company_add_ratio(&companies[i], ret_ratio);
		for (int j = 0; j < PROGRAMS; j++) {
			samples_free(&companies[i].alone[j]);
			samples_free(&companies[i].together[j]);
		}
	}
	return r == 0 || complain(bench, test, "cannot run the program");
}

#endif

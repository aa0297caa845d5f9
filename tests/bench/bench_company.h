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

/*
 * A run begins when the kernel has told every CPU of its program, one run after the other: by
 * then a short one of the first core would be over.
 */
#define COMPANY_CHUNKS 512
/* So many times as long as a case takes, for chunks that ran at once. */
#define COMPANY_PATIENCE 20

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
		r = run_once(bench, &bench->lanes[i], 1, COMPANY_CHUNKS, program,
			     (struct samples *[]){ &companies[i].alone[program] });
	}
	return r == 0 ? run_once(bench, bench->lanes, LANES_MAX, COMPANY_CHUNKS, program, together)
		      : r;
}

/* Both cores ran at once, with either program. On a machine that does other things they may not. */
static inline bool has_company(const struct company companies[static LANES_MAX])
{
	for (size_t i = 0; i < LANES_MAX; i++)
		if (companies[i].together[EMPTY].count == 0 ||
		    companies[i].together[REAL].count == 0)
			return false;
	return true;
}

static inline int measure_company(struct bench *bench, struct company companies[static LANES_MAX])
{
	double begin_s = now_s();
	int r;

	do {
		r = measure_company_once(bench, companies, EMPTY);
		if (r == 0)
			r = measure_company_once(bench, companies, REAL);
	} while (r == 0 && (now_s() < begin_s + bench->options.seconds ||
			    (!has_company(companies) &&
			     now_s() < begin_s + COMPANY_PATIENCE * bench->options.seconds)));
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
	bool is_measured;
	int r;

	*ret_ratio = (struct quantiles){ 0 };
	if (!prepare(bench, test, LANES_MAX))
		return false;
	r = measure_company(bench, companies);
	is_measured = has_company(companies);
	for (size_t i = 0; i < LANES_MAX; i++) {
		company_add_ratio(&companies[i], ret_ratio);
		for (int j = 0; j < PROGRAMS; j++) {
			samples_free(&companies[i].alone[j]);
			samples_free(&companies[i].together[j]);
		}
	}
	if (r < 0)
		return complain(bench, test, "cannot run the program");
	return is_measured ||
	       complain(bench, test, "the cores never ran at once: is the machine busy?");
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_json.h - build/bench.json: one array of results, to which every bench adds its own. */
#ifndef TESTS_BENCH_JSON_H
#define TESTS_BENCH_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Of sorted values. */
struct quantiles {
	double min, p10, median;
};

static inline json_t *bench_json_quantiles(struct quantiles values)
{
	return json_pack("{s:f, s:f, s:f}", "min", values.min, "p10", values.p10, "median",
			 values.median);
}

/* Takes result, which may be NULL after a failure; false with a message when it is not written. */
static inline bool bench_json_append(const char *path, json_t *result)
{
	json_t *results = json_load_file(path, 0, NULL);
	bool is_written;

	if (!json_is_array(results)) {
		json_decref(results);
		results = json_array();
	}
	is_written = json_array_append_new(results, result) == 0 &&
		     json_dump_file(results, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0;
	json_decref(results);
	if (!is_written)
		(void)fprintf(stderr, "%s: cannot write it\n", path);
	return is_written;
}

#endif

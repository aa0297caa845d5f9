/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_ranges.h - which sources of one family a Service admits. Inside model/ only.
 *
 * A Service that has any range is closed to everybody else in both families: one for whose
 * family there is no range admits nobody (fail closed).
 */
#ifndef MODEL_SOURCE_RANGES_H
#define MODEL_SOURCE_RANGES_H

#include "model/object.h"

/* Of one Service, both families together. One with more of them is not served. */
#define SOURCE_RANGES_MAX 2000

/* Some of them would keep out those that the others let in, so there is no service then. */
bool source_ranges_are_too_many(const struct service_object *service);

struct source_ranges {
	bool restricted;      /* false: everybody is admitted */
	struct prefix *items; /* sorted by prefix_compare, none within another */
	size_t count;
};

/* -ENOMEM; then nothing is to be freed. */
int source_ranges_init(struct source_ranges *ranges, const struct service_object *service,
		       bool ipv4);
void source_ranges_finish(struct source_ranges *ranges);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* source_ranges.c - the ranges of one family in their shortest form. */
#include "model/source_ranges.h"

#include <errno.h>
#include <stdlib.h>

bool source_ranges_are_too_many(const struct service_object *service)
{
	return service->source_range_count > SOURCE_RANGES_MAX;
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* The order puts a prefix in front of those within it, and nothing else in between. */
static size_t drop_covered(struct prefix *items, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !prefix_contains(&items[kept - 1], &items[i].address))
			items[kept++] = items[i];
	return kept;
}

static bool admits_all(const struct prefix *range)
{
	return range->length == (prefix_is_ipv4(range) ? 96 : 0);
}

int source_ranges_init(struct source_ranges *ranges, const struct service_object *service,
		       bool ipv4)
{
	*ranges = (struct source_ranges){ .restricted = service->source_range_count > 0 };
	ranges->items = calloc(service->source_range_count + 1, sizeof(*ranges->items));
	if (!ranges->items)
		return -ENOMEM;
	for (size_t i = 0; i < service->source_range_count; i++)
		if (prefix_is_ipv4(&service->source_ranges[i]) == ipv4)
			ranges->items[ranges->count++] = service->source_ranges[i];
	qsort(ranges->items, ranges->count, sizeof(*ranges->items), by_prefix);
	ranges->count = drop_covered(ranges->items, ranges->count);
	if (ranges->count == 1 && admits_all(&ranges->items[0])) {
		ranges->restricted = false;
		ranges->count = 0;
	}
	return 0;
}

void source_ranges_finish(struct source_ranges *ranges)
{
	free(ranges->items);
	*ranges = (struct source_ranges){ 0 };
}

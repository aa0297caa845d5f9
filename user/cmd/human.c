/* SPDX-License-Identifier: BSD-2-Clause */
/* human.c - numbers as people read them: two units for ages, three digits for counts. */
#include "cmd/human.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

struct age_step {
	int64_t below; /* seconds */
	int64_t unit;
	char letter;
	int64_t second_unit; /* 0: the first alone */
	char second_letter;
};

/* The borders are those of kubectl, so that both show the same age. */
static const struct age_step age_steps[] = {
	{ 2 * MINUTE, 1, 's', 0, 0 },          { 10 * MINUTE, MINUTE, 'm', 1, 's' },
	{ 3 * HOUR, MINUTE, 'm', 0, 0 },       { 8 * HOUR, HOUR, 'h', MINUTE, 'm' },
	{ 2 * DAY, HOUR, 'h', 0, 0 },          { 8 * DAY, DAY, 'd', HOUR, 'h' },
	{ 2 * (int64_t)YEAR, DAY, 'd', 0, 0 }, { 8 * (int64_t)YEAR, YEAR, 'y', DAY, 'd' },
	{ INT64_MAX, YEAR, 'y', 0, 0 },
};

const char *human_duration(int64_t seconds, char buffer[static HUMAN_TEXT_SIZE])
{
	const struct age_step *step = age_steps;
	int64_t rest;

	/* Two clocks may differ by a second. */
	if (seconds < -1) {
		(void)snprintf(buffer, HUMAN_TEXT_SIZE, "<invalid>");
		return buffer;
	}
	if (seconds < 0)
		seconds = 0;
	while (seconds >= step->below && step->below != INT64_MAX)
		step++;
	rest = step->second_unit ? seconds % step->unit / step->second_unit : 0;
	if (rest)
		(void)snprintf(buffer, HUMAN_TEXT_SIZE, "%" PRId64 "%c%" PRId64 "%c",
			       seconds / step->unit, step->letter, rest, step->second_letter);
	else
		(void)snprintf(buffer, HUMAN_TEXT_SIZE, "%" PRId64 "%c", seconds / step->unit,
			       step->letter);
	return buffer;
}

static const char *scale(uint64_t value, unsigned int base, const char *const *units,
			 char buffer[static HUMAN_TEXT_SIZE])
{
	double scaled = (double)value;
	size_t unit = 0;

	/* What would be rounded up to the base is shown in the next unit. */
	while (scaled >= (double)base - 0.5 && units[unit + 1]) {
		scaled /= base;
		unit++;
	}
	(void)snprintf(buffer, HUMAN_TEXT_SIZE, scaled < 99.95 ? "%.1f%s" : "%.0f%s", scaled,
		       units[unit]);
	return buffer;
}

const char *human_count(uint64_t count, char buffer[static HUMAN_TEXT_SIZE])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E", NULL };

	if (count >= 10000)
		return scale(count, 1000, units, buffer);
	(void)snprintf(buffer, HUMAN_TEXT_SIZE, "%" PRIu64, count);
	return buffer;
}

const char *human_bytes(uint64_t bytes, char buffer[static HUMAN_TEXT_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL };

	if (bytes >= 1024)
		return scale(bytes, 1024, units, buffer);
	(void)snprintf(buffer, HUMAN_TEXT_SIZE, "%" PRIu64 "B", bytes);
	return buffer;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* micro_time.c - the wall clock as text. */
#include "kube/micro_time.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

static void write_second(const struct timespec *now, char *ret)
{
	struct tm date;

	(void)gmtime_r(&now->tv_sec, &date);
	(void)strftime(ret, SECOND_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &date);
}

void second_time_now(char ret[static SECOND_TIME_SIZE])
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	write_second(&now, ret);
}

void micro_time_now(char ret[static MICRO_TIME_SIZE])
{
	struct timespec now;
	size_t length = SECOND_TIME_SIZE - sizeof("Z");

	(void)clock_gettime(CLOCK_REALTIME, &now);
	write_second(&now, ret);
	(void)snprintf(ret + length, MICRO_TIME_SIZE - length, ".%06uZ",
		       (unsigned int)(now.tv_nsec / 1000) % 1000000U);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* tending.c - a timer that runs as long as a service is not in steady state. */
#include "agent/tending.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "datapath/datapath.h"
#include "lib/loop.h"

struct tending {
	struct datapath *datapath;
	struct loop_watch *timer;
	bool is_awake; /* the timer is set */
};

static void on_timer(void *owner)
{
	struct tending *tending = owner;
	uint32_t wait_ms;

	datapath_tend(tending->datapath, &wait_ms);
	tending->is_awake = wait_ms > 0;
	if (tending->is_awake)
		loop_timer_set(tending->timer, wait_ms);
}

struct tending *tending_create(struct loop *loop, struct datapath *datapath)
{
	struct tending *tending = calloc(1, sizeof(*tending));

	if (!tending)
		return NULL;
	tending->datapath = datapath;
	tending->timer = loop_add_timer(loop, on_timer, tending);
	if (!tending->timer) {
		free(tending);
		return NULL;
	}
	return tending;
}

void tending_destroy(struct tending *tending)
{
	if (!tending)
		return;
	loop_remove(tending->timer);
	free(tending);
}

void tending_wake(struct tending *tending)
{
	if (!tending->is_awake)
		on_timer(tending);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drain_deadlines.h - since when each backend has been leaving its Service, and which of
 * them have been for longer than the Service's drain deadline. The times are the caller's.
 *
 * A backend's time starts when it is first seen leaving, by this agent: a restart of the
 * agent starts it anew.
 */
#ifndef AGENT_DRAIN_DEADLINES_H
#define AGENT_DRAIN_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

struct drain_deadlines;
struct error;
struct model;

struct drain_deadlines *drain_deadlines_create(void);            /* NULL: no memory */
void drain_deadlines_destroy(struct drain_deadlines *deadlines); /* NULL is nothing */

/*
 * Looks at an updated model and tells it whose deadline is over at now_ms (of a clock that
 * never goes back); true in *ret_changed when it is to be updated again. The next deadline
 * is over in *ret_wait_ms; 0: none is running. -ENOMEM with a sentence.
 */
int drain_deadlines_follow(struct drain_deadlines *deadlines, struct model *model, uint64_t now_ms,
			   bool *ret_changed, uint64_t *ret_wait_ms, struct error *error);

#endif

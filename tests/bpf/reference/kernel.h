/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel.h - the program in the kernel, with the tables in its maps. */
#ifndef TESTS_BPF_REFERENCE_KERNEL_H
#define TESTS_BPF_REFERENCE_KERNEL_H

#include "reference/model.h"

struct kernel;

/* Returns 0 or a negative errno; -EPERM without root. */
int kernel_open(struct kernel **ret_kernel, const struct tables *tables);
void kernel_close(struct kernel *kernel);

/* Forgets all flows and counters; slots, backends, affinities and records are those of the tables.
 */
void kernel_reset(struct kernel *kernel, const struct tables *tables, uint32_t now_s);
/* As many packets as may be answered in a second may be again. */
void kernel_refill_answers(struct kernel *kernel);

/* As it is in the tables now. */
void kernel_set_slot(struct kernel *kernel, const struct tables *tables, uint32_t index);
void kernel_set_backend(struct kernel *kernel, const struct tables *tables, uint32_t id);

/* Returns the XDP action. */
int kernel_run(struct kernel *kernel, const struct frame *frame, uint32_t ingress,
	       struct frame *ret_frame);

/*
 * The verdict of the packet that was run last: the one counter that moved since the last
 * call, by these bytes (0: by any); expected is looked at first. GW_VERDICT_COUNT: there is none.
 */
enum gw_verdict kernel_verdict(struct kernel *kernel, enum gw_verdict expected, size_t bytes);

/* Whether the kernel's flows, fragments, affinities and counters are the model's. If not, says why.
 */
bool kernel_state_is(struct kernel *kernel, const struct model *model, char *ret_why,
		     size_t why_bytes);

#endif

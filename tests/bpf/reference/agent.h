/* SPDX-License-Identifier: BSD-2-Clause */
/* agent.h - changes of tables, for the model and the kernel alike. */
#ifndef TESTS_BPF_REFERENCE_AGENT_H
#define TESTS_BPF_REFERENCE_AGENT_H

#include "reference/kernel.h"
#include "reference/random.h"

/* Changes one slot or one backend of a service whose owners are changing. */
void agent_act(struct tables *tables, struct kernel *kernel, struct random *random);

#endif

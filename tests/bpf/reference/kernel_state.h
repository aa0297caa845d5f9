/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_state.h - what kernel.c and kernel_state.c have in common. */
#ifndef TESTS_BPF_REFERENCE_KERNEL_STATE_H
#define TESTS_BPF_REFERENCE_KERNEL_STATE_H

#include "reference/kernel.h"

struct guideway_bpf;

enum { KERNEL_LRU_ENTRIES = 1 << 16 };

struct kernel {
	struct guideway_bpf *skel;
	int program;
	int cpus;
	void *per_cpu; /* room for the longest value of all CPUs */
	struct gw_counter seen[GW_VERDICT_COUNT];
};

#endif

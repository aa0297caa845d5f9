/* SPDX-License-Identifier: BSD-2-Clause */
/* grace.c - a grace period asked of the kernel. */
#include "datapath/grace.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A program run ends within its NAPI poll: a few ms at the very worst. */
#define LONGEST_RUN_MS 100

void grace_wait(void)
{
	const struct timespec longest_run = { .tv_nsec = LONGEST_RUN_MS * 1000000L };

	/* The global command is a synchronize_rcu(); kernels with nohz_full refuse it. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
		(void)nanosleep(&longest_run, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* process.h - a program that runs beside us, and what it writes. Nothing here waits. */
#ifndef KUBE_PROCESS_H
#define KUBE_PROCESS_H

#include <stddef.h>

struct error;
struct process;

/*
 * Starts arguments[0], looked for in PATH when it has no slash, in a process group of its own:
 * nothing to read, none of our descriptors, the environment given. -ENOENT, -EACCES, ...
 */
int process_start(char *const *arguments, char *const *environment, struct process **ret,
		  struct error *error);
/* Kills it and what it started, if it still runs. NULL is nothing. */
void process_destroy(struct process *process);

/*
 * Takes what it wrote. -EAGAIN: it runs. 0: it ended well. -E2BIG: it wrote more than 1 MiB.
 * -ECHILD: it ended otherwise, as process_end says.
 */
int process_poll(struct process *process);

/* "status 1" or "signal 9". Borrowed until the process is destroyed, like the other two. */
const char *process_end(const struct process *process);
/* What it wrote; NUL-terminated. */
const char *process_output(const struct process *process, size_t *ret_length);
/* What it wrote to its standard error, the last line, as far as that was short. */
const char *process_complaint(struct process *process);

#endif

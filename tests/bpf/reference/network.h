/* SPDX-License-Identifier: BSD-2-Clause */
/* network.h - the kernel's side of the tables' devices, routes and neighbours. */
#ifndef TESTS_BPF_REFERENCE_NETWORK_H
#define TESTS_BPF_REFERENCE_NETWORK_H

#include "reference/tables.h"

/*
 * Moves the process to a network namespace of its own, which ends with it, and makes them
 * there. Returns 0 or a negative errno; what went wrong is on stderr.
 */
int network_make(const struct tables *tables);

#endif

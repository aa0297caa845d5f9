/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_routing.h - whether the kernel routes packets between interfaces: replies in
 * mode dnat take the way that it knows.
 */
#ifndef AGENT_KERNEL_ROUTING_H
#define AGENT_KERNEL_ROUTING_H

#include <stdbool.h>

/* All zero: nothing was told yet. */
struct kernel_routing {
	bool told_ipv4, told_ipv6;
};

/* A service in mode dnat was programmed: warns, once for a family, when the kernel does not route.
 */
void kernel_routing_check(struct kernel_routing *routing, bool ipv4);

#endif

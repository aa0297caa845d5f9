/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_routing.c - asks /proc/sys, and warns of what mode dnat needs. */
#include "agent/kernel_routing.h"

#include <stdio.h>

#include "lib/log.h"

#define PROC_SYS "/proc/sys/"

/* What cannot be read is taken for on: nobody is warned of what is not known. */
static bool is_off(const char *path)
{
	FILE *file = fopen(path, "re");
	int first;

	if (!file)
		return false;
	first = fgetc(file);
	(void)fclose(file);
	return first == '0';
}

void kernel_routing_check(struct kernel_routing *routing, bool ipv4)
{
	const char *path =
		ipv4 ? PROC_SYS "net/ipv4/ip_forward" : PROC_SYS "net/ipv6/conf/all/forwarding";
	bool *told = ipv4 ? &routing->told_ipv4 : &routing->told_ipv6;

	if (*told || !is_off(path))
		return;
	*told = true;
	log_warning("mode dnat: replies need the kernel's routing; %s is 0",
		    ipv4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding");
}

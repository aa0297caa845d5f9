/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * network.h - a network namespace of the test's own, where the kernel routes between a
 * device of the clients' side and one of the backends'.
 */
#ifndef TESTS_BPF_NETWORK_H
#define TESTS_BPF_NETWORK_H

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "run.h"

static bool network_is_there;

/* Ends with the process. */
static inline int network_open(void **state)
{
	(void)state;
	network_is_there = unshare(CLONE_NEWNET) == 0 &&
			   system("ip link add clients type veth peer name clients-end &&"
				  "ip link add backends type veth peer name backends-end") == 0;
	return 0;
}

static inline void network_do(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static inline void network_set(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(value, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void network_forwards(bool is_on)
{
	network_set("/proc/sys/net/ipv4/ip_forward", is_on ? "1" : "0");
	network_set("/proc/sys/net/ipv6/conf/all/forwarding", is_on ? "1" : "0");
}

static inline void network_has_device(const char *name)
{
	const struct gw_device device = { .mac = { 2, 0, 0, 0, 0, 0xa2 } };
	uint32_t ifindex = if_nametoindex(name);

	map_set(world->maps.devices, &ifindex, &device);
}

/* As it is when a test begins: a neighbour on the clients' side, packets arrive on the other. */
static inline void network_furnish(void)
{
	if (!network_is_there) {
		print_message("# needs root, ip and the kernel's veth\n");
		skip();
	}
	network_do("ip link set lo up; ip route flush table main; ip -6 route flush table main;"
		   "ip addr flush dev clients; ip addr flush dev backends;"
		   "ip link set clients up address 02:00:00:00:00:a1 mtu 1500;"
		   "ip link set clients-end up; ip link set backends up mtu 9000;"
		   "ip link set backends-end up mtu 9000;"
		   "ip addr add 198.51.100.1/24 dev clients;"
		   "ip addr add 2001:db8:2::1/64 dev clients nodad;"
		   "ip addr add 10.1.0.254/24 dev backends;"
		   "ip addr add fd00:1::fe/64 dev backends nodad");
	network_do("ip neigh replace " CLIENT4 " dev clients lladdr 02:00:00:00:00:c1 &&"
		   "ip neigh replace " CLIENT6 " dev clients lladdr 02:00:00:00:00:c1");
	network_forwards(true);
	world_ingress = if_nametoindex("backends");
	network_has_device("backends");
	network_has_device("clients");
}

#endif

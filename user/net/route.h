/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route.h - which way the kernel would send a packet to an address.
 */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"

struct netlink;
struct nlmsghdr;

struct route {
	struct address neighbour; /* the gateway, or the address itself */
	struct address source;
	uint32_t ifindex;
	uint32_t mtu; /* 0: the device's */
	bool has_source;
	bool is_usable; /* a unicast route without a tunnel; else all the rest is zero */
};

struct route_query {
	const struct address *address;
	uint32_t ifindex;    /* the device that it must lead through; 0: any */
	struct route *route; /* the answer goes here */
};

/* Looks all of them up in the kernel; on failure the answers are undefined. */
int route_lookup(struct netlink *netlink, const struct route_query *queries, size_t count);

/* The destinations of a RTM_NEWROUTE or RTM_DELROUTE; false when it is no entry of a table. */
bool route_event_prefix(const struct nlmsghdr *message, struct prefix *ret);

#endif

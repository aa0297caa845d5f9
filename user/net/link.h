/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.h - the network devices: what a frame that leaves through one looks like.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/next_hop.h"

struct netlink;
struct nlmsghdr;

struct link {
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t lower;       /* VLAN device: ifindex of the device below; 0 when it is not here */
	struct vlan_tag vlan; /* of a VLAN device */
	uint8_t mac[6];
	bool has_mac; /* Ethernet: its neighbours have MAC addresses */
	bool is_vlan;
	bool is_up; /* and has a carrier */
};

struct link_table {
	struct link *links; /* by ifindex */
	size_t count;
	size_t capacity;
};

/* Reads all links from the kernel in place of what is there. */
int link_table_load(struct link_table *table, struct netlink *netlink);
void link_table_finish(struct link_table *table);

/* RTM_NEWLINK or RTM_DELLINK: 1 when answers may depend on the change, 0, or -ENOMEM. */
int link_table_apply(struct link_table *table, const struct nlmsghdr *message);

const struct link *link_table_find(const struct link_table *table, uint32_t ifindex);

/*
 * Fills in ifindex, mtu, VLAN tags and source MAC of frames that the kernel would send
 * through ifindex. False when these cannot be Ethernet frames with at most
 * NEXT_HOP_VLAN_MAX tags.
 */
bool link_table_egress(const struct link_table *table, uint32_t ifindex, struct next_hop *ret);

#endif

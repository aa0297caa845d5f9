/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.h - the network devices as the kernel describes them.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/interface.h"
#include "model/next_hop.h"

struct netlink;
struct nlmsghdr;

enum link_kind {
	LINK_OTHER,
	LINK_VLAN,
	LINK_BOND,
};

struct link {
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t master;       /* the bond or bridge that it is a port of; 0: none */
	uint32_t lower;        /* VLAN device: the device below; 0 when it is not here */
	uint32_t active_slave; /* bond: the only slave that sends; 0: every slave may */
	struct vlan_tag vlan;  /* VLAN device */
	enum link_kind kind;
	uint8_t mac[6];
	char name[INTERFACE_NAME_SIZE];
	bool has_mac;    /* Ethernet: its neighbours have MAC addresses */
	bool is_up;      /* and has a carrier */
	bool is_standby; /* slave of a bond: neither sends nor receives for it now */
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

/* NULL when there is none. */
const struct link *link_table_find(const struct link_table *table, uint32_t ifindex);
const struct link *link_table_find_name(const struct link_table *table, const char *name);

#endif

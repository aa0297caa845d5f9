/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * next_hop.h - where frames for an address go: what net/ finds out and datapath/ programs.
 */
#ifndef MODEL_NEXT_HOP_H
#define MODEL_NEXT_HOP_H

#include "model/address.h"

enum next_hop_state {
	NEXT_HOP_UNRESOLVED, /* asked for, no answer yet: dst_mac unknown */
	NEXT_HOP_RESOLVED,
	NEXT_HOP_UNREACHABLE, /* no route, a local address, or the neighbour does not answer */
};

struct next_hop {
	enum next_hop_state state;
	uint32_t ifindex; /* device that sends: for a VLAN device its lower device */
	uint32_t mtu;     /* largest IP packet, bytes */
	uint16_t vlan_id; /* 0: untagged */
	uint8_t src_mac[6];
	uint8_t dst_mac[6];
	struct address neighbour; /* the address that is asked for its MAC */
	struct address source;    /* the route's preferred source address */
	bool has_source;
};

#endif

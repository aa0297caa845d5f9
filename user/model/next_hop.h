/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * next_hop.h - where frames for an address go: what net/ finds out and datapath/ programs.
 */
#ifndef MODEL_NEXT_HOP_H
#define MODEL_NEXT_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "model/address.h"

#define NEXT_HOP_VLAN_MAX 2

enum next_hop_state {
	NEXT_HOP_UNRESOLVED, /* asked for, no answer yet: dst_mac unknown */
	NEXT_HOP_RESOLVED,
	NEXT_HOP_UNREACHABLE, /* no route, a local address, or the neighbour does not answer */
};

/* A VLAN tag, in host order. */
struct vlan_tag {
	uint16_t protocol; /* 0x8100: 802.1Q, 0x88a8: 802.1ad, 0: no tag */
	uint16_t id;
};

struct next_hop {
	enum next_hop_state state;
	uint32_t interface; /* device that the route names */
	uint32_t ifindex; /* device that sends: of a VLAN device what is below, of a bond a slave */
	uint32_t mtu;     /* largest IP packet, bytes */
	struct vlan_tag vlan[NEXT_HOP_VLAN_MAX]; /* outer first; the first without ends them */
	uint8_t src_mac[6];
	uint8_t dst_mac[6];
	struct address neighbour; /* the address that is asked for its MAC */
	struct address source;    /* the route's preferred source address */
	bool has_source;
};

#endif

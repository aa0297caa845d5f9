/* SPDX-License-Identifier: BSD-2-Clause */
/* world_parts.h - what world.c and world_services.c have in common. */
#ifndef TESTS_BPF_REFERENCE_WORLD_PARTS_H
#define TESTS_BPF_REFERENCE_WORLD_PARTS_H

#include "reference/world.h"

enum {
	WORLD_PORT_FIRST = 20000, /* of snat */
};

/* Numbers of the next hops, of each family: IPv6's come behind those of IPv4. */
enum hop {
	HOP_PLAIN = 1, /* three gateways */
	HOP_TAGGED,    /* one gateway, one tag */
	HOP_TAGGED_TWICE,
	HOP_BACK, /* where the clients are */
	HOP_NARROW,
	HOP_WIDE,
	HOP_UNRESOLVED,
	HOP_BARE, /* no gateway address, no source */
	HOP_KINDS,
};

enum vip {
	VIP_MAIN,
	VIP_LOCAL,   /* the host has it too */
	VIP_GATEWAY, /* also a source for snat */
	VIP_EMPTY,   /* nobody serves it */
	VIPS,
};

/* IPv6 where there is a colon. */
struct gw_addr world_address(const char *text);
struct gw_addr world_addressf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* family: 0 for IPv4, 1 for IPv6 */
struct gw_addr world_vip(int family, enum vip number);

/* Gives the address these flags, too. */
void world_add_address(struct tables *tables, struct gw_addr address, uint32_t flags);
/* Services with their slots, backends and replies; the clients are there already. */
void world_add_services(struct world *world, struct random *random);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower.h - what is below VLAN devices and bonds: where frames leave, where they arrive.
 */
#ifndef NET_LOWER_H
#define NET_LOWER_H

#include <stdbool.h>
#include <stdint.h>

struct address;
struct interface;
struct link_table;
struct next_hop;

/*
 * Fills in interface, ifindex, mtu, VLAN tags and source MAC of frames to an address that
 * the kernel would send through ifindex. False when these cannot be Ethernet frames with at
 * most NEXT_HOP_VLAN_MAX tags, or when no slave of a bond can send.
 */
bool lower_egress(const struct link_table *table, uint32_t ifindex, const struct address *to,
		  struct next_hop *ret);

/* The interface called name. -E2BIG when there are more devices than fit. */
int lower_interface(const struct link_table *table, const char *name, struct interface *ret);

#endif

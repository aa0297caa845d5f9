/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower.c - from VLAN devices and bonds down to the devices that send and receive.
 *
 * Frames for a bond are given to one of its slaves and not to the bond, which could choose
 * one for every frame: it does so in some of its modes only, warns in the kernel's log in the
 * others, and as long as no program is attached to the bond itself nobody has checked that
 * its slaves can send such frames at all; the kernel would call what is not there. A slave
 * is checked by the redirect itself.
 */
#include "net/lower.h"

#include <errno.h>
#include <string.h>

#include "model/address.h"
#include "model/interface.h"
#include "model/next_hop.h"
#include "net/link.h"

#define DEPTH_MAX 8 /* devices over each other; the kernel allows as many */

static bool may_send(const struct link *bond, const struct link *slave)
{
	if (slave->master != bond->ifindex || !slave->is_up || slave->is_standby)
		return false;
	return bond->active_slave == 0 || bond->active_slave == slave->ifindex;
}

static uint64_t weight(const struct address *to, uint32_t ifindex)
{
	uint64_t mixed = ifindex;
	uint64_t words[sizeof(to->bytes) / sizeof(uint64_t)];

	memcpy(words, to->bytes, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		mixed = (mixed ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		mixed ^= mixed >> 32;
	}
	return mixed * 0xd6e8feb86659fd93ULL;
}

/* The heaviest: when a slave leaves, only what went through it goes another way. */
static const struct link *choose_slave(const struct link_table *table, const struct link *bond,
				       const struct address *to)
{
	const struct link *chosen = NULL;
	uint64_t heaviest = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct link *slave = &table->links[i];
		uint64_t heaviness;

		if (!may_send(bond, slave))
			continue;
		heaviness = weight(to, slave->ifindex);
		if (chosen && heaviness <= heaviest)
			continue;
		chosen = slave;
		heaviest = heaviness;
	}
	return chosen;
}

static bool put_tag(struct vlan_tag *tags, struct vlan_tag outer)
{
	if (outer.protocol == 0 || tags[NEXT_HOP_VLAN_MAX - 1].protocol)
		return false;
	memmove(&tags[1], &tags[0], (NEXT_HOP_VLAN_MAX - 1) * sizeof(tags[0]));
	tags[0] = outer;
	return true;
}

/* The device that sends what is given to link, and in tags what it sends in front. NULL: none. */
static const struct link *find_wire(const struct link_table *table, const struct link *link,
				    const struct address *to, struct vlan_tag *tags)
{
	for (int depth = 0; link && link->kind != LINK_OTHER; depth++) {
		if (depth == DEPTH_MAX)
			return NULL;
		if (link->kind == LINK_BOND)
			link = choose_slave(table, link, to);
		else if (put_tag(tags, link->vlan))
			link = link_table_find(table, link->lower);
		else
			return NULL;
	}
	return link;
}

bool lower_egress(const struct link_table *table, uint32_t ifindex, const struct address *to,
		  struct next_hop *ret)
{
	const struct link *link = link_table_find(table, ifindex);
	struct vlan_tag tags[NEXT_HOP_VLAN_MAX] = { 0 };
	const struct link *wire = find_wire(table, link, to, tags);

	if (!link || !link->has_mac || !wire || !wire->has_mac)
		return false;
	ret->interface = ifindex;
	ret->ifindex = wire->ifindex;
	ret->mtu = link->mtu;
	memcpy(ret->vlan, tags, sizeof(ret->vlan));
	memcpy(ret->src_mac, link->mac, sizeof(ret->src_mac));
	return true;
}

static int add_device(struct interface *interface, uint32_t ifindex, bool is_standby)
{
	size_t at = interface->device_count;

	while (at > 0 && interface->devices[at - 1].ifindex > ifindex)
		at--;
	if (at > 0 && interface->devices[at - 1].ifindex == ifindex)
		return 0;
	if (interface->device_count == INTERFACE_DEVICES_MAX)
		return -E2BIG;
	memmove(&interface->devices[at + 1], &interface->devices[at],
		(interface->device_count - at) * sizeof(interface->devices[0]));
	interface->devices[at] = (struct lower_device){ ifindex, is_standby };
	interface->device_count++;
	return 0;
}

static int add_below(const struct link_table *table, const struct link *link, bool is_standby,
		     int depth, struct interface *ret);

static int add_slaves(const struct link_table *table, const struct link *bond, bool is_standby,
		      int depth, struct interface *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->count; i++) {
		const struct link *slave = &table->links[i];

		if (slave->master == bond->ifindex)
			r = add_below(table, slave, is_standby || !may_send(bond, slave), depth + 1,
				      ret);
	}
	return r;
}

static int add_below(const struct link_table *table, const struct link *link, bool is_standby,
		     int depth, struct interface *ret)
{
	const struct link *lower = NULL;

	if (depth == DEPTH_MAX)
		return 0;
	if (link->kind == LINK_BOND)
		return add_slaves(table, link, is_standby, depth, ret);
	if (link->kind == LINK_VLAN)
		lower = link_table_find(table, link->lower);
	/* Without a lower device here, in a container, frames arrive without the tag. */
	if (!lower)
		return add_device(ret, link->ifindex, is_standby);
	return add_below(table, lower, is_standby, depth + 1, ret);
}

int lower_interface(const struct link_table *table, const char *name, struct interface *ret)
{
	const struct link *link = link_table_find_name(table, name);

	memset(ret, 0, sizeof(*ret));
	(void)strncpy(ret->name, name, sizeof(ret->name) - 1);
	if (!link)
		return 0;
	ret->ifindex = link->ifindex;
	return add_below(table, link, false, 0, ret);
}

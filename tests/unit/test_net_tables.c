/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_net_tables.c - links and neighbours from messages made up here: what the kernel
 * under the tests cannot be made to say.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "model/interface.h"
#include "model/next_hop.h"
#include "net/link.h"
#include "net/lower.h"
#include "net/neighbour.h"
#include "net/netlink.h"
#include "net/route.h"

static char buffer[4096];
static const struct address anywhere = { .bytes = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };

struct device {
	uint32_t ifindex, mtu, lower, master;
	uint16_t vlan_id, tpid; /* tpid 0: no VLAN device */
	uint16_t type;
	bool is_lower_elsewhere;
	bool is_bond;
	uint32_t active_slave;
	bool is_slave, is_backup, has_failed; /* of a bond */
	bool is_down;
};

static void put_vlan(struct nlmsghdr *message, const struct device *device)
{
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);

	mnl_attr_put_u16(message, IFLA_VLAN_ID, device->vlan_id);
	mnl_attr_put_u16(message, IFLA_VLAN_PROTOCOL, htons(device->tpid));
	mnl_attr_nest_end(message, data);
}

static void put_bond(struct nlmsghdr *message, const struct device *device)
{
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);

	mnl_attr_put_u8(message, IFLA_BOND_MODE, device->active_slave ? 1 : 4);
	if (device->active_slave)
		mnl_attr_put_u32(message, IFLA_BOND_ACTIVE_SLAVE, device->active_slave);
	mnl_attr_nest_end(message, data);
}

static void put_slave(struct nlmsghdr *message, const struct device *device)
{
	struct nlattr *data;

	mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, "bond");
	data = mnl_attr_nest_start(message, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(message, IFLA_BOND_SLAVE_STATE, device->is_backup);
	mnl_attr_put_u8(message, IFLA_BOND_SLAVE_MII_STATUS, device->has_failed ? 2 : 0);
	mnl_attr_nest_end(message, data);
}

static struct nlmsghdr *link_message(uint16_t type, const struct device *device)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, (uint8_t)device->ifindex };
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct nlattr *info;
	char name[IF_NAMESIZE];

	message->nlmsg_type = type;
	header->ifi_index = (int)device->ifindex;
	header->ifi_type = device->type;
	header->ifi_flags = device->is_down ? 0 : IFF_UP | IFF_RUNNING;
	(void)snprintf(name, sizeof(name), "dev%u", device->ifindex);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_MTU, device->mtu);
	mnl_attr_put(message, IFLA_ADDRESS, sizeof(mac), mac);
	if (device->is_lower_elsewhere)
		mnl_attr_put_u32(message, IFLA_LINK_NETNSID, 0);
	if (device->lower)
		mnl_attr_put_u32(message, IFLA_LINK, device->lower);
	if (device->master)
		mnl_attr_put_u32(message, IFLA_MASTER, device->master);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND,
			  device->tpid      ? "vlan"
			  : device->is_bond ? "bond"
					    : "veth");
	if (device->tpid)
		put_vlan(message, device);
	if (device->is_bond)
		put_bond(message, device);
	if (device->is_slave)
		put_slave(message, device);
	mnl_attr_nest_end(message, info);
	return message;
}

static void add_devices(struct link_table *table, const struct device *devices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(link_table_apply(table, link_message(RTM_NEWLINK, &devices[i])),
				 1);
}

static void assert_tag(const struct vlan_tag *tag, uint16_t protocol, uint16_t id)
{
	assert_int_equal(tag->protocol, protocol);
	assert_int_equal(tag->id, id);
}

static void a_vlan_device_sends_through_its_lower_device_with_its_tag(void **state)
{
	const struct device devices[] = {
		{ .ifindex = 9,
		  .mtu = 1496,
		  .lower = 4,
		  .vlan_id = 100,
		  .tpid = ETH_P_8021Q,
		  .type = ARPHRD_ETHER },
		{ .ifindex = 4, .mtu = 1500, .type = ARPHRD_ETHER },
	};
	struct link_table table = { 0 };
	struct next_hop hop = { 0 };

	(void)state;
	add_devices(&table, devices, 2);
	assert_true(lower_egress(&table, 9, &anywhere, &hop));
	assert_int_equal(hop.ifindex, 4);
	assert_tag(&hop.vlan[0], ETH_P_8021Q, 100);
	assert_tag(&hop.vlan[1], 0, 0);
	assert_int_equal(hop.mtu, 1496);
	assert_int_equal(hop.src_mac[5], 9);
	memset(&hop, 0, sizeof(hop));
	assert_true(lower_egress(&table, 4, &anywhere, &hop));
	assert_int_equal(hop.ifindex, 4);
	assert_tag(&hop.vlan[0], 0, 0);
	link_table_finish(&table);
}

static void vlan_devices_over_each_other_add_their_tags_outer_first(void **state)
{
	const struct device devices[] = {
		{ .ifindex = 2, .mtu = 9000, .type = ARPHRD_ETHER },
		{ .ifindex = 3,
		  .mtu = 1504,
		  .lower = 2,
		  .vlan_id = 4094,
		  .tpid = ETH_P_8021AD,
		  .type = ARPHRD_ETHER },
		{ .ifindex = 4,
		  .mtu = 1500,
		  .lower = 3,
		  .vlan_id = 1,
		  .tpid = ETH_P_8021Q,
		  .type = ARPHRD_ETHER },
	};
	struct link_table table = { 0 };
	struct next_hop hop = { 0 };

	(void)state;
	add_devices(&table, devices, 3);
	assert_true(lower_egress(&table, 3, &anywhere, &hop));
	assert_int_equal(hop.ifindex, 2);
	assert_int_equal(hop.mtu, 1504);
	assert_int_equal(hop.src_mac[5], 3);
	assert_tag(&hop.vlan[0], ETH_P_8021AD, 4094);
	assert_tag(&hop.vlan[1], 0, 0);
	assert_true(lower_egress(&table, 4, &anywhere, &hop));
	assert_int_equal(hop.ifindex, 2);
	assert_int_equal(hop.mtu, 1500);
	assert_int_equal(hop.src_mac[5], 4);
	assert_tag(&hop.vlan[0], ETH_P_8021AD, 4094);
	assert_tag(&hop.vlan[1], ETH_P_8021Q, 1);
	link_table_finish(&table);
}

static void devices_whose_frames_cannot_be_made_are_refused(void **state)
{
	const struct device devices[] = {
		{ .ifindex = 1, .mtu = 65536, .type = ARPHRD_LOOPBACK },
		{ .ifindex = 2, .mtu = 1500, .type = ARPHRD_ETHER },
		{ .ifindex = 3,
		  .lower = 2,
		  .vlan_id = 5,
		  .tpid = ETH_P_8021Q,
		  .type = ARPHRD_ETHER },
		{ .ifindex = 4,
		  .lower = 3,
		  .vlan_id = 6,
		  .tpid = ETH_P_8021Q,
		  .type = ARPHRD_ETHER },
		{ .ifindex = 5,
		  .lower = 4,
		  .vlan_id = 7,
		  .tpid = ETH_P_8021Q,
		  .type = ARPHRD_ETHER }, /* a third tag */
		{ .ifindex = 6,
		  .lower = 99,
		  .vlan_id = 5,
		  .tpid = ETH_P_8021Q,
		  .type = ARPHRD_ETHER }, /* there is no 99 */
		{ .ifindex = 7,
		  .lower = 2,
		  .vlan_id = 5,
		  .tpid = ETH_P_8021Q,
		  .type = ARPHRD_ETHER,
		  .is_lower_elsewhere = true },
		{ .ifindex = 8, .mtu = 1500, .type = ARPHRD_NONE },
		{ .ifindex = 9,
		  .lower = 9,
		  .vlan_id = 5,
		  .tpid = ETH_P_8021Q,
		  .type = ARPHRD_ETHER }, /* no message may lead in a circle for ever */
	};
	struct link_table table = { 0 };
	struct next_hop hop;

	(void)state;
	add_devices(&table, devices, sizeof(devices) / sizeof(devices[0]));
	for (uint32_t ifindex = 0; ifindex < 10; ifindex++)
		assert_int_equal(lower_egress(&table, ifindex, &anywhere, &hop),
				 ifindex >= 2 && ifindex <= 4);
	link_table_finish(&table);
}

/* Bond 9 with the slaves 2, 3 and 4, all in use; VLAN device 10 on it. */
static const struct device bonded[] = {
	{ .ifindex = 2, .mtu = 1500, .type = ARPHRD_ETHER, .master = 9, .is_slave = true },
	{ .ifindex = 3, .mtu = 1500, .type = ARPHRD_ETHER, .master = 9, .is_slave = true },
	{ .ifindex = 4, .mtu = 1500, .type = ARPHRD_ETHER, .master = 9, .is_slave = true },
	{ .ifindex = 5, .mtu = 1500, .type = ARPHRD_ETHER, .master = 8 }, /* port of a bridge */
	{ .ifindex = 8, .mtu = 1500, .type = ARPHRD_ETHER },
	{ .ifindex = 9, .mtu = 1500, .type = ARPHRD_ETHER, .is_bond = true },
	{ .ifindex = 10,
	  .mtu = 1496,
	  .lower = 9,
	  .vlan_id = 7,
	  .tpid = ETH_P_8021Q,
	  .type = ARPHRD_ETHER },
};
#define BONDED_COUNT (sizeof(bonded) / sizeof(bonded[0]))

/* What the kernel says of it now; true when it is news. */
static bool change(struct link_table *table, struct device device)
{
	return link_table_apply(table, link_message(RTM_NEWLINK, &device)) == 1;
}

/* How many of 300 addresses are reached through each of the devices 0 to 4. */
static void count_slaves(const struct link_table *table, uint32_t ifindex, uint32_t *counts)
{
	memset(counts, 0, 5 * sizeof(*counts));
	for (uint32_t i = 0; i < 300; i++) {
		struct address to = anywhere;
		struct next_hop hop = { 0 };

		to.bytes[14] = (uint8_t)(i >> 8);
		to.bytes[15] = (uint8_t)i;
		assert_true(lower_egress(table, ifindex, &to, &hop));
		assert_in_range(hop.ifindex, 2, 4);
		assert_int_equal(hop.interface, ifindex);
		assert_int_equal(hop.src_mac[5], ifindex);
		counts[hop.ifindex]++;
	}
}

static void a_bond_sends_through_all_slaves_that_take_part(void **state)
{
	struct link_table table = { 0 };
	struct device changed = bonded[1];
	uint32_t before[5], counts[5];

	(void)state;
	add_devices(&table, bonded, BONDED_COUNT);
	count_slaves(&table, 9, before);
	for (uint32_t slave = 2; slave <= 4; slave++)
		assert_in_range(before[slave], 70, 130);
	/* One that leaves takes nothing of the others' with it, whatever makes it leave. */
	for (int i = 0; i < 3; i++) {
		changed.is_down = i == 0;
		changed.is_backup = i == 1;
		changed.has_failed = i == 2;
		(void)change(&table, changed);
		count_slaves(&table, 10, counts);
		assert_int_equal(counts[3], 0);
		assert_true(counts[2] > before[2] && counts[4] > before[4]);
	}
	assert_true(change(&table, bonded[1]));
	count_slaves(&table, 9, counts);
	assert_memory_equal(counts, before, sizeof(counts));
	link_table_finish(&table);
}

static void a_bond_with_an_active_slave_sends_through_it_alone(void **state)
{
	struct link_table table = { 0 };
	struct device bond = bonded[5], slave = bonded[2];
	struct next_hop hop = { 0 };
	uint32_t counts[5];

	(void)state;
	add_devices(&table, bonded, BONDED_COUNT);
	bond.active_slave = 3;
	assert_true(change(&table, bond));
	count_slaves(&table, 9, counts);
	assert_int_equal(counts[3], 300);
	bond.active_slave = 4;
	assert_true(change(&table, bond));
	assert_true(lower_egress(&table, 10, &anywhere, &hop));
	assert_int_equal(hop.ifindex, 4);
	assert_tag(&hop.vlan[0], ETH_P_8021Q, 7);
	assert_int_equal(hop.mtu, 1496);
	slave.is_down = true;
	assert_true(change(&table, slave));
	assert_false(lower_egress(&table, 9, &anywhere, &hop));
	link_table_finish(&table);
}

static struct interface interface_of(const struct link_table *table, const char *name)
{
	struct interface interface;

	assert_int_equal(lower_interface(table, name, &interface), 0);
	assert_string_equal(interface.name, name);
	return interface;
}

static void an_interface_receives_on_the_devices_below_it(void **state)
{
	struct link_table table = { 0 };
	struct device bond = bonded[5];
	struct interface interface;

	(void)state;
	add_devices(&table, bonded, BONDED_COUNT);
	interface = interface_of(&table, "dev8"); /* a bridge: itself */
	assert_int_equal(interface.device_count, 1);
	assert_int_equal(interface.devices[0].ifindex, 8);
	interface = interface_of(&table, "dev10");
	assert_int_equal(interface.ifindex, 10);
	assert_int_equal(interface.device_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(interface.devices[i].ifindex, 2 + i);
		assert_false(interface.devices[i].is_standby);
	}
	bond.active_slave = 3;
	assert_true(change(&table, bond));
	interface = interface_of(&table, "dev10");
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(interface.devices[i].is_standby, i != 1);
	interface = interface_of(&table, "dev2");
	assert_int_equal(interface.devices[0].ifindex, 2);
	assert_false(interface.devices[0].is_standby);
	interface = interface_of(&table, "dev99");
	assert_int_equal(interface.ifindex, 0);
	assert_int_equal(interface.device_count, 0);
	link_table_finish(&table);
}

static void slaves_that_come_and_go_are_noticed(void **state)
{
	struct link_table table = { 0 };
	struct device slave = bonded[0];

	(void)state;
	add_devices(&table, bonded, BONDED_COUNT);
	slave.master = 0;
	slave.is_slave = false;
	assert_true(change(&table, slave));
	assert_int_equal(interface_of(&table, "dev9").device_count, 2);
	slave = bonded[0];
	slave.ifindex = 6;
	slave.is_down = true;
	assert_true(change(&table, slave));
	assert_int_equal(interface_of(&table, "dev9").device_count, 3);
	assert_int_equal(link_table_apply(&table, link_message(RTM_DELLINK, &slave)), 1);
	assert_int_equal(interface_of(&table, "dev9").device_count, 2);
	for (uint32_t ifindex = 100; ifindex < 100 + INTERFACE_DEVICES_MAX; ifindex++) {
		slave.ifindex = ifindex;
		assert_true(change(&table, slave));
	}
	{
		struct interface interface;

		assert_int_equal(lower_interface(&table, "dev9", &interface), -E2BIG);
	}
	link_table_finish(&table);
}

static void a_vlan_device_whose_lower_device_is_elsewhere_receives_itself(void **state)
{
	const struct device device = { .ifindex = 7,
				       .lower = 2,
				       .vlan_id = 5,
				       .tpid = ETH_P_8021Q,
				       .type = ARPHRD_ETHER,
				       .is_lower_elsewhere = true };
	struct link_table table = { 0 };

	(void)state;
	add_devices(&table, bonded, BONDED_COUNT);
	add_devices(&table, &device, 1);
	assert_int_equal(interface_of(&table, "dev7").device_count, 1);
	assert_int_equal(interface_of(&table, "dev7").devices[0].ifindex, 7);
	link_table_finish(&table);
}

static void a_link_message_without_news_changes_nothing(void **state)
{
	struct device device = { .ifindex = 4, .mtu = 1500, .type = ARPHRD_ETHER };
	struct link_table table = { 0 };
	struct nlmsghdr *message;

	(void)state;
	add_devices(&table, &device, 1);
	assert_int_equal(link_table_apply(&table, link_message(RTM_NEWLINK, &device)), 0);
	device.mtu = 1400;
	assert_int_equal(link_table_apply(&table, link_message(RTM_NEWLINK, &device)), 1);
	message = link_message(RTM_DELLINK, &device);
	((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_family = AF_BRIDGE;
	assert_int_equal(link_table_apply(&table, message), 0);
	assert_non_null(link_table_find(&table, 4));
	assert_int_equal(link_table_apply(&table, link_message(RTM_DELLINK, &device)), 1);
	assert_null(link_table_find(&table, 4));
	assert_int_equal(link_table_apply(&table, link_message(RTM_DELLINK, &device)), 0);
	link_table_finish(&table);
}

/* One neighbour, 192.0.2.1 on a device that does not exist, with two users. */
static struct neighbour_table table_of_one(void)
{
	struct neighbour_user *users = calloc(2, sizeof(*users));
	struct neighbour_table table = { 0 };
	struct netlink *netlink;

	assert_non_null(users);
	assert_int_equal(netlink_open(NULL, 0, &netlink, NULL), 0);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(address_parse("192.0.2.1", &users[i].key.address, NULL), 0);
		users[i].key.ifindex = 1000000;
		users[i].watched = i;
	}
	assert_int_equal(neighbour_table_replace(&table, netlink, users, 2, false), 0);
	netlink_close(netlink);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.neighbours[0].user_count, 2);
	return table;
}

static void tell(struct neighbour_table *table, uint16_t type, uint16_t nud_state, uint8_t mac_end)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, mac_end };

	message->nlmsg_type = type;
	header->ndm_family = AF_INET;
	header->ndm_ifindex = 1000000;
	header->ndm_state = nud_state;
	netlink_put_address(message, NDA_DST, &table->neighbours[0].key.address);
	if (mac_end)
		mnl_attr_put(message, NDA_LLADDR, sizeof(mac), mac);
	neighbour_table_apply(table, message);
}

static void every_state_with_an_address_is_an_answer(void **state)
{
	const uint16_t states[] = { NUD_REACHABLE, NUD_STALE,     NUD_DELAY,
				    NUD_PROBE,     NUD_PERMANENT, NUD_NOARP };

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct neighbour_table table = table_of_one();

		assert_false(table.neighbours[0].has_mac);
		tell(&table, RTM_NEWNEIGH, states[i], 7);
		assert_true(table.neighbours[0].has_mac);
		assert_int_equal(table.neighbours[0].mac[5], 7);
		assert_int_equal(table.dirty_count, 1);
		neighbour_table_finish(&table);
	}
}

static void an_answer_outlives_the_kernels_entry_until_failure_or_another_answer(void **state)
{
	struct neighbour_table table = table_of_one();
	const struct neighbour *neighbour = &table.neighbours[0];

	(void)state;
	tell(&table, RTM_NEWNEIGH, NUD_STALE, 7);
	neighbour_table_clear_dirty(&table);
	tell(&table, RTM_DELNEIGH, NUD_STALE, 7);
	tell(&table, RTM_NEWNEIGH, NUD_INCOMPLETE, 0);
	assert_true(neighbour->has_mac);
	assert_int_equal(table.dirty_count, 0);
	tell(&table, RTM_NEWNEIGH, NUD_REACHABLE, 8);
	assert_int_equal(neighbour->mac[5], 8);
	assert_int_equal(table.dirty_count, 1);
	tell(&table, RTM_NEWNEIGH, NUD_FAILED, 0);
	assert_false(neighbour->has_mac);
	assert_true(neighbour->has_failed);
	tell(&table, RTM_DELNEIGH, NUD_FAILED, 0);
	tell(&table, RTM_NEWNEIGH, NUD_INCOMPLETE, 0);
	assert_true(neighbour->has_failed);
	assert_int_equal(table.dirty_count, 1);
	neighbour_table_finish(&table);
}

/* Whether the neighbour is asked when it is now_ms. */
static bool asks_at(struct neighbour_table *table, struct netlink *netlink, uint64_t now_ms)
{
	neighbour_table_ask(table, netlink, now_ms);
	return table->neighbours[0].asked_ms == now_ms;
}

static void unresolved_neighbours_are_asked_each_second_and_stale_ones_each_ten(void **state)
{
	struct neighbour_table table = table_of_one();
	struct netlink *netlink;

	(void)state;
	assert_int_equal(netlink_open(NULL, 0, &netlink, NULL), 0);
	assert_true(asks_at(&table, netlink, 100000));
	assert_false(asks_at(&table, netlink, 100500));
	assert_true(asks_at(&table, netlink, 101000));
	tell(&table, RTM_NEWNEIGH, NUD_FAILED, 0);
	assert_true(asks_at(&table, netlink, 102000));
	tell(&table, RTM_NEWNEIGH, NUD_STALE, 7);
	assert_false(asks_at(&table, netlink, 107000));
	assert_true(asks_at(&table, netlink, 112000));
	tell(&table, RTM_NEWNEIGH, NUD_REACHABLE, 7);
	assert_false(asks_at(&table, netlink, 200000));
	tell(&table, RTM_DELNEIGH, NUD_REACHABLE, 7);
	assert_true(asks_at(&table, netlink, 201000));
	netlink_close(netlink);
	neighbour_table_finish(&table);
}

static void route_events_tell_their_destinations(void **state)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct address network, inside, other_family;
	struct prefix prefix;

	(void)state;
	assert_int_equal(address_parse("10.1.0.0", &network, NULL), 0);
	assert_int_equal(address_parse("10.1.2.3", &inside, NULL), 0);
	assert_int_equal(address_parse("2001:db8::1", &other_family, NULL), 0);
	header->rtm_family = AF_INET;
	assert_true(route_event_prefix(message, &prefix)); /* default: no destination */
	assert_true(prefix_contains(&prefix, &inside));
	assert_false(prefix_contains(&prefix, &other_family));
	header->rtm_dst_len = 16;
	netlink_put_address(message, RTA_DST, &network);
	assert_true(route_event_prefix(message, &prefix));
	assert_int_equal(prefix.length, 112);
	assert_true(prefix_contains(&prefix, &inside));
	header->rtm_flags = RTM_F_CLONED;
	assert_false(route_event_prefix(message, &prefix));
}

static void messages_cut_short_are_ignored(void **state)
{
	const struct device device = {
		.ifindex = 4, .lower = 2, .vlan_id = 5, .tpid = ETH_P_8021Q, .type = ARPHRD_ETHER
	};
	uint32_t length = link_message(RTM_NEWLINK, &device)->nlmsg_len;
	struct link_table links = { 0 };
	struct neighbour_table neighbours = table_of_one();
	struct prefix prefix;

	(void)state;
	/* Messages end at a multiple of four bytes, as the kernel pads them. */
	for (uint32_t cut = NLMSG_HDRLEN; cut < length; cut += NLMSG_ALIGNTO) {
		/* Of its own size, so that a sanitizer or valgrind sees what is read behind it. */
		struct nlmsghdr *message = malloc(cut);

		assert_non_null(message);
		memcpy(message, link_message(RTM_NEWLINK, &device), cut);
		message->nlmsg_len = cut;
		assert_true(link_table_apply(&links, message) >= 0);
		neighbour_table_apply(&neighbours, message);
		(void)route_event_prefix(message, &prefix);
		free(message);
	}
	neighbour_table_finish(&neighbours);
	link_table_finish(&links);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vlan_device_sends_through_its_lower_device_with_its_tag),
		cmocka_unit_test(vlan_devices_over_each_other_add_their_tags_outer_first),
		cmocka_unit_test(devices_whose_frames_cannot_be_made_are_refused),
		cmocka_unit_test(a_bond_sends_through_all_slaves_that_take_part),
		cmocka_unit_test(a_bond_with_an_active_slave_sends_through_it_alone),
		cmocka_unit_test(an_interface_receives_on_the_devices_below_it),
		cmocka_unit_test(slaves_that_come_and_go_are_noticed),
		cmocka_unit_test(a_vlan_device_whose_lower_device_is_elsewhere_receives_itself),
		cmocka_unit_test(a_link_message_without_news_changes_nothing),
		cmocka_unit_test(every_state_with_an_address_is_an_answer),
		cmocka_unit_test(
			an_answer_outlives_the_kernels_entry_until_failure_or_another_answer),
		cmocka_unit_test(
			unresolved_neighbours_are_asked_each_second_and_stale_ones_each_ten),
		cmocka_unit_test(route_events_tell_their_destinations),
		cmocka_unit_test(messages_cut_short_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

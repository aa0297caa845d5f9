/* SPDX-License-Identifier: BSD-2-Clause */
/* link.c - the network devices, sorted by ifindex. */
#include "net/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_bonding.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "lib/sorted.h"
#include "net/netlink.h"

static void parse_vlan(const struct nlattr *data, struct link *link)
{
	const struct nlattr *attributes[IFLA_VLAN_PROTOCOL + 1];

	netlink_parse_nested(data, attributes, IFLA_VLAN_PROTOCOL + 1);
	link->kind = LINK_VLAN;
	link->vlan.id = netlink_get_u16(attributes[IFLA_VLAN_ID]);
	link->vlan.protocol = ntohs(netlink_get_u16(attributes[IFLA_VLAN_PROTOCOL]));
}

static void parse_bond(const struct nlattr *data, struct link *link)
{
	const struct nlattr *attributes[IFLA_BOND_ACTIVE_SLAVE + 1];

	netlink_parse_nested(data, attributes, IFLA_BOND_ACTIVE_SLAVE + 1);
	link->kind = LINK_BOND;
	link->active_slave = netlink_get_u32(attributes[IFLA_BOND_ACTIVE_SLAVE]);
}

static void parse_slave(const struct nlattr *data, struct link *link)
{
	const struct nlattr *attributes[IFLA_BOND_SLAVE_MII_STATUS + 1];

	netlink_parse_nested(data, attributes, IFLA_BOND_SLAVE_MII_STATUS + 1);
	link->is_standby = netlink_get_u8(attributes[IFLA_BOND_SLAVE_STATE]) != BOND_STATE_ACTIVE ||
			   netlink_get_u8(attributes[IFLA_BOND_SLAVE_MII_STATUS]) != BOND_LINK_UP;
}

static bool is_text(const struct nlattr *attribute, const char *text)
{
	size_t size = strlen(text) + 1;

	return attribute && mnl_attr_get_payload_len(attribute) >= size &&
	       memcmp(mnl_attr_get_payload(attribute), text, size) == 0;
}

static void parse_kind(const struct nlattr *info, const struct nlattr *const *attributes,
		       struct link *link)
{
	const struct nlattr *details[IFLA_INFO_SLAVE_DATA + 1];

	netlink_parse_nested(info, details, IFLA_INFO_SLAVE_DATA + 1);
	if (is_text(details[IFLA_INFO_KIND], "vlan"))
		parse_vlan(details[IFLA_INFO_DATA], link);
	else if (is_text(details[IFLA_INFO_KIND], "bond"))
		parse_bond(details[IFLA_INFO_DATA], link);
	/* In another namespace the number is another device's. */
	if (link->kind == LINK_VLAN && !attributes[IFLA_LINK_NETNSID])
		link->lower = netlink_get_u32(attributes[IFLA_LINK]);
	if (is_text(details[IFLA_INFO_SLAVE_KIND], "bond"))
		parse_slave(details[IFLA_INFO_SLAVE_DATA], link);
}

static void parse_name(const struct nlattr *attribute, struct link *link)
{
	size_t size = attribute ? mnl_attr_get_payload_len(attribute) : 0;

	if (size > 0 && size <= sizeof(link->name))
		memcpy(link->name, mnl_attr_get_payload(attribute), size - 1);
}

static bool parse_link(const struct nlmsghdr *message, struct link *ret)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attributes[IFLA_LINK_NETNSID + 1];
	const struct nlattr *mac;

	/* AF_BRIDGE: a bridge speaks about one of its ports. */
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
	    header->ifi_family != AF_UNSPEC || header->ifi_index <= 0)
		return false;
	netlink_parse(message, sizeof(*header), attributes, IFLA_LINK_NETNSID + 1);
	memset(ret, 0, sizeof(*ret));
	ret->ifindex = (uint32_t)header->ifi_index;
	ret->is_up = (header->ifi_flags & IFF_UP) && (header->ifi_flags & IFF_RUNNING);
	ret->mtu = netlink_get_u32(attributes[IFLA_MTU]);
	ret->master = netlink_get_u32(attributes[IFLA_MASTER]);
	parse_name(attributes[IFLA_IFNAME], ret);
	mac = attributes[IFLA_ADDRESS];
	if (mac && header->ifi_type == ARPHRD_ETHER &&
	    mnl_attr_get_payload_len(mac) == sizeof(ret->mac)) {
		memcpy(ret->mac, mnl_attr_get_payload(mac), sizeof(ret->mac));
		ret->has_mac = true;
	}
	parse_kind(attributes[IFLA_LINKINFO], attributes, ret);
	return true;
}

static int compare_link(const void *key, const void *item)
{
	const uint32_t *ifindex = key;
	const struct link *link = item;

	return (*ifindex > link->ifindex) - (*ifindex < link->ifindex);
}

/* The first link with that ifindex or a higher one. */
static size_t position(const struct link_table *table, uint32_t ifindex)
{
	return sorted_position(&ifindex, table->links, table->count, sizeof(*table->links),
			       compare_link);
}

const struct link *link_table_find(const struct link_table *table, uint32_t ifindex)
{
	size_t at = position(table, ifindex);

	return at < table->count && table->links[at].ifindex == ifindex ? &table->links[at] : NULL;
}

const struct link *link_table_find_name(const struct link_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->links[i].name, name) == 0)
			return &table->links[i];
	return NULL;
}

static int reserve_one(struct link_table *table)
{
	size_t capacity = table->capacity ? table->capacity * 2 : 16;
	struct link *links;

	if (table->count < table->capacity)
		return 0;
	links = realloc(table->links, capacity * sizeof(*links));
	if (!links)
		return -ENOMEM;
	table->links = links;
	table->capacity = capacity;
	return 0;
}

static int put_link(struct link_table *table, const struct link *link)
{
	size_t at = position(table, link->ifindex);
	struct link *old = at < table->count ? &table->links[at] : NULL;

	if (old && old->ifindex == link->ifindex) {
		/* parse_link cleared both, so that the bytes between the fields are equal too. */
		bool changed = memcmp(old, link, sizeof(*link)) != 0;

		memcpy(old, link, sizeof(*link));
		return changed;
	}
	if (reserve_one(table) < 0)
		return -ENOMEM;
	memmove(&table->links[at + 1], &table->links[at],
		(table->count - at) * sizeof(table->links[0]));
	memcpy(&table->links[at], link, sizeof(*link));
	table->count++;
	return link->is_up || link->master;
}

static int remove_link(struct link_table *table, uint32_t ifindex)
{
	size_t at = position(table, ifindex);
	bool was_used;

	if (at == table->count || table->links[at].ifindex != ifindex)
		return 0;
	was_used = table->links[at].is_up || table->links[at].master;
	table->count--;
	memmove(&table->links[at], &table->links[at + 1],
		(table->count - at) * sizeof(table->links[0]));
	return was_used;
}

int link_table_apply(struct link_table *table, const struct nlmsghdr *message)
{
	struct link link;

	if (!parse_link(message, &link))
		return 0;
	if (message->nlmsg_type == RTM_DELLINK)
		return remove_link(table, link.ifindex);
	return put_link(table, &link);
}

static int load_one(const struct nlmsghdr *message, void *context)
{
	int r = link_table_apply(context, message);

	return r < 0 ? r : 0;
}

int link_table_load(struct link_table *table, struct netlink *netlink)
{
	struct link_table loaded = { 0 };
	int r = netlink_dump(netlink, RTM_GETLINK, load_one, &loaded);

	if (r < 0) {
		link_table_finish(&loaded);
		return r;
	}
	link_table_finish(table);
	*table = loaded;
	return 0;
}

void link_table_finish(struct link_table *table)
{
	free(table->links);
	memset(table, 0, sizeof(*table));
}

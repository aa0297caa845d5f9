/* SPDX-License-Identifier: BSD-2-Clause */
/* route.c - route lookups, and what a route event is about. */
#include "net/route.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "net/netlink.h"

#define IPV4_PREFIX_BITS 96 /* ::ffff:0:0/96 */

struct lookup {
	const struct route_query *queries;
	int failure;
};

static void write_lookup(struct nlmsghdr *message, size_t index, void *context)
{
	const struct lookup *lookup = context;
	const struct address *address = lookup->queries[index].address;
	struct rtmsg *header;

	message->nlmsg_type = RTM_GETROUTE;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->rtm_family = netlink_family(address);
	header->rtm_dst_len = header->rtm_family == AF_INET ? 32 : 128;
	netlink_put_address(message, RTA_DST, address);
	if (lookup->queries[index].ifindex)
		mnl_attr_put_u32(message, RTA_OIF, lookup->queries[index].ifindex);
}

/* IPv4 routes may have an IPv6 gateway (RFC 5549); it comes with its family in front. */
static void parse_gateway(const struct nlattr *const *attributes, struct address *neighbour)
{
	const struct nlattr *via = attributes[RTA_VIA];
	const size_t family_bytes = sizeof(((struct rtvia *)NULL)->rtvia_family);
	const char *bytes;

	if (netlink_get_address(attributes[RTA_GATEWAY], neighbour) || !via ||
	    mnl_attr_get_payload_len(via) < family_bytes)
		return;
	bytes = mnl_attr_get_payload(via);
	(void)netlink_address_from_bytes(bytes + family_bytes,
					 mnl_attr_get_payload_len(via) - family_bytes, neighbour);
}

static void parse_route(const struct nlmsghdr *message, const struct address *address,
			struct route *ret)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attributes[RTA_ENCAP_TYPE + 1];
	const struct nlattr *metrics[RTAX_MTU + 1];

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) || header->rtm_type != RTN_UNICAST)
		return;
	netlink_parse(message, sizeof(*header), attributes, RTA_ENCAP_TYPE + 1);
	if (!attributes[RTA_OIF] || attributes[RTA_ENCAP_TYPE])
		return;
	netlink_parse_nested(attributes[RTA_METRICS], metrics, RTAX_MTU + 1);
	ret->ifindex = netlink_get_u32(attributes[RTA_OIF]);
	ret->mtu = netlink_get_u32(metrics[RTAX_MTU]);
	ret->has_source = netlink_get_address(attributes[RTA_PREFSRC], &ret->source);
	ret->neighbour = *address;
	parse_gateway(attributes, &ret->neighbour);
	ret->is_usable = true;
}

static void on_lookup_reply(size_t index, const struct nlmsghdr *reply, int error, void *context)
{
	struct lookup *lookup = context;
	const struct route_query *query = &lookup->queries[index];

	/* Other errors are answers: no route, or one of those that refuse. */
	if (error == -ENOMEM || error == -ENOBUFS)
		lookup->failure = error;
	if (reply)
		parse_route(reply, query->address, query->route);
}

int route_lookup(struct netlink *netlink, const struct route_query *queries, size_t count)
{
	struct lookup lookup = { .queries = queries };
	const struct netlink_requests requests = {
		.count = count,
		.write = write_lookup,
		.on_reply = on_lookup_reply,
		.context = &lookup,
	};
	int r;

	for (size_t i = 0; i < count; i++)
		memset(queries[i].route, 0, sizeof(*queries[i].route));
	r = netlink_send_requests(netlink, &requests);
	if (r < 0)
		return r;
	if (lookup.failure < 0)
		return lookup.failure;
	return (size_t)r == count ? 0 : -ENOBUFS;
}

bool route_event_prefix(const struct nlmsghdr *message, struct prefix *ret)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attributes[RTA_DST + 1];
	uint8_t offset;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
	    (header->rtm_flags & RTM_F_CLONED))
		return false;
	if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6)
		return false;
	offset = header->rtm_family == AF_INET ? IPV4_PREFIX_BITS : 0;
	netlink_parse(message, sizeof(*header), attributes, RTA_DST + 1);
	if (!netlink_get_address(attributes[RTA_DST], &ret->address))
		(void)netlink_address_from_bytes((const uint8_t[16]){ 0 }, offset ? 4 : 16,
						 &ret->address);
	ret->length = (uint8_t)(header->rtm_dst_len + offset);
	return true;
}

// SPDX-License-Identifier: BSD-2-Clause
/* reply.c - what backends send back, and ICMP errors about it: from the VIP to the client. */
#include <string.h>

#include "reference/model.h"

static void count_reply(struct model *model, const struct packet *packet, uint32_t backend)
{
	model->state.traffic[backend].reply_packets++;
	model->state.traffic[backend].reply_bytes += packet->frame_bytes;
}

static enum gw_verdict replied(const struct packet *packet)
{
	if (packet->is_error)
		return GW_ICMP_REPLIED;
	return packet->is_fragment_ahead ? GW_FRAGMENT_AHEAD : GW_REPLIED;
}

static void translate(struct packet *packet, const struct ends *to, uint8_t hops)
{
	if (packet->is_error)
		quote_translate(packet, to, &to->src, hops);
	else
		packet_translate(packet, to, hops);
}

/* Back to where the client's packets came from. */
enum gw_verdict snat_reply(struct model *model, struct packet *packet, struct outcome *outcome)
{
	struct nat_flow *flow = nat_find_reply(model, packet, GW_MODE_SNAT);
	const struct gw_nat6 *entry;
	struct link link = {};
	struct ends to;

	if (!flow)
		return UNDECIDED;
	if (packet->ttl <= 1)
		return GW_TTL_EXCEEDED;
	if (!packet->is_error)
		nat_see_reply(flow, packet);
	entry = &flow->entry;
	to = (struct ends){ entry->vip, entry->client, entry->common.vip_port,
			    entry->common.client_port };
	memcpy(link.dst_mac, entry->common.client_mac, 6);
	memcpy(link.src_mac, entry->common.gateway_mac, 6);
	memcpy(link.tags, entry->common.vlan, sizeof(link.tags));
	link.ifindex = entry->common.ifindex;
	translate(packet, &to, 1);
	packet_send(packet, &link, packet->ethertype, NULL, 0, outcome);
	count_reply(model, packet, entry->common.backend);
	return replied(packet);
}

/* Of a backend that several services share: which of them the flow is to. */
static bool recall_service(struct model *model, const struct packet *packet, struct gw_reply *reply)
{
	struct nat_flow *flow = nat_find_reply(model, packet, GW_MODE_DNAT);

	if (!flow)
		return false;
	if (!packet->is_error)
		nat_see_reply(flow, packet);
	reply->vip = flow->entry.vip;
	reply->port = flow->entry.common.vip_port;
	reply->backend = flow->entry.common.backend;
	return true;
}

/* As the kernel routes it. */
static enum gw_verdict route_reply(struct model *model, struct packet *packet,
				   const struct gw_reply *reply, struct outcome *outcome)
{
	const struct ends to = { reply->vip, packet->flow.dst, reply->port, packet->flow.dst_port };
	struct route route;
	struct link link = {};

	switch (tables_route(model->tables, packet->ingress, &packet->dst, packet->ip_bytes,
			     &route)) {
	case ROUTE_NONE:
		return GW_NO_REPLY_ROUTE;
	case ROUTE_TOO_BIG:
		packet->mtu = route.mtu;
		return GW_TOO_BIG;
	case ROUTE_FOUND:
		if (tables_device(model->tables, route.ifindex))
			break;
		/* fall through */
	default:
		translate(packet, &to, 0);
		packet_send(packet, &packet->link, packet->ethertype, NULL, 0, outcome);
		count_reply(model, packet, reply->backend);
		return GW_REPLY_PASSED;
	}
	if (packet->ttl <= 1)
		return GW_TTL_EXCEEDED;
	translate(packet, &to, 1);
	memcpy(link.dst_mac, route.dst_mac, 6);
	memcpy(link.src_mac, route.src_mac, 6);
	link.ifindex = route.ifindex;
	packet_send(packet, &link, packet->ethertype, NULL, 0, outcome);
	count_reply(model, packet, reply->backend);
	return replied(packet);
}

enum gw_verdict dnat_reply(struct model *model, struct packet *packet, struct outcome *outcome)
{
	const struct gw_socket from = { .address = packet->flow.src,
					.port = packet->flow.src_port,
					.protocol = packet->flow.protocol };
	const struct gw_reply *known = tables_reply(model->tables, packet->is_ipv6, &from);
	struct gw_reply reply;

	if (!known ||
	    !(tables_address_flags(model->tables, &packet->flow.src) & GW_ADDRESS_BACKEND))
		return UNDECIDED;
	reply = *known;
	if (reply.flags & GW_REPLY_RECORDED && !recall_service(model, packet, &reply))
		return UNDECIDED;
	return route_reply(model, packet, &reply, outcome);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* nat.h - mode snat: a flow's packets get a source of the gateway's, and its replies find back. */
#ifndef BPF_NAT_H
#define BPF_NAT_H

#include "count.h"
#include "nat_port.h"
#include "rewrite.h"
#include "select.h"

static __always_inline bool vlan_equal(const struct gw_vlan *a, const struct gw_vlan *b)
{
	return !((a->tpid ^ b->tpid) | (a->tci ^ b->tci));
}

static __always_inline bool nat_knows_client_link(const struct gw_nat *entry,
						  const struct packet *packet)
{
	return entry->ifindex == packet->ctx->ingress_ifindex &&
	       mac_equal((const struct mac *)entry->client_mac, &packet->src_mac) &&
	       mac_equal((const struct mac *)entry->gateway_mac, &packet->dst_mac) &&
	       vlan_equal(&entry->vlan[0], &packet->vlan[0]) &&
	       vlan_equal(&entry->vlan[1], &packet->vlan[1]);
}

/* Where the client's packets come from is where its replies go. */
static __always_inline void nat_learn_client_link(struct gw_nat *entry, const struct packet *packet)
{
	entry->ifindex = packet->ctx->ingress_ifindex;
	*(struct mac *)entry->client_mac = packet->src_mac;
	*(struct mac *)entry->gateway_mac = packet->dst_mac;
	entry->vlan[0] = packet->vlan[0];
	entry->vlan[1] = packet->vlan[1];
}

static __always_inline void nat_entry_init(struct gw_nat *entry, const struct packet *packet,
					   __u32 service, __u32 backend, __u32 now_s)
{
	entry->client = packet->src;
	entry->vip = packet->dst;
	entry->client_port = packet->src_port;
	entry->vip_port = packet->dst_port;
	entry->service = service;
	entry->backend = backend;
	entry->seen = now_s;
	entry->state = 0;
	nat_learn_client_link(entry, packet);
}

/* False when the entry is being taken from this flow, which then needs a new one. */
static __always_inline bool nat_continue(const struct gw_nat_key *key, struct nat_holder holder,
					 const struct packet *packet, __u32 now_s, bool *ret_is_new)
{
	__u32 state;

	if (!nat_refresh(holder.entry, now_s))
		return false;
	if (!nat_knows_client_link(holder.entry, packet))
		nat_learn_client_link(holder.entry, packet);
	state = holder.entry->state;
	*ret_is_new = nat_is_reopened(packet, state);
	nat_state_write(holder.entry, state, nat_state_after_client(packet, state));
	if (!holder.is_confirmed && state & GW_NAT_REPLIED &&
	    !(packet->tcp_flags & (TCP_SYN | TCP_RST)))
		nat_promote(key, holder.entry, packet);
	return true;
}

static __always_inline bool nat_is_of_packet(struct nat_holder holder, const struct packet *packet)
{
	return holder.entry && nat_is_of(holder.entry, &packet->src, &packet->dst, packet->src_port,
					 packet->dst_port);
}

/* What a flow's packet is about to leave with. */
struct departure {
	const struct packet *packet;
	const struct gw_service *service;
	const struct selection *selection;
	const struct gw_next_hop *hop;
};

/* Fills nat_flow for the functions that look further than the first candidate. */
static __always_inline struct nat_flow *nat_flow_begin(const struct gw_nat_key *key,
						       const struct departure *from, __u32 now_s)
{
	struct nat_flow *flow = nat_flow_here();

	if (!flow)
		return NULL;
	flow->hash = from->selection->hash;
	flow->key = *key;
	flow->gateway_first = from->hop->gateway_first;
	flow->gateway_count = from->hop->gateway_count;
	nat_entry_init(&flow->entry, from->packet, from->service->id, from->selection->backend_id,
		       now_s);
	return flow;
}

/* The flow's entry behind its first candidate; key is then that entry's. */
static __always_inline struct nat_holder nat_find_further(struct gw_nat_key *key,
							  const struct departure *from, __u32 now_s)
{
	struct nat_flow *flow;

	if (!nat_has_moved(from->selection->hash))
		return (struct nat_holder){};
	flow = nat_flow_begin(key, from, now_s);
	if (!flow || !nat_find_moved())
		return (struct nat_holder){};
	*key = flow->key;
	return nat_find(key);
}

/* Finds or makes the flow's entry. key comes with the first candidate and leaves with the entry's.
 */
static __always_inline enum gw_verdict nat_source(struct gw_nat_key *key,
						  const struct departure *from, bool *ret_is_new)
{
	struct nat_holder holder = nat_find(key);
	__u32 now_s = nat_clock_s();
	enum gw_verdict verdict;
	struct nat_flow *flow;

	if (!nat_is_of_packet(holder, from->packet))
		holder = nat_find_further(key, from, now_s);
	if (nat_is_of_packet(holder, from->packet) &&
	    nat_continue(key, holder, from->packet, now_s, ret_is_new))
		return UNDECIDED;

	*ret_is_new = true;
	flow = nat_flow_begin(key, from, now_s);
	if (!flow)
		return GW_NAT_TABLE_FULL;
	verdict = nat_allocate();
	*key = flow->key;
	return verdict;
}

static __always_inline enum gw_verdict nat_forward(struct packet *packet,
						   const struct gw_service *service,
						   const struct selection *selection,
						   const struct gw_next_hop *hop)
{
	const struct departure from = { packet, service, selection, hop };
	struct gw_nat_key key = {
		.backend = selection->backend->address,
		.backend_port = selection->backend->port,
		.protocol = packet->protocol,
	};
	enum gw_verdict verdict;
	bool is_new = false;
	struct ends to;

	if (hop->gateway_count == 0 ||
	    !nat_candidate(&key, selection->hash, hop->gateway_first, hop->gateway_count, 0))
		return GW_NO_GATEWAY_ADDRESS;
	verdict = nat_source(&key, &from, &is_new);
	if (verdict != UNDECIDED)
		return verdict;

	to = (struct ends){ key.gateway, key.backend, key.gateway_port, key.backend_port };
	packet_rewrite(packet, &to);
	count_forwarded(service->id, selection->backend_id, packet->frame_bytes, is_new);
	return UNDECIDED;
}

static __always_inline bool nat_is_reply_port(__be16 port)
{
	return (__u16)(bpf_ntohs(port) - config.nat_port_first) < config.nat_port_count;
}

/* UNDECIDED: no reply to a flow of ours. */
static __always_inline enum gw_verdict nat_reply(struct packet *packet)
{
	const struct gw_nat_key key = {
		.backend = packet->src,
		.gateway = packet->dst,
		.backend_port = packet->src_port,
		.gateway_port = packet->dst_port,
		.protocol = packet->protocol,
	};
	struct gw_nat *entry = nat_find(&key).entry;
	enum gw_verdict verdict;
	struct cursor cursor;
	struct link link;
	struct ends to;

	if (!entry || !nat_refresh(entry, nat_clock_s()))
		return UNDECIDED;
	if (packet->ttl <= 1)
		return GW_TTL_EXCEEDED;
	nat_state_write(entry, entry->state, nat_state_after_reply(packet, entry->state));

	to = (struct ends){ entry->vip, entry->client, entry->vip_port, entry->client_port };
	link = (struct link){
		.dst = *(struct mac *)entry->client_mac,
		.src = *(struct mac *)entry->gateway_mac,
		.vlan = { entry->vlan[0], entry->vlan[1] },
		.ifindex = entry->ifindex,
	};
	count_reply(entry->service, entry->backend, packet->frame_bytes);
	packet_rewrite(packet, &to);
	verdict = frame_write(packet, &link, 0, &cursor);
	return verdict == UNDECIDED ? GW_REPLIED : verdict;
}

#endif

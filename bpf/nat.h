/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat.h - modes snat and dnat: a flow's packets get the backend's address, in snat also a source
 * of the gateway's, whose replies find back here. Owns failovers.
 */
#ifndef BPF_NAT_H
#define BPF_NAT_H

#include "admit.h"
#include "count.h"
#include "nat_port.h"
#include "quote.h"
#include "rewrite.h"
#include "select.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GW_DEVICE_MAX);
	__type(key, __u32);
	__type(value, struct gw_failover);
} failovers SEC(".maps");

static __always_inline bool vlan_equal(const struct gw_vlan *a, const struct gw_vlan *b)
{
	return !((a->tpid ^ b->tpid) | (a->tci ^ b->tci));
}

static __always_inline bool nat_knows_client_link(const struct gw_nat *entry,
						  const struct packet *packet)
{
	return entry->ifindex == packet->ctx->ingress_ifindex &&
	       mac_equal((const struct mac *)entry->client_mac, &packet->link->src) &&
	       mac_equal((const struct mac *)entry->gateway_mac, &packet->link->dst) &&
	       vlan_equal(&entry->vlan[0], &packet->vlan[0]) &&
	       vlan_equal(&entry->vlan[1], &packet->vlan[1]);
}

/* Where the client's packets come from is where its replies go. */
static __always_inline void nat_learn_client_link(struct gw_nat *entry, const struct packet *packet)
{
	entry->ifindex = packet->ctx->ingress_ifindex;
	*(struct mac *)entry->client_mac = packet->link->src;
	*(struct mac *)entry->gateway_mac = packet->link->dst;
	entry->vlan[0] = packet->vlan[0];
	entry->vlan[1] = packet->vlan[1];
}

static __always_inline void nat_entry_init(struct gw_nat6 *entry, const struct packet *packet,
					   __u32 backend, __u32 now_s)
{
	entry->client = packet->src;
	entry->vip = packet->dst;
	entry->common.client_port = packet->src_port;
	entry->common.vip_port = packet->dst_port;
	entry->common.backend = backend;
	entry->common.seen = now_s;
	entry->common.state = 0;
	nat_learn_client_link(&entry->common, packet);
}

/* False when the entry is being taken from this flow, which then needs a new one. */
static __always_inline bool nat_continue(const void *map_key, struct nat_holder holder,
					 const struct packet *packet, const struct nat_ends *ends,
					 __u32 now_s, bool *ret_is_new)
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
		nat_promote(map_key, packet->is_ipv6, holder.entry, ends);
	return true;
}

/* What a flow's packet is about to leave with. gateway_count 0: key is the one it can have. */
struct departure {
	const struct packet *packet;
	const struct gw_service *service;
	__u32 backend;
	__u64 hash; /* finished */
	__u32 gateway_first, gateway_count;
};

/* For nat_settle(). */
static __always_inline enum gw_verdict nat_unsettled(const struct gw_nat_key *key,
						     const struct departure *from, __u32 now_s)
{
	const struct packet *packet = from->packet;
	struct nat_flow *flow = nat_flow_here();

	if (!flow)
		return GW_NAT_TABLE_FULL;
	flow->hash = from->hash;
	flow->key = *key;
	flow->gateway_first = from->gateway_first;
	flow->gateway_count = from->gateway_count;
	flow->service = from->service->id;
	flow->flow_cost_ns = packet->udp ? from->service->flow_cost_ns : 0;
	flow->may_begin = !packet->is_error && !packet->is_later_fragment;
	flow->is_error = packet->is_error;
	flow->tcp_flags = packet->tcp_flags;
	nat_entry_init(&flow->entry, packet, from->backend, now_s);
	return UNSETTLED;
}

/* The key that nat_settle() came back with. */
static __always_inline bool nat_take_settled(const struct packet *packet, struct gw_nat_key *key,
					     bool *ret_is_new)
{
	const struct nat_flow *flow = packet->is_settled ? nat_flow_here() : NULL;

	if (!flow)
		return false;
	*key = flow->key;
	*ret_is_new = flow->is_new;
	return true;
}

/*
 * Finds the flow's entry and keeps it up to date; UNSETTLED when there is none. key comes with
 * the first candidate and leaves with the entry's.
 */
static __always_inline enum gw_verdict nat_enter(struct gw_nat_key *key,
						 const struct departure *from, bool *ret_is_new)
{
	const struct packet *packet = from->packet;
	const struct nat_ends ends = nat_ends_of_packet(packet);
	bool is_ipv6 = packet->is_ipv6, is_reopened;
	__u32 now_s = clock_s();
	struct nat_holder holder;
	struct gw_nat_key4 room;
	const void *map_key;

	if (nat_take_settled(packet, key, ret_is_new) && *ret_is_new)
		return UNDECIDED;
	map_key = nat_map_key(key, is_ipv6, &room);
	holder = nat_find(map_key, is_ipv6);
	if (!holder.entry || !nat_is_of(holder.entry, is_ipv6, &ends))
		return nat_unsettled(key, from, now_s);
	if (packet->is_error)
		return UNDECIDED;
	if (!nat_continue(map_key, holder, packet, &ends, now_s, &is_reopened))
		return nat_unsettled(key, from, now_s);
	*ret_is_new = is_reopened;
	return UNDECIDED;
}

static __always_inline struct gw_nat_key nat_key_to(const struct packet *packet,
						    const struct gw_backend *backend)
{
	return (struct gw_nat_key){ .backend = backend->address,
				    .backend_port = backend->port,
				    .protocol = packet->protocol,
				    .is_ipv6 = packet->is_ipv6 };
}

/*
 * Modes snat and dnat. In dnat the client keeps its address and port, and so takes the part
 * of the gateway's; its flow has an entry only where the backend serves others too.
 */
static __always_inline enum gw_verdict nat_forward(struct packet *packet,
						   const struct gw_service *service,
						   const struct selection *selection,
						   const struct gw_next_hop *hop)
{
	struct departure from = { .packet = packet,
				  .service = service,
				  .backend = selection->backend_id };
	struct gw_nat_key key = nat_key_to(packet, selection->backend);
	bool is_new = packet_is_first_of_tcp(packet);
	struct gw_addr sender;
	enum gw_verdict verdict;
	struct ends to;

	if (service->mode == GW_MODE_SNAT) {
		from.hash = gw_hash_finish(selection->hash);
		from.gateway_first = hop->gateway_first;
		from.gateway_count = hop->gateway_count;
		if (from.gateway_count == 0 ||
		    !nat_candidate(&key, from.hash, from.gateway_first, from.gateway_count, 0))
			return GW_NO_GATEWAY_ADDRESS;
	} else {
		key.gateway = packet->src;
		key.gateway_port = packet->src_port;
	}
	if (service->mode == GW_MODE_SNAT || service->flags & GW_SERVICE_RECORD) {
		verdict = nat_enter(&key, &from, &is_new);
		if (verdict != UNDECIDED)
			return verdict;
	}
	to = (struct ends){ key.gateway, key.backend, key.gateway_port, key.backend_port };
	count_forwarded(selection->backend_id, packet->frame_bytes, is_new);
	if (!packet->is_error) {
		packet_rewrite(packet, &to, 1);
		return UNDECIDED;
	}
	sender = service->mode == GW_MODE_SNAT ? to.src : quote_sender(packet);
	quote_rewrite(packet, &to, &sender, 1);
	return UNDECIDED;
}

static __always_inline bool nat_is_reply_port(__be16 port)
{
	return (__u16)(bpf_ntohs(port) - config.nat_port_first) < config.nat_port_count;
}

static __always_inline struct gw_nat_key nat_key_from(const struct packet *packet)
{
	return (struct gw_nat_key){ .backend = packet->src,
				    .gateway = packet->dst,
				    .backend_port = packet->src_port,
				    .gateway_port = packet->dst_port,
				    .protocol = packet->protocol,
				    .is_ipv6 = packet->is_ipv6 };
}

/* A client may wait for a reply without a word when its bond's slave fails. */
static __always_inline __u32 nat_client_device(__u32 ifindex)
{
	__u32 cell = ifindex % GW_DEVICE_MAX;
	const struct gw_failover *failover = bpf_map_lookup_elem(&failovers, &cell);

	return failover && failover->from == ifindex ? failover->to : ifindex;
}

static __always_inline struct link nat_client_link(const struct gw_nat *entry)
{
	return (struct link){
		.dst = *(const struct mac *)entry->client_mac,
		.src = *(const struct mac *)entry->gateway_mac,
		.vlan = { entry->vlan[0], entry->vlan[1] },
		.ifindex = nat_client_device(entry->ifindex),
	};
}

/* What a reply, or an ICMP error from the backend's side, ends as once it is sent. */
static __always_inline enum gw_verdict replied_verdict(const struct packet *packet)
{
	if (packet->is_error)
		return GW_ICMP_REPLIED;
	return packet->is_fragment_ahead ? GW_FRAGMENT_AHEAD : GW_REPLIED;
}

/*
 * Whether the entry is of a flow in mode dnat, whose client is its own gateway: address and
 * port. Who looks for it here was led by an address that shares a cell of address_filter with
 * a gateway's, or by a client that claims to be a gateway; in snat such a one gets no replies
 * only if its own port is the one it is given.
 */
static __always_inline bool nat_is_recorded(const struct gw_nat *entry, const struct packet *packet)
{
	if (entry->client_port != packet->dst_port)
		return false;
	if (packet->is_ipv6)
		return addr_equal(&((const struct gw_nat6 *)entry)->client, &packet->dst);
	return ((const struct gw_nat4 *)entry)->client == packet->dst.word[3];
}

/*
 * Whether another flow may have the port since, of whom nothing is known here yet: one that took
 * it in the old maps after they were copied. What became of this one since is not known, either.
 */
static __always_inline bool nat_may_be_taken(const struct gw_nat *entry, __u8 protocol, __u32 now_s)
{
	int shortest_s = protocol == IPPROTO_TCP ? NAT_TCP_SHORTEST_S : NAT_UDP_UNREPLIED_S;

	return (int)(now_s - entry->seen) > shortest_s && is_taking_over();
}

/* UNDECIDED: no reply to a flow of ours. */
static __always_inline enum gw_verdict nat_reply(struct packet *packet)
{
	const struct gw_nat_key key = nat_key_from(packet);
	struct gw_nat_key4 room;
	const void *map_key = nat_map_key(&key, packet->is_ipv6, &room);
	struct gw_nat *entry = nat_find(map_key, packet->is_ipv6).entry;
	__u32 now_s = clock_s();
	struct nat_ends flow;
	enum gw_verdict verdict;
	struct cursor cursor;
	struct link link;
	struct ends to;

	if (!entry || nat_is_recorded(entry, packet) ||
	    nat_may_be_taken(entry, packet->protocol, now_s) || !nat_refresh(entry, now_s))
		return UNDECIDED;
	if (packet->ttl <= 1)
		return GW_TTL_EXCEEDED;
	flow = nat_ends_of(entry, packet->is_ipv6);
	to = (struct ends){ flow.vip, flow.client, flow.vip_port, flow.client_port };
	link = nat_client_link(entry);
	count_reply(entry->backend, packet->frame_bytes);
	if (packet->is_error) {
		quote_rewrite(packet, &to, &to.src, 1);
	} else {
		nat_state_write(entry, entry->state, nat_state_after_reply(packet, entry->state));
		packet_rewrite(packet, &to, 1);
	}
	verdict = frame_write(packet, &link, 0, &cursor);
	return verdict == UNDECIDED ? replied_verdict(packet) : verdict;
}

#endif

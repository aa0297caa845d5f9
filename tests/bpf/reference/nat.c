// SPDX-License-Identifier: BSD-2-Clause
/*
 * nat.c - translated flows: which source each has, and how long it keeps it.
 *
 * A flow has a sequence of 32 candidates, pairs of gateway address and port, that depends on
 * its hash alone. It has the first that no other flow to its backend holds.
 */
#include <string.h>

#include <guideway/flow_hash.h>

#include "reference/model.h"

enum {
	CANDIDATES = 32,
	MOVED_BITS = 1 << 24,
	FLAG_FIN = 1,
	FLAG_SYN = 2,
	FLAG_RST = 4,
	FLAG_ACK = 16,
	NS_PER_S = 1000000000,
};

/* Seconds of silence after which another flow may have the key. */
enum {
	SILENCE_TCP = 3600,
	SILENCE_TCP_OPENING = 30,
	SILENCE_TCP_RESET = 2,
	SILENCE_TCP_CLOSED = 2,
	SILENCE_TCP_TIME_WAIT = 65, /* of the backend */
	SILENCE_UDP_ANSWERED = 120,
	SILENCE_UDP = 30,
};

/* What a packet wants to leave with. */
struct wish {
	struct gw_nat_key key;
	uint64_t hash; /* finished */
	const struct tables *tables;
	uint32_t gateway_first, gateway_count; /* 0: key is the only one it can have */
};

static void choose_candidate(struct wish *wish, uint32_t k)
{
	uint64_t hash = wish->hash;
	uint32_t ports = wish->tables->config.nat_port_count, gateways = wish->gateway_count;
	uint32_t port = (hash & 0xffffffff) * ports >> 32;
	uint32_t stride = ((hash & 0xffff) * (ports - 1) >> 16) | 1;
	uint32_t gateway = (hash >> 32 & 0xffff) * gateways >> 16;

	port = (port + k * stride) % ports;
	gateway = (gateway + k) % gateways;
	wish->key.gateway = wish->tables->gateways[wish->gateway_first + gateway];
	wish->key.gateway_port = htons(wish->tables->config.nat_port_first + port);
}

static bool flow_is(const struct nat_flow *known, const struct flow *flow)
{
	const struct gw_nat6 *entry = &known->entry;

	return entry->common.client_port == flow->src_port &&
	       entry->common.vip_port == flow->dst_port &&
	       addresses_equal(&entry->client, &flow->src) &&
	       addresses_equal(&entry->vip, &flow->dst);
}

static uint32_t silence_s(const struct nat_flow *flow, uint8_t protocol)
{
	uint32_t state = flow->entry.common.state;

	if (protocol != IPPROTO_TCP)
		return state & GW_NAT_REPLIED ? SILENCE_UDP_ANSWERED : SILENCE_UDP;
	if (state & GW_NAT_RESET)
		return SILENCE_TCP_RESET;
	if (state & GW_NAT_CLIENT_FIN && state & GW_NAT_BACKEND_FIN)
		return state & GW_NAT_BACKEND_CLOSED_FIRST ? SILENCE_TCP_TIME_WAIT
							   : SILENCE_TCP_CLOSED;
	return flow->is_confirmed && state & GW_NAT_REPLIED ? SILENCE_TCP : SILENCE_TCP_OPENING;
}

static bool holder_is_silent(const struct nat_flow *holder, uint8_t protocol, uint32_t now_s)
{
	return (int32_t)(now_s - holder->entry.common.seen) > (int32_t)silence_s(holder, protocol);
}

static void learn_client_link(struct gw_nat *entry, const struct link *link)
{
	entry->ifindex = link->ifindex;
	memcpy(entry->client_mac, link->src_mac, 6);
	memcpy(entry->gateway_mac, link->dst_mac, 6);
	memcpy(entry->vlan, link->tags, sizeof(entry->vlan));
}

static void begin_flow(struct model *model, const struct packet *packet, const struct wish *wish)
{
	struct nat_flow flow = { .entry = { .client = packet->flow.src, .vip = packet->flow.dst } };
	struct gw_nat *common = &flow.entry.common;

	common->client_port = packet->flow.src_port;
	common->vip_port = packet->flow.dst_port;
	common->backend = packet->backend;
	common->seen = model->state.now_s;
	learn_client_link(common, &packet->link);
	map_put(model->state.nat, &wish->key, &flow);
}

static bool is_tcp(const struct packet *packet)
{
	return packet->flow.protocol == IPPROTO_TCP;
}

/* Whether the client opens a connection anew with the ports of one that is ending. */
static bool is_reopened(const struct packet *packet, uint32_t state)
{
	return packet->tcp_flags & FLAG_SYN &&
	       state & (GW_NAT_CLIENT_FIN | GW_NAT_BACKEND_FIN | GW_NAT_RESET);
}

static uint32_t state_after_client(const struct packet *packet, uint32_t state)
{
	if (!is_tcp(packet))
		return state;
	if (is_reopened(packet, state))
		return 0;
	if (packet->tcp_flags & FLAG_RST)
		return state | GW_NAT_RESET;
	if (packet->tcp_flags & FLAG_FIN)
		state |= GW_NAT_CLIENT_FIN;
	return state & ~GW_NAT_RESET;
}

/* Another packet of the client's. Confirmed is who speaks after the backend has answered. */
static bool continue_flow(struct model *model, const struct packet *packet, struct nat_flow *flow)
{
	struct gw_nat *entry = &flow->entry.common;
	uint32_t before = entry->state;

	entry->seen = model->state.now_s;
	learn_client_link(entry, &packet->link);
	entry->state = state_after_client(packet, before);
	if (before & GW_NAT_REPLIED && !(packet->tcp_flags & (FLAG_SYN | FLAG_RST)))
		flow->is_confirmed = true;
	return is_reopened(packet, before);
}

static uint32_t moved_bit(uint64_t hash)
{
	return gw_hash_finish(hash) % MOVED_BITS;
}

/* The flow's entry, at whichever of its candidates it is. */
static struct nat_flow *find_own(struct model *model, const struct packet *packet,
				 struct wish *wish)
{
	uint32_t bit = moved_bit(wish->hash);
	struct nat_flow *flow;

	for (uint32_t k = 0; k < CANDIDATES; k++) {
		if (wish->gateway_count)
			choose_candidate(wish, k);
		flow = map_find(model->state.nat, &wish->key);
		if (flow && flow_is(flow, &packet->flow))
			return flow;
		if (!wish->gateway_count || !map_find(model->state.moved, &bit))
			return NULL;
	}
	return NULL;
}

static bool is_first_of_tcp(const struct packet *packet)
{
	return is_tcp(packet) && packet->tcp_flags & FLAG_SYN && !(packet->tcp_flags & FLAG_ACK);
}

static bool is_half_open(const struct nat_flow *flow, const struct packet *packet)
{
	return is_tcp(packet) && !flow->is_confirmed;
}

static bool take_key(struct model *model, const struct packet *packet, const struct wish *wish)
{
	const struct nat_flow *holder = map_find(model->state.nat, &wish->key);

	if (holder && !holder_is_silent(holder, packet->flow.protocol, model->state.now_s))
		return false;
	begin_flow(model, packet, wish);
	return true;
}

/* When half of the candidates are half open the first of these loses its key. */
static bool take_half_open_key(struct model *model, const struct packet *packet, struct wish *wish)
{
	uint32_t count = 0, first = 0;

	if (!is_first_of_tcp(packet) || wish->tables->config.nat_port_count < CANDIDATES)
		return false;
	for (uint32_t k = CANDIDATES; k-- > 0;) {
		choose_candidate(wish, k);
		if (!is_half_open(map_find(model->state.nat, &wish->key), packet))
			continue;
		count++;
		first = k;
	}
	if (2 * count < CANDIDATES)
		return false;
	choose_candidate(wish, first);
	begin_flow(model, packet, wish);
	return true;
}

static bool take_free_key(struct model *model, const struct packet *packet, struct wish *wish)
{
	uint32_t bit = moved_bit(wish->hash);
	uint8_t set = 1;

	if (!wish->gateway_count)
		return take_key(model, packet, wish);
	for (uint32_t k = 0; k < CANDIDATES; k++) {
		choose_candidate(wish, k);
		if (k > 0)
			map_put(model->state.moved, &bit, &set);
		if (take_key(model, packet, wish))
			return true;
	}
	return take_half_open_key(model, packet, wish);
}

/* The world has only limits that nobody reaches and limits that nothing passes. */
static bool rate_admits(const struct gw_service *service)
{
	return service->flow_cost_ns <= NS_PER_S;
}

static enum gw_verdict enter_flow(struct model *model, struct packet *packet,
				  const struct gw_service *service, struct wish *wish,
				  bool *ret_is_new)
{
	struct nat_flow *own = find_own(model, packet, wish);

	if (own && packet->is_error)
		return UNDECIDED;
	if (own) {
		*ret_is_new = continue_flow(model, packet, own);
		return UNDECIDED;
	}
	if (packet->is_error)
		return GW_ICMP_UNMATCHED;
	if (packet->is_later_fragment)
		return GW_FRAGMENT_EARLY;
	if (packet->transport == TRANSPORT_UDP && !rate_admits(service))
		return GW_FLOW_LIMITED;
	*ret_is_new = true;
	return take_free_key(model, packet, wish) ? UNDECIDED : GW_NAT_PORTS_EXHAUSTED;
}

/* ret_to: what the packet leaves with; ret_is_new comes with whether it opens a connection. */
enum gw_verdict nat_forward(struct model *model, struct packet *packet,
			    const struct gw_service *service, const struct gw_next_hop *hop,
			    uint64_t hash, struct ends *ret_to, bool *ret_is_new)
{
	const struct gw_backend *backend = tables_backend(model->tables, packet->backend);
	struct wish wish = { .key = { .backend = backend->address,
				      .gateway = packet->flow.src,
				      .backend_port = backend->port,
				      .gateway_port = packet->flow.src_port,
				      .protocol = packet->flow.protocol,
				      .is_ipv6 = packet->is_ipv6 },
			     .hash = gw_hash_finish(hash),
			     .tables = model->tables };
	enum gw_verdict verdict = UNDECIDED;

	if (service->mode == GW_MODE_SNAT) {
		if (hop->gateway_count == 0)
			return GW_NO_GATEWAY_ADDRESS;
		wish.gateway_first = hop->gateway_first;
		wish.gateway_count = hop->gateway_count;
	}
	if (service->mode == GW_MODE_SNAT || service->flags & GW_SERVICE_RECORD)
		verdict = enter_flow(model, packet, service, &wish, ret_is_new);
	*ret_to = (struct ends){ wish.key.gateway, wish.key.backend, wish.key.gateway_port,
				 wish.key.backend_port };
	return verdict;
}

/* As mode dnat has it: its client is its own gateway. */
static bool is_untranslated(const struct nat_flow *flow, const struct gw_nat_key *key)
{
	return flow->entry.common.client_port == key->gateway_port &&
	       addresses_equal(&flow->entry.client, &key->gateway);
}

struct nat_flow *nat_find_reply(struct model *model, const struct packet *packet, enum gw_mode mode)
{
	const struct gw_nat_key key = { .backend = packet->flow.src,
					.gateway = packet->flow.dst,
					.backend_port = packet->flow.src_port,
					.gateway_port = packet->flow.dst_port,
					.protocol = packet->flow.protocol,
					.is_ipv6 = packet->is_ipv6 };
	struct nat_flow *flow = map_find(model->state.nat, &key);

	if (!flow || (mode == GW_MODE_SNAT && is_untranslated(flow, &key)))
		return NULL;
	flow->entry.common.seen = model->state.now_s;
	return flow;
}

void nat_see_reply(struct nat_flow *flow, const struct packet *packet)
{
	uint32_t *state = &flow->entry.common.state;

	*state |= GW_NAT_REPLIED;
	if (packet->tcp_flags & FLAG_RST)
		*state |= GW_NAT_RESET;
	if (!(packet->tcp_flags & FLAG_FIN))
		return;
	if (!(*state & GW_NAT_CLIENT_FIN))
		*state |= GW_NAT_BACKEND_CLOSED_FIRST;
	*state |= GW_NAT_BACKEND_FIN;
}

// SPDX-License-Identifier: BSD-2-Clause
/* serve.c - a packet to a service: who may, which backend, and how it gets there. */
#include <string.h>

#include <guideway/flow_hash.h>

#include "reference/bytes.h"
#include "reference/model.h"

enum {
	NS_PER_S = 1000000000,
	ENCAP_HOPS = 64,
	GUE_PORT = 6080,
	GUE_SOURCE_FIRST = 49152,
	FLAG_SYN = 2,
	FLAG_ACK = 16,
};

static bool opens_connection(const struct packet *packet)
{
	return packet->transport == TRANSPORT_TCP &&
	       (packet->tcp_flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
}

static enum gw_verdict admit(const struct model *model, const struct packet *packet,
			     const struct gw_service *service)
{
	if (packet->is_error)
		return UNDECIDED;
	if (service->flags & GW_SERVICE_SOURCES &&
	    !tables_source_is_in(model->tables, service->source_set, &packet->flow.src))
		return GW_SOURCE_REFUSED;
	if (opens_connection(packet) && service->flow_cost_ns > NS_PER_S)
		return GW_FLOW_LIMITED;
	return UNDECIDED;
}

static uint32_t slot_backend(const struct tables *tables, const struct gw_service *service,
			     uint64_t hash)
{
	return tables->slots[service->slot_offset + gw_hash_slot(hash, service->slot_count)].owner;
}

static bool takes_new_flows(const struct tables *tables, const struct gw_service *service,
			    uint32_t id)
{
	const struct gw_backend *backend = tables_backend(tables, id);

	return backend && backend->service == service->id &&
	       !(backend->flags & GW_BACKEND_DRAINING);
}

/* Whom the client has: NULL when it is nobody who may get its new flows. */
static struct gw_affinity *known_of(struct model *model, const struct packet *packet,
				    const struct gw_service *service)
{
	const struct gw_affinity_key key = { packet->flow.src, service->id };
	struct gw_affinity *known = map_find(model->state.affinities, &key);

	if (!known || model->state.now_s - known->seen > service->affinity_timeout_s ||
	    !takes_new_flows(model->tables, service, known->backend))
		return NULL;
	return known;
}

static void note_client(struct model *model, const struct packet *packet,
			const struct gw_service *service, uint32_t backend)
{
	const struct gw_affinity_key key = { packet->flow.src, service->id };
	const struct gw_affinity now = { backend, model->state.now_s };
	struct gw_affinity *known = known_of(model, packet, service);

	if (packet->is_error || opens_connection(packet))
		return;
	if (known && known->backend == backend)
		known->seen = now.seen;
	else if (!known && takes_new_flows(model->tables, service, backend))
		map_put(model->state.affinities, &key, &now);
}

static uint32_t client_backend(struct model *model, const struct packet *packet,
			       const struct gw_service *service, uint64_t hash, uint32_t owner)
{
	const struct gw_affinity *known = known_of(model, packet, service);
	bool is_udp = packet->flow.protocol == IPPROTO_UDP, begins = opens_connection(packet);
	bool is_settled = service->base_offset == service->slot_offset;
	uint64_t client =
		gw_client_hash(model->tables->config.hash_key, &packet->flow.src, packet->is_ipv6);

	if (begins || is_udp)
		owner = known ? known->backend
			      : slot_backend(model->tables, service, client) & ~GW_SLOT_TRACK;
	owner = track_flow(model, packet, service, hash, owner, begins,
			   is_udp && (known || is_settled));
	note_client(model, packet, service, owner);
	return owner;
}

static uint32_t flow_backend(struct model *model, const struct packet *packet,
			     const struct gw_service *service, uint64_t hash)
{
	uint32_t owner = slot_backend(model->tables, service, hash);
	bool begins = opens_connection(packet);

	if (!(owner & GW_SLOT_TRACK))
		return owner;
	owner &= ~GW_SLOT_TRACK;
	if (service->flags & GW_SERVICE_AFFINITY)
		return client_backend(model, packet, service, hash, owner);
	return track_flow(model, packet, service, hash, owner, begins, false);
}

static const struct gw_backend *select_backend(struct model *model, struct packet *packet,
					       const struct gw_service *service, uint64_t hash)
{
	if (!packet->is_later_fragment)
		packet->backend = flow_backend(model, packet, service, hash);
	return tables_backend(model->tables, packet->backend);
}

static bool is_ip4(const struct gw_addr *address)
{
	return !address->word[0] && !address->word[1] && address->word[2] == htonl(0xffff);
}

static size_t outer_bytes(const struct gw_service *service, const struct gw_backend *backend)
{
	if (service->mode != GW_MODE_IPIP && service->mode != GW_MODE_GUE)
		return 0;
	return (is_ip4(&backend->address) ? 20 : 40) + (service->mode == GW_MODE_GUE ? 8 : 0);
}

static struct link link_to(const struct gw_next_hop *hop)
{
	struct link link = { .ifindex = hop->ifindex };

	memcpy(link.dst_mac, hop->dst_mac, 6);
	memcpy(link.src_mac, hop->src_mac, 6);
	memcpy(link.tags, hop->vlan, sizeof(link.tags));
	return link;
}

static uint8_t traffic_class_of(const struct packet *packet)
{
	const uint8_t *ip = packet->frame.bytes + packet->network;

	return packet->is_ipv6 ? get16(ip) >> 4 : ip[1];
}

/* The fields that say what is carried: class, and in IPv6 the flow (RFC 6438). */
static void mark_outer(uint8_t *outer, bool is_ipv6, uint8_t traffic_class, uint32_t hash)
{
	if (is_ipv6) {
		put32(outer, 6u << 28 | (uint32_t)traffic_class << 20 | (hash & 0xfffff));
		return;
	}
	outer[1] = traffic_class;
	put16(outer + 10, 0);
	put16(outer + 10, sum_checksum(sum_bytes(outer, 20), 0));
}

static enum gw_verdict encapsulate(const struct model *model, struct packet *packet,
				   const struct gw_service *service,
				   const struct gw_backend *backend, const struct gw_next_hop *hop,
				   uint32_t hash, struct outcome *outcome)
{
	bool is_gue = service->mode == GW_MODE_GUE, is_ipv6 = !is_ip4(&backend->address);
	uint8_t outer[48], protocol = packet->is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	uint8_t traffic_class = traffic_class_of(packet);
	size_t bytes = packet->ip_bytes + (is_gue ? 8 : 0);
	struct gw_addr src = hop->encap_source, none = {};
	struct link link = link_to(hop);

	if (addresses_equal(&src, &none))
		return GW_NO_GATEWAY_ADDRESS;
	src.word[3] |= hash & model->tables->config.encap_mask[!is_ipv6];
	packet_pass_hop(packet);
	bytes = write_ip_header(outer, &src, &backend->address, is_ipv6,
				is_gue ? IPPROTO_UDP : protocol, ENCAP_HOPS, bytes);
	mark_outer(outer, is_ipv6, traffic_class, hash);
	if (is_gue) {
		put16(outer + bytes, GUE_SOURCE_FIRST + (hash & 0x3fff));
		put16(outer + bytes + 2, GUE_PORT);
		put16(outer + bytes + 4, packet->ip_bytes + 8);
		put16(outer + bytes + 6, 0);
		bytes += 8;
	}
	packet_send(packet, &link, is_ipv6 ? 0x86dd : 0x0800, outer, bytes, outcome);
	return UNDECIDED;
}

static enum gw_verdict translate(struct model *model, struct packet *packet,
				 const struct gw_service *service, const struct gw_next_hop *hop,
				 uint64_t hash, bool *is_new, struct outcome *outcome)
{
	struct link link = link_to(hop);
	enum gw_verdict verdict;
	struct ends to;

	verdict = nat_forward(model, packet, service, hop, hash, &to, is_new);
	if (verdict != UNDECIDED)
		return verdict;
	if (packet->is_error)
		quote_translate(packet, &to, service->mode == GW_MODE_SNAT ? &to.src : &packet->src,
				1);
	else
		packet_translate(packet, &to, 1);
	packet_send(packet, &link, packet->ethertype, NULL, 0, outcome);
	return UNDECIDED;
}

static enum gw_verdict forward_in_mode(struct model *model, struct packet *packet,
				       const struct gw_service *service,
				       const struct gw_backend *backend,
				       const struct gw_next_hop *hop, uint64_t hash, bool *is_new,
				       struct outcome *outcome)
{
	struct link link = link_to(hop);

	switch (service->mode) {
	case GW_MODE_SNAT:
	case GW_MODE_DNAT:
		return translate(model, packet, service, hop, hash, is_new, outcome);
	case GW_MODE_L2:
		packet_pass_hop(packet);
		packet_send(packet, &link, packet->ethertype, NULL, 0, outcome);
		return UNDECIDED;
	case GW_MODE_IPIP:
	case GW_MODE_GUE:
		return encapsulate(model, packet, service, backend, hop, hash >> 32, outcome);
	default:
		return GW_BAD_TABLE;
	}
}

static void count_forwarded(struct model *model, const struct packet *packet, bool is_new)
{
	struct gw_traffic *traffic = &model->state.traffic[packet->backend];

	traffic->packets++;
	traffic->bytes += packet->frame_bytes;
	traffic->flows += is_new;
}

static enum gw_verdict forward(struct model *model, struct packet *packet,
			       const struct gw_service *service, const struct gw_backend *backend,
			       uint64_t hash, struct outcome *outcome)
{
	const struct gw_next_hop *hop = tables_next_hop(model->tables, backend->next_hop);
	bool is_new = opens_connection(packet);
	enum gw_verdict verdict;

	if (!hop)
		return GW_NO_NEXT_HOP;
	if (packet->ttl <= 1)
		return GW_TTL_EXCEEDED;
	packet->mtu = hop->mtu - outer_bytes(service, backend);
	if (packet->ip_bytes > packet->mtu)
		return GW_TOO_BIG;
	if (service->tcp_mss && packet->transport == TRANSPORT_TCP && packet->tcp_flags & FLAG_SYN)
		packet_clamp_mss(packet, service->tcp_mss);
	verdict = forward_in_mode(model, packet, service, backend, hop, hash, &is_new, outcome);
	if (verdict != UNDECIDED)
		return verdict;
	count_forwarded(model, packet, is_new);
	if (packet->is_error)
		return GW_ICMP_FORWARDED;
	return packet->is_fragment_ahead ? GW_FRAGMENT_AHEAD : GW_FORWARDED;
}

static enum gw_verdict no_endpoint(const struct gw_service *service)
{
	return service->flags & GW_SERVICE_DROP ? GW_NO_LOCAL_ENDPOINT : GW_NO_ENDPOINT;
}

static enum gw_verdict serve_uncounted(struct model *model, struct packet *packet,
				       const struct gw_service *service, struct outcome *outcome)
{
	const struct flow *flow = &packet->flow;
	const struct gw_backend *backend;
	enum gw_verdict verdict;
	uint64_t hash;

	if (service->slot_count == 0)
		return no_endpoint(service);
	verdict = admit(model, packet, service);
	if (verdict != UNDECIDED)
		return verdict;
	hash = gw_flow_hash(model->tables->config.hash_key, &flow->src, &flow->dst, flow->src_port,
			    flow->dst_port, flow->protocol, packet->is_ipv6);
	backend = select_backend(model, packet, service, hash);
	if (packet->backend == GW_NONE)
		return no_endpoint(service);
	if (!backend)
		return GW_BAD_TABLE;
	return forward(model, packet, service, backend, hash, outcome);
}

/* What belongs to no known flow and begins none may be the host's, if it has the address. */
static bool is_left_to_host(const struct packet *packet, uint32_t address_flags,
			    enum gw_verdict verdict)
{
	if (!(address_flags & GW_ADDRESS_LOCAL))
		return false;
	return (packet->is_error && verdict == GW_ICMP_UNMATCHED) ||
	       (packet->is_later_fragment && verdict == GW_FRAGMENT_EARLY);
}

enum gw_verdict serve(struct model *model, struct packet *packet, const struct gw_service *service,
		      uint32_t address_flags, struct outcome *outcome)
{
	enum gw_verdict verdict = serve_uncounted(model, packet, service, outcome);

	if (is_left_to_host(packet, address_flags, verdict))
		return GW_NOT_OURS;
	if (verdict != GW_FORWARDED && verdict != GW_ICMP_FORWARDED && verdict != GW_FRAGMENT_AHEAD)
		model->state.drops[service->id]++;
	return verdict;
}

// SPDX-License-Identifier: BSD-2-Clause
/* model.c - the one way of a packet through the model. */
#include "reference/model.h"

#include <string.h>

#include <linux/bpf.h>

#include "reference/bytes.h"

enum { MAP_ENTRIES = 1 << 16 };

void model_init(struct model *model, const struct tables *tables)
{
	memset(model, 0, sizeof(*model));
	model->tables = tables;
	model->state.nat =
		map_create(sizeof(struct gw_nat_key), sizeof(struct nat_flow), MAP_ENTRIES);
	model->state.moved = map_create(sizeof(uint32_t), sizeof(uint8_t), MAP_ENTRIES);
	model->state.fragments =
		map_create(sizeof(struct gw_fragment_key), sizeof(struct gw_fragment), MAP_ENTRIES);
	model->state.affinities =
		map_create(sizeof(struct gw_affinity_key), sizeof(struct gw_affinity), MAP_ENTRIES);
}

void model_finish(struct model *model)
{
	map_destroy(model->state.nat);
	map_destroy(model->state.moved);
	map_destroy(model->state.fragments);
	map_destroy(model->state.affinities);
}

void model_reset(struct model *model, uint32_t now_s)
{
	struct state *state = &model->state;

	state->now_s = now_s;
	map_empty(state->nat);
	map_empty(state->moved);
	map_empty(state->fragments);
	map_empty(state->affinities);
	memset(state->records, 0, sizeof(state->records));
	memset(state->traffic, 0, sizeof(state->traffic));
	memset(state->drops, 0, sizeof(state->drops));
	for (uint32_t i = 0; i < model->tables->affinity_count; i++) {
		const struct affinity_row *row = &model->tables->affinities[i];
		struct gw_affinity affinity = { row->backend, now_s - row->age_s };

		map_put(state->affinities, &row->key, &affinity);
	}
	for (uint32_t i = 0; i < model->tables->record_count; i++) {
		const struct record_row *row = &model->tables->records[i];

		state->records[row->bucket][row->way] = record_at_start(row, now_s);
	}
}

/* A request that is well-formed; what it asks for may be anybody's. */
static bool is_arp_request(const struct packet *packet)
{
	static const uint8_t request[] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	return packet->ethertype == 0x0806 && packet_has(packet, packet->network, 28) &&
	       memcmp(packet->frame.bytes + packet->network, request, sizeof(request)) == 0;
}

static bool is_solicitation(const struct packet *packet)
{
	const uint8_t *ip = packet->frame.bytes + packet->network;

	return packet->is_ipv6 && packet_has(packet, packet->network, 64) &&
	       ip[6] == IPPROTO_ICMPV6 && ip[7] == 255 && ip[40] == 135 && ip[41] == 0;
}

/* What is wrong with a packet matters when it is to a VIP that the host does not own. */
static enum gw_verdict refuse(uint32_t address_flags, enum gw_verdict reason)
{
	return address_flags & GW_ADDRESS_VIP && !(address_flags & GW_ADDRESS_LOCAL) ? reason
										     : GW_NOT_OURS;
}

static enum gw_verdict run_flow(struct model *model, struct packet *packet, uint32_t address_flags,
				struct outcome *outcome)
{
	const struct gw_config *config = &model->tables->config;
	const struct gw_socket to = { .address = packet->flow.dst,
				      .port = packet->flow.dst_port,
				      .protocol = packet->flow.protocol };
	uint16_t port = ntohs(packet->flow.dst_port);
	const struct gw_service *service;
	enum gw_verdict verdict;

	if (address_flags == 0) {
		verdict = dnat_reply(model, packet, outcome);
		return verdict == UNDECIDED ? GW_NOT_OURS : verdict;
	}
	if (address_flags & GW_ADDRESS_GATEWAY && port >= config->nat_port_first &&
	    port < config->nat_port_first + config->nat_port_count) {
		verdict = snat_reply(model, packet, outcome);
		if (verdict != UNDECIDED)
			return verdict;
	}
	if (!(address_flags & GW_ADDRESS_VIP))
		return GW_NOT_OURS;
	service = tables_service(model->tables, packet->is_ipv6, &to);
	if (!service)
		return refuse(address_flags,
			      packet->is_error ? GW_ICMP_UNMATCHED : GW_UNSERVED_PORT);
	return serve(model, packet, service, address_flags, outcome);
}

static enum gw_verdict run_icmp(struct model *model, struct packet *packet, uint32_t address_flags,
				struct outcome *outcome)
{
	uint8_t request = packet->is_ipv6 ? 128 : 8;
	enum gw_verdict verdict;

	if (packet->is_first_fragment)
		return refuse(address_flags, GW_UNSERVED_PROTOCOL);
	if (icmp_is_error(packet)) {
		verdict = quote_parse(packet);
		if (verdict != UNDECIDED)
			return refuse(address_flags, verdict);
		return run_flow(model, packet, address_flags, outcome);
	}
	if (packet->frame.bytes[packet->transport_at] == request &&
	    refuse(address_flags, UNDECIDED) == UNDECIDED)
		return answer_echo(packet, outcome);
	return refuse(address_flags, GW_UNSERVED_PROTOCOL);
}

static enum gw_verdict run_ip(struct model *model, struct packet *packet, struct outcome *outcome)
{
	uint32_t address_flags = tables_address_flags(model->tables, &packet->dst);
	enum gw_verdict verdict = parse_rest(packet);

	if (verdict == UNDECIDED && packet->is_later_fragment)
		verdict = fragment_recall(model, packet);
	if (verdict != UNDECIDED)
		return refuse(address_flags, verdict);
	if (packet->transport == TRANSPORT_ICMP)
		return run_icmp(model, packet, address_flags, outcome);
	if (packet->transport == TRANSPORT_NONE && !packet->is_later_fragment)
		return refuse(address_flags, GW_UNSERVED_PROTOCOL);
	verdict = run_flow(model, packet, address_flags, outcome);
	fragment_remember(model, packet, verdict);
	return verdict;
}

static enum gw_verdict run_frame(struct model *model, struct packet *packet,
				 struct outcome *outcome)
{
	enum gw_verdict verdict;

	if (!parse_link(packet))
		return GW_NOT_OURS;
	if (is_arp_request(packet))
		return answer_neighbour(model, packet, outcome);
	if ((packet->ethertype != 0x0800 && packet->ethertype != 0x86dd) || !parse_network(packet))
		return GW_NOT_OURS;
	if (is_solicitation(packet))
		return answer_neighbour(model, packet, outcome);
	if (packet->link.dst_mac[0] & 1)
		return GW_NOT_OURS;
	verdict = run_ip(model, packet, outcome);
	if (verdict == GW_NO_ENDPOINT || verdict == GW_TOO_BIG || verdict == GW_TTL_EXCEEDED)
		return answer_refusal(model, packet, verdict, outcome);
	return verdict;
}

static int action_of(const struct model *model, const struct packet *packet,
		     const struct outcome *outcome)
{
	enum { PASS, DROP, SEND };
	static const uint8_t actions[] = {
#define X(name, text, action, help) action,
		GW_VERDICTS(X)
#undef X
	};

	switch (actions[outcome->verdict]) {
	case PASS:
		return XDP_PASS;
	case DROP:
		return XDP_DROP;
	default:
		return outcome->egress == packet->ingress && !model->tables->config.redirect_always
			       ? XDP_TX
			       : XDP_REDIRECT;
	}
}

static void copy_frame(struct frame *to, const struct frame *from)
{
	memcpy(to->bytes, from->bytes, from->size);
	to->size = from->size;
}

void model_run(struct model *model, const struct frame *frame, uint32_t ingress,
	       struct outcome *ret_outcome)
{
	static struct packet packet;
	static const struct frame no_frame;

	memset((char *)&packet + sizeof(no_frame), 0, sizeof(packet) - sizeof(no_frame));
	copy_frame(&packet.frame, frame);
	copy_frame(&ret_outcome->frame, frame);
	packet.frame_bytes = frame->size;
	packet.ingress = ingress;
	ret_outcome->egress = 0;
	ret_outcome->verdict = run_frame(model, &packet, ret_outcome);
	ret_outcome->action = action_of(model, &packet, ret_outcome);
}

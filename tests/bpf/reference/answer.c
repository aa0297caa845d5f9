// SPDX-License-Identifier: BSD-2-Clause
/* answer.c - what the gateway says itself: as the VIP, back the way the question came. */
#include <string.h>

#include <linux/bpf.h>

#include "reference/bytes.h"
#include "reference/model.h"

enum {
	ANSWER_HOPS = 64,
	NEIGHBOUR_HOPS = 255,
	QUOTE_BYTES_MAX = 128,
	FLAG_FIN = 1,
	FLAG_SYN = 2,
	FLAG_RST = 4,
	FLAG_ACK = 16,
};

/* Makes bytes the packet's, from network on, and sends it. */
static void send_bytes(struct packet *packet, const struct link *link, const uint8_t *bytes,
		       size_t size, struct outcome *outcome)
{
	memcpy(packet->frame.bytes + packet->network, bytes, size);
	packet->frame.size = packet->network + size;
	packet_send(packet, link, packet->ethertype, NULL, 0, outcome);
}

static struct link link_back(const struct packet *packet)
{
	struct link link = packet->link;

	memcpy(link.dst_mac, packet->link.src_mac, 6);
	memcpy(link.src_mac, packet->link.dst_mac, 6);
	return link;
}

/* RFC 826; the frame keeps its padding. */
static bool answer_arp(struct packet *packet, const struct link *link, struct outcome *outcome)
{
	uint8_t *arp = packet->frame.bytes + packet->network, target[4];

	if (memcmp(arp + 14, arp + 24, 4) == 0)
		return false;
	memcpy(target, arp + 24, 4);
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, link->src_mac, 6);
	memcpy(arp + 14, target, 4);
	put16(arp + 6, 2);
	packet_send(packet, link, packet->ethertype, NULL, 0, outcome);
	return true;
}

/* RFC 4861, 4.4 and 7.2.4. */
static void answer_solicitation(struct packet *packet, struct link *link, struct outcome *outcome)
{
	static const struct gw_addr unspecified;
	static const uint8_t all_nodes[] = { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const uint8_t all_nodes_mac[] = { 0x33, 0x33, 0, 0, 0, 1 };
	const uint8_t *request = packet->frame.bytes + packet->network;
	struct gw_addr target = address_at(request + 48, true), to = packet->src;
	uint8_t bytes[72] = {}, *advert = bytes + 40;

	advert[0] = 136;
	advert[4] = 0x60; /* solicited, override */
	if (addresses_equal(&to, &unspecified)) {
		memcpy(&to, all_nodes, 16);
		memcpy(link->dst_mac, all_nodes_mac, 6);
		advert[4] = 0x20;
	}
	memcpy(advert + 8, &target, 16);
	advert[24] = 2; /* target link-layer address */
	advert[25] = 1;
	memcpy(advert + 26, link->src_mac, 6);
	put16(advert + 2,
	      sum_checksum(sum_bytes(advert, 32) +
				   sum_pseudo_header(&target, &to, true, 32, IPPROTO_ICMPV6),
			   0));
	write_ip_header(bytes, &target, &to, true, IPPROTO_ICMPV6, NEIGHBOUR_HOPS, 32);
	send_bytes(packet, link, bytes, sizeof(bytes), outcome);
}

/* Asked by ARP or a neighbour solicitation, which model.c knows to be one. */
enum gw_verdict answer_neighbour(const struct model *model, const struct packet *request,
				 struct outcome *outcome)
{
	const struct gw_device *device = tables_device(model->tables, request->ingress);
	const uint8_t *bytes = request->frame.bytes + request->network;
	struct gw_addr target = address_at(bytes + (request->is_ipv6 ? 48 : 24), request->is_ipv6);
	uint32_t flags = tables_address_flags(model->tables, &target);
	struct link link = link_back(request);
	struct packet packet = *request;

	if (!model->tables->config.answer_neighbours || !device || !(flags & GW_ADDRESS_VIP) ||
	    flags & GW_ADDRESS_LOCAL || memcmp(device->mac, request->link.src_mac, 6) == 0)
		return GW_NOT_OURS;
	memcpy(link.src_mac, device->mac, 6);
	if (packet.is_ipv6)
		answer_solicitation(&packet, &link, outcome);
	else if (!answer_arp(&packet, &link, outcome))
		return GW_NOT_OURS;
	return GW_NEIGHBOUR_REPLIED;
}

enum gw_verdict answer_echo(struct packet *packet, struct outcome *outcome)
{
	uint8_t *icmp = packet->frame.bytes + packet->transport_at;
	size_t bytes = packet->ip_bytes - packet->header_bytes;
	uint32_t residue = sum_residue(sum_bytes(icmp, bytes));
	struct link link = link_back(packet);

	icmp[0] = packet->is_ipv6 ? 129 : 0;
	put16(icmp + 2, 0);
	/* The pseudo header has the same addresses on both ways. */
	put16(icmp + 2, sum_checksum(sum_bytes(icmp, bytes), residue));
	packet_rewrite_ip(packet, &packet->dst, &packet->src, packet->ttl - ANSWER_HOPS);
	packet_send(packet, &link, packet->ethertype, NULL, 0, outcome);
	return GW_ECHO_REPLIED;
}

/* RFC 9293, 3.5.2. */
static void answer_reset(struct packet *packet, struct outcome *outcome)
{
	const uint8_t *segment = packet->frame.bytes + packet->transport_at;
	struct link link = link_back(packet);
	uint32_t length = packet->ip_bytes - packet->header_bytes - (segment[12] >> 4) * 4;
	uint8_t bytes[60] = {}, *reset;

	reset = bytes + write_ip_header(bytes, &packet->dst, &packet->src, packet->is_ipv6,
					IPPROTO_TCP, ANSWER_HOPS, 20);
	memcpy(reset, segment + 2, 2);
	memcpy(reset + 2, segment, 2);
	reset[12] = 5 << 4;
	reset[13] = FLAG_RST;
	if (packet->tcp_flags & FLAG_ACK) {
		memcpy(reset + 4, segment + 8, 4);
	} else {
		length += !!(packet->tcp_flags & FLAG_SYN) + !!(packet->tcp_flags & FLAG_FIN);
		put32(reset + 8, get32(segment + 4) + length);
		reset[13] |= FLAG_ACK;
	}
	put16(reset + 16, sum_checksum(sum_bytes(reset, 20) +
					       sum_pseudo_header(&packet->dst, &packet->src,
								 packet->is_ipv6, 20, IPPROTO_TCP),
				       0));
	send_bytes(packet, &link, bytes, reset + 20 - bytes, outcome);
}

static void write_refusal(uint8_t *icmp, bool is_ipv6, enum gw_verdict reason, uint32_t mtu)
{
	switch (reason) {
	case GW_TOO_BIG:
		icmp[0] = is_ipv6 ? 2 : 3;
		icmp[1] = is_ipv6 ? 0 : 4;
		put32(icmp + 4, mtu);
		break;
	case GW_TTL_EXCEEDED:
		icmp[0] = is_ipv6 ? 3 : 11;
		break;
	default:
		icmp[0] = is_ipv6 ? 1 : 3;
		icmp[1] = is_ipv6 ? 4 : 3;
	}
}

static void answer_error(struct packet *packet, enum gw_verdict reason, struct outcome *outcome)
{
	size_t quote_bytes = packet->header_bytes + 8, at;
	struct link link = link_back(packet);
	uint8_t bytes[40 + 8 + QUOTE_BYTES_MAX] = {}, *icmp;
	uint64_t sum = 0;

	if (quote_bytes > QUOTE_BYTES_MAX)
		quote_bytes = QUOTE_BYTES_MAX;
	at = write_ip_header(bytes, &packet->dst, &packet->src, packet->is_ipv6,
			     packet->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, ANSWER_HOPS,
			     8 + quote_bytes);
	icmp = bytes + at;
	memset(icmp, 0, 8);
	write_refusal(icmp, packet->is_ipv6, reason, packet->mtu);
	memcpy(icmp + 8, packet->frame.bytes + packet->network, quote_bytes);
	if (packet->is_ipv6)
		sum = sum_pseudo_header(&packet->dst, &packet->src, true, 8 + quote_bytes,
					IPPROTO_ICMPV6);
	put16(icmp + 2, sum_checksum(sum + sum_bytes(icmp, 8 + quote_bytes), 0));
	send_bytes(packet, &link, bytes, at + 8 + quote_bytes, outcome);
}

static enum gw_verdict answered(enum gw_verdict reason)
{
	switch (reason) {
	case GW_TOO_BIG:
		return GW_TOO_BIG_ANSWERED;
	case GW_TTL_EXCEEDED:
		return GW_TTL_ANSWERED;
	default:
		return GW_REJECTED;
	}
}

/* The packet as it came, which ended for this reason. */
enum gw_verdict answer_refusal(const struct model *model, const struct packet *refused,
			       enum gw_verdict reason, struct outcome *outcome)
{
	struct packet packet = *refused;
	bool has_ports = packet.transport == TRANSPORT_TCP || packet.transport == TRANSPORT_UDP;

	if (!has_ports || packet.is_error || packet.tcp_flags & FLAG_RST)
		return reason;
	if (model->tables->config.answers_per_second == 0)
		return reason == GW_NO_ENDPOINT ? GW_REJECT_LIMITED : reason;
	if (reason == GW_NO_ENDPOINT && packet.transport == TRANSPORT_TCP)
		answer_reset(&packet, outcome);
	else
		answer_error(&packet, reason, outcome);
	return answered(reason);
}

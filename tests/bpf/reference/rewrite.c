// SPDX-License-Identifier: BSD-2-Clause
/* rewrite.c - the bytes of a packet that leaves. */
#include <string.h>

#include "reference/bytes.h"
#include "reference/model.h"

static const uint8_t *address_bytes(const struct gw_addr *address, bool is_ipv6)
{
	return is_ipv6 ? (const uint8_t *)address : (const uint8_t *)&address->word[3];
}

uint64_t sum_pseudo_header(const struct gw_addr *src, const struct gw_addr *dst, bool is_ipv6,
			   size_t bytes, uint8_t protocol)
{
	size_t address_size = is_ipv6 ? 16 : 4;

	return sum_bytes(address_bytes(src, is_ipv6), address_size) +
	       sum_bytes(address_bytes(dst, is_ipv6), address_size) + bytes + protocol;
}

void packet_rewrite_ip(struct packet *packet, const struct gw_addr *src, const struct gw_addr *dst,
		       uint8_t hops)
{
	uint8_t *ip = packet->frame.bytes + packet->network;
	uint32_t residue;

	if (packet->is_ipv6) {
		ip[7] -= hops;
		memcpy(ip + 8, src, 16);
		memcpy(ip + 24, dst, 16);
		return;
	}
	residue = sum_residue(sum_bytes(ip, packet->header_bytes));
	ip[8] -= hops;
	memcpy(ip + 12, &src->word[3], 4);
	memcpy(ip + 16, &dst->word[3], 4);
	put16(ip + 10, 0);
	put16(ip + 10, sum_checksum(sum_bytes(ip, packet->header_bytes), residue));
}

void packet_pass_hop(struct packet *packet)
{
	packet_rewrite_ip(packet, &packet->src, &packet->dst, 1);
}

static uint64_t sum_transport(const struct packet *packet, const struct gw_addr *src,
			      const struct gw_addr *dst)
{
	size_t bytes = packet->ip_bytes - packet->header_bytes;

	return sum_pseudo_header(src, dst, packet->is_ipv6, bytes, packet->flow.protocol) +
	       sum_bytes(packet->frame.bytes + packet->transport_at, bytes);
}

static void translate_transport(struct packet *packet, const struct ends *to)
{
	uint8_t *at = packet->frame.bytes + packet->transport_at;
	uint8_t *check = at + (packet->transport == TRANSPORT_TCP ? 16 : 6);
	uint32_t residue = sum_residue(sum_transport(packet, &packet->src, &packet->dst));
	bool has_sum = packet->transport == TRANSPORT_TCP || get16(check) != 0;

	memcpy(at, &to->src_port, 2);
	memcpy(at + 2, &to->dst_port, 2);
	if (!has_sum)
		return;
	put16(check, 0);
	put16(check, sum_checksum(sum_transport(packet, &to->src, &to->dst), residue));
	if (packet->transport == TRANSPORT_UDP && get16(check) == 0)
		put16(check, 0xffff);
}

/* A later fragment has addresses only. */
void packet_translate(struct packet *packet, const struct ends *to, uint8_t hops)
{
	if (packet->transport == TRANSPORT_TCP || packet->transport == TRANSPORT_UDP)
		translate_transport(packet, to);
	packet_rewrite_ip(packet, &to->src, &to->dst, hops);
}

/* The first MSS option (RFC 9293, 3.1), or 0: behind it all is as it was. */
static size_t find_mss(const uint8_t *tcp)
{
	size_t end = (tcp[12] >> 4) * 4, at = 20;

	while (at + 4 <= end) {
		if (tcp[at] == 2 && tcp[at + 1] == 4)
			return at;
		if (tcp[at] == 0)
			return 0;
		if (tcp[at] == 1) {
			at++;
			continue;
		}
		if (tcp[at + 1] < 2)
			return 0;
		at += tcp[at + 1];
	}
	return 0;
}

void packet_clamp_mss(struct packet *packet, uint16_t mss)
{
	uint8_t *tcp = packet->frame.bytes + packet->transport_at;
	size_t bytes = packet->ip_bytes - packet->header_bytes, at = find_mss(tcp);
	uint32_t residue;

	if (at == 0 || get16(tcp + at + 2) <= mss)
		return;
	residue = sum_residue(sum_bytes(tcp, bytes));
	put16(tcp + at + 2, mss);
	put16(tcp + 16, 0);
	put16(tcp + 16, sum_checksum(sum_bytes(tcp, bytes), residue));
}

/* With DF and id 0 in IPv4 (RFC 6864). */
size_t write_ip_header(uint8_t *at, const struct gw_addr *src, const struct gw_addr *dst,
		       bool is_ipv6, uint8_t protocol, uint8_t hop_limit, size_t payload_bytes)
{
	memset(at, 0, 40);
	if (is_ipv6) {
		at[0] = 0x60;
		put16(at + 4, payload_bytes);
		at[6] = protocol;
		at[7] = hop_limit;
		memcpy(at + 8, src, 16);
		memcpy(at + 24, dst, 16);
		return 40;
	}
	at[0] = 0x45;
	put16(at + 2, 20 + payload_bytes);
	at[6] = 0x40;
	at[8] = hop_limit;
	at[9] = protocol;
	memcpy(at + 12, &src->word[3], 4);
	memcpy(at + 16, &dst->word[3], 4);
	put16(at + 10, sum_checksum(sum_bytes(at, 20), 0));
	return 20;
}

static void append(struct frame *frame, const void *bytes, size_t size)
{
	if (size)
		memcpy(frame->bytes + frame->size, bytes, size);
	frame->size += size;
}

void packet_send(const struct packet *packet, const struct link *link, uint16_t ethertype,
		 const uint8_t *outer, size_t outer_bytes, struct outcome *outcome)
{
	struct frame *frame = &outcome->frame;
	uint8_t type[2];

	put16(type, ethertype);
	frame->size = 0;
	append(frame, link->dst_mac, 6);
	append(frame, link->src_mac, 6);
	for (int i = 0; i < 2 && link->tags[i].tpid; i++)
		append(frame, &link->tags[i], 4);
	append(frame, type, 2);
	append(frame, outer, outer_bytes);
	append(frame, packet->frame.bytes + packet->network, packet->frame.size - packet->network);
	outcome->egress = link->ifindex;
}

// SPDX-License-Identifier: BSD-2-Clause
/* quote.c - ICMP errors: the flow that they are about, and their translation (RFC 5508). */
#include <string.h>

#include "reference/bytes.h"
#include "reference/model.h"

bool icmp_is_error(const struct packet *packet)
{
	uint8_t type = packet->frame.bytes[packet->transport_at];

	if (packet->is_ipv6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 11 || type == 12;
}

/* Both find where the ports are, and the flow's protocol and far end. */
static enum gw_verdict parse_quoted_ip4(struct packet *packet)
{
	const uint8_t *ip = packet->frame.bytes + packet->quoted_at;
	struct gw_addr src;

	if (!packet_has(packet, packet->quoted_at, 20))
		return GW_TRUNCATED;
	src = address_at(ip + 12, false);
	if (ip[0] >> 4 != 4 || (ip[0] & 15) < 5 || (get16(ip + 6) & 0x1fff) != 0 ||
	    !addresses_equal(&src, &packet->dst))
		return GW_ICMP_UNMATCHED;
	packet->flow.src = address_at(ip + 16, false);
	packet->flow.protocol = ip[9];
	packet->quoted_ports_at = packet->quoted_at + (ip[0] & 15) * 4;
	return packet_has(packet, packet->quoted_at, (ip[0] & 15) * 4) ? UNDECIDED : GW_TRUNCATED;
}

static enum gw_verdict parse_quoted_ip6(struct packet *packet)
{
	const uint8_t *ip = packet->frame.bytes + packet->quoted_at, *header;
	size_t at = packet->quoted_at + 40;
	enum gw_verdict ignored;
	struct gw_addr src;

	if (!packet_has(packet, packet->quoted_at, 40))
		return GW_TRUNCATED;
	src = address_at(ip + 8, true);
	if (ip[0] >> 4 != 6 || !addresses_equal(&src, &packet->dst))
		return GW_ICMP_UNMATCHED;
	packet->flow.src = address_at(ip + 24, true);
	packet->flow.protocol = ip[6];
	if (!packet_skip_extensions(packet, &at, &packet->flow.protocol, &ignored))
		return GW_ICMP_UNMATCHED;
	packet->quoted_ports_at = at;
	if (packet->flow.protocol != IPPROTO_FRAGMENT)
		return UNDECIDED;
	header = packet->frame.bytes + at;
	if (!packet_has(packet, at, 8))
		return GW_TRUNCATED;
	packet->flow.protocol = header[0];
	packet->quoted_ports_at += 8;
	return get16(header + 2) >> 3 ? GW_ICMP_UNMATCHED : UNDECIDED;
}

enum gw_verdict quote_parse(struct packet *packet)
{
	enum gw_verdict verdict;
	const uint8_t *ports;

	packet->is_error = true;
	packet->quoted_at = packet->transport_at + 8;
	verdict = packet->is_ipv6 ? parse_quoted_ip6(packet) : parse_quoted_ip4(packet);
	if (verdict != UNDECIDED)
		return verdict;
	if (packet->flow.protocol != IPPROTO_TCP && packet->flow.protocol != IPPROTO_UDP)
		return GW_ICMP_UNMATCHED;
	if (packet->quoted_ports_at + 8 > packet->network + packet->ip_bytes)
		return GW_TRUNCATED;
	/* What came from our address is what the answer would go to. */
	ports = packet->frame.bytes + packet->quoted_ports_at;
	memcpy(&packet->flow.dst_port, ports, 2);
	memcpy(&packet->flow.src_port, ports + 2, 2);
	return UNDECIDED;
}

static void put_address(uint8_t *at, const struct gw_addr *address, bool is_ipv6)
{
	memcpy(at, is_ipv6 ? (const uint8_t *)address : (const uint8_t *)&address->word[3],
	       is_ipv6 ? 16 : 4);
}

static void translate_quoted(struct packet *packet, const struct ends *to)
{
	uint8_t *ip = packet->frame.bytes + packet->quoted_at;
	uint8_t *ports = packet->frame.bytes + packet->quoted_ports_at;
	uint32_t residue = sum_residue(sum_bytes(ip, 20));

	put_address(ip + (packet->is_ipv6 ? 8 : 12), &to->dst, packet->is_ipv6);
	put_address(ip + (packet->is_ipv6 ? 24 : 16), &to->src, packet->is_ipv6);
	if (!packet->is_ipv6) {
		put16(ip + 10, 0);
		put16(ip + 10, sum_checksum(sum_bytes(ip, 20), residue));
	}
	memcpy(ports, &to->dst_port, 2);
	memcpy(ports + 2, &to->src_port, 2);
}

/* The quoted transport checksum stays as it was: most of what it sums is not quoted. */
void quote_translate(struct packet *packet, const struct ends *to, const struct gw_addr *sender,
		     uint8_t hops)
{
	size_t bytes = packet->ip_bytes - packet->header_bytes;
	uint8_t *icmp = packet->frame.bytes + packet->transport_at;
	uint64_t sum = sum_bytes(icmp, bytes);
	uint32_t residue;

	if (packet->is_ipv6)
		sum += sum_pseudo_header(&packet->src, &packet->dst, true, bytes, IPPROTO_ICMPV6);
	residue = sum_residue(sum);
	translate_quoted(packet, to);
	packet_rewrite_ip(packet, sender, &to->dst, hops);
	put16(icmp + 2, 0);
	sum = sum_bytes(icmp, bytes);
	if (packet->is_ipv6)
		sum += sum_pseudo_header(sender, &to->dst, true, bytes, IPPROTO_ICMPV6);
	put16(icmp + 2, sum_checksum(sum, residue));
}

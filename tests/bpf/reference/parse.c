// SPDX-License-Identifier: BSD-2-Clause
/* parse.c - what a frame says, and whether it contradicts itself. */
#include <string.h>

#include "reference/bytes.h"
#include "reference/model.h"

enum {
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_SERVICE_VLAN = 0x88a8,
	EXTENSIONS_MAX = 4,
	EXTENSIONS_START_MAX = 512, /* farther into the frame none is looked at */
	DATAGRAM_BYTES_MAX = 65535,
};

bool packet_has(const struct packet *packet, size_t at, size_t bytes)
{
	return at + bytes <= packet->frame.size;
}

struct gw_addr address_at(const uint8_t *bytes, bool is_ipv6)
{
	struct gw_addr address = { { 0, 0, htonl(0xffff), 0 } };

	if (is_ipv6)
		memcpy(&address, bytes, 16);
	else
		memcpy(&address.word[3], bytes, 4);
	return address;
}

bool parse_link(struct packet *packet)
{
	const uint8_t *bytes = packet->frame.bytes;
	size_t at = 12;

	if (!packet_has(packet, 0, 14))
		return false;
	memcpy(packet->link.dst_mac, bytes, 6);
	memcpy(packet->link.src_mac, bytes + 6, 6);
	packet->link.ifindex = packet->ingress;
	for (int i = 0; i < 2; i++) {
		uint16_t type = get16(bytes + at);

		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_SERVICE_VLAN)
			break;
		if (!packet_has(packet, at, 6))
			return false;
		memcpy(&packet->link.tags[i], bytes + at, 4);
		at += 4;
	}
	packet->ethertype = get16(bytes + at);
	packet->network = at + 2;
	return true;
}

bool parse_network(struct packet *packet)
{
	const uint8_t *ip = packet->frame.bytes + packet->network;

	packet->is_ipv6 = packet->ethertype == 0x86dd;
	if (!packet_has(packet, packet->network, packet->is_ipv6 ? 40 : 20))
		return false;
	packet->src = address_at(ip + (packet->is_ipv6 ? 8 : 12), packet->is_ipv6);
	packet->dst = address_at(ip + (packet->is_ipv6 ? 24 : 16), packet->is_ipv6);
	packet->ttl = packet->is_ipv6 ? ip[7] : ip[8];
	return true;
}

static bool source_is_host(const struct packet *packet)
{
	static const uint8_t zero[15];
	const uint8_t *src = (const uint8_t *)&packet->src;

	if (!packet->is_ipv6)
		return src[12] != 0 && src[12] != 127 && src[12] < 224;
	return src[0] != 0xff && (memcmp(src, zero, 15) != 0 || src[15] > 1);
}

/* A piece of a datagram; all of it when nothing comes before or after (RFC 6946). */
static enum gw_verdict parse_fragment(struct packet *packet, const uint8_t *id, size_t id_bytes,
				      uint16_t units, bool is_last)
{
	if (units == 0 && is_last)
		return UNDECIDED;
	packet->fragment_from = units * 8;
	packet->fragment_bytes = packet->ip_bytes - packet->header_bytes;
	if (packet->fragment_bytes == 0 || (!is_last && packet->fragment_bytes % 8 != 0) ||
	    packet->fragment_from + packet->fragment_bytes > DATAGRAM_BYTES_MAX)
		return GW_BAD_HEADER;
	packet->is_first_fragment = units == 0;
	packet->is_later_fragment = units != 0;
	packet->fragment_key.src = packet->src;
	packet->fragment_key.dst = packet->dst;
	memcpy(&packet->fragment_key.id, id, id_bytes);
	packet->fragment_key.protocol = packet->is_ipv6 ? 0 : packet->flow.protocol;
	return UNDECIDED;
}

static enum gw_verdict parse_ip4_rest(struct packet *packet)
{
	const uint8_t *ip = packet->frame.bytes + packet->network;

	packet->header_bytes = (ip[0] & 15) * 4;
	packet->ip_bytes = get16(ip + 2);
	packet->flow.protocol = ip[9];
	if (ip[0] >> 4 != 4 || packet->header_bytes < 20 ||
	    packet->ip_bytes < packet->header_bytes || !source_is_host(packet))
		return GW_BAD_HEADER;
	if (!packet_has(packet, packet->network, packet->ip_bytes))
		return GW_TRUNCATED;
	return parse_fragment(packet, ip + 4, 2, get16(ip + 6) & 0x1fff, !(ip[6] & 0x20));
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS;
}

/* Moves *at and *protocol behind the extension headers; false with a verdict. */
bool packet_skip_extensions(const struct packet *packet, size_t *at, uint8_t *protocol,
			    enum gw_verdict *ret_verdict)
{
	*ret_verdict = GW_TRUNCATED;
	if (is_extension(*protocol) && *at > EXTENSIONS_START_MAX)
		return false;
	for (int i = 0; i < EXTENSIONS_MAX && is_extension(*protocol); i++) {
		const uint8_t *header = packet->frame.bytes + *at;

		if (!packet_has(packet, *at, 8))
			return false;
		if (*protocol == IPPROTO_ROUTING && header[3] != 0) {
			*ret_verdict = GW_BAD_HEADER;
			return false;
		}
		if (!packet_has(packet, *at, 8 + header[1] * 8))
			return false;
		*protocol = header[0];
		*at += 8 + header[1] * 8;
	}
	return true;
}

static enum gw_verdict parse_extensions(struct packet *packet)
{
	size_t at = packet->network + packet->header_bytes;
	enum gw_verdict verdict;

	if (!packet_skip_extensions(packet, &at, &packet->flow.protocol, &verdict))
		return verdict;
	packet->header_bytes = at - packet->network;
	return packet->header_bytes > packet->ip_bytes ? GW_TRUNCATED : UNDECIDED;
}

static enum gw_verdict parse_ip6_fragment(struct packet *packet)
{
	const uint8_t *header = packet->frame.bytes + packet->network + packet->header_bytes;
	enum gw_verdict verdict;

	if (packet->header_bytes + 8 > packet->ip_bytes)
		return GW_TRUNCATED;
	packet->flow.protocol = header[0];
	packet->header_bytes += 8;
	verdict = parse_fragment(packet, header + 4, 4, get16(header + 2) >> 3, !(header[3] & 1));
	if (verdict != UNDECIDED || packet->is_later_fragment)
		return verdict;
	return parse_extensions(packet);
}

static enum gw_verdict parse_ip6_rest(struct packet *packet)
{
	const uint8_t *ip = packet->frame.bytes + packet->network;
	enum gw_verdict verdict;

	packet->header_bytes = 40;
	packet->ip_bytes = 40 + get16(ip + 4);
	packet->flow.protocol = ip[6];
	if (ip[0] >> 4 != 6 || !source_is_host(packet))
		return GW_BAD_HEADER;
	if (!packet_has(packet, packet->network, packet->ip_bytes))
		return GW_TRUNCATED;
	verdict = parse_extensions(packet);
	if (verdict != UNDECIDED || packet->flow.protocol != IPPROTO_FRAGMENT)
		return verdict;
	return parse_ip6_fragment(packet);
}

static enum gw_verdict parse_tcp(struct packet *packet, const uint8_t *tcp, size_t bytes)
{
	if (bytes < 20)
		return GW_TRUNCATED;
	if (tcp[12] >> 4 < 5)
		return GW_BAD_HEADER;
	if ((size_t)(tcp[12] >> 4) * 4 > bytes)
		return GW_TRUNCATED;
	packet->transport = TRANSPORT_TCP;
	packet->tcp_flags = tcp[13];
	return UNDECIDED;
}

/* The first piece of a datagram has the length of all of it. */
static enum gw_verdict parse_udp(struct packet *packet, const uint8_t *udp, size_t bytes)
{
	if (bytes < 8)
		return GW_TRUNCATED;
	if (get16(udp + 4) < 8)
		return GW_BAD_HEADER;
	if (get16(udp + 4) > bytes && !packet->is_first_fragment)
		return GW_TRUNCATED;
	packet->transport = TRANSPORT_UDP;
	return UNDECIDED;
}

static enum gw_verdict parse_transport(struct packet *packet)
{
	size_t bytes = packet->ip_bytes - packet->header_bytes;
	const uint8_t *at = packet->frame.bytes + packet->network + packet->header_bytes;
	enum gw_verdict verdict = UNDECIDED;

	packet->transport_at = packet->network + packet->header_bytes;
	if (packet->flow.protocol == IPPROTO_TCP) {
		verdict = parse_tcp(packet, at, bytes);
	} else if (packet->flow.protocol == IPPROTO_UDP) {
		verdict = parse_udp(packet, at, bytes);
	} else if (packet->flow.protocol == (packet->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		if (bytes < 8)
			return GW_TRUNCATED;
		packet->transport = TRANSPORT_ICMP;
		return UNDECIDED;
	}
	if (verdict == UNDECIDED && packet->transport != TRANSPORT_NONE) {
		memcpy(&packet->flow.src_port, at, 2);
		memcpy(&packet->flow.dst_port, at + 2, 2);
	}
	return verdict;
}

enum gw_verdict parse_rest(struct packet *packet)
{
	enum gw_verdict verdict;

	packet->flow.src = packet->src;
	packet->flow.dst = packet->dst;
	verdict = packet->is_ipv6 ? parse_ip6_rest(packet) : parse_ip4_rest(packet);
	if (verdict != UNDECIDED || packet->is_later_fragment)
		return verdict;
	return parse_transport(packet);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* way.h - what the ways that are not plain have in common: how they begin. */
#ifndef BPF_WAY_H
#define BPF_WAY_H

#include "address.h"
#include "fragment.h"
#include "quote.h"
#include "serve.h"
#include "transport.h"

/* The frame's and the IP header, of the family that packet is made for. */
static __always_inline enum gw_verdict way_begin(struct packet *packet, struct cursor *cursor)
{
	enum gw_verdict verdict = parse_link(packet, cursor);

	if (verdict != UNDECIDED)
		return verdict;
	/* For no one host (RFC 1122, 3.3.6): nothing may answer it, and no reply may have its MAC.
	 */
	if (mac_is_group(&packet->link->dst))
		return GW_NOT_OURS;
	return packet->is_ipv6 ? parse_ip6(packet, cursor) : parse_ip4(packet, cursor);
}

/* All headers; a later fragment gets its ports, an error the flow that it is about. */
static __always_inline enum gw_verdict way_find_flow(struct packet *packet, struct cursor *cursor)
{
	enum gw_verdict verdict = packet_parse_transport(packet, cursor);

	if (verdict != UNDECIDED)
		return verdict;
	if (packet->is_error)
		return packet->icmp ? quote_parse(packet, cursor) : GW_ICMP_UNMATCHED;
	return packet->is_later_fragment ? fragment_recall(packet) : UNDECIDED;
}

/* A packet to one of our addresses whose flow is known; unserved: what it is without a service. */
static __always_inline enum gw_verdict way_of_flow(struct packet *packet, __u32 address_flags,
						   enum gw_verdict unserved)
{
	enum gw_verdict verdict, unknown = GW_NOT_OURS;

	if (address_flags & GW_ADDRESS_GATEWAY && nat_is_reply_port(packet->dst_port)) {
		verdict = nat_reply(packet);
		if (verdict != UNDECIDED)
			return verdict;
		unknown = UNKNOWN_REPLY;
	}
	if (!(address_flags & GW_ADDRESS_VIP))
		return unknown;
	return serve(packet, address_refuse(address_flags, unserved));
}

#endif

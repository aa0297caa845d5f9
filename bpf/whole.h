/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * whole.h - the way of what is not plain: fragments, options and extension headers, ICMP,
 * new flows that need state, and everything that is wrong.
 */
#ifndef BPF_WHOLE_H
#define BPF_WHOLE_H

#include "icmp.h"
#include "way.h"

/* Parses it to the end; address_flags are those of its destination. */
static __always_inline enum gw_verdict receive(struct packet *packet, struct cursor *cursor,
					       __u32 address_flags)
{
	enum gw_verdict verdict = way_find_flow(packet, cursor);

	if (!address_flags && verdict != UNDECIDED)
		return packet->is_later_fragment ? STRANGER : GW_NOT_OURS;
	if (verdict != UNDECIDED)
		return address_refuse(address_flags, verdict);
	if (packet->ports || packet->is_later_fragment)
		return address_flags ? way_of_flow(packet, address_flags, GW_UNSERVED_PORT)
				     : STRANGER;
	if (packet->icmp && !packet->is_first_fragment) {
		if (icmp_is_error(packet))
			return ICMP_ERROR;
		if (echo_is_request(packet) &&
		    address_refuse(address_flags, UNDECIDED) == UNDECIDED)
			return echo_answer(packet);
	}
	return address_refuse(address_flags, GW_UNSERVED_PROTOCOL);
}

static __always_inline enum gw_verdict balance_whole(struct packet *packet)
{
	struct cursor cursor = cursor_at_start(packet->ctx);
	enum gw_verdict verdict = way_begin(packet, &cursor);

	packet->is_settled = nat_comes_settled();
	track_resume(packet);
	if (verdict == UNDECIDED)
		verdict = receive(packet, &cursor, address_find(&packet->dst));
	fragment_account(packet, verdict,
			 verdict == GW_FORWARDED ? packet->fragment_backend : GW_NONE);
	return verdict;
}

#endif

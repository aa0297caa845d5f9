/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * icmp_error.h - the way of an ICMP error about a flow: to the flow's backend, or from the
 * backends' side to its client.
 */
#ifndef BPF_ICMP_ERROR_H
#define BPF_ICMP_ERROR_H

#include "way.h"

static __always_inline enum gw_verdict balance_error(struct packet *packet)
{
	struct cursor cursor = cursor_at_start(packet->ctx);
	enum gw_verdict verdict = way_begin(packet, &cursor);
	__u32 address_flags = 0;

	packet->is_settled = nat_comes_settled();
	track_resume(packet);
	if (verdict == UNDECIDED) {
		address_flags = address_find(&packet->dst);
		verdict = way_find_flow(packet, &cursor);
	}
	if (!address_flags)
		return verdict == UNDECIDED ? STRANGER : GW_NOT_OURS;
	if (verdict == UNDECIDED)
		return way_of_flow(packet, address_flags, GW_ICMP_UNMATCHED);
	return address_refuse(address_flags, verdict);
}

#endif

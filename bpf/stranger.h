/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stranger.h - the way of a packet to nobody of ours that is not plain: a reply of a backend in
 * mode dnat, or an ICMP error from the backends' side about one.
 */
#ifndef BPF_STRANGER_H
#define BPF_STRANGER_H

#include "way.h"

static __always_inline enum gw_verdict balance_stranger(struct packet *packet)
{
	struct cursor cursor = cursor_at_start(packet->ctx);
	enum gw_verdict verdict = way_begin(packet, &cursor);

	if (verdict == UNDECIDED)
		verdict = way_find_flow(packet, &cursor);
	if (verdict != UNDECIDED || !(address_find(&packet->src) & GW_ADDRESS_BACKEND))
		return GW_NOT_OURS;
	verdict = dnat_reply(packet);
	fragment_account(packet, verdict, GW_NONE);
	return verdict == UNDECIDED ? GW_NOT_OURS : verdict;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* forward.h - to the backend, in the service's forwarding mode. */
#ifndef BPF_FORWARD_H
#define BPF_FORWARD_H

#include "nat.h"
#include "next_hop.h"

static __always_inline enum gw_verdict forward_by_mode(struct packet *packet,
						       const struct gw_service *service,
						       const struct selection *selection,
						       const struct gw_next_hop *hop)
{
	switch (service->mode) {
	case GW_MODE_SNAT:
		return nat_forward(packet, service, selection, hop);
	default:
		return GW_BAD_TABLE;
	}
}

static __always_inline enum gw_verdict
forward(struct packet *packet, const struct gw_service *service, const struct selection *selection)
{
	const struct gw_next_hop *hop;
	enum gw_verdict verdict;
	struct cursor cursor;
	struct link link;

	hop = next_hop_find(selection->backend->next_hop, &link);
	if (!hop)
		return GW_NO_NEXT_HOP;
	if (packet->ttl <= 1)
		return GW_TTL_EXCEEDED;
	if (packet->ip_bytes > hop->mtu)
		return GW_TOO_BIG;
	verdict = forward_by_mode(packet, service, selection, hop);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = frame_write(packet, &link, 0, &cursor);
	return verdict == UNDECIDED ? GW_FORWARDED : verdict;
}

#endif

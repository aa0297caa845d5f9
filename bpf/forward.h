/* SPDX-License-Identifier: GPL-2.0-only */
/* forward.h - to the backend, in the service's forwarding mode. */
#ifndef BPF_FORWARD_H
#define BPF_FORWARD_H

#include "dnat.h"
#include "encap.h"
#include "mss.h"
#include "nat.h"
#include "next_hop.h"

static __always_inline bool mode_is_encap(__u8 mode)
{
	return mode == GW_MODE_IPIP || mode == GW_MODE_GUE;
}

/* The largest packet that fits, whatever is put around it. */
static __always_inline __u32 way_mtu(const struct gw_service *service,
				     const struct selection *selection,
				     const struct gw_next_hop *hop)
{
	if (!mode_is_encap(service->mode))
		return hop->mtu;
	return hop->mtu -
	       encap_bytes(backend_is_ip4(selection->backend), service->mode == GW_MODE_GUE);
}

static __always_inline enum gw_verdict forward_l2(struct packet *packet, const struct link *link)
{
	struct cursor cursor;

	packet_pass_hop(packet);
	return frame_write(packet, link, 0, &cursor);
}

/* The modes whose backends answer their clients themselves: the packet stays as it is. */
static __always_inline enum gw_verdict forward_direct(struct packet *packet,
						      const struct gw_service *service,
						      const struct selection *selection,
						      const struct gw_next_hop *hop,
						      const struct link *link)
{
	if (service->mode != GW_MODE_L2 && !mode_is_encap(service->mode))
		return GW_BAD_TABLE;
	if (mode_is_encap(service->mode) && !encap_has_source(hop))
		return GW_NO_GATEWAY_ADDRESS;
	count_forwarded(selection->backend_id, packet->frame_bytes, packet_is_first_of_tcp(packet));
	if (service->mode == GW_MODE_L2)
		return forward_l2(packet, link);
	if (service->mode == GW_MODE_IPIP)
		return encap_forward(packet, selection, hop, link, false);
	return encap_forward(packet, selection, hop, link, true);
}

/* The modes that change addresses and ports, and get the replies. */
static __always_inline enum gw_verdict forward_translated(struct packet *packet,
							  const struct gw_service *service,
							  const struct selection *selection,
							  const struct gw_next_hop *hop,
							  const struct link *link)
{
	enum gw_verdict verdict;
	struct cursor cursor;

	verdict = nat_forward(packet, service, selection, hop);
	if (verdict != UNDECIDED)
		return verdict;
	return frame_write(packet, link, 0, &cursor);
}

static __always_inline enum gw_verdict forwarded_verdict(const struct packet *packet)
{
	if (packet->is_error)
		return GW_ICMP_FORWARDED;
	return packet->is_fragment_ahead ? GW_FRAGMENT_AHEAD : GW_FORWARDED;
}

static __always_inline void clamp_mss(const struct packet *packet, const struct gw_service *service)
{
	if (packet->tcp && service->tcp_mss && packet->tcp_flags & TCP_SYN)
		tcp_clamp_mss(packet->ctx, packet->link_bytes + packet->header_bytes,
			      service->tcp_mss);
}

static __always_inline enum gw_verdict
forward(struct packet *packet, const struct gw_service *service, const struct selection *selection)
{
	const struct gw_next_hop *hop;
	enum gw_verdict verdict;
	struct link link;

	hop = next_hop_find(selection->backend->next_hop, &link);
	if (!hop)
		return GW_NO_NEXT_HOP;
	if (packet->ttl <= 1)
		return GW_TTL_EXCEEDED;
	packet->mtu = way_mtu(service, selection, hop);
	if (packet->ip_bytes > packet->mtu)
		return GW_TOO_BIG;
	clamp_mss(packet, service);
	if (service->mode == GW_MODE_SNAT || service->mode == GW_MODE_DNAT)
		verdict = forward_translated(packet, service, selection, hop, &link);
	else
		verdict = forward_direct(packet, service, selection, hop, &link);
	return verdict == UNDECIDED ? forwarded_verdict(packet) : verdict;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* serve.h - the stages of a packet to a service, in their order. */
#ifndef BPF_SERVE_H
#define BPF_SERVE_H

#include "admit.h"
#include "count.h"
#include "forward.h"
#include "select.h"
#include "service.h"

static __always_inline enum gw_verdict serve_with(struct packet *packet,
						  const struct gw_service *service)
{
	struct selection selection;
	enum gw_verdict verdict;

	if (service->slot_count == 0)
		return no_backend(service);
	verdict = packet->is_settled || packet->is_tracked ? UNDECIDED : admit(packet, service);
	if (verdict != UNDECIDED)
		return verdict;
	verdict = backend_select(packet, service, &selection);
	if (verdict != UNDECIDED)
		return verdict;
	packet->fragment_backend = selection.backend_id;
	return forward(packet, service, &selection);
}

/* No backend gets the packet; not so when it goes on as UNUSUAL. */
static __always_inline bool verdict_is_drop(enum gw_verdict verdict)
{
	return verdict != GW_FORWARDED && verdict != GW_ICMP_FORWARDED &&
	       verdict != GW_FRAGMENT_AHEAD && verdict < GW_VERDICT_COUNT;
}

/* unserved: what a packet is when no service has its destination. */
static __always_inline enum gw_verdict serve(struct packet *packet, enum gw_verdict unserved)
{
	const struct gw_service *service = service_find(packet);
	enum gw_verdict verdict;

	if (!service)
		return unserved;
	verdict = serve_with(packet, service);
	return verdict_is_drop(verdict) ? count_drop(service->id, verdict) : verdict;
}

#endif

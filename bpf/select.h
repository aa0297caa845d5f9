/* SPDX-License-Identifier: GPL-2.0-only */
/* select.h - the flow's hash -> slot -> backend. */
#ifndef BPF_SELECT_H
#define BPF_SELECT_H

#include <guideway/flow_hash.h>

#include "config.h"
#include "packet.h"
#include "tracked.h"

struct selection {
	const struct gw_backend *backend;
	__u32 backend_id;
	__u64 hash; /* of the flow, gw_flow_hash() */
};

/* Not inlined: Linux 6.1 has room for no more than 480 bytes of whole4's stack. */
static __noinline enum gw_verdict no_backend(const struct gw_service *service)
{
	return service->flags & GW_SERVICE_DROP ? GW_NO_LOCAL_ENDPOINT : GW_NO_ENDPOINT;
}

static __always_inline enum gw_verdict
backend_select(const struct packet *packet, const struct gw_service *service, struct selection *ret)
{
	enum gw_verdict verdict = UNDECIDED;

	ret->hash = gw_flow_hash(config.hash_key, &packet->src, &packet->dst, packet->src_port,
				 packet->dst_port, packet->protocol, packet->is_ipv6);
	if (packet->is_later_fragment)
		ret->backend_id = packet->fragment_backend;
	else
		verdict = flow_backend(packet, service, ret->hash, &ret->backend_id);
	if (verdict != UNDECIDED)
		return verdict;
	if (ret->backend_id == GW_NONE)
		return no_backend(service);
	ret->backend = bpf_map_lookup_elem(&backends, &ret->backend_id);
	return ret->backend ? UNDECIDED : GW_BAD_TABLE;
}

#endif

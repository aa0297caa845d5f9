/* SPDX-License-Identifier: GPL-2.0-only */
/* select.h - the flow's hash -> slot -> backend: owns affinities. */
#ifndef BPF_SELECT_H
#define BPF_SELECT_H

#include <guideway/flow_hash.h>

#include "clock.h"
#include "config.h"
#include "packet.h"
#include "track.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_AFFINITY_MAX);
	__type(key, struct gw_affinity_key);
	__type(value, struct gw_affinity);
} affinities SEC(".maps");

struct selection {
	const struct gw_backend *backend;
	__u32 backend_id;
	__u64 hash; /* of the flow, gw_flow_hash() */
};

/*
 * The client's backend as long as it is one and the client was not silent for the
 * timeout; else the one of the slot that the client's address hashes to.
 */
static __always_inline __u32 affinity_backend(const struct packet *packet,
					      const struct gw_service *service)
{
	const struct gw_affinity_key key = { packet->src, service->id };
	struct gw_affinity *known = bpf_map_lookup_elem(&affinities, &key);
	struct gw_affinity chosen = { .seen = clock_s() };

	if (known && (int)(chosen.seen - known->seen) <= (int)service->affinity_timeout_s &&
	    backend_of(known->backend, service->id)) {
		if (known->seen != chosen.seen)
			known->seen = chosen.seen;
		return known->backend;
	}
	chosen.backend =
		slot_owner(service, gw_client_hash(config.hash_key, &packet->src, packet->is_ipv6));
	if (chosen.backend == GW_NONE)
		return GW_NONE;
	/* Without room the client is served as its slot says, as long as the table stays. */
	(void)bpf_map_update_elem(&affinities, &key, &chosen, BPF_ANY);
	return chosen.backend;
}

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
	else if (service->flags & GW_SERVICE_AFFINITY)
		ret->backend_id = affinity_backend(packet, service);
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

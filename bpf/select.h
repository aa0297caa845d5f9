/* SPDX-License-Identifier: GPL-2.0-only */
/* select.h - the flow's hash -> slot -> backend: owns slots, backends and affinities. */
#ifndef BPF_SELECT_H
#define BPF_SELECT_H

#include <guideway/flow_hash.h>

#include "clock.h"
#include "config.h"
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GW_SLOT_MAX);
	__type(key, __u32);
	__type(value, struct gw_slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GW_BACKEND_MAX);
	__type(key, __u32);
	__type(value, struct gw_backend);
} backends SEC(".maps");

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

/* The slot's backend; GW_NONE when the tables are damaged. */
static __always_inline __u32 slot_backend(const struct gw_service *service, __u64 hash)
{
	__u32 index = service->slot_offset + gw_hash_slot(hash, service->slot_count);
	const struct gw_slot *slot = bpf_map_lookup_elem(&slots, &index);

	return slot ? slot->current : GW_NONE;
}

/* Whether it is the service's, and takes its packets. */
static __always_inline bool backend_serves(__u32 id, const struct gw_service *service)
{
	const struct gw_backend *backend = bpf_map_lookup_elem(&backends, &id);

	return backend && backend->service == service->id;
}

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
	    backend_serves(known->backend, service)) {
		if (known->seen != chosen.seen)
			known->seen = chosen.seen;
		return known->backend;
	}
	chosen.backend = slot_backend(
		service, gw_client_hash(config.hash_key, &packet->src, packet->is_ipv6));
	/* Without room the client is served as its slot says, as long as the table stays. */
	(void)bpf_map_update_elem(&affinities, &key, &chosen, BPF_ANY);
	return chosen.backend;
}

static __always_inline enum gw_verdict
backend_select(const struct packet *packet, const struct gw_service *service, struct selection *ret)
{
	ret->hash = gw_flow_hash(config.hash_key, &packet->src, &packet->dst, packet->src_port,
				 packet->dst_port, packet->protocol, packet->is_ipv6);
	if (packet->is_later_fragment)
		ret->backend_id = packet->fragment_backend;
	else if (service->flags & GW_SERVICE_AFFINITY)
		ret->backend_id = affinity_backend(packet, service);
	else
		ret->backend_id = slot_backend(service, ret->hash);
	if (ret->backend_id == GW_NONE)
		return GW_BAD_TABLE;
	ret->backend = bpf_map_lookup_elem(&backends, &ret->backend_id);
	return ret->backend ? UNDECIDED : GW_BAD_TABLE;
}

#endif

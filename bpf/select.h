/* SPDX-License-Identifier: GPL-2.0-only */
/* select.h - the flow's hash -> slot -> backend: owns slots and backends. */
#ifndef BPF_SELECT_H
#define BPF_SELECT_H

#include <guideway/flow_hash.h>

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

struct selection {
	const struct gw_backend *backend;
	__u32 backend_id;
	__u64 hash; /* of the flow, gw_flow_hash() */
};

static __always_inline enum gw_verdict
backend_select(const struct packet *packet, const struct gw_service *service, struct selection *ret)
{
	__u32 index, offset = service->slot_offset;
	const struct gw_slot *slot;

	ret->hash = gw_flow_hash(config.hash_key, &packet->src, &packet->dst, packet->src_port,
				 packet->dst_port, packet->protocol, packet->is_ipv6);
	index = offset + gw_hash_slot(ret->hash, service->slot_count);
	slot = bpf_map_lookup_elem(&slots, &index);
	if (!slot)
		return GW_BAD_TABLE;

	ret->backend_id = slot->current;
	if (ret->backend_id == GW_NONE)
		return GW_BAD_TABLE;
	ret->backend = bpf_map_lookup_elem(&backends, &ret->backend_id);
	return ret->backend ? UNDECIDED : GW_BAD_TABLE;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* admit.h - who may use a service, and how many new flows: owns sources and flow_limits. */
#ifndef BPF_ADMIT_H
#define BPF_ADMIT_H

#include "clock.h"
#include "packet.h"

#define ADMIT_TRIES 4

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_SOURCE_MAX);
	__type(key, struct gw_source_key);
	__type(value, __u32);
} sources SEC(".maps");

/* One of all CPUs, since the rate is the service's: written for a new flow only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GW_SERVICE_MAX);
	__type(key, __u32);
	__type(value, __u64);
} flow_limits SEC(".maps");

static __always_inline bool source_is_admitted(const struct packet *packet,
					       const struct gw_service *service)
{
	const struct gw_source_key key = {
		.bits = 8 * (sizeof(key.set) + sizeof(key.address)),
		.set = bpf_htonl(service->source_set),
		.address = packet->src,
	};

	return bpf_map_lookup_elem(&sources, &key);
}

static __always_inline bool flow_limit_admits(__u32 service, __u32 flow_cost_ns)
{
	__u64 *limit = bpf_map_lookup_elem(&flow_limits, &service);
	__u64 used_until_ns, after_ns, now_ns = bpf_ktime_get_coarse_ns();

	if (!limit)
		return false;
	for (int i = 0; i < ADMIT_TRIES; i++) {
		used_until_ns = *(volatile __u64 *)limit;
		after_ns = bucket_after_token(used_until_ns, flow_cost_ns, now_ns);
		if (!after_ns)
			return false;
		if (__sync_val_compare_and_swap(limit, used_until_ns, after_ns) == used_until_ns)
			return true;
	}
	/* Others take tokens at this very moment: one too many is better than a lost flow. */
	return true;
}

/* A flow that may go on is one that was admitted; so is an error about it. */
static __always_inline enum gw_verdict admit(const struct packet *packet,
					     const struct gw_service *service)
{
	if (packet->is_error)
		return UNDECIDED;
	if (service->flags & GW_SERVICE_SOURCES && !source_is_admitted(packet, service))
		return GW_SOURCE_REFUSED;
	if (!service->flow_cost_ns || !packet_is_first_of_tcp(packet))
		return UNDECIDED;
	if (packet->is_plain)
		return UNUSUAL; /* which is asked once, then */
	return flow_limit_admits(service->id, service->flow_cost_ns) ? UNDECIDED : GW_FLOW_LIMITED;
}

#endif

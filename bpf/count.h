/* SPDX-License-Identifier: GPL-2.0-only */
/* count.h - what happened: owns verdicts, backend_traffic and service_drops, per CPU and without
 * atomics, and service_past, which is the agent's.
 */
#ifndef BPF_COUNT_H
#define BPF_COUNT_H

#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GW_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, struct gw_counter);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GW_BACKEND_MAX);
	__type(key, __u32);
	__type(value, struct gw_traffic);
} backend_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GW_SERVICE_MAX);
	__type(key, __u32);
	__type(value, __u64);
} service_drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GW_SERVICE_MAX);
	__type(key, __u32);
	__type(value, struct gw_traffic);
} service_past SEC(".maps");

static __always_inline void count_verdict(enum gw_verdict verdict, __u32 bytes)
{
	__u32 index = verdict;
	struct gw_counter *counter = bpf_map_lookup_elem(&verdicts, &index);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += bytes;
}

static __always_inline void count_forwarded(__u32 backend, __u32 bytes, bool is_new_flow)
{
	struct gw_traffic *traffic = bpf_map_lookup_elem(&backend_traffic, &backend);

	if (!traffic)
		return;
	traffic->packets++;
	traffic->bytes += bytes;
	if (is_new_flow)
		traffic->flows++;
}

static __always_inline void count_reply(__u32 backend, __u32 bytes)
{
	struct gw_traffic *traffic = bpf_map_lookup_elem(&backend_traffic, &backend);

	if (!traffic)
		return;
	traffic->reply_packets++;
	traffic->reply_bytes += bytes;
}

/* A packet to the service that no backend gets. */
static __always_inline enum gw_verdict count_drop(__u32 service, enum gw_verdict verdict)
{
	__u64 *drops = bpf_map_lookup_elem(&service_drops, &service);

	if (drops)
		(*drops)++;
	return verdict;
}

#endif

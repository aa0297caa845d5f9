/* SPDX-License-Identifier: GPL-2.0-only */
/* count.h - what happened: owns verdicts, service_traffic and backend_traffic. Per CPU, no atomics.
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
	__uint(max_entries, GW_SERVICE_MAX);
	__type(key, __u32);
	__type(value, struct gw_traffic);
} service_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GW_BACKEND_MAX);
	__type(key, __u32);
	__type(value, struct gw_traffic);
} backend_traffic SEC(".maps");

static __always_inline void count_verdict(enum gw_verdict verdict, __u32 bytes)
{
	__u32 index = verdict;
	struct gw_counter *counter = bpf_map_lookup_elem(&verdicts, &index);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += bytes;
}

static __always_inline void traffic_add(struct gw_traffic *traffic, __u32 bytes, bool is_new_flow)
{
	if (!traffic)
		return;
	traffic->packets++;
	traffic->bytes += bytes;
	if (is_new_flow)
		traffic->flows++;
}

static __always_inline void traffic_add_reply(struct gw_traffic *traffic, __u32 bytes)
{
	if (!traffic)
		return;
	traffic->reply_packets++;
	traffic->reply_bytes += bytes;
}

static __always_inline void count_forwarded(__u32 service, __u32 backend, __u32 bytes,
					    bool is_new_flow)
{
	traffic_add(bpf_map_lookup_elem(&service_traffic, &service), bytes, is_new_flow);
	traffic_add(bpf_map_lookup_elem(&backend_traffic, &backend), bytes, is_new_flow);
}

static __always_inline void count_reply(__u32 service, __u32 backend, __u32 bytes)
{
	traffic_add_reply(bpf_map_lookup_elem(&service_traffic, &service), bytes);
	traffic_add_reply(bpf_map_lookup_elem(&backend_traffic, &backend), bytes);
}

#endif

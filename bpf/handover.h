/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * handover.h - what an upgrade to maps of another layout asks of the program that goes and of
 * the one that comes: owns meta. The flows that begin after the agent has copied them all are
 * in the old maps only, until it has copied these too (user/datapath/migrate.c).
 */
#ifndef BPF_HANDOVER_H
#define BPF_HANDOVER_H

#include "clock.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gw_meta);
} meta SEC(".maps");

static __always_inline int is_handing_over(void)
{
	__u32 first = 0;
	const struct gw_meta *ours = bpf_map_lookup_elem(&meta, &first);

	return ours && ours->is_handing_over;
}

/* A flow of which nothing is known may be one that has not been brought over yet. */
__noinline int is_taking_over(void)
{
	__u32 first = 0;
	const struct gw_meta *ours = bpf_map_lookup_elem(&meta, &first);

	return ours && ours->taking_over_until_s > clock_s();
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.c - of each flow the later word counts. Recorded flows do not move, so that one is
 * as good as the other. A translated flow may have taken its port from another that had
 * ended: whose entry was seen last is the port's.
 */
#include "datapath/follow.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <guideway/flow_table.h>

#include "datapath/internal.h"
#include "datapath/map_copy.h"
#include "guideway.skel.h"

/* A flow that the agent has from elsewhere: the datapath has the last word on each entry. */
static void add_flow(const struct datapath *datapath, struct gw_flow_bucket *bucket, __u64 flow)
{
	uint32_t now = tending_flow_time(), rank, way;

	if (gw_flow_find(bucket, gw_flow_tag(flow)) < GW_FLOW_WAYS)
		return;
	way = gw_flow_victim(bucket, now, datapath->tcp_idle_s >> GW_FLOW_TIME_SHIFT, &rank);
	if (gw_flow_makes_room(rank, gw_flow_state(flow) == GW_FLOW_NEW))
		(void)tending_replace_flow(&bucket->entry[way], bucket->entry[way], flow);
}

struct flow_addition {
	const struct datapath *datapath;
	struct gw_flow_bucket *buckets;
};

static int add_flows(void *context, const void *key, const void *value)
{
	const struct flow_addition *addition = context;
	const struct gw_flow_bucket *old = value;
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	for (uint32_t way = 0; way < GW_FLOW_WAYS; way++)
		if (old->entry[way])
			add_flow(addition->datapath, &addition->buckets[index], old->entry[way]);
	return 0;
}

static int follow_flows(const struct datapath *datapath, const struct map_copy *copy,
			struct bpf_map *to)
{
	struct flow_addition addition = { datapath, map_whole(to) };
	size_t bytes = datapath->flow_bucket_count * sizeof(*addition.buckets);
	int r;

	if (!addition.buckets)
		return -ENOMEM;
	r = map_copy_visit(copy, datapath->flow_bucket_count, add_flows, &addition);
	(void)munmap(addition.buckets, bytes);
	return r;
}

/* Which entry of a hash is the later one. */
struct succession {
	int to_fd;
	int confirmed_fd; /* of an unconfirmed flow: where its key may be another's; else -1 */
	size_t seen_offset;
};

union live_value {
	struct gw_nat4 nat4;
	struct gw_nat6 nat6;
	struct gw_affinity affinity;
	struct gw_fragment fragment;
};

static uint32_t seen_in(const struct succession *succession, const void *value)
{
	uint32_t seen;

	memcpy(&seen, (const char *)value + succession->seen_offset, sizeof(seen));
	return seen;
}

/* Whether the map has an entry with this key; *ret_is_older: one that was seen before value. */
static bool has_entry(const struct succession *succession, int fd, const void *key,
		      const void *value, bool *ret_is_older)
{
	union live_value ours;

	if (bpf_map_lookup_elem(fd, key, &ours) < 0)
		return false;
	*ret_is_older = (int32_t)(seen_in(succession, &ours) - seen_in(succession, value)) < 0;
	return true;
}

static int succeed(void *context, const void *key, const void *value)
{
	const struct succession *succession = context;
	bool is_older = true;

	if (succession->confirmed_fd >= 0 &&
	    has_entry(succession, succession->confirmed_fd, key, value, &is_older)) {
		if (!is_older)
			return 0;
		(void)bpf_map_delete_elem(succession->confirmed_fd, key);
	}
	if (has_entry(succession, succession->to_fd, key, value, &is_older) && !is_older)
		return 0;
	return bpf_map_update_elem(succession->to_fd, key, value, BPF_ANY);
}

static size_t seen_offset(const struct datapath *datapath, const struct bpf_map *map)
{
	if (map == datapath->skeleton->maps.affinities)
		return offsetof(struct gw_affinity, seen);
	if (map == datapath->skeleton->maps.fragments)
		return offsetof(struct gw_fragment, seen);
	return offsetof(struct gw_nat, seen);
}

static int confirmed_fd(const struct datapath *datapath, const struct bpf_map *map)
{
	if (map == datapath->skeleton->maps.nat_unconfirmed4)
		return bpf_map__fd(datapath->skeleton->maps.nat4);
	if (map == datapath->skeleton->maps.nat_unconfirmed6)
		return bpf_map__fd(datapath->skeleton->maps.nat6);
	return -1;
}

int follow_map(const struct datapath *datapath, const struct map_copy *copy, struct bpf_map *to)
{
	struct succession succession;

	if (to == datapath->skeleton->maps.flows)
		return follow_flows(datapath, copy, to);
	if (bpf_map__type(to) != BPF_MAP_TYPE_LRU_HASH)
		return 0; /* nobody knows which of two figures counts */
	succession = (struct succession){ .to_fd = bpf_map__fd(to),
					  .confirmed_fd = confirmed_fd(datapath, to),
					  .seen_offset = seen_offset(datapath, to) };
	return map_copy_visit(copy, bpf_map__max_entries(to), succeed, &succession);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hearing.c - flows that another gateway forwards and that the tables here would send
 * elsewhere: recorded as if they had begun here, in slots that are then tracked.
 *
 * That keeps the invariant (bpf/track.h) for flows of all gateways, wherever the service is in
 * its change here: a slot is tracked from when a deviation of it is recorded, be it that
 * no change came here yet or that it is over here already; the sweep then finds the
 * deviation like any other. A flow is recorded before its slot is tracked: a packet between
 * the two goes where it would have gone, and leaves no record that is wrong.
 */
#include "datapath/internal.h"

#include <errno.h>

#include <guideway/flow_table.h>

/* Times of two gateways differ by their clocks' steps: one that is so much younger is younger. */
#define YOUNGER 2U

/* The backend as it is here, and the service's tables, while flows on it are heard of. */
struct hearing {
	struct datapath *datapath;
	struct placed_service *placed;
	uint32_t backend;
	struct service_tables tables;
	uint32_t now, idle;
	struct heard *heard;
};

/* Also in a sweep that has passed the flow's bucket already. */
static void track_slot(const struct hearing *hearing, uint32_t slot)
{
	struct placed_service *placed = hearing->placed;
	uint32_t *owner = &hearing->tables.current.slots[slot].owner;

	tending_deviates(placed, slot);
	if (*owner & GW_SLOT_TRACK)
		return;
	__atomic_store_n(owner, *owner | GW_SLOT_TRACK, __ATOMIC_RELEASE);
	placed->tracked_count++;
}

/* Whether what is told replaces what is recorded of the flow. */
static bool is_news(const struct hearing *hearing, __u64 entry, const struct told_flow *flow)
{
	uint32_t known = gw_flow_backend(entry), age = gw_flow_age(entry, hearing->now);

	if (flow->is_closing)
		return gw_flow_state(entry) == GW_FLOW_TOLD && known == hearing->backend;
	if (hearing->datapath->backends[known].service != hearing->placed->entry.id ||
	    gw_flow_is_over(entry, hearing->now, hearing->idle))
		return true;
	switch (gw_flow_state(entry)) {
	case GW_FLOW_TOLD:
		return age > flow->silent;
	case GW_FLOW_NEW:
		return age >= flow->silent;
	default:
		return age >= flow->silent + YOUNGER;
	}
}

/* The way of the bucket that the flow gets, or GW_FLOW_WAYS and why it gets none. */
static uint32_t choose_way(const struct hearing *hearing, const struct gw_flow_bucket *bucket,
			   const struct told_flow *flow, bool is_deviation)
{
	uint32_t way = gw_flow_find(bucket, flow->tag), rank;

	if (way < GW_FLOW_WAYS) {
		if (is_news(hearing, bucket->entry[way], flow))
			return way;
		hearing->heard->known++;
		return GW_FLOW_WAYS;
	}
	if (!is_deviation || flow->is_closing) {
		hearing->heard->needless++;
		return GW_FLOW_WAYS;
	}
	way = gw_flow_victim(bucket, hearing->now, hearing->idle, &rank);
	if (gw_flow_makes_room(rank, false))
		return way;
	hearing->heard->without_room++;
	return GW_FLOW_WAYS;
}

static void hear_flow(const struct hearing *hearing, const struct told_flow *flow)
{
	uint32_t mask = hearing->datapath->flow_bucket_count - 1, way;
	struct gw_flow_bucket *bucket = &telling_flows(hearing->datapath)[flow->bucket & mask];
	bool is_deviation = tables_deviate(&hearing->tables, flow->tag, hearing->backend);
	__u64 seen, entry;

	if (flow->silent > hearing->idle) {
		hearing->heard->needless++;
		return;
	}
	way = choose_way(hearing, bucket, flow, is_deviation);
	if (way == GW_FLOW_WAYS)
		return;
	seen = bucket->entry[way];
	entry = gw_flow_entry(flow->tag, hearing->backend,
			      flow->is_closing ? GW_FLOW_CLOSING : GW_FLOW_TOLD,
			      hearing->now - flow->silent);
	/* The program may have another flow there now; the next telling finds another way. */
	if (!tending_replace_flow(&bucket->entry[way], seen, entry)) {
		hearing->heard->without_room++;
		return;
	}
	hearing->heard->recorded++;
	if (is_deviation)
		track_slot(hearing, slot_of_tag(hearing->tables.current, flow->tag));
}

static void hear_flows(struct hearing *hearing, const struct telling *telling)
{
	const struct gw_service *entry = &hearing->placed->entry;

	if (tables_open(hearing->datapath, entry, &hearing->tables, NULL) < 0)
		return;
	for (size_t i = 0; i < telling->count; i++)
		hear_flow(hearing, &telling->flows[i]);
	tables_close(hearing->tables);
}

void datapath_hear(struct datapath *datapath, const struct telling *telling, struct heard *heard)
{
	const struct backend backend = { .address = telling->backend,
					 .port = telling->backend_port };
	struct placed_service *placed = services_find(datapath, &telling->service);
	const struct placed_backend *found;
	struct hearing hearing = { .datapath = datapath, .placed = placed, .heard = heard };

	if (placed && telling->count == 0)
		tending_hear_learning(placed, telling->learning_s);
	found = placed && placed->entry.slot_count ? services_find_backend(placed, &backend) : NULL;
	if (!found || !telling_flows(datapath)) {
		heard->unknown += telling->count;
		return;
	}
	hearing.backend = found->id;
	hearing.now = tending_flow_time();
	hearing.idle = tending_idle_s(datapath, placed) >> GW_FLOW_TIME_SHIFT;
	hear_flows(&hearing, telling);
}

void datapath_tell_for_others(struct datapath *datapath)
{
	struct gw_flow_bucket *flows = telling_flows(datapath);

	for (uint32_t i = 0; flows && i < datapath->flow_bucket_count; i++) {
		for (uint32_t way = 0; way < GW_FLOW_WAYS; way++) {
			__u64 flow = *(const volatile __u64 *)&flows[i].entry[way], mine;

			if (!flow || gw_flow_state(flow) != GW_FLOW_TOLD)
				continue;
			mine = gw_flow_entry(gw_flow_tag(flow), gw_flow_backend(flow),
					     GW_FLOW_CONFIRMED, (uint32_t)flow);
			/* Else its packets come here now. */
			(void)tending_replace_flow(&flows[i].entry[way], flow, mine);
		}
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tending.c - what is left of changes of tables: rebasing services, and the sweep of the
 * recorded flows, which ends the tracking of slots that no longer need it.
 *
 * A pass of the sweep looks at every bucket once, some at a call. It deletes flows that are
 * over, that are of no backend, and those on their base owner once that is the slot's owner:
 * all that remains in a service without a base table of its own are deviations. A slot
 * without any is not tracked any more, and no entry of it is left that could be mistaken for
 * a later flow's. A service with affinity is tracked, and all its flows are kept, for ever.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include <guideway/flow_table.h>

#include "guideway.skel.h"

#define TICK_MS 250
#define BUCKETS_PER_TICK (1U << 16) /* 4 MiB */
#define BITS 8

/* A service while flows are looked at; table is empty unless its deviations are looked for. */
struct swept_service {
	struct placed_service *placed;
	struct slot_table table;
};

/* Recorded flows of one backend. */
struct tally {
	uint32_t count;
	uint32_t age; /* flow_table.h's time */
};

/* The most that a pass has found since there were none, and when. */
struct decline {
	uint32_t from;
	uint32_t since_s;
};

struct sweep {
	uint32_t bucket;  /* the next one; 0: a pass begins */
	uint32_t ended_s; /* when the last complete pass ended; 0: there was none */
	/* By backend id: of the last complete pass, and of this one. */
	struct tally *tallies, *next_tallies;
	struct decline *declines;
	/* During a tick. */
	uint32_t now;
	struct swept_service *by_id; /* of services */
};

_Static_assert(DATAPATH_IDLE_MAX_S >> GW_FLOW_TIME_SHIFT == GW_FLOW_IDLE_MAX,
	       "a flow's age tells how long it was silent");

uint32_t tending_clock_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

uint32_t tending_flow_time(void)
{
	return tending_clock_s() >> GW_FLOW_TIME_SHIFT;
}

static bool has_own_base(const struct placed_service *placed)
{
	return placed->entry.base_offset != placed->entry.slot_offset;
}

uint32_t tending_idle_s(const struct datapath *datapath, const struct placed_service *placed)
{
	return placed->key.protocol == PROTOCOL_UDP ? datapath->udp_idle_s : datapath->tcp_idle_s;
}

static uint32_t learning_s(const struct datapath *datapath, const struct placed_service *placed)
{
	uint32_t idle = tending_idle_s(datapath, placed);

	if (placed->key.protocol == PROTOCOL_UDP && idle > DATAPATH_UDP_LEARNING_S)
		return DATAPATH_UDP_LEARNING_S;
	return idle;
}

void tending_begin_service(const struct datapath *datapath, struct placed_service *placed)
{
	/* A second more: the clock's own step. */
	if (has_own_base(placed) && placed->learn_until_s == 0)
		placed->learn_until_s = tending_clock_s() + learning_s(datapath, placed) + 1;
}

uint32_t tending_learning_s(const struct placed_service *placed)
{
	uint64_t now = tending_clock_s();

	if (!has_own_base(placed) || placed->learn_until_s <= now)
		return 0;
	return (uint32_t)(placed->learn_until_s - now);
}

/* A second more, for the same reason. */
void tending_hear_learning(struct placed_service *placed, uint32_t learning_s)
{
	uint64_t until_s = tending_clock_s() + 1 +
			   (learning_s < DATAPATH_IDLE_MAX_S ? learning_s : DATAPATH_IDLE_MAX_S);

	if (until_s > placed->others_learn_until_s)
		placed->others_learn_until_s = until_s;
}

void tending_forget_service(struct placed_service *placed)
{
	free(placed->deviations);
	placed->deviations = NULL;
}

static void sweep_destroy(struct sweep *sweep)
{
	if (!sweep)
		return;
	free(sweep->tallies);
	free(sweep->next_tallies);
	free(sweep->declines);
	free(sweep->by_id);
	free(sweep);
}

void tending_free(struct datapath *datapath)
{
	sweep_destroy(datapath->sweep);
	datapath->sweep = NULL;
}

static struct sweep *sweep_create(void)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));

	if (!sweep)
		return NULL;
	sweep->tallies = calloc(GW_BACKEND_MAX, sizeof(*sweep->tallies));
	sweep->next_tallies = calloc(GW_BACKEND_MAX, sizeof(*sweep->next_tallies));
	sweep->declines = calloc(GW_BACKEND_MAX, sizeof(*sweep->declines));
	sweep->by_id = calloc(GW_SERVICE_MAX, sizeof(*sweep->by_id));
	if (sweep->tallies && sweep->next_tallies && sweep->declines && sweep->by_id)
		return sweep;
	sweep_destroy(sweep);
	return NULL;
}

/*
 * Every flow of BUCKETS_PER_TICK buckets, or of those that are left, from first on. Returns
 * the bucket behind them; first when they cannot be mapped.
 */
static uint32_t visit_flows(struct datapath *datapath, uint32_t first,
			    void (*visit)(struct datapath *datapath, __u64 *entry, __u64 flow))
{
	uint32_t left = datapath->flow_bucket_count - first;
	uint32_t count = left < BUCKETS_PER_TICK ? left : BUCKETS_PER_TICK;
	size_t bytes = count * sizeof(struct gw_flow_bucket);
	struct gw_flow_bucket *buckets = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
					      bpf_map__fd(datapath->skeleton->maps.flows),
					      (off_t)(first * sizeof(*buckets)));

	if (buckets == MAP_FAILED)
		return first;
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t way = 0; way < GW_FLOW_WAYS; way++) {
			__u64 *entry = &buckets[i].entry[way];
			__u64 flow = *(volatile __u64 *)entry;

			if (flow)
				visit(datapath, entry, flow);
		}
	}
	(void)munmap(buckets, bytes);
	return first + count;
}

bool tending_replace_flow(__u64 *entry, __u64 seen, __u64 flow)
{
	return __atomic_compare_exchange_n(entry, &seen, flow, false, __ATOMIC_RELEASE,
					   __ATOMIC_RELAXED);
}

/* False: it is of a live flow. */
static bool delete_flow(__u64 *entry, __u64 seen)
{
	return tending_replace_flow(entry, seen, 0);
}

static void purge_flow(struct datapath *datapath, __u64 *entry, __u64 flow)
{
	if (datapath->backends[gw_flow_backend(flow)].service == GW_NONE)
		(void)delete_flow(entry, flow);
}

void tending_purge(void *context)
{
	struct datapath *datapath = context;
	uint32_t bucket = 0, before;

	do {
		before = bucket;
		bucket = visit_flows(datapath, bucket, purge_flow);
	} while (bucket > before && bucket < datapath->flow_bucket_count);
}

/*
 * Every flow of tracked slots had the time to be recorded: the current table is the base. Not
 * before it is so on other gateways too: flows that begin here then are unrecorded, and
 * would go by the old base there.
 */
static void rebase(struct datapath *datapath, struct placed_service *placed)
{
	const struct socket_maps maps = services_maps(datapath);
	struct gw_service before = placed->entry;

	placed->entry.base_offset = placed->entry.slot_offset;
	placed->entry.base_count = placed->entry.slot_count;
	if (sockets_set(&maps, &placed->key, &placed->entry, NULL) < 0) {
		placed->entry = before; /* and once more at the next tick */
		return;
	}
	tables_give(datapath, &before, &placed->entry);
}

static void rebase_due(struct datapath *datapath)
{
	uint64_t now = tending_clock_s();

	for (size_t i = 0; i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];

		if (has_own_base(placed) && now >= placed->learn_until_s &&
		    now >= placed->others_learn_until_s)
			rebase(datapath, placed);
	}
}

static void begin_pass(struct datapath *datapath)
{
	memset(datapath->sweep->next_tallies, 0, GW_BACKEND_MAX * sizeof(struct tally));
	for (size_t i = 0; i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];

		tending_forget_service(placed);
		if (placed->tracked_count && !has_own_base(placed) &&
		    !services_has_affinity(placed))
			placed->deviations = calloc(placed->entry.slot_count / BITS + 1, 1);
	}
}

void tending_deviates(struct placed_service *placed, uint32_t slot)
{
	if (placed->deviations)
		placed->deviations[slot / BITS] |= (uint8_t)(1 << slot % BITS);
}

/* Whether the flow, which is live, must be kept. */
static bool is_needed(const struct swept_service *swept, __u64 flow)
{
	if (!swept->table.slots || services_has_affinity(swept->placed))
		return true;
	if (owner_of_tag(swept->table, gw_flow_tag(flow)) == gw_flow_backend(flow))
		return false;
	tending_deviates(swept->placed, slot_of_tag(swept->table, gw_flow_tag(flow)));
	return true;
}

/* A flow is counted where it is forwarded. */
static void count_flow(struct sweep *sweep, __u64 flow)
{
	struct tally *tally = &sweep->next_tallies[gw_flow_backend(flow)];
	uint32_t age = gw_flow_age(flow, sweep->now);

	if (gw_flow_state(flow) == GW_FLOW_TOLD)
		return;
	tally->count++;
	if (age > tally->age)
		tally->age = age;
}

static void sweep_flow(struct datapath *datapath, __u64 *entry, __u64 flow)
{
	struct sweep *sweep = datapath->sweep;
	uint32_t service = datapath->backends[gw_flow_backend(flow)].service;
	const struct swept_service *swept =
		service < GW_SERVICE_MAX ? &sweep->by_id[service] : NULL;

	if (!swept || !swept->placed) {
		(void)delete_flow(entry, flow);
		return;
	}
	if (gw_flow_is_over(flow, sweep->now,
			    tending_idle_s(datapath, swept->placed) >> GW_FLOW_TIME_SHIFT) &&
	    delete_flow(entry, flow))
		return;
	if (!is_needed(swept, flow) && delete_flow(entry, flow))
		return;
	count_flow(sweep, flow);
}

static void open_services(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];
		struct swept_service *swept = &datapath->sweep->by_id[placed->entry.id];

		swept->placed = placed;
		if (placed->tracked_count && !has_own_base(placed))
			(void)slots_open(datapath, placed->entry.slot_offset,
					 placed->entry.slot_count, &swept->table, NULL);
	}
}

static void close_services(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->service_count; i++) {
		struct swept_service *swept =
			&datapath->sweep->by_id[datapath->services[i].entry.id];

		slots_close(swept->table);
		*swept = (struct swept_service){ 0 };
	}
}

/* No flow of these slots is anywhere but on their owner. */
static void end_tracking(struct datapath *datapath, struct placed_service *placed)
{
	struct slot_table table;

	if (slots_open(datapath, placed->entry.slot_offset, placed->entry.slot_count, &table,
		       NULL) < 0)
		return;
	for (uint32_t slot = 0; slot < table.count; slot++) {
		uint32_t owner = table.slots[slot].owner;

		if (!(owner & GW_SLOT_TRACK) ||
		    placed->deviations[slot / BITS] & (1 << slot % BITS))
			continue;
		__atomic_store_n(&table.slots[slot].owner, owner & ~GW_SLOT_TRACK,
				 __ATOMIC_RELAXED);
		placed->tracked_count--;
	}
	slots_close(table);
}

static void take_tallies(struct sweep *sweep)
{
	struct tally *before = sweep->tallies;

	sweep->tallies = sweep->next_tallies;
	sweep->next_tallies = before;
	sweep->ended_s = (uint32_t)tending_clock_s();
	for (uint32_t id = 0; id < GW_BACKEND_MAX; id++) {
		uint32_t count = sweep->tallies[id].count;

		if (count == 0 || count >= sweep->declines[id].from)
			sweep->declines[id] = (struct decline){ count, sweep->ended_s };
	}
}

static void end_pass(struct datapath *datapath)
{
	struct sweep *sweep = datapath->sweep;

	for (size_t i = 0; i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];

		if (placed->deviations)
			end_tracking(datapath, placed);
		tending_forget_service(placed);
	}
	take_tallies(sweep);
	sweep->bucket = 0;
}

static void sweep_tick(struct datapath *datapath)
{
	struct sweep *sweep;

	if (!datapath->sweep)
		datapath->sweep = sweep_create();
	sweep = datapath->sweep;
	if (!sweep)
		return;
	if (sweep->bucket == 0)
		begin_pass(datapath);
	sweep->now = tending_flow_time();
	open_services(datapath);
	sweep->bucket = visit_flows(datapath, sweep->bucket, sweep_flow);
	close_services(datapath);
	if (sweep->bucket == datapath->flow_bucket_count)
		end_pass(datapath);
}

/* Nothing else is left of a change where all slots are tracked in any case. */
static bool is_changing(const struct placed_service *placed)
{
	return services_has_affinity(placed) ? has_own_base(placed) : placed->tracked_count > 0;
}

size_t datapath_changing_count(const struct datapath *datapath)
{
	size_t count = 0;

	for (size_t i = 0; i < datapath->service_count; i++)
		count += is_changing(&datapath->services[i]);
	return count;
}

bool tending_has_tracked(const struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->service_count; i++)
		if (datapath->services[i].tracked_count > 0)
			return true;
	return false;
}

void datapath_tend(struct datapath *datapath, uint32_t *ret_wait_ms)
{
	bool is_tracked = tending_has_tracked(datapath);

	*ret_wait_ms = 0;
	if (!is_tracked && (!datapath->sweep || datapath->sweep->bucket == 0)) {
		tending_free(datapath); /* nothing is recorded any more */
		return;
	}
	rebase_due(datapath);
	sweep_tick(datapath);
	*ret_wait_ms = TICK_MS;
}

/* At the speed at which they became fewer until now. */
static uint32_t empty_in_s(const struct sweep *sweep, uint32_t id)
{
	const struct decline *decline = &sweep->declines[id];
	uint64_t count = sweep->tallies[id].count;
	uint64_t took_s = sweep->ended_s - decline->since_s, ended = decline->from - count;

	if (count == 0)
		return 0;
	if (ended == 0 || took_s == 0 || count * took_s / ended >= RECORDED_FLOWS_FOREVER)
		return RECORDED_FLOWS_FOREVER;
	return (uint32_t)(count * took_s / ended);
}

int datapath_recorded_flows(const struct datapath *datapath, const struct service_key *key,
			    const struct backend *backend, struct recorded_flows *ret)
{
	const struct placed_service *placed = services_find(datapath, key);
	const struct placed_backend *found = placed ? services_find_backend(placed, backend) : NULL;
	const struct sweep *sweep = datapath->sweep;

	*ret = (struct recorded_flows){ 0 };
	if (!found)
		return -ENOENT;
	if (!sweep)
		return placed->tracked_count ? -EAGAIN : 0;
	if (!sweep->ended_s)
		return -EAGAIN;
	ret->count = sweep->tallies[found->id].count;
	ret->idle_s = sweep->tallies[found->id].age << GW_FLOW_TIME_SHIFT;
	ret->empty_in_s = empty_in_s(sweep, found->id);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tending.c - what is left of changes of tables: rebasing services, and the sweep of the
 * recorded flows, which ends the tracking of slots that no longer need it.
 *
 * A pass of the sweep looks at every bucket once, some at a call. It deletes flows that are
 * over, that are of no backend, and those on their base owner once that is the slot's owner:
 * all that remains in a service without a base table of its own are deviations. A slot
 * without any is not tracked any more, and no entry of it is left that could be mistaken for
 * a later flow's.
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

struct sweep {
	uint32_t bucket; /* the next one; 0: a pass begins */
	bool has_counts; /* a pass was complete */
	/* By backend id: of the last complete pass, and of this one. */
	uint32_t *counts, *counts_next;
	uint16_t *ages, *ages_next;    /* flow_table.h's time */
	struct placed_service **by_id; /* during a tick */
};

/* Of the coarse monotonic clock, as the program reads it. */
static uint64_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec;
}

static uint32_t flow_time(void)
{
	return (uint32_t)(now_s() >> GW_FLOW_TIME_SHIFT);
}

static bool has_own_base(const struct placed_service *placed)
{
	return placed->entry.base_offset != placed->entry.slot_offset;
}

static uint32_t idle_s(const struct datapath *datapath, const struct placed_service *placed)
{
	return placed->key.protocol == PROTOCOL_UDP ? datapath->udp_idle_s : datapath->tcp_idle_s;
}

static uint32_t learning_s(const struct datapath *datapath, const struct placed_service *placed)
{
	uint32_t idle = idle_s(datapath, placed);

	if (placed->key.protocol == PROTOCOL_UDP && idle > DATAPATH_UDP_LEARNING_S)
		return DATAPATH_UDP_LEARNING_S;
	return idle;
}

void tending_begin_service(const struct datapath *datapath, struct placed_service *placed)
{
	/* A second more: the clock's own step. */
	if (has_own_base(placed) && placed->learn_until_s == 0)
		placed->learn_until_s = now_s() + learning_s(datapath, placed) + 1;
}

void tending_forget_service(struct placed_service *placed)
{
	free(placed->deviations);
	placed->deviations = NULL;
}

void tending_free(struct datapath *datapath)
{
	struct sweep *sweep = datapath->sweep;

	if (!sweep)
		return;
	free(sweep->counts);
	free(sweep->counts_next);
	free(sweep->ages);
	free(sweep->ages_next);
	free(sweep->by_id);
	free(sweep);
	datapath->sweep = NULL;
}

static struct sweep *sweep_create(void)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));

	if (!sweep)
		return NULL;
	sweep->counts = calloc(GW_BACKEND_MAX, sizeof(*sweep->counts));
	sweep->counts_next = calloc(GW_BACKEND_MAX, sizeof(*sweep->counts_next));
	sweep->ages = calloc(GW_BACKEND_MAX, sizeof(*sweep->ages));
	sweep->ages_next = calloc(GW_BACKEND_MAX, sizeof(*sweep->ages_next));
	sweep->by_id = calloc(GW_SERVICE_MAX, sizeof(*sweep->by_id));
	if (sweep->counts && sweep->counts_next && sweep->ages && sweep->ages_next && sweep->by_id)
		return sweep;
	free(sweep->counts);
	free(sweep->counts_next);
	free(sweep->ages);
	free(sweep->ages_next);
	free(sweep->by_id);
	free(sweep);
	return NULL;
}

/* Buckets first .. first + count; NULL when they cannot be mapped. */
static struct gw_flow_bucket *buckets_map(const struct datapath *datapath, uint32_t first,
					  uint32_t count)
{
	void *window = mmap(NULL, count * sizeof(struct gw_flow_bucket), PROT_READ | PROT_WRITE,
			    MAP_SHARED, bpf_map__fd(datapath->skeleton->maps.flows),
			    (off_t)(first * sizeof(struct gw_flow_bucket)));

	return window == MAP_FAILED ? NULL : window;
}

static void buckets_unmap(struct gw_flow_bucket *buckets, uint32_t count)
{
	(void)munmap(buckets, count * sizeof(*buckets));
}

/* False when the program wrote it meanwhile: then it is of a live flow. */
static bool delete_flow(__u64 *entry, __u64 seen)
{
	return __atomic_compare_exchange_n(entry, &seen, 0, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

void tending_purge(void *context)
{
	struct datapath *datapath = context;

	for (uint32_t first = 0; first < datapath->flow_bucket_count; first += BUCKETS_PER_TICK) {
		uint32_t left = datapath->flow_bucket_count - first;
		uint32_t count = left < BUCKETS_PER_TICK ? left : BUCKETS_PER_TICK;
		struct gw_flow_bucket *buckets = buckets_map(datapath, first, count);

		for (uint32_t i = 0; buckets && i < count * GW_FLOW_WAYS; i++) {
			__u64 *entry = &buckets[i / GW_FLOW_WAYS].entry[i % GW_FLOW_WAYS];
			__u64 seen = *(volatile __u64 *)entry;

			if (seen && datapath->backends[gw_flow_backend(seen)].service == GW_NONE)
				(void)delete_flow(entry, seen);
		}
		if (buckets)
			buckets_unmap(buckets, count);
	}
}

/* Every flow of tracked slots had the time to be recorded: the current table is the base. */
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
	uint64_t now = now_s();

	for (size_t i = 0; i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];

		if (has_own_base(placed) && now >= placed->learn_until_s)
			rebase(datapath, placed);
	}
}

static void begin_pass(struct datapath *datapath)
{
	memset(datapath->sweep->counts_next, 0, GW_BACKEND_MAX * sizeof(uint32_t));
	memset(datapath->sweep->ages_next, 0, GW_BACKEND_MAX * sizeof(uint16_t));
	for (size_t i = 0; i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];

		tending_forget_service(placed);
		if (placed->tracked_count && !has_own_base(placed))
			placed->deviations = calloc(placed->entry.slot_count / BITS + 1, 1);
	}
}

/* Whether the flow, which is live, must be kept. */
static bool is_needed(const struct placed_service *placed, struct slot_table table, __u64 flow)
{
	uint32_t slot;

	if (has_own_base(placed) || !table.slots)
		return true;
	slot = gw_hash_slot((__u64)gw_flow_tag(flow) << 32, table.count);
	if (slot_owner_id(table.slots[slot]) == gw_flow_backend(flow))
		return false;
	if (placed->deviations)
		placed->deviations[slot / BITS] |= (uint8_t)(1 << slot % BITS);
	return true;
}

static void count_flow(struct sweep *sweep, __u64 flow, uint32_t now)
{
	uint32_t backend = gw_flow_backend(flow), age = gw_flow_age(flow, now);

	sweep->counts_next[backend]++;
	if (age > sweep->ages_next[backend])
		sweep->ages_next[backend] = (uint16_t)age;
}

/* The current tables of services, mapped one at a time: flows of one come in any order. */
struct open_tables {
	struct slot_table *by_service; /* by index in datapath->services */
};

static void sweep_flow(struct datapath *datapath, const struct open_tables *tables, __u64 *entry,
		       uint32_t now)
{
	struct sweep *sweep = datapath->sweep;
	__u64 flow = *(volatile __u64 *)entry;
	uint32_t service = datapath->backends[gw_flow_backend(flow)].service;
	struct placed_service *placed = service < GW_SERVICE_MAX ? sweep->by_id[service] : NULL;

	if (!placed) {
		(void)delete_flow(entry, flow);
		return;
	}
	if (gw_flow_is_over(flow, now, idle_s(datapath, placed) >> GW_FLOW_TIME_SHIFT) &&
	    delete_flow(entry, flow))
		return;
	if (!is_needed(placed, tables->by_service[placed - datapath->services], flow) &&
	    delete_flow(entry, flow))
		return;
	count_flow(sweep, flow, now);
}

static void sweep_buckets(struct datapath *datapath, const struct open_tables *tables,
			  uint32_t count)
{
	struct sweep *sweep = datapath->sweep;
	struct gw_flow_bucket *buckets = buckets_map(datapath, sweep->bucket, count);
	uint32_t now = flow_time();

	if (!buckets)
		return; /* the same ones again at the next tick */
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t way = 0; way < GW_FLOW_WAYS; way++)
			if (*(volatile __u64 *)&buckets[i].entry[way])
				sweep_flow(datapath, tables, &buckets[i].entry[way], now);
	buckets_unmap(buckets, count);
	sweep->bucket += count;
}

/* False when there is no memory. */
static bool tables_open(struct datapath *datapath, struct open_tables *ret)
{
	ret->by_service = calloc(datapath->service_count + 1, sizeof(*ret->by_service));
	if (!ret->by_service)
		return false;
	memset(datapath->sweep->by_id, 0, GW_SERVICE_MAX * sizeof(*datapath->sweep->by_id));
	for (size_t i = 0; i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];

		datapath->sweep->by_id[placed->entry.id] = placed;
		if (placed->tracked_count && !has_own_base(placed))
			(void)slots_open(datapath, placed->entry.slot_offset,
					 placed->entry.slot_count, &ret->by_service[i], NULL);
	}
	return true;
}

static void tables_close(const struct datapath *datapath, struct open_tables *tables)
{
	for (size_t i = 0; i < datapath->service_count; i++)
		slots_close(tables->by_service[i]);
	free(tables->by_service);
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

static void end_pass(struct datapath *datapath)
{
	struct sweep *sweep = datapath->sweep;
	uint32_t *counts = sweep->counts;
	uint16_t *ages = sweep->ages;

	for (size_t i = 0; i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];

		if (placed->deviations)
			end_tracking(datapath, placed);
		tending_forget_service(placed);
	}
	sweep->counts = sweep->counts_next;
	sweep->ages = sweep->ages_next;
	sweep->counts_next = counts;
	sweep->ages_next = ages;
	sweep->has_counts = true;
	sweep->bucket = 0;
}

static void sweep_tick(struct datapath *datapath)
{
	struct open_tables tables;
	uint32_t left;

	if (!datapath->sweep)
		datapath->sweep = sweep_create();
	if (!datapath->sweep)
		return;
	if (datapath->sweep->bucket == 0)
		begin_pass(datapath);
	if (!tables_open(datapath, &tables))
		return;
	left = datapath->flow_bucket_count - datapath->sweep->bucket;
	sweep_buckets(datapath, &tables, left < BUCKETS_PER_TICK ? left : BUCKETS_PER_TICK);
	tables_close(datapath, &tables);
	if (datapath->sweep->bucket == datapath->flow_bucket_count)
		end_pass(datapath);
}

size_t datapath_changing_count(const struct datapath *datapath)
{
	size_t count = 0;

	for (size_t i = 0; i < datapath->service_count; i++)
		count += datapath->services[i].tracked_count > 0;
	return count;
}

void datapath_tend(struct datapath *datapath, uint32_t *ret_wait_ms)
{
	bool is_tracked = datapath_changing_count(datapath) > 0;

	*ret_wait_ms = 0;
	if (!is_tracked && (!datapath->sweep || datapath->sweep->bucket == 0)) {
		tending_free(datapath); /* nothing is recorded any more */
		return;
	}
	rebase_due(datapath);
	sweep_tick(datapath);
	*ret_wait_ms = TICK_MS;
}

int datapath_recorded_flows(const struct datapath *datapath, const struct service_key *key,
			    const struct backend *backend, struct recorded_flows *ret)
{
	const struct placed_service *placed = services_find(datapath, key);
	const struct placed_backend *found = placed ? services_find_backend(placed, backend) : NULL;

	*ret = (struct recorded_flows){ 0 };
	if (!found)
		return -ENOENT;
	if (!datapath->sweep)
		return placed->tracked_count ? -EAGAIN : 0;
	if (!datapath->sweep->has_counts)
		return -EAGAIN;
	ret->count = datapath->sweep->counts[found->id];
	ret->idle_s = (uint32_t)datapath->sweep->ages[found->id] << GW_FLOW_TIME_SHIFT;
	return 0;
}

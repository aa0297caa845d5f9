/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * telling.c - which flows other gateways must know: those that are not where the tables say.
 *
 * The program names each of them once, when it is confirmed, in the ring buffer told: these
 * go out at once, and a second time with the next. Then a pass goes over all recorded flows,
 * again and again as long as a service changes: so what was lost is told anew, a gateway that
 * has just started learns of all, and flows on a base owner that is no longer the slot's are known
 * before they deviate, which is when the service is rebased. What another gateway has told of
 * (GW_FLOW_TOLD) is its to tell, until the flow's packets come here.
 */
#include "datapath/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/libbpf.h>

#include <guideway/flow_table.h>

#include "guideway.skel.h"
#include "lib/error.h"

/* At a call. What the program named beyond that is in the pass. */
#define BEGUN_MAX (GW_TOLD_BYTES / sizeof(struct gw_told))
/* A pass takes so many calls, or more in a large table or with many flows. */
#define CALLS_PER_PASS 20
#define BUCKETS_PER_CALL (1U << 15) /* 2 MiB */
#define FLOWS_PER_CALL 2000
#define SERVICES_PER_CALL 500

struct candidate {
	uint32_t backend;
	struct told_flow flow;
};

struct candidates {
	struct candidate *items;
	size_t count, room;
};

/* A service while flows are looked at; its tables are opened for the first of its flows. */
struct told_service {
	const struct placed_service *placed;
	struct service_tables tables;
};

struct teller {
	struct gw_flow_bucket *flows; /* the whole map */
	struct ring_buffer *ring;
	struct candidates begun;    /* since the last call */
	struct candidates repeated; /* told by the last call, to be told once more */
	struct candidates chosen;   /* to be told by this call */
	struct told_flow flows_of_one[FLOWS_PER_CALL];
	uint32_t bucket; /* the next of the pass */
	size_t service;  /* the next whose learning is told */
	struct told_service by_id[GW_SERVICE_MAX];
};

static int add_candidate(struct candidates *list, uint32_t backend, struct told_flow flow)
{
	if (array_reserve((void **)&list->items, &list->room, list->count + 1,
			  sizeof(*list->items)) < 0)
		return -ENOMEM;
	list->items[list->count++] = (struct candidate){ backend, flow };
	return 0;
}

static int on_begun(void *context, void *record, size_t size)
{
	struct teller *teller = context;
	const struct gw_told *begun = record;

	if (size < sizeof(*begun) || teller->begun.count == BEGUN_MAX)
		return 0;
	(void)add_candidate(&teller->begun, begun->backend,
			    (struct told_flow){ .tag = begun->tag, .bucket = begun->bucket });
	return 0;
}

struct gw_flow_bucket *telling_flows(const struct datapath *datapath)
{
	return datapath->teller ? datapath->teller->flows : NULL;
}

static size_t flows_bytes(const struct datapath *datapath)
{
	return datapath->flow_bucket_count * sizeof(struct gw_flow_bucket);
}

int telling_open(struct datapath *datapath, struct error *error)
{
	struct teller *teller = calloc(1, sizeof(*teller));

	datapath->teller = teller;
	if (!teller)
		return error_set(error, -ENOMEM, "no memory for what other gateways are told");
	teller->flows = map_whole(datapath->skeleton->maps.flows);
	if (!teller->flows)
		return error_set(error, -errno, "map flows: cannot map it: %s", strerror(errno));
	teller->ring = ring_buffer__new(bpf_map__fd(datapath->skeleton->maps.told), on_begun,
					teller, NULL);
	if (!teller->ring)
		return error_set(error, -errno, "map told: cannot read it: %s", strerror(errno));
	/* What an earlier agent did not come to tell is old; what still lives is in the pass. */
	(void)ring_buffer__consume(teller->ring);
	teller->begun.count = 0;
	return 0;
}

void telling_close(struct datapath *datapath)
{
	struct teller *teller = datapath->teller;

	if (!teller)
		return;
	ring_buffer__free(teller->ring);
	if (teller->flows)
		(void)munmap(teller->flows, flows_bytes(datapath));
	free(teller->begun.items);
	free(teller->repeated.items);
	free(teller->chosen.items);
	free(teller);
	datapath->teller = NULL;
}

static int compare_candidates(const void *a, const void *b)
{
	uint32_t left = ((const struct candidate *)a)->backend;
	uint32_t right = ((const struct candidate *)b)->backend;

	return (left > right) - (left < right);
}

static void find_services(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->service_count; i++) {
		const struct placed_service *placed = &datapath->services[i];

		datapath->teller->by_id[placed->entry.id].placed = placed;
	}
}

static void forget_services(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->service_count; i++) {
		struct told_service *service =
			&datapath->teller->by_id[datapath->services[i].entry.id];

		tables_close(service->tables);
		*service = (struct told_service){ 0 };
	}
}

/* NULL when the backend is nobody's any more. */
static struct told_service *service_of(struct datapath *datapath, uint32_t backend)
{
	uint32_t id = backend < GW_BACKEND_MAX ? datapath->backends[backend].service : GW_NONE;
	struct told_service *service = id < GW_SERVICE_MAX ? &datapath->teller->by_id[id] : NULL;

	return service && service->placed ? service : NULL;
}

/* Flows of one backend, at most FLOWS_PER_CALL. */
static void tell_backend(struct datapath *datapath, const struct candidate *first, size_t count,
			 telling_on_telling *on_telling, void *owner)
{
	const struct told_service *service = service_of(datapath, first->backend);
	const struct gw_backend *backend;
	struct telling telling = { .flows = datapath->teller->flows_of_one, .count = count };

	if (!service)
		return;
	backend = &datapath->backends[first->backend];
	telling.service = service->placed->key;
	telling.backend_port = ntohs(backend->port);
	address_from_abi(&backend->address, &telling.backend);
	for (size_t i = 0; i < count; i++)
		datapath->teller->flows_of_one[i] = first[i].flow;
	on_telling(&telling, owner);
}

/* By backend, so that each is named once. */
static void tell_chosen(struct datapath *datapath, telling_on_telling *on_telling, void *owner)
{
	struct candidates *chosen = &datapath->teller->chosen;
	size_t count;

	if (chosen->count == 0)
		return;
	qsort(chosen->items, chosen->count, sizeof(*chosen->items), compare_candidates);
	for (size_t i = 0; i < chosen->count; i += count) {
		for (count = 1; i + count < chosen->count && count < FLOWS_PER_CALL; count++)
			if (chosen->items[i + count].backend != chosen->items[i].backend)
				break;
		tell_backend(datapath, &chosen->items[i], count, on_telling, owner);
	}
	chosen->count = 0;
}

static void choose_all(struct teller *teller, const struct candidates *list)
{
	for (size_t i = 0; i < list->count; i++)
		(void)add_candidate(&teller->chosen, list->items[i].backend, list->items[i].flow);
}

static void choose_begun(struct teller *teller)
{
	struct candidates begun;

	(void)ring_buffer__consume(teller->ring);
	choose_all(teller, &teller->begun);
	choose_all(teller, &teller->repeated);
	begun = teller->begun;
	teller->begun = teller->repeated;
	teller->begun.count = 0;
	teller->repeated = begun;
}

static bool open_service(struct datapath *datapath, struct told_service *service)
{
	const struct gw_service *entry = &service->placed->entry;

	return service->tables.current.slots ||
	       (entry->slot_count && tables_open(datapath, entry, &service->tables, NULL) == 0);
}

/* Whether another gateway, now or after a rebase, would send the flow elsewhere. */
static bool deviates(struct datapath *datapath, __u64 flow)
{
	struct told_service *service = service_of(datapath, gw_flow_backend(flow));

	return service && open_service(datapath, service) &&
	       tables_deviate(&service->tables, gw_flow_tag(flow), gw_flow_backend(flow));
}

static void choose_flow(struct datapath *datapath, uint32_t bucket, __u64 flow, uint32_t now)
{
	uint32_t state = gw_flow_state(flow), silent = gw_flow_age(flow, now);

	if ((state != GW_FLOW_CONFIRMED && state != GW_FLOW_CLOSING) || silent > TOLD_SILENT_MAX ||
	    !deviates(datapath, flow))
		return;
	(void)add_candidate(&datapath->teller->chosen, gw_flow_backend(flow),
			    (struct told_flow){ .tag = gw_flow_tag(flow),
						.bucket = bucket,
						.silent = (uint16_t)silent,
						.is_closing = state == GW_FLOW_CLOSING });
}

/* Some buckets of the pass: fewer when there are many flows in them. */
static void choose_recorded(struct datapath *datapath)
{
	struct teller *teller = datapath->teller;
	uint32_t now = tending_flow_time(), wanted = datapath->flow_bucket_count / CALLS_PER_PASS;
	size_t limit = teller->chosen.count + FLOWS_PER_CALL;
	uint32_t end;

	wanted = wanted < BUCKETS_PER_CALL ? wanted + 1 : BUCKETS_PER_CALL;
	end = wanted < datapath->flow_bucket_count - teller->bucket ? teller->bucket + wanted
								    : datapath->flow_bucket_count;
	while (teller->bucket < end && teller->chosen.count < limit) {
		const struct gw_flow_bucket *bucket = &teller->flows[teller->bucket];

		for (uint32_t way = 0; way < GW_FLOW_WAYS; way++) {
			__u64 flow = *(const volatile __u64 *)&bucket->entry[way];

			if (flow)
				choose_flow(datapath, teller->bucket, flow, now);
		}
		teller->bucket++;
	}
	if (teller->bucket == datapath->flow_bucket_count)
		teller->bucket = 0;
}

static void tell_learning(struct datapath *datapath, telling_on_telling *on_telling, void *owner)
{
	struct teller *teller = datapath->teller;
	size_t count = datapath->service_count / CALLS_PER_PASS + 1;

	if (count > SERVICES_PER_CALL)
		count = SERVICES_PER_CALL;
	for (; count > 0; count--, teller->service++) {
		struct telling telling = { 0 };

		if (teller->service >= datapath->service_count) {
			teller->service = 0;
			return;
		}
		telling.service = datapath->services[teller->service].key;
		telling.learning_s = tending_learning_s(&datapath->services[teller->service]);
		if (telling.learning_s)
			on_telling(&telling, owner);
	}
}

void datapath_tell(struct datapath *datapath, telling_on_telling *on_telling, void *owner)
{
	struct teller *teller = datapath->teller;

	if (!teller)
		return;
	choose_begun(teller);
	if (teller->chosen.count == 0 && !tending_has_tracked(datapath)) {
		teller->bucket = 0;
		return;
	}
	find_services(datapath);
	choose_recorded(datapath);
	tell_chosen(datapath, on_telling, owner);
	forget_services(datapath);
	tell_learning(datapath, on_telling, owner);
}

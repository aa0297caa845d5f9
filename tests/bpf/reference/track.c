// SPDX-License-Identifier: BSD-2-Clause
/*
 * track.c - a flow's backend where its slot is changing its owner: who was recorded, and else
 * the current owner for what begins and the base table's for what goes on.
 *
 * Records live in buckets of eight ways. A full bucket makes room in this order: what is
 * empty, what is over, what only began, what is closing, what is alive; of several of one
 * sort, what was silent for longest, and of those alike the last.
 */
#include <guideway/flow_hash.h>

#include "reference/model.h"

enum {
	FLAG_FIN = 1,
	FLAG_RST = 4,
	UNIT_S = 4,      /* of the time of a record */
	TIME_END = 4096, /* where it begins again */
	SILENT = 16,     /* units: an unconfirmed flow is over, another may make room */
};

enum state_of_flow {
	BEGAN, /* by a SYN that anybody may have sent */
	ALIVE,
	CLOSING,
};

enum sort {
	SORT_ALIVE,
	SORT_CLOSING,
	SORT_BEGAN,
	SORT_OVER,
	SORT_EMPTY,
};

/* What all of it depends on. */
struct question {
	const struct tables *tables;
	const struct packet *packet;
	const struct gw_service *service;
	uint32_t tag, now;
	bool begins;
};

uint64_t record_word(const struct record *record)
{
	if (record->backend == GW_NONE)
		return 0;
	return (uint64_t)record->tag << 32 | record->backend << 14 | record->state << 12 |
	       record->seen % TIME_END;
}

uint32_t record_time(uint32_t now_s)
{
	return now_s / UNIT_S;
}

struct record record_at_start(const struct record_row *row, uint32_t now_s)
{
	return (struct record){ .tag = row->tag,
				.backend = row->backend,
				.state = row->state,
				.seen = record_time(now_s) - row->age };
}

static uint32_t age(const struct question *of, const struct record *record)
{
	return (of->now - record->seen) % TIME_END;
}

/* Of the packet's protocol, whatever the record's may be. */
static uint32_t idle(const struct question *of)
{
	const struct gw_config *config = &of->tables->config;

	return of->packet->flow.protocol == IPPROTO_UDP ? config->udp_idle : config->tcp_idle;
}

static bool serves(const struct question *of, uint32_t backend)
{
	const struct gw_backend *known = tables_backend(of->tables, backend);

	return known && known->service == of->service->id;
}

/* Whether the packet may go where the record says. */
static bool holds(const struct question *of, const struct record *record)
{
	uint32_t limit = idle(of);

	if (!serves(of, record->backend))
		return false;
	if (record->state == CLOSING && limit > SILENT)
		limit = SILENT;
	if (age(of, record) > limit)
		return false;
	return !of->begins || !(of->tables->backends[record->backend].flags & GW_BACKEND_DRAINING);
}

static uint32_t next_state(const struct question *of, uint32_t state)
{
	if (of->packet->tcp_flags & (FLAG_FIN | FLAG_RST))
		return CLOSING;
	if (of->begins)
		return state == ALIVE ? ALIVE : BEGAN;
	return state == CLOSING ? CLOSING : ALIVE;
}

static enum sort sort_of(const struct question *of, const struct record *record)
{
	uint32_t limit = record->state == ALIVE ? idle(of) : SILENT;

	if (record->backend == GW_NONE)
		return SORT_EMPTY;
	if (age(of, record) > limit)
		return SORT_OVER;
	if (record->state == BEGAN)
		return SORT_BEGAN;
	return record->state == CLOSING ? SORT_CLOSING : SORT_ALIVE;
}

static bool goes_first(const struct question *of, const struct record *a, const struct record *b)
{
	enum sort sort_a = sort_of(of, a), sort_b = sort_of(of, b);

	if (sort_a != sort_b || sort_a == SORT_EMPTY)
		return sort_a > sort_b;
	return age(of, a) > age(of, b);
}

/* What begins must not take the place of what lives. */
static bool makes_room(const struct question *of, const struct record *record)
{
	enum sort sort = sort_of(of, record);

	if (of->begins)
		return sort >= SORT_BEGAN;
	return sort != SORT_ALIVE || age(of, record) >= SILENT;
}

static struct record *room_in(const struct question *of, struct record *bucket)
{
	struct record *chosen = bucket;

	for (int way = 1; way < GW_FLOW_WAYS; way++)
		if (!goes_first(of, chosen, &bucket[way]))
			chosen = &bucket[way];
	return makes_room(of, chosen) ? chosen : NULL;
}

static struct record *find(struct record *bucket, uint32_t tag)
{
	for (int way = 0; way < GW_FLOW_WAYS; way++)
		if (bucket[way].backend != GW_NONE && bucket[way].tag == tag)
			return &bucket[way];
	return NULL;
}

static uint32_t base_owner(const struct question *of, uint64_t hash, uint32_t current)
{
	uint32_t slot = of->service->base_offset + gw_hash_slot(hash, of->service->base_count);
	uint32_t owner = of->tables->slots[slot].owner & ~GW_SLOT_TRACK;

	return serves(of, owner) ? owner : current;
}

static void record_flow(const struct question *of, struct record *record, uint32_t backend)
{
	*record = (struct record){
		.tag = of->tag, .backend = backend, .state = next_state(of, BEGAN), .seen = of->now
	};
}

uint32_t track_flow(struct model *model, const struct packet *packet,
		    const struct gw_service *service, uint64_t hash, uint32_t current, bool begins,
		    bool is_new_of_client)
{
	const struct question of = { .tables = model->tables,
				     .packet = packet,
				     .service = service,
				     .tag = hash >> 32,
				     .now = record_time(model->state.now_s),
				     .begins = begins };
	struct record *bucket = model->state.records[gw_hash_finish(hash) % TABLE_FLOW_BUCKETS];
	struct record *known = find(bucket, of.tag);
	uint32_t base, chosen;

	if (known && holds(&of, known)) {
		if (!packet->is_error) {
			known->state = next_state(&of, known->state);
			known->seen = of.now;
		}
		return known->backend;
	}
	base = base_owner(&of, hash, current);
	chosen = begins || is_new_of_client ? current : base;
	if (chosen == GW_NONE || packet->is_error)
		return chosen;
	/* Nobody need be told of a flow that is where the one table says. */
	if (!known && chosen == base && service->base_offset == service->slot_offset &&
	    !is_new_of_client)
		return chosen;
	if (!known)
		known = room_in(&of, bucket);
	/* Its next packet will not be known, and go to the base owner. */
	if (!known)
		return base;
	record_flow(&of, known, chosen);
	return chosen;
}

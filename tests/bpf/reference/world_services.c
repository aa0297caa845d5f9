// SPDX-License-Identifier: BSD-2-Clause
/* world_services.c - a service of each kind, for both families and both protocols. */
#include <arpa/inet.h>
#include <stdlib.h>

#include <guideway/flow_hash.h>

#include "reference/world_parts.h"

/* Whether slots are tracked: while owners change, and after the new ones became the base. */
enum change_of_owners {
	UNCHANGED,
	CHANGING,
	REBASED,
};

struct kind {
	uint16_t port;
	uint8_t mode, flags, backends, hop; /* hop 0: the first three in turn */
	bool is_cross;                      /* backends are of the other family */
	bool shares;                        /* has the backends of the kind before */
	uint8_t vips;                       /* bits by enum vip; 0: VIP_MAIN */
	uint16_t mss;
	uint32_t cost_ns;
	uint8_t source_set;
	uint32_t affinity_s;
	uint8_t owners; /* enum change_of_owners */
};

#define ALL_VIPS (1 << VIP_MAIN | 1 << VIP_LOCAL | 1 << VIP_GATEWAY)
#define DROPS GW_SERVICE_DROP
#define AFFINITY GW_SERVICE_AFFINITY
#define SOURCES GW_SERVICE_SOURCES
#define RECORD GW_SERVICE_RECORD

enum {
	MODE_UNKNOWN = 9,
	NEVER_NS = 2000000000,
	OF_NOBODY = 0xff, /* backends: slots with numbers of none */
};

static const struct kind kinds[] = {
	{ 80, GW_MODE_SNAT, .backends = 3, .vips = ALL_VIPS },
	{ 81, GW_MODE_SNAT, .backends = 3, .shares = true },
	{ 92, GW_MODE_SNAT, .backends = 3, .vips = ALL_VIPS, .owners = CHANGING },
	{ 82, GW_MODE_SNAT, .backends = 1, .hop = HOP_BACK },
	{ 83, GW_MODE_SNAT, .backends = 1, .hop = HOP_NARROW },
	{ 84, GW_MODE_SNAT, .backends = 2, .hop = HOP_UNRESOLVED },
	{ 85, GW_MODE_SNAT, .backends = 1, .hop = HOP_BARE },
	{ 86, GW_MODE_SNAT, SOURCES, 2, .source_set = 1 },
	{ 87, GW_MODE_SNAT, AFFINITY, 3, .affinity_s = 10800, .owners = REBASED },
	{ 88, GW_MODE_SNAT, .backends = 2, .mss = 1200 },
	{ 89, GW_MODE_SNAT, .backends = 1, .hop = HOP_WIDE },
	{ 90, GW_MODE_SNAT, .backends = 1, .cost_ns = NEVER_NS },
	{ 91, GW_MODE_SNAT, .backends = 1, .cost_ns = 1 },
	{ 93, GW_MODE_SNAT, SOURCES, 2, .source_set = 1, .cost_ns = 1, .owners = REBASED },
	{ 94, GW_MODE_SNAT, .backends = 2, .hop = HOP_NARROW, .owners = CHANGING },
	{ 100, GW_MODE_DNAT, .backends = 3, .vips = ALL_VIPS },
	{ 101, GW_MODE_DNAT, RECORD, 2, .vips = ALL_VIPS },
	{ 102, GW_MODE_DNAT, RECORD, 2, .shares = true },
	{ 103, GW_MODE_DNAT, AFFINITY, 3, .affinity_s = 1, .owners = CHANGING },
	{ 104, GW_MODE_DNAT, SOURCES, 2, .source_set = 2 },
	{ 105, GW_MODE_DNAT, .backends = 1, .hop = HOP_NARROW },
	{ 106, GW_MODE_DNAT, .backends = 2, .mss = 536 },
	{ 107, GW_MODE_DNAT, RECORD, 1, .cost_ns = NEVER_NS },
	{ 108, GW_MODE_DNAT, RECORD | AFFINITY, 2, .mss = 1000, .affinity_s = 60,
	  .owners = REBASED },
	{ 109, GW_MODE_DNAT, .backends = 3, .owners = CHANGING },
	{ 99, GW_MODE_DNAT, RECORD, 2, .mss = 1200, .owners = CHANGING },
	{ 98, GW_MODE_DNAT, RECORD, 3, .owners = REBASED },
	{ 110, GW_MODE_L2, .backends = 3, .vips = ALL_VIPS },
	{ 111, GW_MODE_L2, .backends = 2, .mss = 1300 },
	{ 112, GW_MODE_L2, SOURCES | AFFINITY, 3, .source_set = 1, .affinity_s = 10 },
	{ 113, GW_MODE_L2, .backends = 1, .hop = HOP_NARROW },
	{ 114, GW_MODE_L2, .backends = 3, .vips = ALL_VIPS, .owners = CHANGING },
	{ 115, GW_MODE_L2, AFFINITY, 3, .affinity_s = 5, .owners = REBASED },
	{ 116, GW_MODE_L2, SOURCES, 1, .cost_ns = NEVER_NS, .source_set = 2, .owners = CHANGING },
	{ 120, GW_MODE_IPIP, .backends = 3, .vips = ALL_VIPS },
	{ 121, GW_MODE_IPIP, .backends = 3, .is_cross = true },
	{ 122, GW_MODE_IPIP, AFFINITY, 3, .is_cross = true, .mss = 1100, .affinity_s = 300,
	  .owners = CHANGING },
	{ 123, GW_MODE_IPIP, .backends = 1, .hop = HOP_BARE },
	{ 124, GW_MODE_IPIP, SOURCES, 1, .hop = HOP_NARROW, .source_set = 2 },
	{ 125, GW_MODE_IPIP, .backends = 3, .vips = ALL_VIPS, .owners = CHANGING },
	{ 126, GW_MODE_IPIP, .backends = 3, .is_cross = true, .owners = REBASED },
	{ 130, GW_MODE_GUE, .backends = 3, .vips = ALL_VIPS },
	{ 131, GW_MODE_GUE, .backends = 3, .is_cross = true },
	{ 132, GW_MODE_GUE, .backends = 1, .mss = 900, .cost_ns = 1 },
	{ 133, GW_MODE_GUE, .backends = 1, .hop = HOP_BARE, .is_cross = true },
	{ 134, GW_MODE_GUE, .backends = 1, .hop = HOP_NARROW, .is_cross = true },
	{ 135, GW_MODE_GUE, .backends = 1, .hop = HOP_WIDE },
	{ 136, GW_MODE_GUE, .backends = 3, .mss = 900, .owners = CHANGING },
	{ 137, GW_MODE_GUE, .backends = 2, .hop = HOP_NARROW, .is_cross = true,
	  .owners = CHANGING },
	{ 140, GW_MODE_SNAT, .backends = 0, .vips = ALL_VIPS },
	{ 141, GW_MODE_SNAT, DROPS, .backends = 0 },
	{ 142, MODE_UNKNOWN, .backends = 1 },
	{ 143, GW_MODE_L2, .backends = OF_NOBODY },
	{ WORLD_PORT_FIRST + 3, GW_MODE_SNAT, .backends = 2, .vips = ALL_VIPS },
};

static void add_reply(struct tables *tables, const struct service_row *service,
		      const struct gw_backend *backend, uint32_t id)
{
	struct reply_row *row = &tables->replies[tables->reply_count++];

	if (tables->reply_count > TABLE_REPLIES)
		abort();
	row->socket = (struct gw_socket){ .address = backend->address,
					  .port = backend->port,
					  .protocol = service->socket.protocol };
	row->reply = (struct gw_reply){ .vip = service->socket.address,
					.port = service->socket.port,
					.backend = id };
	if (service->service.flags & RECORD)
		row->reply.flags = GW_REPLY_RECORDED;
	row->is_ipv6 = service->is_ipv6;
	world_add_address(tables, backend->address, GW_ADDRESS_BACKEND);
}

/* Backends of different kinds have different ports at few addresses, as pods do. */
static uint32_t add_backend(struct tables *tables, const struct service_row *service,
			    const struct kind *kind, uint32_t number)
{
	int family = service->is_ipv6 != kind->is_cross;
	uint32_t id = tables->backend_count++, hop = kind->hop ? kind->hop : 1 + number % 3;
	uint16_t port = ntohs(service->socket.port) - kind->shares;
	struct gw_backend *backend = &tables->backends[id];

	if (id >= TABLE_BACKENDS)
		abort();
	backend->address = family ? world_addressf("fd00:%x::%x", kind->mode, number + 1)
				  : world_addressf("10.%u.0.%u", kind->mode, number + 1);
	backend->port =
		htons(8000 + port % 1000 + (ntohl(service->socket.address.word[3]) & 3) * 1000);
	backend->flags = family ? 0 : GW_BACKEND_IPV4;
	backend->service = service->service.id;
	backend->next_hop = family * HOP_KINDS + hop;
	if (kind->mode == GW_MODE_DNAT && !kind->shares)
		add_reply(tables, service, backend, id);
	return id;
}

static uint32_t take_slots(struct tables *tables, uint32_t count)
{
	uint32_t offset = tables->slot_count;

	tables->slot_count += count;
	if (tables->slot_count > TABLE_SLOTS)
		abort();
	return offset;
}

static void add_slots(struct tables *tables, struct gw_service *service, const uint32_t *backends,
		      uint32_t count, struct random *random)
{
	static const uint32_t of_nobody[] = { GW_NONE, TABLE_BACKENDS, GW_SLOT_TRACK - 1 };

	service->slot_count = 7;
	service->slot_offset = take_slots(tables, service->slot_count);
	service->base_offset = service->slot_offset;
	service->base_count = service->slot_count;
	for (uint32_t i = 0; i < service->slot_count; i++) {
		struct gw_slot *slot = &tables->slots[service->slot_offset + i];

		slot->owner = count == OF_NOBODY ? of_nobody[i % 3]
						 : backends[random_below(random, count)];
	}
}

/* One that left; in no slot of the current table. */
static uint32_t add_gone_backend(struct tables *tables, const struct service_row *service,
				 uint32_t number)
{
	static const struct kind left = { .mode = GW_MODE_L2 };
	uint32_t gone = add_backend(tables, service, &left, number);

	tables->backends[gone].service = 0;
	return gone;
}

/* Flows that are known from the start, on any backend and in any state. */
static void add_records(struct world *world, const struct service_row *service,
			const uint32_t *backends, uint32_t count, struct random *random)
{
	enum { RECORDS = 24 };
	const struct gw_socket *vip = &service->socket;
	struct tables *tables = &world->tables;

	for (int i = 0; i < RECORDS; i++) {
		struct record_row *row = &tables->records[tables->record_count++];
		uint64_t hash = gw_flow_hash(
			tables->config.hash_key, &world->clients[service->is_ipv6][i],
			&vip->address, htons(world->client_ports[random_below(random, PORTS)]),
			vip->port, vip->protocol, service->is_ipv6);

		if (tables->record_count > TABLE_RECORDS)
			abort();
		row->bucket = gw_hash_finish(hash) % TABLE_FLOW_BUCKETS;
		row->way = random_below(random, GW_FLOW_WAYS);
		row->tag = hash >> 32;
		row->backend = backends[random_below(random, count)];
		row->state = random_below(random, 3);
		row->age = random_below(random, random_below(random, 2) ? 40 : 300);
	}
}

/* Slots are tracked, most of them; the base table has an owner that died, and is no copy. */
static void change_owners(struct world *world, struct service_row *row, const struct kind *kind,
			  const uint32_t *backends, uint32_t count, struct random *random)
{
	struct tables *tables = &world->tables;
	struct gw_service *service = &row->service;
	uint32_t known[4];

	for (uint32_t i = 0; i < count; i++)
		known[i] = backends[i];
	known[count] = add_gone_backend(tables, row, count);
	for (uint32_t i = 0; i < service->slot_count; i++) {
		struct gw_slot *slot = &tables->slots[service->slot_offset + i];

		if (random_permille(random, 80))
			slot->owner = GW_NONE;
		if (random_permille(random, 800))
			slot->owner |= GW_SLOT_TRACK;
	}
	add_records(world, row, known, count + 1, random);
	if (kind->owners == REBASED)
		return;
	tables->backends[backends[count - 1]].flags |= GW_BACKEND_DRAINING;
	service->base_count = 5;
	service->base_offset = take_slots(tables, service->base_count);
	for (uint32_t i = 0; i < service->base_count; i++)
		tables->slots[service->base_offset + i].owner =
			known[random_below(random, count + 1)];
}

/* A client known before: on any backend of the service's, also one that left since. */
static void add_affinities(struct world *world, const struct service_row *service,
			   const uint32_t *backends, uint32_t count, struct random *random)
{
	struct tables *tables = &world->tables;
	uint32_t gone = add_gone_backend(tables, service, count);

	for (int i = 0; i < 3; i++) {
		struct affinity_row *row = &tables->affinities[tables->affinity_count++];
		uint32_t chosen = random_below(random, count + 1);

		if (tables->affinity_count > TABLE_AFFINITIES)
			abort();
		row->key.client = world->clients[service->is_ipv6][i];
		row->key.service = service->service.id;
		row->backend = chosen < count ? backends[chosen] : gone;
		row->age_s = random_below(random, 2) * service->service.affinity_timeout_s * 2;
	}
}

static void add_service(struct world *world, const struct kind *kind, int family, uint8_t protocol,
			enum vip vip_number, struct random *random)
{
	struct tables *tables = &world->tables;
	struct service_row *row = &tables->services[tables->service_count++];
	uint32_t backends[3];

	if (tables->service_count >= TABLE_SERVICES)
		abort();
	row->socket = (struct gw_socket){ .address = world_vip(family, vip_number),
					  .port = htons(kind->port),
					  .protocol = protocol };
	row->is_ipv6 = family;
	row->service = (struct gw_service){ .id = tables->service_count,
					    .mode = kind->mode,
					    .flags = kind->flags,
					    .tcp_mss = kind->mss,
					    .source_set = kind->source_set,
					    .flow_cost_ns = kind->cost_ns,
					    .affinity_timeout_s = kind->affinity_s };
	if (kind->backends == 0)
		return;
	if (kind->backends != OF_NOBODY)
		for (uint32_t i = 0; i < kind->backends; i++)
			backends[i] = add_backend(tables, row, kind, i);
	add_slots(tables, &row->service, backends, kind->backends, random);
	if (kind->owners != UNCHANGED)
		change_owners(world, row, kind, backends, kind->backends, random);
	if (kind->flags & AFFINITY)
		add_affinities(world, row, backends, kind->backends, random);
}

void world_add_services(struct world *world, struct random *random)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

	world->tables.backend_count = 1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (int variant = 0; variant < 4 * VIPS; variant++) {
			uint8_t vips = kinds[i].vips ? kinds[i].vips : 1 << VIP_MAIN;

			if (vips & 1 << variant / 4)
				add_service(world, &kinds[i], variant & 1,
					    protocols[variant >> 1 & 1], variant / 4, random);
		}
}

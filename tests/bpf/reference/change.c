// SPDX-License-Identifier: BSD-2-Clause
/* change.c - one entry, one field, mostly one bit. */
#include <stddef.h>
#include <stdlib.h>

#include <arpa/inet.h>

#include "reference/change.h"

/* The first service in the mode that has all the flags. */
static struct gw_service *service_in(struct tables *tables, uint8_t mode, uint8_t flags)
{
	for (uint32_t i = 0; i < tables->service_count; i++) {
		struct gw_service *service = &tables->services[i].service;

		if (service->mode == mode && service->slot_count &&
		    (service->flags & flags) == flags)
			return service;
	}
	abort();
}

static struct gw_slot *slot_of(struct tables *tables, uint8_t mode)
{
	return &tables->slots[service_in(tables, mode, 0)->slot_offset + 3];
}

static struct gw_backend *backend_of(struct tables *tables, uint8_t mode)
{
	return &tables->backends[slot_of(tables, mode)->owner];
}

static void change_key(struct tables *tables)
{
	tables->config.hash_key[2] ^= 1ULL << 33;
}

static void change_port_range(struct tables *tables)
{
	tables->config.nat_port_count--;
}

static void change_encap_mask(struct tables *tables)
{
	tables->config.encap_mask[1] = htonl(0x7fff);
}

static void change_local_address(struct tables *tables)
{
	for (uint32_t i = 0; i < tables->address_count; i++)
		tables->addresses[i].flags &= ~GW_ADDRESS_LOCAL;
}

static void change_mode(struct tables *tables)
{
	service_in(tables, GW_MODE_IPIP, 0)->mode = GW_MODE_L2;
}

static void change_mss(struct tables *tables)
{
	for (uint32_t i = 0; i < tables->service_count; i++)
		if (tables->services[i].service.tcp_mss == 1300)
			tables->services[i].service.tcp_mss++;
}

static void change_policy(struct tables *tables)
{
	service_in(tables, GW_MODE_SNAT, GW_SERVICE_SOURCES)->flags &= ~GW_SERVICE_SOURCES;
}

static void change_record(struct tables *tables)
{
	service_in(tables, GW_MODE_DNAT, GW_SERVICE_RECORD)->flags &= ~GW_SERVICE_RECORD;
}

static void change_affinity(struct tables *tables)
{
	tables->affinity_count = 0;
}

/* Only a counter tells. */
static void change_service_id(struct tables *tables)
{
	service_in(tables, GW_MODE_L2, 0)->id = 0;
}

static void change_slot(struct tables *tables)
{
	slot_of(tables, GW_MODE_GUE)->owner ^= 1;
}

static void change_backend_port(struct tables *tables)
{
	backend_of(tables, GW_MODE_SNAT)->port ^= htons(1);
}

static void change_next_hop(struct tables *tables)
{
	tables->next_hops[backend_of(tables, GW_MODE_L2)->next_hop].dst_mac[5] ^= 1;
}

static void change_mtu(struct tables *tables)
{
	for (uint32_t i = 0; i < tables->next_hop_count; i++)
		tables->next_hops[i].mtu--;
}

static void change_gateway(struct tables *tables)
{
	tables->gateways[0].word[3] ^= htonl(1);
}

static void change_reply(struct tables *tables)
{
	tables->replies[0].reply.port ^= htons(1);
}

static void change_source(struct tables *tables)
{
	tables->sources[0].bits++;
}

static void change_device(struct tables *tables)
{
	tables->devices[0].device.mac[5] ^= 1;
}

static void change_neighbour(struct tables *tables)
{
	tables->neighbours[0].mac[0] ^= 4;
}

/* The first service whose owners are changing. */
static struct gw_service *changing_service(struct tables *tables)
{
	for (uint32_t i = 0; i < tables->service_count; i++) {
		struct gw_service *service = &tables->services[i].service;

		if (service->base_offset != service->slot_offset)
			return service;
	}
	abort();
}

static void change_base(struct tables *tables)
{
	struct gw_service *service = changing_service(tables);

	service->base_offset = service->slot_offset;
	service->base_count = service->slot_count;
}

static void change_tracking(struct tables *tables)
{
	const struct gw_service *service = changing_service(tables);

	for (uint32_t i = 0; i < service->slot_count; i++)
		tables->slots[service->slot_offset + i].owner &= ~GW_SLOT_TRACK;
}

static void change_draining(struct tables *tables)
{
	for (uint32_t i = 0; i < tables->backend_count; i++)
		tables->backends[i].flags &= ~GW_BACKEND_DRAINING;
}

static void change_idle(struct tables *tables)
{
	tables->config.tcp_idle -= 150;
}

static void change_record_ages(struct tables *tables)
{
	for (uint32_t i = 0; i < tables->record_count; i++)
		tables->records[i].age++;
}

const struct change changes[] = {
	{ "a bit of the hash key", change_key },
	{ "a port less for snat", change_port_range },
	{ "a bit less for sources of encapsulation", change_encap_mask },
	{ "no local address", change_local_address },
	{ "another mode", change_mode },
	{ "another maximum segment size", change_mss },
	{ "a service for all sources", change_policy },
	{ "flows not recorded", change_record },
	{ "clients forgotten", change_affinity },
	{ "another number of a service", change_service_id },
	{ "another backend in one slot", change_slot },
	{ "another port of a backend", change_backend_port },
	{ "another MAC address of a next hop", change_next_hop },
	{ "a byte less for all next hops", change_mtu },
	{ "another gateway address", change_gateway },
	{ "another port in replies", change_reply },
	{ "a narrower range of sources", change_source },
	{ "another MAC address of a device", change_device },
	{ "another neighbour", change_neighbour },
	{ "no base table", change_base },
	{ "no slot tracked", change_tracking },
	{ "no backend draining", change_draining },
	{ "a shorter idle time", change_idle },
	{ "recorded flows that are older", change_record_ages },
};

const size_t change_count = sizeof(changes) / sizeof(changes[0]);

// SPDX-License-Identifier: BSD-2-Clause
/* world.c - writes the tables. */
#include "reference/world.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <guideway/address_filter.h>

/* Numbers of the next hops, of each family: IPv6's come behind those of IPv4. */
enum hop {
	HOP_PLAIN = 1, /* three gateways */
	HOP_TAGGED,    /* one gateway, one tag */
	HOP_TAGGED_TWICE,
	HOP_BACK, /* where the clients are */
	HOP_NARROW,
	HOP_WIDE,
	HOP_UNRESOLVED,
	HOP_BARE, /* no gateway address, no source */
	HOP_KINDS,
};

enum vip {
	VIP_MAIN,
	VIP_LOCAL,   /* the host has it too */
	VIP_GATEWAY, /* also a source for snat */
	VIP_EMPTY,   /* nobody serves it */
	VIPS,
};

/* A service of each kind is made for both families and both protocols. */
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
};

#define ALL_VIPS (1 << VIP_MAIN | 1 << VIP_LOCAL | 1 << VIP_GATEWAY)
#define DROPS GW_SERVICE_DROP
#define AFFINITY GW_SERVICE_AFFINITY
#define SOURCES GW_SERVICE_SOURCES
#define RECORD GW_SERVICE_RECORD

enum {
	MODE_UNKNOWN = 9,
	PORT_FIRST = 20000,
	NEVER_NS = 2000000000,
	OF_NOBODY = 0xff, /* backends: slots with numbers of none */
};

static const struct kind kinds[] = {
	{ 80, GW_MODE_SNAT, .backends = 3, .vips = ALL_VIPS },
	{ 81, GW_MODE_SNAT, .backends = 3, .shares = true },
	{ 82, GW_MODE_SNAT, .backends = 1, .hop = HOP_BACK },
	{ 83, GW_MODE_SNAT, .backends = 1, .hop = HOP_NARROW },
	{ 84, GW_MODE_SNAT, .backends = 2, .hop = HOP_UNRESOLVED },
	{ 85, GW_MODE_SNAT, .backends = 1, .hop = HOP_BARE },
	{ 86, GW_MODE_SNAT, SOURCES, 2, .source_set = 1 },
	{ 87, GW_MODE_SNAT, AFFINITY, 3, .affinity_s = 10800 },
	{ 88, GW_MODE_SNAT, .backends = 2, .mss = 1200 },
	{ 89, GW_MODE_SNAT, .backends = 1, .hop = HOP_WIDE },
	{ 90, GW_MODE_SNAT, .backends = 1, .cost_ns = NEVER_NS },
	{ 91, GW_MODE_SNAT, .backends = 1, .cost_ns = 1 },
	{ 100, GW_MODE_DNAT, .backends = 3, .vips = ALL_VIPS },
	{ 101, GW_MODE_DNAT, RECORD, 2, .vips = ALL_VIPS },
	{ 102, GW_MODE_DNAT, RECORD, 2, .shares = true },
	{ 103, GW_MODE_DNAT, AFFINITY, 3, .affinity_s = 1 },
	{ 104, GW_MODE_DNAT, SOURCES, 2, .source_set = 2 },
	{ 105, GW_MODE_DNAT, .backends = 1, .hop = HOP_NARROW },
	{ 106, GW_MODE_DNAT, .backends = 2, .mss = 536 },
	{ 107, GW_MODE_DNAT, RECORD, 1, .cost_ns = NEVER_NS },
	{ 108, GW_MODE_DNAT, RECORD | AFFINITY, 2, .mss = 1000, .affinity_s = 60 },
	{ 110, GW_MODE_L2, .backends = 3, .vips = ALL_VIPS },
	{ 111, GW_MODE_L2, .backends = 2, .mss = 1300 },
	{ 112, GW_MODE_L2, SOURCES | AFFINITY, 3, .source_set = 1, .affinity_s = 10 },
	{ 113, GW_MODE_L2, .backends = 1, .hop = HOP_NARROW },
	{ 120, GW_MODE_IPIP, .backends = 3, .vips = ALL_VIPS },
	{ 121, GW_MODE_IPIP, .backends = 3, .is_cross = true },
	{ 122, GW_MODE_IPIP, AFFINITY, 3, .is_cross = true, .mss = 1100, .affinity_s = 300 },
	{ 123, GW_MODE_IPIP, .backends = 1, .hop = HOP_BARE },
	{ 124, GW_MODE_IPIP, SOURCES, 1, .hop = HOP_NARROW, .source_set = 2 },
	{ 130, GW_MODE_GUE, .backends = 3, .vips = ALL_VIPS },
	{ 131, GW_MODE_GUE, .backends = 3, .is_cross = true },
	{ 132, GW_MODE_GUE, .backends = 1, .mss = 900, .cost_ns = 1 },
	{ 133, GW_MODE_GUE, .backends = 1, .hop = HOP_BARE, .is_cross = true },
	{ 134, GW_MODE_GUE, .backends = 1, .hop = HOP_NARROW, .is_cross = true },
	{ 135, GW_MODE_GUE, .backends = 1, .hop = HOP_WIDE },
	{ 140, GW_MODE_SNAT, .backends = 0, .vips = ALL_VIPS },
	{ 141, GW_MODE_SNAT, DROPS, .backends = 0 },
	{ 142, MODE_UNKNOWN, .backends = 1 },
	{ 143, GW_MODE_L2, .backends = OF_NOBODY },
	{ PORT_FIRST + 3, GW_MODE_SNAT, .backends = 2, .vips = ALL_VIPS },
};

static struct gw_addr address(const char *text)
{
	struct gw_addr address = { { 0, 0, htonl(0xffff), 0 } };
	int r;

	if (strchr(text, ':'))
		r = inet_pton(AF_INET6, text, &address);
	else
		r = inet_pton(AF_INET, text, &address.word[3]);
	if (r != 1)
		abort();
	return address;
}

static struct gw_addr __attribute__((format(printf, 1, 2))) addressf(const char *format, ...)
{
	char text[64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return address(text);
}

static struct gw_addr vip(int family, enum vip number)
{
	return family ? addressf("2001:db8:1::%x", number + 1) : addressf("192.0.2.%u", number + 1);
}

static void add_address(struct tables *tables, struct gw_addr addr, uint32_t flags)
{
	struct address_row *row = tables->addresses;

	while (row < tables->addresses + tables->address_count &&
	       !addresses_equal(&row->address, &addr))
		row++;
	if (row == tables->addresses + tables->address_count) {
		if (tables->address_count++ == TABLE_ADDRESSES)
			abort();
		row->address = addr;
	}
	row->flags |= flags;
}

static void add_gateway(struct tables *tables, struct gw_addr addr)
{
	tables->gateways[tables->gateway_count++] = addr;
	add_address(tables, addr, GW_ADDRESS_GATEWAY);
}

static void add_vips_and_gateways(struct tables *tables)
{
	for (int family = 0; family < 2; family++) {
		for (int i = 0; i < VIPS; i++)
			add_address(tables, vip(family, i),
				    GW_ADDRESS_VIP | (i == VIP_LOCAL ? GW_ADDRESS_LOCAL : 0));
		for (int i = 0; i < 2; i++)
			add_gateway(tables, family ? addressf("fd00:1::fe%u", i)
						   : addressf("10.1.0.25%u", i));
		add_gateway(tables, vip(family, VIP_GATEWAY));
	}
}

static struct gw_next_hop next_hop(int family, enum hop kind)
{
	struct gw_next_hop hop = { .dst_mac = { 2, 0, 0, 1, family, kind },
				   .flags = GW_NEXT_HOP_RESOLVED,
				   .src_mac = { 2, 0, 0, 2, family, kind },
				   .ifindex = DEVICE_BACKENDS,
				   .mtu = 1500,
				   .gateway_first = 3 * family,
				   .gateway_count = 1,
				   .encap_source = address(family ? "fd00:ffff::" : "10.255.0.0") };

	hop.gateway_first += kind % 3;
	switch (kind) {
	case HOP_PLAIN:
		hop.gateway_first = 3 * family;
		hop.gateway_count = 3;
		break;
	case HOP_TAGGED_TWICE:
		hop.vlan[1] = (struct gw_vlan){ htons(0x8100), htons(0x2000 + 77) };
		hop.vlan[0] = (struct gw_vlan){ htons(0x88a8), htons(100) };
		break;
	case HOP_TAGGED:
		hop.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(42) };
		break;
	case HOP_BACK:
		hop.ifindex = DEVICE_CLIENTS;
		break;
	case HOP_NARROW:
		hop.mtu = family ? 1280 : 600;
		break;
	case HOP_WIDE:
		hop.mtu = 9000;
		break;
	case HOP_UNRESOLVED:
		hop.flags = 0;
		break;
	case HOP_BARE:
		hop.gateway_count = 0;
		hop.encap_source = (struct gw_addr){};
		break;
	default:
		break;
	}
	return hop;
}

static void add_next_hops(struct tables *tables)
{
	for (int family = 0; family < 2; family++)
		for (int kind = 1; kind < HOP_KINDS; kind++)
			tables->next_hops[family * HOP_KINDS + kind] = next_hop(family, kind);
	tables->next_hop_count = 2 * HOP_KINDS;
}

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
	add_address(tables, backend->address, GW_ADDRESS_BACKEND);
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
	backend->address = family ? addressf("fd00:%x::%x", kind->mode, number + 1)
				  : addressf("10.%u.0.%u", kind->mode, number + 1);
	backend->port =
		htons(8000 + port % 1000 + (ntohl(service->socket.address.word[3]) & 3) * 1000);
	backend->flags = family ? 0 : GW_BACKEND_IPV4;
	backend->service = service->service.id;
	backend->next_hop = family * HOP_KINDS + hop;
	if (kind->mode == GW_MODE_DNAT && !kind->shares)
		add_reply(tables, service, backend, id);
	return id;
}

static void add_slots(struct tables *tables, struct gw_service *service, const uint32_t *backends,
		      uint32_t count, struct random *random)
{
	static const uint32_t of_nobody[] = { GW_NONE, TABLE_BACKENDS, UINT32_MAX };

	service->slot_offset = tables->slot_count;
	service->slot_count = 7;
	tables->slot_count += service->slot_count;
	if (tables->slot_count > TABLE_SLOTS)
		abort();
	for (uint32_t i = 0; i < service->slot_count; i++) {
		struct gw_slot *slot = &tables->slots[service->slot_offset + i];

		slot->current = count == OF_NOBODY ? of_nobody[i % 3]
						   : backends[random_below(random, count)];
		slot->base = slot->current;
	}
}

/* A client known before: on any backend of the service's, also one that left since. */
static void add_affinities(struct world *world, const struct service_row *service,
			   const uint32_t *backends, uint32_t count, struct random *random)
{
	static const struct kind left = { .mode = GW_MODE_L2 };
	struct tables *tables = &world->tables;
	uint32_t gone = add_backend(tables, service, &left, count);

	tables->backends[gone].service = 0;
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
	row->socket = (struct gw_socket){ .address = vip(family, vip_number),
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
	if (kind->flags & AFFINITY)
		add_affinities(world, row, backends, kind->backends, random);
}

static void add_services(struct world *world, struct random *random)
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

static void add_source(struct tables *tables, uint32_t set, struct gw_addr prefix, uint32_t bits)
{
	tables->sources[tables->source_count++] =
		(struct source_row){ .set = set, .prefix = prefix, .bits = bits };
}

static void add_sources(struct tables *tables)
{
	add_source(tables, 1, address("198.51.100.0"), 96 + 30);
	add_source(tables, 1, address("198.51.102.0"), 96 + 23);
	add_source(tables, 1, address("2001:db8:2::"), 126);
	add_source(tables, 1, address("2001:db8:2:2::"), 63);
	add_source(tables, 2, address("198.51.100.2"), 96 + 32);
	add_source(tables, 2, address("198.0.0.0"), 96 + 8);
	add_source(tables, 2, address("2001:db8:2::2"), 128);
	add_source(tables, 2, address("2001:db8:2:4::"), 62);
}

/* The nets that clients are in, by number. */
enum net {
	NET_NEAR, /* with neighbours */
	NET_UNRESOLVED,
	NET_UNROUTED,
	NET_UNREACHABLE,
	NET_BLACKHOLE,
	NET_FOREIGN,
	NET_NARROW,
	NET_PROHIBITED,
};

static struct gw_addr client_net(int family, uint32_t net)
{
	return family ? addressf("2001:db8:2:%x::", net) : addressf("198.51.%u.0", 100 + net);
}

static struct gw_addr client_address(int family, uint32_t net, uint32_t number)
{
	return family ? addressf("2001:db8:2:%x::%x", net, number)
		      : addressf("198.51.%u.%u", 100 + net, number);
}

static void add_route(struct tables *tables, int family, enum net net)
{
	struct route_row *row = &tables->routes[tables->route_count++];

	row->prefix = client_net(family, net);
	row->bits = family ? 64 : 96 + 24;
	row->kind = ROUTE_TO_DEVICE;
	row->ifindex = net == NET_FOREIGN ? DEVICE_FOREIGN : DEVICE_CLIENTS;
	if (net == NET_NARROW)
		row->mtu = family ? 1280 : 600;
	if (net != NET_UNREACHABLE && net != NET_BLACKHOLE && net != NET_PROHIBITED)
		return;
	row->kind = ROUTE_REFUSED;
	row->word = net == NET_UNREACHABLE ? "unreachable"
		    : net == NET_BLACKHOLE ? "blackhole"
					   : "prohibit";
}

static void add_neighbour(struct tables *tables, struct gw_addr addr, enum net net, uint32_t number)
{
	tables->neighbours[tables->neighbour_count++] = (struct neighbour_row){
		.address = addr,
		.ifindex = net == NET_FOREIGN ? DEVICE_FOREIGN : DEVICE_CLIENTS,
		.mac = { 2, 0, 0, 3, net, number },
	};
}

static void add_network(struct world *world)
{
	struct tables *tables = &world->tables;

	for (int family = 0; family < 2; family++)
		for (uint32_t net = 0; net < CLIENT_NETS; net++) {
			if (net != NET_UNROUTED)
				add_route(tables, family, net);
			for (uint32_t i = 1; i <= CLIENTS_PER_NET; i++) {
				struct gw_addr client = client_address(family, net, i);

				world->clients[family][net * CLIENTS_PER_NET + i - 1] = client;
				if (net == NET_NEAR || net == NET_FOREIGN || net == NET_NARROW)
					add_neighbour(tables, client, net, i);
			}
		}
}

/* Another address in the filter's cell of addr. */
static struct gw_addr filter_twin(int family, const struct gw_addr *addr)
{
	struct gw_addr twin = address(family ? "2001:db8:99::" : "100.64.0.0");
	uint32_t first = ntohl(twin.word[3]), cell = gw_filter_cell(addr);

	for (uint32_t i = 1; i < 1 << 22; i++) {
		twin.word[3] = htonl(first + i);
		if (gw_filter_cell(&twin) == cell)
			return twin;
	}
	abort();
}

/* The filter must decide nothing: clients that it takes for a gateway and for a VIP. */
static void add_filter_twins(struct world *world)
{
	for (int family = 0; family < 2; family++) {
		struct gw_addr gateway = world->tables.gateways[3 * family];
		struct gw_addr main_vip = vip(family, VIP_MAIN);

		world->clients[family][CLIENTS - 2] = filter_twin(family, &gateway);
		world->clients[family][CLIENTS - 1] = filter_twin(family, &main_vip);
	}
}

static void add_devices(struct tables *tables)
{
	for (uint32_t i = DEVICE_CLIENTS; i <= DEVICE_HOST; i++)
		tables->devices[tables->device_count++] = (struct device_row){
			.ifindex = i,
			.device = { .mac = { 2, 0, 0, 4, 0, i } },
			.address = { 2, 0, 0, 4, 0, i },
			.is_ours = i != DEVICE_FOREIGN,
			.forwards = i != DEVICE_HOST,
		};
}

void world_make(struct world *world, struct random *random, bool answers)
{
	struct gw_config *config = &world->tables.config;

	memset(world, 0, sizeof(*world));
	for (int i = 0; i < GW_HASH_KEY_WORDS; i++)
		config->hash_key[i] = random_next(random);
	config->nat_port_first = PORT_FIRST;
	config->nat_port_count = 64;
	config->answers_per_second = answers ? 65535 : 0;
	config->answer_neighbours = answers;
	config->redirect_always = !answers;
	config->encap_mask[0] = htonl(0xffffffff);
	config->encap_mask[1] = htonl(0xffff);
	for (int i = 0; i < PORTS; i++)
		world->client_ports[i] = i < 4 ? PORT_FIRST + 7 * i : 1024 + 5000 * i;
	add_vips_and_gateways(&world->tables);
	add_next_hops(&world->tables);
	add_sources(&world->tables);
	add_devices(&world->tables);
	add_network(world);
	add_filter_twins(world);
	add_services(world, random);
}

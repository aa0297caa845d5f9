// SPDX-License-Identifier: BSD-2-Clause
/* world.c - writes the tables, but for the services. */
#include "reference/world_parts.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <guideway/address_filter.h>

struct gw_addr world_address(const char *text)
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

struct gw_addr world_addressf(const char *format, ...)
{
	char text[64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return world_address(text);
}

struct gw_addr world_vip(int family, enum vip number)
{
	return family ? world_addressf("2001:db8:1::%x", number + 1)
		      : world_addressf("192.0.2.%u", number + 1);
}

void world_add_address(struct tables *tables, struct gw_addr addr, uint32_t flags)
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
	world_add_address(tables, addr, GW_ADDRESS_GATEWAY);
}

static void add_vips_and_gateways(struct tables *tables)
{
	for (int family = 0; family < 2; family++) {
		for (int i = 0; i < VIPS; i++)
			world_add_address(tables, world_vip(family, i),
					  GW_ADDRESS_VIP | (i == VIP_LOCAL ? GW_ADDRESS_LOCAL : 0));
		for (int i = 0; i < 2; i++)
			add_gateway(tables, family ? world_addressf("fd00:1::fe%u", i)
						   : world_addressf("10.1.0.25%u", i));
		add_gateway(tables, world_vip(family, VIP_GATEWAY));
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
				   .encap_source =
					   world_address(family ? "fd00:ffff::" : "10.255.0.0") };

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

static void add_source(struct tables *tables, uint32_t set, struct gw_addr prefix, uint32_t bits)
{
	tables->sources[tables->source_count++] =
		(struct source_row){ .set = set, .prefix = prefix, .bits = bits };
}

static void add_sources(struct tables *tables)
{
	add_source(tables, 1, world_address("198.51.100.0"), 96 + 30);
	add_source(tables, 1, world_address("198.51.102.0"), 96 + 23);
	add_source(tables, 1, world_address("2001:db8:2::"), 126);
	add_source(tables, 1, world_address("2001:db8:2:2::"), 63);
	add_source(tables, 2, world_address("198.51.100.2"), 96 + 32);
	add_source(tables, 2, world_address("198.0.0.0"), 96 + 8);
	add_source(tables, 2, world_address("2001:db8:2::2"), 128);
	add_source(tables, 2, world_address("2001:db8:2:4::"), 62);
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
	return family ? world_addressf("2001:db8:2:%x::", net)
		      : world_addressf("198.51.%u.0", 100 + net);
}

static struct gw_addr client_address(int family, uint32_t net, uint32_t number)
{
	return family ? world_addressf("2001:db8:2:%x::%x", net, number)
		      : world_addressf("198.51.%u.%u", 100 + net, number);
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
	struct gw_addr twin = world_address(family ? "2001:db8:99::" : "100.64.0.0");
	uint32_t first = ntohl(twin.word[3]), cell = gw_filter_cell(addr);

	for (uint32_t i = 1; i < 1 << 22; i++) {
		twin.word[3] = htonl(first + i);
		if (gw_filter_cell(&twin) == cell)
			return twin;
	}
	abort();
}

/*
 * The filter must decide nothing: clients that it takes for a gateway and for a VIP. And one
 * that claims a gateway's address, and one with an address of its link alone.
 */
static void add_odd_clients(struct world *world)
{
	for (int family = 0; family < 2; family++) {
		struct gw_addr gateway = world->tables.gateways[3 * family];
		struct gw_addr main_vip = world_vip(family, VIP_MAIN);

		world->clients[family][CLIENTS - 4] =
			world_address(family ? "fe80::7" : "169.254.0.7");
		world->clients[family][CLIENTS - 3] = gateway;
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
	config->nat_port_first = WORLD_PORT_FIRST;
	config->nat_port_count = 64;
	config->answers_per_second = answers ? 65535 : 0;
	config->answer_neighbours = answers;
	config->redirect_always = !answers;
	config->flow_bucket_mask = TABLE_FLOW_BUCKETS - 1;
	config->tcp_idle = 225;
	config->udp_idle = 15;
	config->encap_mask[0] = htonl(0xffffffff);
	config->encap_mask[1] = htonl(0xffff);
	for (int i = 0; i < PORTS; i++)
		world->client_ports[i] = i < 4 ? WORLD_PORT_FIRST + 7 * i : 1024 + 5000 * i;
	add_vips_and_gateways(&world->tables);
	add_next_hops(&world->tables);
	add_sources(&world->tables);
	add_devices(&world->tables);
	add_network(world);
	add_odd_clients(world);
	world_add_services(world, random);
}

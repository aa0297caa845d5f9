// SPDX-License-Identifier: BSD-2-Clause
/* tables.c - looking into the tables, from the first row to the last. */
#include "reference/tables.h"

#include <arpa/inet.h>
#include <string.h>

bool address_is_in(const struct gw_addr *address, const struct gw_addr *prefix, uint32_t bits)
{
	const uint8_t *a = (const uint8_t *)address, *p = (const uint8_t *)prefix;

	if (memcmp(a, p, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ p[bits / 8]) >> (8 - bits % 8)) == 0;
}

uint32_t tables_address_flags(const struct tables *tables, const struct gw_addr *address)
{
	for (uint32_t i = 0; i < tables->address_count; i++)
		if (addresses_equal(&tables->addresses[i].address, address))
			return tables->addresses[i].flags;
	return 0;
}

static bool sockets_equal(const struct gw_socket *a, const struct gw_socket *b)
{
	return a->port == b->port && a->protocol == b->protocol &&
	       addresses_equal(&a->address, &b->address);
}

const struct gw_service *tables_service(const struct tables *tables, bool is_ipv6,
					const struct gw_socket *socket)
{
	for (uint32_t i = 0; i < tables->service_count; i++)
		if (sockets_equal(&tables->services[i].socket, socket) &&
		    tables->services[i].is_ipv6 == is_ipv6)
			return &tables->services[i].service;
	return NULL;
}

const struct gw_reply *tables_reply(const struct tables *tables, bool is_ipv6,
				    const struct gw_socket *socket)
{
	for (uint32_t i = 0; i < tables->reply_count; i++)
		if (sockets_equal(&tables->replies[i].socket, socket) &&
		    tables->replies[i].is_ipv6 == is_ipv6)
			return &tables->replies[i].reply;
	return NULL;
}

static const struct device_row *find_device(const struct tables *tables, uint32_t ifindex)
{
	for (uint32_t i = 0; i < tables->device_count; i++)
		if (tables->devices[i].ifindex == ifindex)
			return &tables->devices[i];
	return NULL;
}

const struct gw_device *tables_device(const struct tables *tables, uint32_t ifindex)
{
	const struct device_row *row = find_device(tables, ifindex);

	return row && row->is_ours ? &row->device : NULL;
}

const struct gw_backend *tables_backend(const struct tables *tables, uint32_t id)
{
	return id != GW_NONE && id < TABLE_BACKENDS ? &tables->backends[id] : NULL;
}

const struct gw_next_hop *tables_next_hop(const struct tables *tables, uint32_t id)
{
	const struct gw_next_hop *hop;

	if (id == GW_NONE || id >= TABLE_NEXT_HOPS)
		return NULL;
	hop = &tables->next_hops[id];
	return hop->flags & GW_NEXT_HOP_RESOLVED ? hop : NULL;
}

bool tables_source_is_in(const struct tables *tables, uint32_t set, const struct gw_addr *source)
{
	for (uint32_t i = 0; i < tables->source_count; i++) {
		const struct source_row *row = &tables->sources[i];

		if (row->set == set && address_is_in(source, &row->prefix, row->bits))
			return true;
	}
	return false;
}

static const struct route_row *find_route(const struct tables *tables, const struct gw_addr *dst)
{
	const struct route_row *best = NULL;

	for (uint32_t i = 0; i < tables->route_count; i++) {
		const struct route_row *row = &tables->routes[i];

		if (address_is_in(dst, &row->prefix, row->bits) &&
		    (!best || row->bits > best->bits))
			best = row;
	}
	return best;
}

static const struct neighbour_row *find_neighbour(const struct tables *tables, uint32_t ifindex,
						  const struct gw_addr *address)
{
	for (uint32_t i = 0; i < tables->neighbour_count; i++)
		if (tables->neighbours[i].ifindex == ifindex &&
		    addresses_equal(&tables->neighbours[i].address, address))
			return &tables->neighbours[i];
	return NULL;
}

/* Multicast, of the link or of the host alone: the kernel forwards no such in IPv6. */
static bool stays_on_link(const struct gw_addr *dst)
{
	uint32_t first = ntohl(dst->word[0]);

	return first >> 24 == 0xff || (first & 0xffc00000) == 0xfe800000 ||
	       (!dst->word[0] && !dst->word[1] && !dst->word[2] && dst->word[3] == htonl(1));
}

/* In the order in which the kernel looks at these. */
enum route_result tables_route(const struct tables *tables, uint32_t ingress,
			       const struct gw_addr *dst, uint32_t ip_bytes,
			       struct route *ret_route)
{
	const struct device_row *in = find_device(tables, ingress), *out;
	const struct neighbour_row *neighbour;
	const struct route_row *row;

	if (stays_on_link(dst))
		return ROUTE_PASSED;
	if (!in || !in->forwards)
		return ROUTE_NONE;
	row = find_route(tables, dst);
	if (!row)
		return ROUTE_PASSED;
	if (row->kind == ROUTE_REFUSED)
		return ROUTE_NONE;
	ret_route->ifindex = row->ifindex;
	ret_route->mtu = row->mtu;
	if (row->mtu && ip_bytes > row->mtu)
		return ROUTE_TOO_BIG;
	neighbour = find_neighbour(tables, row->ifindex, dst);
	out = find_device(tables, row->ifindex);
	if (!neighbour || !out)
		return ROUTE_PASSED;
	memcpy(ret_route->dst_mac, neighbour->mac, 6);
	memcpy(ret_route->src_mac, out->address, 6);
	return ROUTE_FOUND;
}

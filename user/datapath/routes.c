/* SPDX-License-Identifier: BSD-2-Clause */
/* routes.c - owns the list of addresses, how each is reached and which backends have it. */
#include "datapath/internal.h"

#include <string.h>

#include "lib/sorted.h"

/* The index of the address, or where it would stand. */
static size_t position(const struct datapath *datapath, const struct address *address)
{
	return sorted_position(address, datapath->routes, datapath->route_count,
			       sizeof(*datapath->routes), address_compare_first);
}

static bool stands_at(const struct datapath *datapath, const struct address *address, size_t at)
{
	return at < datapath->route_count &&
	       address_compare(&datapath->routes[at].address, address) == 0;
}

struct route *routes_get(struct datapath *datapath, const struct address *address)
{
	size_t at = position(datapath, address);

	if (stands_at(datapath, address, at))
		return &datapath->routes[at];
	if (array_reserve((void **)&datapath->routes, &datapath->route_room,
			  datapath->route_count + 1, sizeof(*datapath->routes)) < 0)
		return NULL;
	memmove(&datapath->routes[at + 1], &datapath->routes[at],
		(datapath->route_count - at) * sizeof(*datapath->routes));
	datapath->routes[at] = (struct route){ .address = *address };
	datapath->route_count++;
	return &datapath->routes[at];
}

void routes_link_backend(struct datapath *datapath, struct route *route, uint32_t id)
{
	struct backend_link *links = datapath->backend_links;

	links[id] = (struct backend_link){ .next = route->first_backend };
	if (route->first_backend != GW_NONE)
		links[route->first_backend].previous = id;
	route->first_backend = id;
}

void routes_unlink_backend(struct datapath *datapath, const struct address *address, uint32_t id)
{
	struct backend_link *links = datapath->backend_links;
	size_t at = position(datapath, address);

	if (links[id].next != GW_NONE)
		links[links[id].next].previous = links[id].previous;
	if (links[id].previous != GW_NONE)
		links[links[id].previous].next = links[id].next;
	else if (stands_at(datapath, address, at))
		datapath->routes[at].first_backend = links[id].next;
	links[id] = (struct backend_link){ 0 };
}

void datapath_forget_next_hop(struct datapath *datapath, const struct address *backend)
{
	size_t at = position(datapath, backend);

	if (!stands_at(datapath, backend, at) || datapath->routes[at].first_backend != GW_NONE)
		return;
	next_hops_unref(datapath, datapath->routes[at].next_hop);
	datapath->route_count--;
	memmove(&datapath->routes[at], &datapath->routes[at + 1],
		(datapath->route_count - at) * sizeof(*datapath->routes));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* backends.c - owns the entries of the map backends and their counters. */
#include "datapath/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/libbpf.h>

#include "datapath/ids.h"
#include "guideway.skel.h"
#include "lib/error.h"

void *map_whole(struct bpf_map *map)
{
	size_t bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return mapped == MAP_FAILED ? NULL : mapped;
}

int backends_map(struct datapath *datapath, struct error *error)
{
	datapath->backends = map_whole(datapath->skeleton->maps.backends);
	datapath->next_hops = map_whole(datapath->skeleton->maps.next_hops);
	if (!datapath->backends || !datapath->next_hops)
		return error_set(error, -errno, "maps backends and next_hops: cannot map them: %s",
				 strerror(errno));
	return 0;
}

void backends_unmap(struct datapath *datapath)
{
	if (datapath->backends)
		(void)munmap(datapath->backends, GW_BACKEND_MAX * sizeof(struct gw_backend));
	if (datapath->next_hops)
		(void)munmap(datapath->next_hops, GW_NEXT_HOP_MAX * sizeof(struct gw_next_hop));
}

void backends_set_next_hop(struct datapath *datapath, uint32_t id, uint32_t next_hop)
{
	uint32_t *stored = &datapath->backends[id].next_hop;
	uint32_t before = *stored;

	if (before == next_hop)
		return;
	next_hops_ref(datapath, next_hop);
	__atomic_store_n(stored, next_hop, __ATOMIC_RELEASE);
	next_hops_unref(datapath, before);
}

void backends_set_draining(struct datapath *datapath, uint32_t id, bool is_draining)
{
	struct gw_backend *entry = &datapath->backends[id];
	uint16_t flags = (uint16_t)((entry->flags & ~GW_BACKEND_DRAINING) |
				    (is_draining ? GW_BACKEND_DRAINING : 0));

	if (entry->flags != flags)
		__atomic_store_n(&entry->flags, flags, __ATOMIC_RELAXED);
}

static void store_service(struct gw_backend *entry, uint32_t service)
{
	if (entry->service != service)
		__atomic_store_n(&entry->service, service, __ATOMIC_RELEASE);
}

int backends_place(struct datapath *datapath, const struct backend *backend, uint32_t service,
		   uint32_t *ret_id)
{
	struct route *route = routes_get(datapath, &backend->address);
	struct gw_backend *entry;
	uint32_t id;

	if (!route)
		return -ENOMEM;
	id = ids_take(datapath->backend_ids);
	if (id == 0)
		return -ENOSPC;
	/* Nothing points here yet: the table that does is written afterwards. */
	entry = &datapath->backends[id];
	*entry = (struct gw_backend){
		.port = htons(backend->port),
		.flags = address_is_ipv4(&backend->address) ? GW_BACKEND_IPV4 : 0,
	};
	abi_address(&backend->address, &entry->address);
	counters_begin_backend(datapath, id);
	routes_link_backend(datapath, route, id);
	backends_set_next_hop(datapath, id, route->next_hop);
	store_service(entry, service);
	*ret_id = id;
	return 0;
}

void backends_release(struct datapath *datapath, uint32_t id)
{
	struct gw_backend *entry = &datapath->backends[id];
	uint32_t service = entry->service;
	struct address address;

	/* Its clients' affinity ends; the rest stays for programs that still hold the id. */
	store_service(entry, GW_NONE);
	counters_end_backend(datapath, service, id);
	address_from_abi(&entry->address, &address);
	routes_unlink_backend(datapath, &address, id);
	next_hops_unref(datapath, entry->next_hop);
	ids_give(datapath->backend_ids, id);
}

int backends_adopt(struct datapath *datapath, uint32_t id, uint32_t service, struct backend *ret)
{
	struct gw_backend *entry = &datapath->backends[id];
	struct route *route;

	*ret = (struct backend){ .port = ntohs(entry->port) };
	address_from_abi(&entry->address, &ret->address);
	route = routes_get(datapath, &ret->address);
	if (!route)
		return -ENOMEM;
	ids_mark(datapath->backend_ids, id);
	routes_link_backend(datapath, route, id);
	if (entry->next_hop >= GW_NEXT_HOP_MAX)
		entry->next_hop = GW_NONE;
	if (entry->next_hop != GW_NONE)
		ids_mark(datapath->next_hop_ids, entry->next_hop);
	next_hops_ref(datapath, entry->next_hop);
	store_service(entry, service);
	return 0;
}

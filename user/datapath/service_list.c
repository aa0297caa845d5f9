/* SPDX-License-Identifier: BSD-2-Clause */
/* service_list.c - owns the sorted list of what is programmed. */
#include "datapath/internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/sorted.h"

static int compare_placed(const void *key, const void *item)
{
	const struct placed_service *placed = item;

	return service_key_compare(key, &placed->key);
}

/* The index of the service, or where it would stand. */
static size_t position(const struct datapath *datapath, const struct service_key *key)
{
	return sorted_position(key, datapath->services, datapath->service_count,
			       sizeof(*datapath->services), compare_placed);
}

struct placed_service *services_find(const struct datapath *datapath, const struct service_key *key)
{
	size_t at = position(datapath, key);

	if (at == datapath->service_count ||
	    service_key_compare(&datapath->services[at].key, key) != 0)
		return NULL;
	return &datapath->services[at];
}

int services_reserve(struct datapath *datapath)
{
	return array_reserve((void **)&datapath->services, &datapath->service_room,
			     datapath->service_count + 1, sizeof(*datapath->services));
}

void services_insert(struct datapath *datapath, const struct placed_service *service)
{
	size_t at = position(datapath, &service->key);

	memmove(&datapath->services[at + 1], &datapath->services[at],
		(datapath->service_count - at) * sizeof(*datapath->services));
	datapath->services[at] = *service;
	datapath->service_count++;
}

void services_erase(struct datapath *datapath, struct placed_service *placed)
{
	size_t at = (size_t)(placed - datapath->services);

	free(placed->backends);
	datapath->service_count--;
	memmove(placed, placed + 1, (datapath->service_count - at) * sizeof(*placed));
}

static int compare_placed_backend(const void *key, const void *item)
{
	const struct placed_backend *placed = item;

	return backend_compare(key, &placed->backend);
}

const struct placed_backend *services_find_backend(const struct placed_service *service,
						   const struct backend *backend)
{
	return service->backend_count ? bsearch(backend, service->backends, service->backend_count,
						sizeof(*service->backends), compare_placed_backend)
				      : NULL;
}

size_t datapath_services(struct datapath *datapath, const struct service_key **ret_keys)
{
	struct service_key *keys =
		realloc(datapath->keys, (datapath->service_count + 1) * sizeof(*keys));

	*ret_keys = datapath->keys;
	if (!keys)
		return 0;
	datapath->keys = keys;
	for (size_t i = 0; i < datapath->service_count; i++)
		keys[i] = datapath->services[i].key;
	*ret_keys = keys;
	return datapath->service_count;
}

void services_free(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->service_count; i++)
		free(datapath->services[i].backends);
	free(datapath->services);
	free(datapath->keys);
}

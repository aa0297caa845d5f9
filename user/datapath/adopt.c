/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * adopt.c - reads the services that an earlier agent left in the pinned maps, so that
 * what is right stays untouched and what is no longer wanted can be removed.
 *
 * A crash between two steps of a change leaves slots and backends that no service
 * points to: they are free here, since only what is pointed to is taken over.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "datapath/ids.h"
#include "datapath/regions.h"
#include "guideway.skel.h"
#include "lib/error.h"

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int compare_placed(const void *a, const void *b)
{
	const struct placed_backend *left = a, *right = b;

	return backend_compare(&left->backend, &right->backend);
}

/* The ids in a table, each once, sorted; returns how many, or a negative errno. */
static int read_ids(const struct datapath *datapath, const struct gw_service *entry,
		    uint32_t **ret_ids, struct error *error)
{
	const struct gw_slot *slots;
	uint32_t *ids = calloc((size_t)entry->slot_count + 1, sizeof(*ids));
	int count = 0;
	int r;

	if (!ids)
		return error_set(error, -ENOMEM, "no memory for a table");
	*ret_ids = ids;
	if (entry->slot_count == 0)
		return 0;
	r = slots_open(datapath, entry->slot_offset, entry->slot_count, &slots, error);
	if (r < 0)
		return r;
	for (uint32_t slot = 0; slot < entry->slot_count; slot++)
		ids[slot] = slots[slot].current;
	slots_close(slots, entry->slot_count);
	qsort(ids, entry->slot_count, sizeof(*ids), compare_ids);
	for (uint32_t slot = 0; slot < entry->slot_count; slot++)
		if (count == 0 || ids[slot] != ids[count - 1])
			ids[count++] = ids[slot];
	return count;
}

static int adopt_backends(struct datapath *datapath, struct placed_service *placed,
			  struct error *error)
{
	uint32_t *ids = NULL;
	int count = read_ids(datapath, &placed->entry, &ids, error);
	int r = count < 0 ? count : 0;

	if (r == 0) {
		placed->backends = calloc((size_t)count + 1, sizeof(*placed->backends));
		if (!placed->backends)
			r = error_set(error, -ENOMEM, "no memory for backends");
	}
	for (int i = 0; r == 0 && i < count; i++) {
		struct placed_backend *backend = &placed->backends[i];

		backend->id = ids[i];
		if (ids[i] == GW_NONE || ids[i] >= GW_BACKEND_MAX)
			r = error_set(error, -EBADMSG, "a slot names backend %u", ids[i]);
		else
			r = backends_adopt(datapath, ids[i], &backend->backend);
		placed->backend_count++;
	}
	free(ids);
	if (r == 0)
		qsort(placed->backends, placed->backend_count, sizeof(*placed->backends),
		      compare_placed);
	return r;
}

static bool entry_is_sane(const struct datapath *datapath, const struct gw_service *entry)
{
	return entry->id != 0 && entry->id < GW_SERVICE_MAX &&
	       entry->slot_count <= datapath->slot_max &&
	       entry->slot_offset <= datapath->slot_max - entry->slot_count;
}

static int adopt_service(struct datapath *datapath, const struct gw_service_key *key,
			 const struct gw_service *entry, struct error *error)
{
	struct placed_service placed = {
		.entry = *entry,
		.mode = FORWARDING_MODE_SNAT,
		.fallback = entry->flags & GW_SERVICE_DROP ? SERVICE_DROP : SERVICE_REJECT,
	};
	char text[SERVICE_KEY_TEXT_SIZE];
	int r = entry_is_sane(datapath, entry) ? 0
					       : error_set(error, -EBADMSG, "its entry is damaged");

	service_key_from_abi(key, &placed.key);
	if (r == 0 && entry->slot_count) {
		r = regions_mark(datapath->regions, entry->slot_offset, entry->slot_count);
		if (r < 0)
			r = error_set(error, r, "its table overlaps another one");
	}
	if (r == 0)
		r = adopt_backends(datapath, &placed, error);
	if (r == 0 && services_reserve(datapath) < 0)
		r = error_set(error, -ENOMEM, "no memory for a service");
	if (r < 0) {
		free(placed.backends);
		(void)error_prefix(error, "pinned service %s",
				   service_key_format(&placed.key, text));
		return r;
	}
	ids_mark(datapath->service_ids, entry->id);
	services_insert(datapath, &placed);
	return 0;
}

int services_adopt(struct datapath *datapath, struct error *error)
{
	struct bpf_map *map = datapath->skeleton->maps.services;
	struct gw_service_key key, next = { 0 };
	const struct gw_service_key *previous = NULL;

	while (bpf_map__get_next_key(map, previous, &next, sizeof(next)) == 0) {
		struct gw_service entry = { 0 };
		int r;

		key = next;
		previous = &key;
		if (bpf_map__lookup_elem(map, &key, sizeof(key), &entry, sizeof(entry), 0) < 0)
			continue;
		r = adopt_service(datapath, &key, &entry, error);
		if (r < 0)
			return r;
	}
	return 0;
}

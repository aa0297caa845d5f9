/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * adopt.c - reads the services that an earlier agent left in the pinned maps, so that
 * what is right stays untouched and what is no longer wanted can be removed.
 *
 * A crash between two steps of a change leaves slots that no service points to: they are
 * free here. It may leave backends that have their service's id and no slot: they are the
 * service's until it is set again, as is one with weight 0. Without a service they are free.
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

/* The ids of backends by the service that their entries name: lists that end with 0. */
struct backend_lists {
	uint32_t *first; /* by service id */
	uint32_t *next;  /* by backend id */
};

struct id_list {
	uint32_t *items;
	size_t count, room;
};

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

static int add_id(struct id_list *list, uint32_t id)
{
	if (array_reserve((void **)&list->items, &list->room, list->count + 1, sizeof(id)) < 0)
		return -ENOMEM;
	list->items[list->count++] = id;
	return 0;
}

static void sort_ids(struct id_list *list)
{
	size_t kept = 0;

	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_ids);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || list->items[i] != list->items[kept - 1])
			list->items[kept++] = list->items[i];
	list->count = kept;
}

/* The ids in the table. */
static int read_table(const struct datapath *datapath, const struct gw_service *entry,
		      struct id_list *list, struct error *error)
{
	struct slot_table table;
	int r = slots_open(datapath, entry->slot_offset, entry->slot_count, &table, error);

	for (uint32_t slot = 0; r == 0 && slot < table.count; slot++) {
		uint32_t id = slot_owner_id(table.slots[slot]);

		if (id >= GW_BACKEND_MAX)
			r = error_set(error, -EBADMSG, "a slot names backend %u", id);
		else if (id != GW_NONE && add_id(list, id) < 0)
			r = error_set(error, -ENOMEM, "no memory for a table");
	}
	slots_close(table);
	return r;
}

/* Every id of the service, each once: in its table, or only with its name. */
static int list_ids(const struct datapath *datapath, const struct backend_lists *lists,
		    const struct gw_service *entry, struct id_list *list, struct error *error)
{
	int r = read_table(datapath, entry, list, error);

	for (uint32_t id = lists->first[entry->id]; r == 0 && id != GW_NONE; id = lists->next[id])
		if (add_id(list, id) < 0)
			r = error_set(error, -ENOMEM, "no memory for a table");
	sort_ids(list);
	return r;
}

static int adopt_backends_of(struct datapath *datapath, const struct backend_lists *lists,
			     struct placed_service *placed, struct error *error)
{
	struct id_list ids = { 0 };
	int r = list_ids(datapath, lists, &placed->entry, &ids, error);

	if (r == 0) {
		placed->backends = calloc(ids.count + 1, sizeof(*placed->backends));
		if (!placed->backends)
			r = error_set(error, -ENOMEM, "no memory for backends");
	}
	for (size_t i = 0; r == 0 && i < ids.count; i++) {
		struct placed_backend *backend = &placed->backends[i];

		backend->id = ids.items[i];
		r = backends_adopt(datapath, backend->id, placed->entry.id, &backend->backend);
		if (r < 0)
			(void)error_set(error, r, "no memory for backends");
		placed->backend_count++;
	}
	free(ids.items);
	if (r == 0)
		qsort(placed->backends, placed->backend_count, sizeof(*placed->backends),
		      compare_placed);
	return r;
}

/* Backends of a service that is gone serve nobody. */
static void fill_lists(struct datapath *datapath, const bool *is_service,
		       struct backend_lists *lists)
{
	for (uint32_t id = GW_BACKEND_MAX - 1; id > 0; id--) {
		uint32_t service = datapath->backends[id].service;

		if (service == GW_NONE)
			continue;
		if (service >= GW_SERVICE_MAX || !is_service[service]) {
			datapath->backends[id].service = GW_NONE;
			continue;
		}
		lists->next[id] = lists->first[service];
		lists->first[service] = id;
	}
}

static int adopt_backends(struct datapath *datapath, struct error *error)
{
	bool *is_service = calloc(GW_SERVICE_MAX, sizeof(*is_service));
	struct backend_lists lists = {
		.first = calloc(GW_SERVICE_MAX, sizeof(*lists.first)),
		.next = calloc(GW_BACKEND_MAX, sizeof(*lists.next)),
	};
	char text[SERVICE_KEY_TEXT_SIZE];
	int r = 0;

	if (!is_service || !lists.first || !lists.next)
		r = error_set(error, -ENOMEM, "no memory for backends");
	for (size_t i = 0; r == 0 && i < datapath->service_count; i++)
		is_service[datapath->services[i].entry.id] = true;
	if (r == 0)
		fill_lists(datapath, is_service, &lists);
	for (size_t i = 0; r == 0 && i < datapath->service_count; i++) {
		struct placed_service *placed = &datapath->services[i];

		r = adopt_backends_of(datapath, &lists, placed, error);
		if (r < 0)
			(void)error_prefix(error, "pinned service %s",
					   service_key_format(&placed->key, text));
	}
	free(is_service);
	free(lists.first);
	free(lists.next);
	return r;
}

static bool is_table(const struct datapath *datapath, uint32_t offset, uint32_t count)
{
	return count <= datapath->slot_max && offset <= datapath->slot_max - count;
}

static bool entry_is_sane(const struct datapath *datapath, const struct gw_service *entry)
{
	return entry->id != 0 && entry->id < GW_SERVICE_MAX &&
	       mode_from_abi(entry->mode) != FORWARDING_MODE_DEFAULT &&
	       is_table(datapath, entry->slot_offset, entry->slot_count) &&
	       is_table(datapath, entry->base_offset, entry->base_count) &&
	       !entry->slot_count == !entry->base_count;
}

static int adopt_entry(struct datapath *datapath, struct placed_service *placed,
		       struct error *error)
{
	struct gw_service *entry = &placed->entry;
	int r;

	if (!entry_is_sane(datapath, entry))
		return error_set(error, -EBADMSG, "its entry is damaged");
	r = tables_adopt(datapath, placed, error);
	if (r < 0)
		return r;
	tending_begin_service(datapath, placed);
	if (!(entry->flags & GW_SERVICE_SOURCES))
		entry->source_set = 0;
	else if (sources_adopt_user(datapath, entry->source_set) < 0)
		return error_set(error, -EBADMSG, "its source set %u cannot be taken over",
				 entry->source_set);
	if (services_reserve(datapath) < 0)
		return error_set(error, -ENOMEM, "no memory for a service");
	return 0;
}

static int adopt_service(const struct service_key *key, const void *value, void *context,
			 struct error *error)
{
	struct datapath *datapath = context;
	struct placed_service placed = { .key = *key };
	char text[SERVICE_KEY_TEXT_SIZE];
	int r;

	memcpy(&placed.entry, value, sizeof(placed.entry));
	r = adopt_entry(datapath, &placed, error);
	if (r < 0) {
		(void)error_prefix(error, "pinned service %s", service_key_format(key, text));
		return r;
	}
	ids_mark(datapath->service_ids, placed.entry.id);
	services_insert(datapath, &placed);
	return 0;
}

int services_adopt(struct datapath *datapath, struct error *error)
{
	const struct socket_maps maps = services_maps(datapath);
	int r = sockets_for_each(&maps, adopt_service, datapath, error);

	return r < 0 ? r : adopt_backends(datapath, error);
}

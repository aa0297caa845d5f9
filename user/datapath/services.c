/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * services.c - owns the map services and the tables it points to.
 *
 * A change writes backends, then a whole new table in a free stretch of slots, and
 * then replaces the service's entry, which is the one step that packets can see.
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
#include "lib/sorted.h"
#include "model/maglev.h"

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

static int compare_placed_backend(const void *key, const void *item)
{
	const struct placed_backend *placed = item;

	return backend_compare(key, &placed->backend);
}

static const struct placed_backend *find_backend(const struct placed_service *service,
						 const struct backend *backend)
{
	return service->backend_count ? bsearch(backend, service->backends, service->backend_count,
						sizeof(*service->backends), compare_placed_backend)
				      : NULL;
}

static bool is_up_to_date(const struct placed_service *placed, const struct service *service)
{
	if (!placed->known || placed->mode != service->mode ||
	    placed->fallback != service->fallback ||
	    placed->backend_count != service->backend_count)
		return false;
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend *a = &placed->backends[i].backend;
		const struct backend *b = &service->backends[i];

		if (backend_compare(a, b) != 0 || a->weight != b->weight)
			return false;
	}
	return true;
}

/* Gives back the backends of service that other does not have. */
static void release_backends(struct datapath *datapath, const struct placed_service *service,
			     const struct placed_service *other)
{
	for (size_t i = 0; i < service->backend_count; i++)
		if (!other || !find_backend(other, &service->backends[i].backend))
			backends_release(datapath, service->backends[i].id);
}

/* Fills placed->backends: an id that old has stays, others are new. */
static int place_backends(struct datapath *datapath, const struct service *service,
			  const struct placed_service *old, struct placed_service *placed)
{
	placed->backends = calloc(service->backend_count + 1, sizeof(*placed->backends));
	if (!placed->backends)
		return -ENOMEM;
	for (size_t i = 0; i < service->backend_count; i++) {
		struct placed_backend *backend = &placed->backends[i];
		const struct placed_backend *kept =
			old ? find_backend(old, &service->backends[i]) : NULL;
		int r = 0;

		backend->backend = service->backends[i];
		if (kept)
			backend->id = kept->id;
		else
			r = backends_place(datapath, &backend->backend, &backend->id);
		if (r < 0)
			return r;
		placed->backend_count++;
	}
	return 0;
}

static size_t count_weighted(const struct service *service)
{
	size_t count = 0;

	for (size_t i = 0; i < service->backend_count; i++)
		count += service->backends[i].weight > 0;
	return count;
}

/* The table as backend ids; *ret_ids is the caller's. Count 0: no backend gets new flows. */
static int build_table(const struct service *service, const struct placed_service *placed,
		       uint32_t **ret_ids, uint32_t *ret_count, struct error *error)
{
	uint32_t count = maglev_slot_count(count_weighted(service));
	uint32_t *ids = calloc((size_t)count + 1, sizeof(*ids));
	int r;

	if (!ids)
		return error_set(error, -ENOMEM, "no memory for a table");
	if (count) {
		r = maglev_fill(service->backends, service->backend_count, ids, count, error);
		if (r < 0) {
			free(ids);
			return r;
		}
	}
	for (uint32_t slot = 0; slot < count; slot++)
		ids[slot] = placed->backends[ids[slot]].id;
	*ret_ids = ids;
	*ret_count = count;
	return 0;
}

static bool table_is(const struct datapath *datapath, const struct gw_service *entry,
		     const uint32_t *ids, uint32_t count)
{
	const struct gw_slot *slots;
	bool same = true;

	if (entry->slot_count != count)
		return false;
	if (count == 0)
		return true;
	if (slots_open(datapath, entry->slot_offset, count, &slots, NULL) < 0)
		return false;
	for (uint32_t slot = 0; slot < count && same; slot++)
		same = slots[slot].current == ids[slot] && slots[slot].base == ids[slot];
	slots_close(slots, count);
	return same;
}

/* Writes the table where no program reads, or finds that the old one is right already. */
static int place_table(struct datapath *datapath, const struct placed_service *old,
		       const uint32_t *ids, uint32_t count, struct gw_service *entry,
		       struct error *error)
{
	uint32_t offset = 0;
	int r;

	if (old && table_is(datapath, &old->entry, ids, count)) {
		entry->slot_offset = old->entry.slot_offset;
		entry->slot_count = count;
		return 0;
	}
	if (count) {
		r = regions_take(datapath->regions, count, &offset);
		if (r == -ENOSPC)
			return error_set(error, r,
					 "no room for a table of %u slots: %u of %u are in use; "
					 "--table-slots makes more after guideway detach",
					 count, regions_used_count(datapath->regions),
					 datapath->slot_max);
		if (r < 0)
			return error_set(error, r, "no memory for a table");
		r = slots_write(datapath, offset, ids, count, error);
		if (r < 0) {
			regions_give(datapath->regions, offset, count);
			return r;
		}
	}
	entry->slot_offset = offset;
	entry->slot_count = count;
	return 0;
}

static void give_table(struct datapath *datapath, const struct gw_service *entry)
{
	if (entry->slot_count)
		regions_give(datapath->regions, entry->slot_offset, entry->slot_count);
}

static int store_entry(struct datapath *datapath, const struct placed_service *placed,
		       struct error *error)
{
	struct gw_service_key key;
	char text[SERVICE_KEY_TEXT_SIZE];
	int r;

	abi_service_key(&placed->key, &key);
	r = bpf_map__update_elem(datapath->skeleton->maps.services, &key, sizeof(key),
				 &placed->entry, sizeof(placed->entry), BPF_ANY);
	if (r < 0)
		return error_set(error, r, "map services: cannot write %s: %s",
				 service_key_format(&placed->key, text), strerror(-r));
	return 0;
}

static bool same_table(const struct gw_service *a, const struct gw_service *b)
{
	return a->slot_offset == b->slot_offset && a->slot_count == b->slot_count;
}

static int take_service_id(struct datapath *datapath, const struct placed_service *old,
			   struct placed_service *placed, struct error *error)
{
	if (old) {
		placed->entry.id = old->entry.id;
		return 0;
	}
	placed->entry.id = ids_take(datapath->service_ids);
	if (placed->entry.id == 0)
		return error_set(error, -ENOSPC, "more than %u services", GW_SERVICE_MAX - 1);
	counters_zero(datapath, datapath->skeleton->maps.service_traffic, placed->entry.id);
	return 0;
}

/* Everything that packets cannot see yet. On failure placed holds what was taken. */
static int prepare(struct datapath *datapath, const struct service *service,
		   const struct placed_service *old, struct placed_service *placed,
		   struct error *error)
{
	uint32_t *ids = NULL;
	uint32_t count = 0;
	int r = take_service_id(datapath, old, placed, error);

	if (r < 0)
		return r;
	r = place_backends(datapath, service, old, placed);
	if (r == -ENOSPC)
		return error_set(error, r, "more than %u backends", GW_BACKEND_MAX - 1);
	if (r < 0)
		return error_set(error, r, "no memory for backends");
	r = build_table(service, placed, &ids, &count, error);
	if (r < 0)
		return r;
	r = place_table(datapath, old, ids, count, &placed->entry, error);
	free(ids);
	return r;
}

/* Gives back what prepare took. */
static void undo(struct datapath *datapath, const struct placed_service *old,
		 struct placed_service *placed)
{
	if (!old || !same_table(&placed->entry, &old->entry))
		give_table(datapath, &placed->entry);
	release_backends(datapath, placed, old);
	if (!old && placed->entry.id)
		ids_give(datapath->service_ids, placed->entry.id);
	free(placed->backends);
}

static void replace(struct datapath *datapath, struct placed_service *old,
		    const struct placed_service *placed)
{
	if (!same_table(&placed->entry, &old->entry))
		give_table(datapath, &old->entry);
	release_backends(datapath, old, placed);
	free(old->backends);
	*old = *placed;
}

/* Whoever may not come in is kept out, and nobody gets a mode that is not what was asked for. */
static int check_supported(const struct service *service, struct error *error)
{
	if (service->mode != FORWARDING_MODE_SNAT)
		return error_set(error, -EOPNOTSUPP, "mode %s is not served, expected snat",
				 forwarding_mode_name(service->mode));
	if (service->has_source_ranges)
		return error_set(error, -EOPNOTSUPP, "source ranges are not served");
	return 0;
}

int datapath_set_service(struct datapath *datapath, const struct service *service,
			 struct error *error)
{
	struct placed_service *old = services_find(datapath, &service->key);
	struct placed_service placed = {
		.key = service->key,
		.mode = service->mode,
		.fallback = service->fallback,
		.known = true,
		.entry = { .mode = GW_MODE_SNAT },
	};
	char text[SERVICE_KEY_TEXT_SIZE];
	int r;

	if (old && is_up_to_date(old, service))
		return 0;
	if (service->fallback == SERVICE_DROP)
		placed.entry.flags = GW_SERVICE_DROP;
	if (services_reserve(datapath) < 0)
		return error_set(error, -ENOMEM, "no memory for a service");
	old = services_find(datapath, &service->key);
	r = check_supported(service, error);
	if (r == 0)
		r = prepare(datapath, service, old, &placed, error);
	if (r == 0)
		r = store_entry(datapath, &placed, error);
	if (r < 0) {
		undo(datapath, old, &placed);
		(void)error_prefix(error, "service %s", service_key_format(&service->key, text));
		return r;
	}
	if (old)
		replace(datapath, old, &placed);
	else
		services_insert(datapath, &placed);
	return 0;
}

static void erase(struct datapath *datapath, struct placed_service *placed)
{
	size_t at = (size_t)(placed - datapath->services);

	free(placed->backends);
	datapath->service_count--;
	memmove(placed, placed + 1, (datapath->service_count - at) * sizeof(*placed));
}

int datapath_remove_service(struct datapath *datapath, const struct service_key *key,
			    struct error *error)
{
	struct placed_service *placed = services_find(datapath, key);
	struct gw_service_key entry_key;
	char text[SERVICE_KEY_TEXT_SIZE];
	int r;

	if (!placed)
		return 0;
	abi_service_key(key, &entry_key);
	r = bpf_map__delete_elem(datapath->skeleton->maps.services, &entry_key, sizeof(entry_key),
				 0);
	if (r < 0 && r != -ENOENT)
		return error_set(error, r, "map services: cannot delete %s: %s",
				 service_key_format(key, text), strerror(-r));
	give_table(datapath, &placed->entry);
	release_backends(datapath, placed, NULL);
	ids_give(datapath->service_ids, placed->entry.id);
	erase(datapath, placed);
	return 0;
}

int datapath_service_slots(struct datapath *datapath, const struct service_key *key,
			   const struct backend *backends, size_t count, uint32_t *ret_slots,
			   uint32_t *ret_total)
{
	const struct placed_service *placed = services_find(datapath, key);
	const struct gw_slot *slots;
	uint32_t total;

	if (!placed)
		return -ENOENT;
	total = placed->entry.slot_count;
	memset(ret_slots, 0, count * sizeof(*ret_slots));
	*ret_total = total;
	if (total == 0)
		return 0;
	if (slots_open(datapath, placed->entry.slot_offset, total, &slots, NULL) < 0)
		return -EIO;
	slots_count(datapath, slots, total);
	slots_close(slots, total);
	for (size_t i = 0; i < count; i++) {
		const struct placed_backend *backend = find_backend(placed, &backends[i]);

		if (backend)
			ret_slots[i] = datapath->slot_counts[backend->id];
	}
	for (size_t i = 0; i < placed->backend_count; i++)
		(void)slots_take_count(datapath, placed->backends[i].id);
	return 0;
}

void services_free(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->service_count; i++)
		free(datapath->services[i].backends);
	free(datapath->services);
	free(datapath->keys);
}

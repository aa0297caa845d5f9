/* SPDX-License-Identifier: BSD-2-Clause */
/* tables.c - the Maglev tables of services: which slots each has, and who owns them. */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/regions.h"
#include "lib/error.h"
#include "model/maglev.h"

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
static int write_table(struct datapath *datapath, const struct placed_service *old,
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

int tables_place(struct datapath *datapath, const struct service *service,
		 const struct placed_service *old, struct placed_service *placed,
		 struct error *error)
{
	uint32_t *ids = NULL;
	uint32_t count = 0;
	int r = build_table(service, placed, &ids, &count, error);

	if (r < 0)
		return r;
	r = write_table(datapath, old, ids, count, &placed->entry, error);
	free(ids);
	return r;
}

void tables_give(struct datapath *datapath, const struct gw_service *entry)
{
	if (entry->slot_count)
		regions_give(datapath->regions, entry->slot_offset, entry->slot_count);
}

bool tables_same(const struct gw_service *a, const struct gw_service *b)
{
	return a->slot_offset == b->slot_offset && a->slot_count == b->slot_count;
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
		const struct placed_backend *backend = services_find_backend(placed, &backends[i]);

		if (backend)
			ret_slots[i] = datapath->slot_counts[backend->id];
	}
	for (size_t i = 0; i < placed->backend_count; i++)
		(void)slots_take_count(datapath, placed->backends[i].id);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* tables.c - the Maglev tables of services: which slots each has, and who owns them. */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/regions.h"
#include "lib/error.h"
#include "model/maglev.h"
#include "model/table_digest.h"

static size_t count_weighted(const struct service *service)
{
	size_t count = 0;

	for (size_t i = 0; i < service->backend_count; i++)
		count += service->backends[i].weight > 0;
	return count;
}

/*
 * How many slots. Without a backend for new flows, those that keep their old ones need a
 * table all the same, of owners that are nobody: then it is as large as the one before.
 */
static uint32_t slot_count(const struct service *service, const struct placed_service *old)
{
	size_t weighted = count_weighted(service);

	if (weighted == 0 && service->backend_count && old)
		return old->entry.slot_count;
	return maglev_slot_count(weighted);
}

/*
 * The table without tracking, and its digest; ret->slots is the caller's to free, also after a
 * failure.
 */
static int build_table(const struct service *service, const struct placed_service *old,
		       struct placed_service *placed, struct slot_table *ret, struct error *error)
{
	uint32_t count = slot_count(service, old), *owners;
	int r;

	_Static_assert(sizeof(*owners) == sizeof(*ret->slots), "a slot is its owner");
	*ret = (struct slot_table){ calloc((size_t)count + 1, sizeof(*ret->slots)), count };
	if (!ret->slots)
		return error_set(error, -ENOMEM, "no memory for a table");
	owners = &ret->slots[0].owner;
	if (count == 0 || count_weighted(service) == 0) {
		placed->digest = table_digest(service, owners, 0);
		return 0;
	}
	r = maglev_fill(service->backends, service->backend_count, owners, count, error);
	if (r == 0)
		placed->digest = table_digest(service, owners, count);
	for (uint32_t slot = 0; r == 0 && slot < count; slot++)
		owners[slot] = placed->backends[owners[slot]].id;
	return r;
}

static bool has_owners(struct slot_table table, struct slot_table owners)
{
	if (table.count != owners.count)
		return false;
	for (uint32_t slot = 0; slot < table.count; slot++)
		if (slot_owner_id(table.slots[slot]) != slot_owner_id(owners.slots[slot]))
			return false;
	return true;
}

static void mark_alive(struct datapath *datapath, const struct placed_service *placed,
		       uint32_t mark)
{
	for (size_t i = 0; i < placed->backend_count; i++)
		datapath->slot_counts[placed->backends[i].id] = mark;
}

/* When both are one, its memory twice is no harm. */
int tables_open(const struct datapath *datapath, const struct gw_service *entry,
		struct service_tables *ret, struct error *error)
{
	int r = slots_open(datapath, entry->slot_offset, entry->slot_count, &ret->current, error);

	if (r == 0) {
		r = slots_open(datapath, entry->base_offset, entry->base_count, &ret->base, error);
		if (r < 0)
			slots_close(ret->current);
	}
	if (r < 0)
		*ret = (struct service_tables){ 0 };
	return r;
}

void tables_close(struct service_tables tables)
{
	slots_close(tables.base);
	slots_close(tables.current);
}

bool tables_deviate(const struct service_tables *tables, uint32_t tag, uint32_t backend)
{
	return owner_of_tag(tables->current, tag) != backend ||
	       owner_of_tag(tables->base, tag) != backend;
}

static void keep_tables(struct placed_service *placed, const struct placed_service *old)
{
	placed->entry.slot_offset = old->entry.slot_offset;
	placed->entry.slot_count = old->entry.slot_count;
	placed->entry.base_offset = old->entry.base_offset;
	placed->entry.base_count = old->entry.base_count;
	placed->tracked_count = old->tracked_count;
	placed->learn_until_s = old->learn_until_s;
	placed->others_learn_until_s = old->others_learn_until_s;
}

/*
 * Tracks the slots of next so that it can follow old's current table; then old's base table
 * stays the base. *ret_same: next is old's table, tracking apart.
 */
static int follow(struct datapath *datapath, const struct placed_service *old,
		  struct placed_service *placed, struct slot_table next, bool *ret_same,
		  struct error *error)
{
	struct service_tables before;
	int r;

	*ret_same = false;
	if (!old || old->entry.slot_count == 0)
		return 0;
	r = tables_open(datapath, &old->entry, &before, error);
	if (r < 0)
		return r;
	*ret_same = has_owners(before.current, next) &&
		    (!services_has_affinity(placed) || old->tracked_count == next.count);
	if (!*ret_same && next.count) {
		mark_alive(datapath, placed, 1);
		placed->tracked_count =
			transition_track(next, before.current, before.base, datapath->slot_counts);
		mark_alive(datapath, placed, 0);
	}
	tables_close(before);
	return 0;
}

static int write_table(struct datapath *datapath, struct slot_table table, uint32_t *ret_offset,
		       struct error *error)
{
	struct slot_table region;
	int r;

	if (table.count == 0)
		return 0;
	r = regions_take(datapath->regions, table.count, ret_offset);
	if (r == -ENOSPC)
		return error_set(error, r,
				 "no room for a table of %u slots: %u of %u are in use; "
				 "--table-slots makes more after guideway detach",
				 table.count, regions_used_count(datapath->regions),
				 datapath->slot_max);
	if (r < 0)
		return error_set(error, r, "no memory for a table");
	r = slots_open(datapath, *ret_offset, table.count, &region, error);
	if (r < 0) {
		regions_give(datapath->regions, *ret_offset, table.count);
		return r;
	}
	memcpy(region.slots, table.slots, table.count * sizeof(*table.slots));
	slots_close(region);
	return 0;
}

/* base: whose base table stays the base, or NULL: the table is its own. */
static void use_table(struct placed_service *placed, const struct placed_service *base,
		      uint32_t offset, uint32_t count)
{
	struct gw_service *entry = &placed->entry;

	entry->slot_offset = entry->base_offset = offset;
	entry->slot_count = entry->base_count = count;
	if (base) {
		entry->base_offset = base->entry.base_offset;
		entry->base_count = base->entry.base_count;
	}
}

/*
 * With affinity a flow begins where its client is, whoever owns its slot. What began before it is
 * where the base table says.
 */
static void track_all(struct placed_service *placed, struct slot_table next)
{
	for (uint32_t slot = 0; slot < next.count; slot++)
		next.slots[slot].owner |= GW_SLOT_TRACK;
	placed->tracked_count = next.count;
}

int tables_place(struct datapath *datapath, const struct service *service,
		 const struct placed_service *old, struct placed_service *placed,
		 struct error *error)
{
	const struct placed_service *base;
	struct slot_table next;
	uint32_t offset = 0;
	bool is_same = false;
	int r = build_table(service, old, placed, &next, error);

	if (r == 0)
		r = follow(datapath, old, placed, next, &is_same, error);
	if (r == 0 && is_same) {
		keep_tables(placed, old);
	} else if (r == 0) {
		if (services_has_affinity(placed))
			track_all(placed, next);
		base = placed->tracked_count && old && old->entry.slot_count ? old : NULL;
		r = write_table(datapath, next, &offset, error);
		if (r == 0)
			use_table(placed, base, offset, next.count);
	}
	free(next.slots);
	return r;
}

/* Whether the stretch is one of the entry's tables. */
static bool has_table(const struct gw_service *entry, uint32_t offset, uint32_t count)
{
	return entry && ((entry->slot_offset == offset && entry->slot_count == count) ||
			 (entry->base_offset == offset && entry->base_count == count));
}

void tables_give(struct datapath *datapath, const struct gw_service *entry,
		 const struct gw_service *other)
{
	if (entry->slot_count && !has_table(other, entry->slot_offset, entry->slot_count))
		regions_give(datapath->regions, entry->slot_offset, entry->slot_count);
	if (entry->base_count && entry->base_offset != entry->slot_offset &&
	    !has_table(other, entry->base_offset, entry->base_count))
		regions_give(datapath->regions, entry->base_offset, entry->base_count);
}

void tables_heal(struct datapath *datapath, const struct placed_service *placed)
{
	struct service_tables tables;

	if (placed->entry.base_offset == placed->entry.slot_offset ||
	    tables_open(datapath, &placed->entry, &tables, NULL) < 0)
		return;
	mark_alive(datapath, placed, 1);
	transition_heal(tables.base, tables.current, datapath->slot_counts);
	mark_alive(datapath, placed, 0);
	tables_close(tables);
}

static uint32_t count_tracked(struct slot_table table)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < table.count; slot++)
		count += (table.slots[slot].owner & GW_SLOT_TRACK) != 0;
	return count;
}

int tables_adopt(struct datapath *datapath, struct placed_service *placed, struct error *error)
{
	const struct gw_service *entry = &placed->entry;
	struct slot_table table;
	int r = 0;

	if (entry->slot_count)
		r = regions_mark(datapath->regions, entry->slot_offset, entry->slot_count);
	if (r == 0 && entry->base_count && entry->base_offset != entry->slot_offset)
		r = regions_mark(datapath->regions, entry->base_offset, entry->base_count);
	if (r < 0)
		return error_set(error, -EBADMSG, "its table overlaps another one");
	r = slots_open(datapath, entry->slot_offset, entry->slot_count, &table, error);
	if (r < 0)
		return r;
	placed->tracked_count = count_tracked(table);
	slots_close(table);
	return 0;
}

int datapath_service_digest(const struct datapath *datapath, const struct service_key *key,
			    uint64_t *ret)
{
	const struct placed_service *placed = services_find(datapath, key);

	if (!placed)
		return -ENOENT;
	if (!placed->known)
		return -EAGAIN;
	*ret = placed->digest;
	return 0;
}

int datapath_digest(const struct datapath *datapath, uint64_t key_print, uint64_t *ret)
{
	uint64_t *digests = calloc(datapath->service_count + 1, sizeof(*digests));

	if (!digests)
		return -ENOMEM;
	digests[0] = key_print;
	for (size_t i = 0; i < datapath->service_count; i++)
		digests[i + 1] = datapath->services[i].digest;
	*ret = table_digest_join(digests, datapath->service_count + 1);
	free(digests);
	return 0;
}

int datapath_service_slots(struct datapath *datapath, const struct service_key *key,
			   const struct backend *backends, size_t count, uint32_t *ret_slots,
			   uint32_t *ret_total)
{
	const struct placed_service *placed = services_find(datapath, key);
	struct slot_table table;

	if (!placed)
		return -ENOENT;
	memset(ret_slots, 0, count * sizeof(*ret_slots));
	*ret_total = placed->entry.slot_count;
	if (slots_open(datapath, placed->entry.slot_offset, placed->entry.slot_count, &table,
		       NULL) < 0)
		return -EIO;
	slots_count(datapath, table);
	slots_close(table);
	for (size_t i = 0; i < count; i++) {
		const struct placed_backend *backend = services_find_backend(placed, &backends[i]);

		if (backend)
			ret_slots[i] = datapath->slot_counts[backend->id];
	}
	for (size_t i = 0; i < placed->backend_count; i++)
		(void)slots_take_count(datapath, placed->backends[i].id);
	(void)slots_take_count(datapath, GW_NONE);
	return 0;
}

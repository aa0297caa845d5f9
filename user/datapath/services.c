/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * services.c - owns the maps services4 and services6.
 *
 * A change writes backends, a whole new table in a free stretch of slots, source ranges and
 * the entries for replies, and then replaces the service's entry, which is the one step
 * that packets can see. What the old entry had alone is given back behind it.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/ids.h"
#include "guideway.skel.h"
#include "lib/error.h"

#define NS_PER_S 1000000000U

struct socket_maps services_maps(const struct datapath *datapath)
{
	return (struct socket_maps){ "services", datapath->skeleton->maps.services4,
				     datapath->skeleton->maps.services6 };
}

static int store_entry(struct datapath *datapath, const struct placed_service *placed,
		       struct error *error)
{
	const struct socket_maps maps = services_maps(datapath);

	return sockets_set(&maps, &placed->key, &placed->entry, error);
}

static bool is_dnat(const struct placed_service *placed)
{
	return placed->entry.mode == GW_MODE_DNAT;
}

int services_record(struct datapath *datapath, const struct service_key *key, struct error *error)
{
	struct placed_service *placed = services_find(datapath, key);
	int r;

	if (!placed || !is_dnat(placed) || placed->entry.flags & GW_SERVICE_RECORD)
		return 0;
	placed->entry.flags |= GW_SERVICE_RECORD;
	r = store_entry(datapath, placed, error);
	if (r < 0)
		placed->entry.flags &= (uint8_t)~GW_SERVICE_RECORD;
	return r;
}

/* What the entry says of a service apart from its table. */
static void fill_policies(struct gw_service *entry, const struct service *service)
{
	entry->mode = abi_mode(service->mode);
	entry->tcp_mss = service->tcp_mss;
	entry->flow_cost_ns = service->flows_per_second ? NS_PER_S / service->flows_per_second : 0;
	entry->affinity_timeout_s = service->affinity ? service->affinity_timeout_s : 0;
	entry->flags = (uint8_t)((service->fallback == SERVICE_DROP ? GW_SERVICE_DROP : 0) |
				 (service->affinity ? GW_SERVICE_AFFINITY : 0) |
				 (service->has_source_ranges ? GW_SERVICE_SOURCES : 0));
}

static bool has_policies(const struct datapath *datapath, const struct gw_service *entry,
			 const struct service *service)
{
	struct gw_service wanted = { 0 };

	fill_policies(&wanted, service);
	if (entry->mode != wanted.mode || entry->tcp_mss != wanted.tcp_mss ||
	    entry->flow_cost_ns != wanted.flow_cost_ns ||
	    entry->affinity_timeout_s != wanted.affinity_timeout_s ||
	    (entry->flags & ~GW_SERVICE_RECORD) != wanted.flags)
		return false;
	return !service->has_source_ranges ||
	       sources_are(datapath, entry->source_set, service->source_ranges,
			   service->source_range_count);
}

static bool is_up_to_date(const struct datapath *datapath, const struct placed_service *placed,
			  const struct service *service)
{
	if (!placed->known || !has_policies(datapath, &placed->entry, service) ||
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
		if (!other || !services_find_backend(other, &service->backends[i].backend))
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
			old ? services_find_backend(old, &service->backends[i]) : NULL;
		int r = 0;

		backend->backend = service->backends[i];
		if (kept)
			backend->id = kept->id;
		else
			r = backends_place(datapath, &backend->backend, placed->entry.id,
					   &backend->id);
		if (r < 0)
			return r;
		placed->backend_count++;
	}
	return 0;
}

/* Whether other gets the replies of this backend too. */
static bool shares_reply(const struct placed_service *other, const struct backend *backend)
{
	return other && is_dnat(other) && services_find_backend(other, backend);
}

/* Gives back the replies that service has and other has not. */
static void release_replies(struct datapath *datapath, const struct placed_service *service,
			    const struct placed_service *other)
{
	if (!is_dnat(service))
		return;
	for (size_t i = 0; i < service->backend_count; i++)
		if (!shares_reply(other, &service->backends[i].backend))
			replies_release(datapath, &service->key, &service->backends[i].backend);
}

/* What is placed and cannot be claimed is given back at once, up to where it went wrong. */
static int claim_replies(struct datapath *datapath, const struct placed_service *old,
			 struct placed_service *placed, struct error *error)
{
	size_t count = placed->backend_count;
	int r = 0;

	if (!is_dnat(placed))
		return 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		bool is_recorded = false;

		r = replies_claim(datapath, &placed->key, &placed->backends[i], &is_recorded,
				  error);
		if (is_recorded)
			placed->entry.flags |= GW_SERVICE_RECORD;
		if (r < 0)
			placed->backend_count = i;
	}
	if (r < 0)
		release_replies(datapath, placed, old);
	placed->backend_count = count;
	return r;
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
	counters_begin_service(datapath, placed->entry.id);
	return 0;
}

static int take_sources(struct datapath *datapath, const struct service *service,
			struct placed_service *placed, struct error *error)
{
	if (!service->has_source_ranges)
		return 0;
	return sources_take(datapath, service->source_ranges, service->source_range_count,
			    &placed->entry.source_set, error);
}

/* 0 is no set. */
static void give_sources(struct datapath *datapath, const struct placed_service *placed)
{
	if (placed->entry.source_set)
		sources_give(datapath, placed->entry.source_set);
}

/* Everything that packets cannot see yet. On failure placed holds what was taken. */
static int prepare(struct datapath *datapath, const struct service *service,
		   const struct placed_service *old, struct placed_service *placed,
		   struct error *error)
{
	int r = take_service_id(datapath, old, placed, error);

	if (r < 0)
		return r;
	r = place_backends(datapath, service, old, placed);
	if (r == -ENOSPC)
		return error_set(error, r, "more than %u backends", GW_BACKEND_MAX - 1);
	if (r < 0)
		return error_set(error, r, "no memory for backends");
	r = tables_place(datapath, service, old, placed, error);
	if (r == 0)
		r = take_sources(datapath, service, placed, error);
	return r;
}

/* Gives back what prepare took. */
static void undo(struct datapath *datapath, const struct placed_service *old,
		 struct placed_service *placed)
{
	tables_give(datapath, &placed->entry, old ? &old->entry : NULL);
	give_sources(datapath, placed);
	release_backends(datapath, placed, old);
	if (!old && placed->entry.id)
		ids_give(datapath->service_ids, placed->entry.id);
	free(placed->backends);
}

/* New flows go where the new table says already: now it holds for old ports used anew, too. */
static void settle(struct datapath *datapath, struct placed_service *placed)
{
	for (size_t i = 0; i < placed->backend_count; i++)
		backends_set_draining(datapath, placed->backends[i].id,
				      placed->backends[i].backend.weight == 0);
	tables_heal(datapath, placed);
	tending_begin_service(datapath, placed);
}

/* Replies go first: a backend's id must not be another's while an entry has it. */
static void replace(struct datapath *datapath, struct placed_service *old,
		    const struct placed_service *placed)
{
	tables_give(datapath, &old->entry, &placed->entry);
	tending_forget_service(old);
	give_sources(datapath, old);
	release_replies(datapath, old, placed);
	release_backends(datapath, old, placed);
	free(old->backends);
	*old = *placed;
}

/* Makes the service visible, with the entries by which its replies are known before it. */
static int publish(struct datapath *datapath, const struct placed_service *old,
		   struct placed_service *placed, struct error *error)
{
	int r = claim_replies(datapath, old, placed, error);

	if (r < 0)
		return r;
	r = store_entry(datapath, placed, error);
	if (r < 0)
		release_replies(datapath, placed, old);
	return r;
}

int datapath_set_service(struct datapath *datapath, const struct service *service,
			 struct error *error)
{
	struct placed_service *old = services_find(datapath, &service->key);
	struct placed_service placed = { .key = service->key, .known = true };
	char text[SERVICE_KEY_TEXT_SIZE];
	int r;

	if (old && is_up_to_date(datapath, old, service))
		return 0;
	fill_policies(&placed.entry, service);
	if (services_reserve(datapath) < 0)
		return error_set(error, -ENOMEM, "no memory for a service");
	old = services_find(datapath, &service->key);
	r = prepare(datapath, service, old, &placed, error);
	if (r == 0)
		r = publish(datapath, old, &placed, error);
	if (r < 0) {
		undo(datapath, old, &placed);
		(void)error_prefix(error, "service %s", service_key_format(&service->key, text));
		return r;
	}
	settle(datapath, &placed);
	if (old)
		replace(datapath, old, &placed);
	else
		services_insert(datapath, &placed);
	return 0;
}

int datapath_remove_service(struct datapath *datapath, const struct service_key *key,
			    struct error *error)
{
	const struct socket_maps maps = services_maps(datapath);
	struct placed_service *placed = services_find(datapath, key);
	int r;

	if (!placed)
		return 0;
	r = sockets_delete(&maps, key, error);
	if (r < 0)
		return r;
	tables_give(datapath, &placed->entry, NULL);
	tending_forget_service(placed);
	give_sources(datapath, placed);
	release_replies(datapath, placed, NULL);
	release_backends(datapath, placed, NULL);
	ids_give(datapath->service_ids, placed->entry.id);
	services_erase(datapath, placed);
	return 0;
}

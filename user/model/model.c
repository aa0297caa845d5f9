/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.c - the objects, which Services a change of them touches, and the update.
 *
 * Every Service object has an entry. A change marks entries dirty; model_update
 * rebuilds these and settles anew who serves which address and port.
 */
#include "model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "model/addressing.h"
#include "model/configurations.h"
#include "model/entry.h"
#include "model/entry_list.h"
#include "model/pool.h"

struct model {
	struct model_settings settings;
	char *load_balancer_class, *node_name, *zone, *proxy_name; /* what settings points to */
	struct prefix *external_ranges;                            /* the same */

	struct store store;
	struct configurations configurations;
	struct entry_list entries;
	struct table by_selector;
	struct vip_ledger ledger;
	struct drain_list drains;
	bool is_dirty;
	bool is_waiting; /* some entry does */

	struct service **services; /* one reference each */
	size_t service_count;

	struct endpoint_set set; /* scratch */
	struct object_list list; /* scratch */
};

static bool copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

static bool copy_ranges(const struct prefix_list *list, struct prefix **ret)
{
	*ret = calloc(list->count + 1, sizeof(**ret));
	if (*ret && list->count > 0)
		memcpy(*ret, list->items, list->count * sizeof(**ret));
	return *ret;
}

struct model *model_create(const struct model_settings *settings)
{
	struct model *model = calloc(1, sizeof(*model));

	if (!model)
		return NULL;
	model->settings = *settings;
	model->ledger.pool = settings->pool;
	if (!copy_text(settings->load_balancer_class, &model->load_balancer_class) ||
	    !copy_text(settings->node_name, &model->node_name) ||
	    !copy_text(settings->zone, &model->zone) ||
	    !copy_text(settings->proxy_name, &model->proxy_name) ||
	    !copy_ranges(&settings->external_ranges, &model->external_ranges)) {
		model_destroy(model);
		return NULL;
	}
	model->settings.load_balancer_class = model->load_balancer_class;
	model->settings.node_name = model->node_name;
	model->settings.zone = model->zone;
	model->settings.proxy_name = model->proxy_name;
	model->settings.external_ranges.items = model->external_ranges;
	return model;
}

static void unref_services(struct service **services, size_t count)
{
	for (size_t i = 0; i < count; i++)
		service_unref(services[i]);
	free(services);
}

void model_destroy(struct model *model)
{
	if (!model)
		return;
	unref_services(model->services, model->service_count);
	entry_list_finish(&model->entries);
	table_finish(&model->by_selector, NULL);
	vip_ledger_finish(&model->ledger);
	drain_list_finish(&model->drains);
	store_finish(&model->store);
	pool_set_named(model->settings.pool, NULL, 0);
	configurations_finish(&model->configurations);
	endpoint_set_finish(&model->set);
	free(model->list.items);
	free(model->load_balancer_class);
	free(model->node_name);
	free(model->zone);
	free(model->proxy_name);
	free(model->external_ranges);
	free(model);
}

static void mark(struct model *model, struct entry *entry)
{
	entry->is_dirty = true;
	model->is_dirty = true;
}

static void mark_object_changed(struct model *model, struct entry *entry)
{
	entry->object_changed = true;
	mark(model, entry);
}

static void mark_all_changed(struct model *model)
{
	for (size_t i = 0; i < model->entries.count; i++)
		mark_object_changed(model, model->entries.items[i]);
}

static void mark_selecting(struct model *model, const struct object *pod, const struct label *label)
{
	struct table_node *node =
		table_first(&model->by_selector, store_label_hash(pod->namespace, label));

	for (; node; node = table_next(node)) {
		struct entry *entry = TABLE_OWNER(node, struct entry, by_selector);

		if (entry->uses_pods && !entry->is_dirty &&
		    strcmp(entry->namespace, pod->namespace) == 0 &&
		    labels_match(&entry->object->service.selector, &pod->labels))
			mark(model, entry);
	}
}

/* Marks the Services whose endpoints come, or could come, from this object. */
static void mark_users(struct model *model, const struct object *object)
{
	const char *service_name;
	struct entry *entry;

	if (object->kind == OBJECT_POD) {
		for (size_t i = 0; i < object->labels.count; i++)
			mark_selecting(model, object, &object->labels.items[i]);
		return;
	}
	service_name = object->endpoints.service_name;
	entry = service_name ? entry_list_find(&model->entries, object->namespace, service_name)
			     : NULL;
	if (entry)
		mark(model, entry);
}

static bool has_endpoint(const struct endpoint_group *group, const struct address *address,
			 size_t hint)
{
	for (size_t i = 0; i < group->endpoint_count; i++) {
		size_t at = (hint + i) % group->endpoint_count;

		if (address_compare(&group->endpoints[at].address, address) == 0)
			return true;
	}
	return false;
}

/* Whether one that was ready is no longer told of at all; after is NULL when nothing is. */
static bool loses_endpoints(const struct object *before, const struct object *after)
{
	const struct endpoint_group *old = before->endpoints.groups;

	if (before->kind != OBJECT_ENDPOINT_SLICE || before->endpoints.group_count == 0)
		return false;
	for (size_t i = 0; i < old->endpoint_count; i++)
		if (old->endpoints[i].ready &&
		    (!after || after->endpoints.group_count == 0 ||
		     !has_endpoint(after->endpoints.groups, &old->endpoints[i].address, i)))
			return true;
	return false;
}

/* The endpoint may turn up in another slice: until then its Service stays as it is. */
static void await_moves(struct model *model, const struct object *before,
			const struct object *after)
{
	struct entry *entry;

	if (!model->settings.awaits_moves || !loses_endpoints(before, after))
		return;
	entry = entry_list_find(&model->entries, before->namespace, before->endpoints.service_name);
	if (entry && entry->move_ticks == 0)
		entry->move_ticks = MODEL_MOVE_TICKS;
}

static int set_configuration(struct model *model, struct object *object)
{
	int r = configurations_set(&model->configurations, object, model->settings.pool);

	if (r == 0)
		mark_all_changed(model);
	return r;
}

static int set_service_object(struct model *model, struct object *object)
{
	struct entry *entry = entry_list_provide(&model->entries, object->namespace, object->name);
	const struct labels *selector = &object->service.selector;

	if (!entry) {
		object_destroy(object);
		return -ENOMEM;
	}
	table_remove(&model->by_selector, &entry->by_selector);
	object_destroy(entry->object);
	entry->object = object;
	mark_object_changed(model, entry);
	if (selector->count == 0)
		return 0;
	return table_insert(&model->by_selector, &entry->by_selector,
			    store_label_hash(object->namespace, &selector->items[0]));
}

static void remove_service_object(struct model *model, const char *namespace, const char *name)
{
	struct entry *entry = entry_list_find(&model->entries, namespace, name);

	if (!entry)
		return;
	table_remove(&model->by_selector, &entry->by_selector);
	object_destroy(entry->object);
	entry->object = NULL;
	mark_object_changed(model, entry);
}

int model_set_object(struct model *model, struct object *object)
{
	const struct object *before;
	int r;

	if (object->kind == OBJECT_SERVICE)
		return set_service_object(model, object);
	if (object->kind == OBJECT_AGENT_CONFIGURATION)
		return set_configuration(model, object);
	before = store_find(&model->store, object->kind, object->namespace, object->name);
	if (before) {
		await_moves(model, before, object);
		mark_users(model, before);
	}
	r = store_set(&model->store, object);
	if (r == 0)
		mark_users(model, object);
	return r;
}

void model_remove_object(struct model *model, enum object_kind kind, const char *namespace,
			 const char *name)
{
	const struct object *object;

	if (kind == OBJECT_SERVICE) {
		remove_service_object(model, namespace, name);
		return;
	}
	if (kind == OBJECT_AGENT_CONFIGURATION) {
		if (configurations_remove(&model->configurations, namespace, name,
					  model->settings.pool))
			mark_all_changed(model);
		return;
	}
	object = store_find(&model->store, kind, namespace, name);
	if (!object)
		return;
	await_moves(model, object, NULL);
	mark_users(model, object);
	store_remove(&model->store, kind, namespace, name);
}

const struct object *model_find_object(const struct model *model, enum object_kind kind,
				       const char *namespace, const char *name)
{
	const struct entry *entry;

	if (kind == OBJECT_AGENT_CONFIGURATION)
		return configurations_find(&model->configurations, namespace, name);
	if (kind != OBJECT_SERVICE)
		return store_find(&model->store, kind, namespace, name);
	entry = entry_list_find(&model->entries, namespace, name);
	return entry ? entry->object : NULL;
}

const char *model_problem(const struct model *model)
{
	const struct problem *problem = &model->configurations.problem;

	return problem->text[0] != '\0' ? problem->text : NULL;
}

int model_set_zone(struct model *model, const char *zone)
{
	char *copy;

	if (!copy_text(zone, &copy))
		return -ENOMEM;
	free(model->zone);
	model->zone = copy;
	model->settings.zone = copy;
	for (size_t i = 0; i < model->entries.count; i++)
		mark(model, model->entries.items[i]);
	return 0;
}

int model_set_drains(struct model *model, const struct drain_list *drains)
{
	int r = drain_list_copy(&model->drains, drains);

	for (size_t i = 0; r == 0 && i < model->entries.count; i++)
		mark(model, model->entries.items[i]);
	return r;
}

int model_set_expired(struct model *model, const char *namespace, const char *name,
		      const struct backend *backends, size_t count)
{
	struct entry *entry = entry_list_find(&model->entries, namespace, name);
	int r = entry ? backend_list_set(&entry->expired, backends, count) : -ENOENT;

	if (r == 0)
		mark(model, entry);
	return r;
}

void model_for_each_leaving(const struct model *model,
			    void (*on_leaving)(const struct object *service,
					       const struct backend *backends, size_t count,
					       void *context),
			    void *context)
{
	for (size_t i = 0; i < model->entries.count; i++) {
		const struct entry *entry = model->entries.items[i];

		if (entry->leaving.count)
			on_leaving(entry->object, entry->leaving.items, entry->leaving.count,
				   context);
	}
}

static int rebuild(struct model *model)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < model->entries.count; i++) {
		struct entry *entry = model->entries.items[i];

		if (!entry->is_dirty || entry_is_waiting(entry))
			continue;
		entry->move_ticks = 0;
		if (entry_is_served(entry, &model->settings))
			r = entry_build(entry, &model->settings, &model->drains, &model->store,
					&model->set, &model->list);
		else
			entry_clear_candidates(entry);
	}
	return r;
}

static bool same_services(const struct model *model, struct service *const *services, size_t count)
{
	return count == model->service_count &&
	       (count == 0 || memcmp(services, model->services, count * sizeof(*services)) == 0);
}

/* Replaces the services by services, which is taken; true when they differ. */
static bool swap_services(struct model *model, struct service **services, size_t count)
{
	if (same_services(model, services, count)) {
		free(services);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		(void)service_ref(services[i]);
	unref_services(model->services, model->service_count);
	model->services = services;
	model->service_count = count;
	return true;
}

bool model_is_waiting(const struct model *model)
{
	return model->is_waiting;
}

void model_tick(struct model *model)
{
	for (size_t i = 0; i < model->entries.count; i++)
		if (model->entries.items[i]->move_ticks > 0)
			model->entries.items[i]->move_ticks--;
}

int model_update(struct model *model, bool *ret_changed, struct error *error)
{
	struct service **services;
	size_t count;
	int r = 0;

	*ret_changed = false;
	if (!model->is_dirty)
		return 0;
	r = addressing_decide(&model->entries, &model->ledger, &model->settings);
	if (r == 0)
		r = rebuild(model);
	if (r == 0)
		r = claims_settle(model->entries.items, model->entries.count, &services, &count);
	/* What is dirty stays so: the next update does it all again. */
	if (r < 0)
		return error_set(error, r, "model: no memory to rebuild the services");
	*ret_changed = swap_services(model, services, count);
	model->is_waiting = entry_list_sweep(&model->entries);
	model->is_dirty = model->is_waiting;
	return 0;
}

struct service *const *model_services(const struct model *model, size_t *ret_count)
{
	*ret_count = model->service_count;
	return model->services;
}

static void tell_status(const struct model *model, const struct entry *entry,
			void (*on_status)(const struct service_status *status, void *context),
			void *context)
{
	struct service_status status = {
		.object = entry->object,
		.vips = entry->vips.items,
		.vip_count = entry->vips.count,
		.external_ips = entry->external.items,
		.external_ip_count = entry->external.count,
		.is_load_balancer = entry_is_load_balancer(entry, &model->settings),
		.is_given_by_us = entry->vips.origin == VIP_ORIGIN_REQUEST ||
				  entry->vips.origin == VIP_ORIGIN_POOL ||
				  entry->object->service.marks.has_finalizer,
		.is_from_pool = entry->vips.origin == VIP_ORIGIN_POOL,
		.awaits_status = entry_awaits_status(entry, &model->settings),
		.local_count = entry->local_count,
		.ready_count = entry->ready_count,
		.endpoint_count = entry->endpoint_count,
	};
	struct problem problem = entry->problem;

	if (entry->mismatch.text[0] != '\0')
		problem_add(&problem, "%s", entry->mismatch.text);
	if (entry->clash.text[0] != '\0')
		problem_add(&problem, "%s", entry->clash.text);
	if (problem.text[0] != '\0')
		status.problem = problem.text;
	on_status(&status, context);
}

bool service_status_serves(const struct service_status *status, const struct address *vip)
{
	return !status->awaits_status || entry_status_names(status->object, vip);
}

void model_for_each_status(const struct model *model,
			   void (*on_status)(const struct service_status *status, void *context),
			   void *context)
{
	for (size_t i = 0; i < model->entries.count; i++)
		if (entry_is_served(model->entries.items[i], &model->settings))
			tell_status(model, model->entries.items[i], on_status, context);
}

bool model_tell_status(const struct model *model, const char *namespace, const char *name,
		       void (*on_status)(const struct service_status *status, void *context),
		       void *context)
{
	const struct entry *entry = entry_list_find(&model->entries, namespace, name);

	if (!entry || !entry_is_served(entry, &model->settings))
		return false;
	tell_status(model, entry, on_status, context);
	return true;
}

bool model_abandons(const struct model *model, const struct object *service)
{
	return service->service.marks.has_finalizer &&
	       entry_is_of_class(service, &model->settings) &&
	       !entry_is_object_ours(service, &model->settings);
}

void model_for_each_abandoned(const struct model *model,
			      void (*on_abandoned)(const struct object *service, void *context),
			      void *context)
{
	for (size_t i = 0; i < model->entries.count; i++) {
		const struct object *object = model->entries.items[i]->object;

		if (object && model_abandons(model, object))
			on_abandoned(object, context);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drain_deadlines.c - a record for each backend that is leaving a Service, sorted by
 * namespace, name and backend as the model tells them. Each time a new list takes the
 * place of the old, and each record of it its time from there.
 */
#include "agent/drain_deadlines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/log.h"
#include "model/model.h"
#include "model/service.h"

struct record {
	struct backend backend;
	uint64_t since_ms;
	bool is_expired;
};

/* One Kubernetes Service with its leaving backends. */
struct group {
	char *namespace, *name;
	struct record *records;
	size_t count;
	bool differs; /* from the group before, in who is expired */
};

struct groups {
	struct group *items;
	size_t count;
};

struct drain_deadlines {
	struct groups groups;
};

static void group_finish(struct group *group)
{
	free(group->namespace);
	free(group->name);
	free(group->records);
}

static void groups_finish(struct groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		group_finish(&groups->items[i]);
	free(groups->items);
	*groups = (struct groups){ 0 };
}

struct drain_deadlines *drain_deadlines_create(void)
{
	return calloc(1, sizeof(struct drain_deadlines));
}

void drain_deadlines_destroy(struct drain_deadlines *deadlines)
{
	if (!deadlines)
		return;
	groups_finish(&deadlines->groups);
	free(deadlines);
}

/* One walk over the model. */
struct walk {
	const struct groups *before;
	struct groups now;
	uint64_t now_ms, wait_ms;
	bool failed;
};

static int compare_groups(const void *a, const void *b)
{
	const struct group *left = a, *right = b;
	int order = strcmp(left->namespace, right->namespace);

	return order != 0 ? order : strcmp(left->name, right->name);
}

static const struct group *find_group(const struct groups *groups, const struct group *like)
{
	return groups->count
		       ? bsearch(like, groups->items, groups->count, sizeof(*like), compare_groups)
		       : NULL;
}

static int compare_records(const void *a, const void *b)
{
	const struct record *left = a, *right = b;

	return backend_compare(&left->backend, &right->backend);
}

static const struct record *find_record(const struct group *group, const struct record *like)
{
	return group ? bsearch(like, group->records, group->count, sizeof(*like), compare_records)
		     : NULL;
}

static size_t count_expired(const struct group *group)
{
	size_t count = 0;

	for (size_t i = 0; i < group->count; i++)
		count += group->records[i].is_expired;
	return count;
}

static void tell_expired(const struct group *group, const struct record *record, uint32_t deadline)
{
	char text[ADDRESS_TEXT_SIZE];

	log_info("service '%s/%s': backend %s port %u: the drain deadline of %u s is over: removed",
		 group->namespace, group->name, address_format(&record->backend.address, text),
		 record->backend.port, deadline);
}

static void set_times(struct walk *walk, struct group *group, uint32_t deadline_s)
{
	const struct group *before = find_group(walk->before, group);
	uint64_t deadline_ms = (uint64_t)deadline_s * 1000;
	size_t known_expired = 0;

	for (size_t i = 0; i < group->count; i++) {
		struct record *record = &group->records[i];
		const struct record *known = find_record(before, record);
		bool was_expired = known && known->is_expired;
		uint64_t age_ms;

		record->since_ms = known ? known->since_ms : walk->now_ms;
		age_ms = walk->now_ms - record->since_ms;
		record->is_expired = deadline_ms && age_ms >= deadline_ms;
		group->differs |= record->is_expired != was_expired;
		known_expired += was_expired;
		if (record->is_expired && !was_expired)
			tell_expired(group, record, deadline_s);
		if (deadline_ms && !record->is_expired &&
		    (walk->wait_ms == 0 || deadline_ms - age_ms < walk->wait_ms))
			walk->wait_ms = deadline_ms - age_ms;
	}
	/* Who expired and is not leaving any more is forgotten: next time it starts anew. */
	group->differs |= before && known_expired != count_expired(before);
}

static bool fill_group(struct group *group, const struct object *service,
		       const struct backend *backends, size_t count)
{
	group->namespace = strdup(service->namespace);
	group->name = strdup(service->name);
	group->records = calloc(count, sizeof(*group->records));
	if (!group->namespace || !group->name || !group->records)
		return false;
	group->count = count;
	for (size_t i = 0; i < count; i++)
		group->records[i].backend = backends[i];
	return true;
}

static void on_leaving(const struct object *service, const struct backend *backends, size_t count,
		       void *context)
{
	struct walk *walk = context;
	struct group group = { 0 };
	struct group *grown;

	if (walk->failed)
		return;
	grown = realloc(walk->now.items, (walk->now.count + 1) * sizeof(*grown));
	if (grown)
		walk->now.items = grown;
	if (!grown || !fill_group(&group, service, backends, count)) {
		group_finish(&group);
		walk->failed = true;
		return;
	}
	set_times(walk, &group, service->service.drain_deadline_s);
	walk->now.items[walk->now.count++] = group;
}

static int tell_group(struct model *model, const struct group *group)
{
	struct backend *expired = calloc(group->count + 1, sizeof(*expired));
	size_t count = 0;
	int r;

	if (!expired)
		return -ENOMEM;
	for (size_t i = 0; i < group->count; i++)
		if (group->records[i].is_expired)
			expired[count++] = group->records[i].backend;
	r = model_set_expired(model, group->namespace, group->name, expired, count);
	free(expired);
	return r;
}

static int tell_model(struct model *model, const struct groups *before, const struct groups *now,
		      bool *ret_changed)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < now->count; i++) {
		if (!now->items[i].differs)
			continue;
		*ret_changed = true;
		r = tell_group(model, &now->items[i]);
	}
	for (size_t i = 0; r == 0 && i < before->count; i++) {
		const struct group *group = &before->items[i];

		if (count_expired(group) == 0 || find_group(now, group))
			continue;
		*ret_changed = true;
		r = model_set_expired(model, group->namespace, group->name, NULL, 0);
		/* The whole Service is gone, and with it who was expired. */
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

int drain_deadlines_follow(struct drain_deadlines *deadlines, struct model *model, uint64_t now_ms,
			   bool *ret_changed, uint64_t *ret_wait_ms, struct error *error)
{
	struct walk walk = { .before = &deadlines->groups, .now_ms = now_ms };
	int r;

	*ret_changed = false;
	*ret_wait_ms = 0;
	model_for_each_leaving(model, on_leaving, &walk);
	r = walk.failed ? -ENOMEM : tell_model(model, walk.before, &walk.now, ret_changed);
	if (r < 0) {
		groups_finish(&walk.now);
		return error_set(error, r, "no memory for drain deadlines");
	}
	groups_finish(&deadlines->groups);
	deadlines->groups = walk.now;
	*ret_wait_ms = walk.wait_ms;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* sweep.c - a reflector that lives until it has listed everything. */
#include "kube/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kube/reflector.h"
#include "lib/document.h"
#include "lib/error.h"
#include "lib/loop.h"

struct sweep {
	const char *finalizer;
	struct sweep_events events;
	struct reflector *reflector;
	struct loop_watch *soon; /* ends it, from outside the reflector's calls */
};

/* One that was found. */
struct found {
	char *namespace, *name, *uid;
};

static void destroy_found(void *item)
{
	struct found *found = item;

	if (!found)
		return;
	free(found->namespace);
	free(found->name);
	free(found->uid);
	free(found);
}

/* Those without the finalizer are of no use. */
static int decode(const struct node *node, void **ret_item, struct error *error, void *owner)
{
	const struct sweep *sweep = owner;
	const struct node *metadata = node_get(node, "metadata");
	struct found *found;

	if (!node_has_item(node_get(metadata, "finalizers"), sweep->finalizer))
		return 0;
	found = calloc(1, sizeof(*found));
	if (found) {
		found->namespace = strdup(node_text(metadata, "namespace"));
		found->name = strdup(node_text(metadata, "name"));
		found->uid = strdup(node_text(metadata, "uid"));
	}
	if (!found || !found->namespace || !found->name || !found->uid) {
		destroy_found(found);
		return error_set(error, -ENOMEM, "no memory for a name");
	}
	*ret_item = found;
	return 0;
}

static void on_set(void *item, void *owner)
{
	const struct sweep *sweep = owner;
	const struct found *found = item;

	sweep->events.on_found(found->namespace, found->name, found->uid, sweep->events.owner);
	destroy_found(item);
}

static void on_removed(const char *namespace, const char *name, void *owner)
{
	(void)namespace, (void)name, (void)owner;
}

static void on_problem(const char *namespace, const char *name, const char *sentence, void *owner)
{
	(void)namespace, (void)name, (void)sentence, (void)owner;
}

static void on_repaired(const char *namespace, const char *name, void *owner)
{
	(void)namespace, (void)name, (void)owner;
}

static void on_batch_end(void *owner)
{
	struct sweep *sweep = owner;
	struct reflector_status status;

	reflector_read_status(sweep->reflector, &status);
	if (status.is_synced)
		loop_timer_set(sweep->soon, 0);
}

/* Who follows Services is told the same. */
static void on_trouble(const char *sentence, void *owner)
{
	(void)sentence, (void)owner;
}

static void on_recovered(void *owner)
{
	(void)owner;
}

static void on_soon(void *owner)
{
	struct sweep *sweep = owner;

	reflector_destroy(sweep->reflector);
	sweep->reflector = NULL;
	sweep->events.on_end(sweep->events.owner);
}

static int start(struct sweep *sweep, struct loop *loop, struct kube_http *http,
		 struct error *error)
{
	static const struct reflector_settings settings = {
		.resource = "services",
		.path = "/api/v1/services",
		.api_version = "v1",
		.kind = "Service",
	};
	const struct reflector_events events = {
		.listener = {
			.decode = decode,
			.destroy = destroy_found,
			.on_set = on_set,
			.on_removed = on_removed,
			.on_problem = on_problem,
			.on_repaired = on_repaired,
			.owner = sweep,
		},
		.on_batch_end = on_batch_end,
		.on_trouble = on_trouble,
		.on_recovered = on_recovered,
		.owner = sweep,
	};

	sweep->soon = loop_add_timer(loop, on_soon, sweep);
	if (!sweep->soon)
		return error_set(error, -ENOMEM, "no memory to look at all Services");
	return reflector_create(loop, http, &settings, &events, &sweep->reflector, error);
}

int sweep_create(struct loop *loop, struct kube_http *http, const char *finalizer,
		 const struct sweep_events *events, struct sweep **ret, struct error *error)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));
	int r;

	if (!sweep)
		return error_set(error, -ENOMEM, "no memory to look at all Services");
	sweep->finalizer = finalizer;
	sweep->events = *events;
	r = start(sweep, loop, http, error);
	if (r < 0)
		sweep_destroy(sweep);
	else
		*ret = sweep;
	return r;
}

void sweep_destroy(struct sweep *sweep)
{
	if (!sweep)
		return;
	reflector_destroy(sweep->reflector);
	loop_remove(sweep->soon);
	free(sweep);
}

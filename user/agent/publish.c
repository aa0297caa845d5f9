/* SPDX-License-Identifier: BSD-2-Clause */
/* publish.c - who writes, and which Services are to be written. */
#include "agent/publish_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/publish_patch.h"
#include "agent/reconcile.h"
#include "kube/recorder.h"
#include "kube/sweep.h"
#include "kube/writer.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "model/model.h"

/* Changes that follow close on each other are looked at together. */
#define LOOK_MS 100
/* And all again, in case something was tried in vain. */
#define LOOK_AGAIN_MS 30000
#define HINT "the account may not: its ClusterRole must allow patch of services/status"

static void want(struct publish *publish, const char *key, const char *version)
{
	if (writer_want(publish->writer, key, version) < 0)
		log_error("Service '%s': no memory to publish it", key);
}

/* A server that knows no conditions drops ours each time: once is enough. */
static bool is_futile(const struct held *held, const struct object *service)
{
	return held && held->is_futile && held->version &&
	       strcmp(held->version, service->version) == 0;
}

static void look_at_served(const struct service_status *status, void *context)
{
	struct publish *publish = context;
	const struct object *object = status->object;
	struct publish_difference difference;
	struct held *held = NULL;
	char key[PUBLISH_KEY_SIZE];

	if (!publish_is_ours(status))
		return;
	publish_write_key(object, key);
	if (object->service.marks.has_finalizer)
		held = held_provide(&publish->held, object->namespace, object->name, object->uid);
	else
		held = held_find(&publish->held, key);
	if (held) {
		held->seen = publish->pass;
		held->is_let_go = false;
	}
	difference = publish_compare(status);
	if (publish_differs(&difference) && !is_futile(held, object))
		want(publish, key, object->version);
}

static void look_at_abandoned(const struct object *service, void *context)
{
	struct publish *publish = context;
	struct held *held =
		held_provide(&publish->held, service->namespace, service->name, service->uid);

	if (!held)
		return;
	held->seen = publish->pass;
	if (!held->is_let_go && !reconciler_has_leftovers(publish->settings.reconciler))
		want(publish, held->key, service->version);
}

/* Nobody tells of it any more, or it is nothing to us. */
static void look_at_vanished(struct publish *publish, struct held *held)
{
	bool is_there = model_find_object(publish->settings.model, OBJECT_SERVICE, held->namespace,
					  held->name);

	if (is_there || held->is_let_go)
		held_remove(&publish->held, held);
	else if (!reconciler_has_leftovers(publish->settings.reconciler))
		want(publish, held->key, "");
}

static void look(struct publish *publish)
{
	struct held *held, *next;

	publish->pass++;
	model_for_each_status(publish->settings.model, look_at_served, publish);
	model_for_each_abandoned(publish->settings.model, look_at_abandoned, publish);
	for (held = publish->held.first; held; held = next) {
		next = held->next;
		if (held->seen != publish->pass)
			look_at_vanished(publish, held);
	}
}

static void on_look(void *owner)
{
	struct publish *publish = owner;

	publish->look_is_due = false;
	if (!lease_is_leader(publish->lease))
		return;
	if (publish->is_current)
		look(publish);
	loop_timer_set(publish->look, LOOK_AGAIN_MS);
}

static void look_soon(struct publish *publish)
{
	if (publish->look_is_due || !lease_is_leader(publish->lease))
		return;
	publish->look_is_due = true;
	loop_timer_set(publish->look, LOOK_MS);
}

static void on_found(const char *namespace, const char *name, const char *uid, void *owner)
{
	struct publish *publish = owner;

	(void)held_provide(&publish->held, namespace, name, uid);
}

static void on_swept(void *owner)
{
	look_soon(owner);
}

/* What happened while nobody wrote, and what is not followed, has to be found. */
static void begin(struct publish *publish)
{
	const struct sweep_events events = {
		.on_found = on_found,
		.on_end = on_swept,
		.owner = publish,
	};
	struct error error;

	log_info("this gateway writes to the API server");
	if (sweep_create(publish->loop, publish->settings.http, OBJECT_FINALIZER, &events,
			 &publish->sweep, &error) < 0)
		log_error("%s", error.text);
	look_soon(publish);
}

static void end(struct publish *publish)
{
	writer_stop(publish->writer);
	recorder_stop(publish->recorder);
	sweep_destroy(publish->sweep);
	publish->sweep = NULL;
	held_list_clear(&publish->held);
	loop_timer_clear(publish->look);
	publish->look_is_due = false;
}

static void on_leader(bool is_leader, void *owner)
{
	if (is_leader) {
		begin(owner);
		return;
	}
	log_info("this gateway does not write to the API server any more");
	end(owner);
}

static void on_trouble(const char *sentence, void *owner)
{
	(void)owner;
	log_warning("Kubernetes: %s; forwarding goes on", sentence);
}

static void on_lease_recovered(void *owner)
{
	(void)owner;
	log_info("Kubernetes: the Lease is read and written again");
}

static void on_writer_recovered(void *owner)
{
	(void)owner;
	log_info("Kubernetes: Services are written again");
}

static void on_events_trouble(const char *sentence, void *owner)
{
	(void)owner;
	log_warning("Kubernetes: Events: %s; they are not told", sentence);
}

static void on_released(void *owner)
{
	const struct publish *publish = owner;

	publish->settings.on_released(publish->settings.owner);
}

static int start_writing(struct publish *publish, struct error *error)
{
	const struct writer_events events = {
		.make = publish_make_request,
		.on_done = publish_request_done,
		.on_trouble = on_trouble,
		.on_recovered = on_writer_recovered,
		.owner = publish,
	};
	int r = writer_create(publish->loop, publish->settings.http, &publish->limiter, HINT,
			      &events, &publish->writer, error);

	if (r == 0)
		r = recorder_create(publish->loop, publish->settings.http, &publish->limiter,
				    publish->identity, on_events_trouble, publish,
				    &publish->recorder, error);
	return r;
}

static int start_lease(struct publish *publish, struct error *error)
{
	const struct lease_settings settings = {
		.namespace = publish->settings.lease_namespace,
		.name = publish->settings.lease_name,
		.identity = publish->identity,
	};
	const struct lease_events events = {
		.on_leader = on_leader,
		.on_trouble = on_trouble,
		.on_recovered = on_lease_recovered,
		.on_released = on_released,
		.owner = publish,
	};

	return lease_create(publish->loop, publish->settings.http, &settings, &events,
			    &publish->lease, error);
}

int publish_create(struct loop *loop, const struct publish_settings *settings, struct publish **ret,
		   struct error *error)
{
	struct publish *publish = calloc(1, sizeof(*publish));
	int r = -ENOMEM;

	if (!publish)
		return error_set(error, -ENOMEM, "no memory to publish addresses");
	publish->loop = loop;
	publish->settings = *settings;
	lease_make_identity(publish->identity);
	publish->look = loop_add_timer(loop, on_look, publish);
	if (publish->look)
		r = start_writing(publish, error);
	else
		(void)error_set(error, r, "no memory to publish addresses");
	if (r == 0)
		r = start_lease(publish, error);
	if (r < 0)
		publish_destroy(publish);
	else
		*ret = publish;
	return r;
}

void publish_destroy(struct publish *publish)
{
	if (!publish)
		return;
	lease_destroy(publish->lease);
	sweep_destroy(publish->sweep);
	writer_destroy(publish->writer);
	recorder_destroy(publish->recorder);
	held_list_clear(&publish->held);
	loop_remove(publish->look);
	free(publish);
}

void publish_hold(struct publish *publish)
{
	if (publish)
		publish->is_current = false;
}

void publish_follow(struct publish *publish)
{
	if (!publish)
		return;
	publish->is_current = true;
	look_soon(publish);
}

bool publish_release(struct publish *publish)
{
	return publish && lease_release(publish->lease);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* source.c - three resources, and when a batch of their changes ends. */
#include "kube/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/reflector.h"
#include "lib/document.h"
#include "lib/error.h"
#include "lib/loop.h"
#include "source/decode.h"

#define ZONE_LABEL "topology.kubernetes.io/zone"
#define SELECTOR_OF_ANY_PROXY "!service.kubernetes.io/headless"
#define SELECTOR "!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless"

/* Under load a batch ends so long after the one before, at the least. */
#define BATCH_MS 20
/* And as long as the last one took, so that there is time for other things. */
#define BATCH_MAX_MS 250

enum resource {
	RESOURCE_SERVICES,
	RESOURCE_SLICES,
	RESOURCE_NODE,
	RESOURCE_COUNT,
};

/* One resource, as its reflector knows it. */
struct followed {
	struct kube_source *source;
	const struct kind *kind;
	struct reflector *reflector; /* NULL: not followed */
};

struct kube_source {
	struct kube_source_events events;
	struct followed followed[RESOURCE_COUNT];
	struct loop_watch *timer;
	char *node_selector; /* "metadata.name=..." */
	bool is_complete;
	bool is_timer_set;
	uint64_t ended_ms; /* the last batch */
	uint64_t pause_ms; /* until the next */
};

struct kind {
	struct reflector_settings settings;
	enum object_kind object_kind;
};

static const struct kind kinds[] = {
	[RESOURCE_SERVICES] = {
		.settings = {
			.resource = "services",
			.path = "/api/v1/services",
			.api_version = "v1",
			.kind = "Service",
			.label_selector = SELECTOR,
			.field_selector = "spec.type=LoadBalancer",
			.field_selector_is_optional = true,
		},
		.object_kind = OBJECT_SERVICE,
	},
	[RESOURCE_SLICES] = {
		.settings = {
			.resource = "endpointslices",
			.path = "/apis/discovery.k8s.io/v1/endpointslices",
			.api_version = "discovery.k8s.io/v1",
			.kind = "EndpointSlice",
			.label_selector = SELECTOR,
		},
		.object_kind = OBJECT_ENDPOINT_SLICE,
	},
	[RESOURCE_NODE] = {
		.settings = {
			.resource = "nodes",
			.path = "/api/v1/nodes",
			.api_version = "v1",
			.kind = "Node",
		},
	},
};

static int decode_object(const struct node *node, void **ret_item, struct error *error, void *owner)
{
	const struct followed *followed = owner;
	const struct reflector_settings *settings = &followed->kind->settings;
	struct object *object = NULL;
	int r = decode_item(node, settings->api_version, settings->kind, "cluster", &object, error);

	if (r == 0)
		*ret_item = object;
	return r;
}

static void destroy_object(void *item)
{
	object_destroy(item);
}

static void on_set(void *item, void *owner)
{
	const struct followed *followed = owner;
	const struct source_events *objects = &followed->source->events.objects;

	objects->on_object(item, objects->owner);
}

static void on_removed(const char *namespace, const char *name, void *owner)
{
	const struct followed *followed = owner;
	const struct source_events *objects = &followed->source->events.objects;

	objects->on_removed(followed->kind->object_kind, namespace, name, objects->owner);
}

/* As in "Service 'default/web'". */
static void write_place(const struct followed *followed, const char *namespace, const char *name,
			char *place, size_t size)
{
	(void)snprintf(place, size, "%s '%s%s%s'", followed->kind->settings.kind, namespace,
		       *namespace ? "/" : "", name);
}

static void on_problem(const char *namespace, const char *name, const char *sentence, void *owner)
{
	const struct followed *followed = owner;
	const struct kube_source_events *events = &followed->source->events;
	const struct source_events *objects = &events->objects;
	struct error error;
	char place[400];

	write_place(followed, namespace, name, place, sizeof(place));
	(void)error_set(&error, -EINVAL, "%s: %s", place, sentence);
	objects->on_problem(error.text, objects->owner);
	if (followed != &followed->source->followed[RESOURCE_NODE])
		events->on_kept(followed->kind->object_kind, namespace, name, events->owner);
}

static void on_repaired(const char *namespace, const char *name, void *owner)
{
	const struct followed *followed = owner;
	const struct source_events *objects = &followed->source->events.objects;
	char place[400];

	write_place(followed, namespace, name, place, sizeof(place));
	objects->on_repaired(place, objects->owner);
}

static int decode_node(const struct node *node, void **ret_item, struct error *error, void *owner)
{
	const struct node *labels = node_get(node_get(node, "metadata"), "labels");
	char *zone = strdup(node_text(labels, ZONE_LABEL));

	(void)owner;
	if (!zone)
		return error_set(error, -ENOMEM, "no memory for a zone");
	*ret_item = zone;
	return 0;
}

static void on_node_set(void *item, void *owner)
{
	const struct followed *followed = owner;
	const struct kube_source_events *events = &followed->source->events;
	char *zone = item;

	events->on_zone(*zone ? zone : NULL, events->owner);
	free(zone);
}

/* We are still where we were. */
static void on_node_removed(const char *namespace, const char *name, void *owner)
{
	(void)namespace, (void)name, (void)owner;
}

static bool is_synced(const struct followed *followed)
{
	struct reflector_status status;

	reflector_read_status(followed->reflector, &status);
	return status.is_synced;
}

static bool is_answered(const struct followed *followed)
{
	struct reflector_status status;

	if (!followed->reflector)
		return true;
	reflector_read_status(followed->reflector, &status);
	return status.is_synced || status.is_refused;
}

static bool look_if_complete(struct kube_source *source)
{
	struct followed *followed = source->followed;

	if (!source->is_complete)
		source->is_complete = is_synced(&followed[RESOURCE_SERVICES]) &&
				      is_synced(&followed[RESOURCE_SLICES]) &&
				      is_answered(&followed[RESOURCE_NODE]);
	return source->is_complete;
}

static void end_batch(struct kube_source *source)
{
	uint64_t started_ms = loop_now_ms();

	source->events.objects.on_batch_end(source->events.objects.owner);
	source->ended_ms = loop_now_ms();
	source->pause_ms = source->ended_ms - started_ms;
	if (source->pause_ms < BATCH_MS)
		source->pause_ms = BATCH_MS;
	if (source->pause_ms > BATCH_MAX_MS)
		source->pause_ms = BATCH_MAX_MS;
}

static void on_due(void *owner)
{
	struct kube_source *source = owner;

	source->is_timer_set = false;
	end_batch(source);
}

/* The first change in a while is told at once; those that follow close on it together. */
static void on_batch_end(void *owner)
{
	const struct followed *followed = owner;
	struct kube_source *source = followed->source;
	uint64_t passed_ms = loop_now_ms() - source->ended_ms;

	if (source->is_timer_set || !look_if_complete(source))
		return;
	if (passed_ms >= source->pause_ms) {
		end_batch(source);
		return;
	}
	source->is_timer_set = true;
	loop_timer_set(source->timer, source->pause_ms - passed_ms);
}

static void on_trouble(const char *sentence, void *owner)
{
	const struct followed *followed = owner;
	const struct kube_source_events *events = &followed->source->events;
	bool was_complete = followed->source->is_complete;

	events->on_trouble(sentence, events->owner);
	/* A Node that nobody may read is not waited for. */
	if (!was_complete && look_if_complete(followed->source))
		on_batch_end(owner);
}

static void on_recovered(void *owner)
{
	const struct followed *followed = owner;
	const struct kube_source_events *events = &followed->source->events;

	events->on_recovered(followed->kind->settings.resource, events->owner);
}

static int follow(struct kube_source *source, enum resource resource, struct loop *loop,
		  struct kube_http *http, const struct kube_source_settings *settings,
		  struct error *error)
{
	struct followed *followed = &source->followed[resource];
	bool is_node = resource == RESOURCE_NODE;
	const struct reflector_events events = {
		.listener = {
			.decode = is_node ? decode_node : decode_object,
			.destroy = is_node ? free : destroy_object,
			.on_set = is_node ? on_node_set : on_set,
			.on_removed = is_node ? on_node_removed : on_removed,
			.on_problem = on_problem,
			.on_repaired = on_repaired,
			.owner = followed,
		},
		.on_batch_end = on_batch_end,
		.on_trouble = on_trouble,
		.on_recovered = on_recovered,
		.owner = followed,
	};
	struct reflector_settings own = kinds[resource].settings;

	followed->source = source;
	followed->kind = &kinds[resource];
	if (is_node)
		own.field_selector = source->node_selector;
	if (resource == RESOURCE_SERVICES && settings->any_type)
		own.field_selector = NULL;
	if (!is_node && settings->any_proxy)
		own.label_selector = SELECTOR_OF_ANY_PROXY;
	own.try_watch_list = settings->try_watch_list;
	return reflector_create(loop, http, &own, &events, &followed->reflector, error);
}

static int follow_all(struct kube_source *source, struct loop *loop, struct kube_http *http,
		      const struct kube_source_settings *settings, struct error *error)
{
	int r = 0;

	if (settings->zone_of_node &&
	    asprintf(&source->node_selector, "metadata.name=%s", settings->zone_of_node) < 0) {
		source->node_selector = NULL;
		return error_set(error, -ENOMEM, "no memory to follow a cluster");
	}
	source->timer = loop_add_timer(loop, on_due, source);
	if (!source->timer)
		return error_set(error, -ENOMEM, "no memory to follow a cluster");
	if (source->node_selector)
		r = follow(source, RESOURCE_NODE, loop, http, settings, error);
	if (r == 0)
		r = follow(source, RESOURCE_SERVICES, loop, http, settings, error);
	if (r == 0)
		r = follow(source, RESOURCE_SLICES, loop, http, settings, error);
	return r;
}

int kube_source_create(struct loop *loop, struct kube_http *http,
		       const struct kube_source_settings *settings,
		       const struct kube_source_events *events, struct kube_source **ret,
		       struct error *error)
{
	struct kube_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return error_set(error, -ENOMEM, "no memory to follow a cluster");
	source->events = *events;
	r = follow_all(source, loop, http, settings, error);
	if (r < 0)
		kube_source_destroy(source);
	else
		*ret = source;
	return r;
}

void kube_source_destroy(struct kube_source *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < RESOURCE_COUNT; i++)
		reflector_destroy(source->followed[i].reflector);
	loop_remove(source->timer);
	free(source->node_selector);
	free(source);
}

bool kube_source_is_complete(const struct kube_source *source)
{
	return source->is_complete;
}

void kube_source_for_each_resource(const struct kube_source *source,
				   void (*on_resource)(const struct reflector_status *status,
						       void *context),
				   void *context)
{
	for (size_t i = 0; i < RESOURCE_COUNT; i++) {
		struct reflector_status status;

		if (!source->followed[i].reflector)
			continue;
		reflector_read_status(source->followed[i].reflector, &status);
		on_resource(&status, context);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * publish_requests.c - what is asked of the API server for a Service whose turn has come, and what
 * came of it.
 */
#include "agent/publish_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/publish_patch.h"
#include "agent/reconcile.h"
#include "kube/http.h"
#include "kube/writer.h"
#include "lib/arena.h"
#include "lib/document.h"
#include "lib/json_tree.h"
#include "lib/log.h"
#include "model/model.h"
#include "source/decode.h"

void publish_write_key(const struct object *service, char ret[static PUBLISH_KEY_SIZE])
{
	(void)snprintf(ret, PUBLISH_KEY_SIZE, "%s/%s", service->namespace, service->name);
}

bool publish_is_ours(const struct service_status *status)
{
	return status->is_load_balancer && status->is_given_by_us;
}

static bool may_write(const struct publish *publish)
{
	return publish->is_current && lease_is_leader(publish->lease);
}

struct making {
	struct publish *publish;
	struct writer_request *request;
	bool is_ours; /* it is one that we publish */
	bool is_made;
};

static bool make_patch(const struct object *service, char *body, struct writer_request *ret)
{
	ret->method = "PATCH";
	ret->content_type = PUBLISH_PATCH_TYPE;
	ret->version = service->version;
	ret->body = body;
	if (body && asprintf(&ret->path, "/api/v1/namespaces/%s/services/%s/status",
			     service->namespace, service->name) >= 0)
		return true;
	free(body);
	*ret = (struct writer_request){ 0 };
	return false;
}

static void make_served(const struct service_status *status, void *context)
{
	struct making *making = context;
	const struct object *object = status->object;
	const struct publish_difference difference = publish_compare(status);
	struct held *held;

	making->is_ours = publish_is_ours(status);
	if (!making->is_ours || !publish_differs(&difference))
		return;
	held = held_provide(&making->publish->held, object->namespace, object->name, object->uid);
	if (!held)
		return;
	held->step = HELD_WRITE;
	held->sent = difference;
	held->is_futile = false;
	free(held->version);
	held->version = strdup(object->version);
	making->is_made =
		make_patch(object, publish_patch_served(status, &difference), making->request);
}

static bool make_abandoned(struct publish *publish, struct held *held, const struct object *service,
			   struct writer_request *ret)
{
	if (!held || !model_abandons(publish->settings.model, service) ||
	    reconciler_has_leftovers(publish->settings.reconciler))
		return false;
	held->step = HELD_LET_GO;
	return make_patch(service, publish_patch_abandoned(service), ret);
}

static bool make_vanished(struct publish *publish, struct held *held, struct writer_request *ret)
{
	struct object *fetched = held ? held->fetched : NULL;
	bool is_made;

	if (!held)
		return false;
	if (fetched) {
		/* Of a conflict it is asked for again. */
		held->fetched = NULL;
		is_made = make_abandoned(publish, held, fetched, ret);
		ret->version = "";
		object_destroy(fetched);
		return is_made;
	}
	held->step = HELD_READ;
	ret->method = "GET";
	ret->version = "";
	return asprintf(&ret->path, "/api/v1/namespaces/%s/services/%s", held->namespace,
			held->name) >= 0;
}

bool publish_make_request(const char *key, struct writer_request *ret, void *owner)
{
	struct publish *publish = owner;
	struct making making = { .publish = publish, .request = ret };
	const char *name = strchr(key, '/');
	const struct object *object;
	char namespace[PUBLISH_KEY_SIZE];

	if (!name || !may_write(publish))
		return false;
	(void)snprintf(namespace, sizeof(namespace), "%.*s", (int)(name - key), key);
	name++;
	if (model_tell_status(publish->settings.model, namespace, name, make_served, &making) &&
	    making.is_ours)
		return making.is_made;
	object = model_find_object(publish->settings.model, OBJECT_SERVICE, namespace, name);
	if (object)
		return make_abandoned(publish, held_find(&publish->held, key), object, ret);
	return make_vanished(publish, held_find(&publish->held, key), ret);
}

/* One that is broken is not ours to judge. */
static void read_fetched(struct held *held, const struct kube_response *response)
{
	struct arena *arena = arena_create();
	struct object *object = NULL;
	const struct node *root;

	if (arena &&
	    json_tree_parse(arena, response->body, response->body_length, &root, NULL) == 0)
		(void)decode_item(root, "v1", "Service", "cluster", &object, NULL);
	if (object) {
		object_destroy(held->fetched);
		held->fetched = object;
	}
	arena_destroy(arena);
}

/* True when it is to be let go. */
static bool on_fetched(struct publish *publish, struct held *held,
		       const struct kube_response *response)
{
	if (response->status != 404)
		read_fetched(held, response);
	if (held->fetched && held->fetched->kind == OBJECT_SERVICE &&
	    model_abandons(publish->settings.model, held->fetched))
		return true;
	held_remove(&publish->held, held);
	return false;
}

static bool changed_nothing(const struct held *held, const struct kube_response *response)
{
	json_t *object = json_loadb(response->body, response->body_length, 0, NULL);
	const char *version = json_string_value(
		json_object_get(json_object_get(object, "metadata"), "resourceVersion"));
	bool is_same = version && held->version && strcmp(version, held->version) == 0;

	json_decref(object);
	return is_same;
}

bool publish_request_done(const char *key, const struct kube_response *response, void *owner)
{
	struct publish *publish = owner;
	struct held *held = held_find(&publish->held, key);

	if (!held)
		return false;
	switch (held->step) {
	case HELD_READ:
		return on_fetched(publish, held, response);
	case HELD_LET_GO:
		log_info("Service '%s': let go", key);
		held->is_let_go = true;
		if (response->status != 404)
			publish_tell_let_go(publish, held);
		break;
	case HELD_WRITE:
		log_debug("Service '%s': published", key);
		held->is_futile = changed_nothing(held, response);
		if (response->status != 404 && !held->is_futile)
			publish_tell_written(publish, held);
		break;
	}
	return false;
}

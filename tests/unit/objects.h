/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.h - objects for the tests of the model, built by hand, and its services as text.
 * Include after cmocka.h.
 */
#ifndef TESTS_UNIT_OBJECTS_H
#define TESTS_UNIT_OBJECTS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "model/model.h"
#include "model/pool.h"
#include "model/service.h"

#define LIST_MAX 32 /* what one object can hold of anything */
#define DUMP_SIZE 65536

static inline struct address address(const char *text)
{
	struct address parsed;

	assert_int_equal(address_parse(text, &parsed, NULL), 0);
	return parsed;
}

static inline struct object *build(enum object_kind kind, const char *namespace, const char *name)
{
	struct object *object = object_create(kind);

	assert_non_null(object);
	object->namespace = arena_strdup(object->arena, namespace);
	object->name = arena_strdup(object->arena, name);
	object->uid = object->version = "";
	object->creation_time_s = INT64_MAX;
	object->origin = "test";
	assert_true(object->namespace && object->name);
	return object;
}

/* The next of at most LIST_MAX elements, zeroed; the first makes room for all. */
static inline void *append(struct object *object, const void *items_field, size_t *count,
			   size_t size)
{
	char *items;

	memcpy(&items, items_field, sizeof(items));
	if (!items) {
		items = arena_alloc_array(object->arena, LIST_MAX, size);
		assert_non_null(items);
		memcpy((void *)(uintptr_t)items_field, &items, sizeof(items));
	}
	assert_true(*count < LIST_MAX);
	return items + size * (*count)++;
}

static inline void add_label(struct object *object, struct labels *labels, const char *key,
			     const char *value)
{
	struct label *last = append(object, &labels->items, &labels->count, sizeof(*last));
	struct label *first = last - (labels->count - 1);

	for (; last > first && strcmp(last[-1].key, key) > 0; last--)
		*last = last[-1];
	last->key = arena_strdup(object->arena, key);
	last->value = arena_strdup(object->arena, value);
}

/* Type LoadBalancer, no class, no port. */
static inline struct object *build_service(const char *name)
{
	struct object *object = build(OBJECT_SERVICE, "default", name);

	object->service.type = SERVICE_LOAD_BALANCER;
	object->service.cluster_ip = "";
	return object;
}

static inline struct service_port *add_port(struct object *object, const char *name,
					    enum protocol protocol, uint16_t port)
{
	struct service_port *added =
		append(object, &object->service.ports, &object->service.port_count, sizeof(*added));

	*added = (struct service_port){ name, protocol, port, port, NULL, 0 };
	return added;
}

/* The annotation guideway.dev/addresses. */
static inline void request(struct object *object, const char *vip)
{
	struct address *added = append(object, &object->service.requested,
				       &object->service.requested_count, sizeof(*added));

	*added = address(vip);
}

static inline void restrict_to(struct object *object, const char *range)
{
	struct prefix *added = append(object, &object->service.source_ranges,
				      &object->service.source_range_count, sizeof(*added));

	assert_int_equal(prefix_parse(range, added, NULL), 0);
}

/* A Service on vip, unless NULL, with one unnamed TCP port. */
static inline struct object *simple_service(const char *name, const char *vip, uint16_t port)
{
	struct object *object = build_service(name);

	add_port(object, "", PROTOCOL_TCP, port);
	if (vip)
		request(object, vip);
	return object;
}

static inline struct endpoint_group *add_group(struct object *object, bool ipv4)
{
	struct endpoint_group *group = append(object, &object->endpoints.groups,
					      &object->endpoints.group_count, sizeof(*group));

	group->ipv4 = ipv4;
	group->weight = 1;
	return group;
}

static inline void add_group_port(struct object *object, const char *name, enum protocol protocol,
				  uint16_t port)
{
	size_t last = object->endpoints.group_count - 1;
	struct endpoint_group *group = (struct endpoint_group *)&object->endpoints.groups[last];
	struct endpoint_port *added =
		append(object, &group->ports, &group->port_count, sizeof(*added));

	*added = (struct endpoint_port){ name, protocol, port };
}

/* To the last group; ready. */
static inline struct endpoint *add_endpoint(struct object *object, const char *text)
{
	size_t last = object->endpoints.group_count - 1;
	struct endpoint_group *group = (struct endpoint_group *)&object->endpoints.groups[last];
	struct endpoint *added =
		append(object, &group->endpoints, &group->endpoint_count, sizeof(*added));

	added->address = address(text);
	added->ready = added->serving = true;
	return added;
}

/* An IPv4 slice with the unnamed TCP port 8080. */
static inline struct object *build_slice(const char *name, const char *service_name)
{
	struct object *object = build(OBJECT_ENDPOINT_SLICE, "default", name);

	object->endpoints.service_name = arena_strdup(object->arena, service_name);
	add_group(object, true);
	add_group_port(object, "", PROTOCOL_TCP, 8080);
	return object;
}

/* Ready, with the label app=web. */
static inline struct object *build_pod(const char *name, const char *text)
{
	struct object *object = build(OBJECT_POD, "default", name);
	struct address *added =
		append(object, &object->pod.addresses, &object->pod.address_count, sizeof(*added));

	*added = address(text);
	object->pod.ready = true;
	add_label(object, &object->labels, "app", "web");
	return object;
}

static inline void set(struct model *model, struct object *object)
{
	assert_int_equal(model_set_object(model, object), 0);
}

/* True when any service changed. */
static inline bool update(struct model *model)
{
	bool changed;

	assert_int_equal(model_update(model, &changed, NULL), 0);
	return changed;
}

static inline size_t dump_backend(char *text, size_t size, const struct backend *backend)
{
	char written[ADDRESS_TEXT_SIZE];
	size_t used = (size_t)snprintf(text, size, " %s:%u",
				       address_format(&backend->address, written), backend->port);

	if (backend->weight != 1)
		used += (size_t)snprintf(text + used, size - used, "*%u", backend->weight);
	if (backend->state != BACKEND_READY)
		used += (size_t)snprintf(text + used, size - used, "/%s",
					 backend_state_name(backend));
	return used;
}

/* What is not as in a Service that says nothing. */
static inline size_t dump_policies(char *text, size_t size, const struct service *service)
{
	size_t used = 0;

	if (service->mode != FORWARDING_MODE_SNAT)
		used += (size_t)snprintf(text + used, size - used, " %s",
					 forwarding_mode_name(service->mode));
	if (service->fallback == SERVICE_DROP)
		used += (size_t)snprintf(text + used, size - used, " DROP");
	if (service->affinity)
		used += (size_t)snprintf(text + used, size - used, " affinity=%u",
					 service->affinity_timeout_s);
	if (service->flows_per_second)
		used += (size_t)snprintf(text + used, size - used, " flows=%u",
					 service->flows_per_second);
	if (service->tcp_mss)
		used += (size_t)snprintf(text + used, size - used, " mss=%u", service->tcp_mss);
	if (service->has_source_ranges)
		used += (size_t)snprintf(text + used, size - used, " from");
	for (size_t i = 0; i < service->source_range_count; i++) {
		const struct prefix *range = &service->source_ranges[i];
		char written[ADDRESS_TEXT_SIZE];

		used += (size_t)snprintf(text + used, size - used, " %s/%u",
					 address_format(&range->address, written),
					 prefix_is_ipv4(range) ? range->length - 96u
							       : range->length);
	}
	return used;
}

/* A line for each service, everything that is in it; valid until the next call. */
static inline const char *services_text(const struct model *model)
{
	static char text[DUMP_SIZE];
	struct service *const *services;
	char key[SERVICE_KEY_TEXT_SIZE];
	size_t used = 0, count;

	text[0] = '\0';
	services = model_services(model, &count);
	for (size_t i = 0; i < count; i++) {
		const struct service *service = services[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s/%s",
					 service_key_format(&service->key, key), service->namespace,
					 service->name);
		if (service->port_name[0])
			used += (size_t)snprintf(text + used, sizeof(text) - used, ":%s",
						 service->port_name);
		used += dump_policies(text + used, sizeof(text) - used, service);
		for (size_t b = 0; b < service->backend_count; b++)
			used += dump_backend(text + used, sizeof(text) - used,
					     &service->backends[b]);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "\n");
	}
	assert_true(used < sizeof(text));
	return text;
}

/* Updates the model and compares all services. */
static inline void assert_services(struct model *model, const char *expected)
{
	(void)update(model);
	assert_string_equal(services_text(model), expected);
}

struct status_text {
	const char *name; /* of the Service */
	char text[512];
};

static inline void write_status(const struct service_status *status, void *context)
{
	struct status_text *wanted = context;
	char vip[ADDRESS_TEXT_SIZE];
	size_t used = 0;

	if (strcmp(status->object->name, wanted->name) != 0)
		return;
	for (size_t i = 0; i < status->vip_count; i++)
		used += (size_t)snprintf(wanted->text + used, sizeof(wanted->text) - used, "%s ",
					 address_format(&status->vips[i], vip));
	(void)snprintf(wanted->text + used, sizeof(wanted->text) - used, "%zu/%zu%s%s",
		       status->ready_count, status->endpoint_count, status->problem ? " " : "",
		       status->problem ? status->problem : "");
}

/* "VIPs ready/all problem" of one Service, "" when it is none of ours. */
static inline void assert_status(struct model *model, const char *name, const char *expected)
{
	struct status_text status = { name, "" };

	(void)update(model);
	model_for_each_status(model, write_status, &status);
	assert_string_equal(status.text, expected);
}

#endif

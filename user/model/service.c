/* SPDX-License-Identifier: BSD-2-Clause */
/* service.c - a service and its backends in one piece of memory. */
#include "model/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies text to *at and moves *at behind it. */
static const char *place_text(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(*at, text, size);

	*at += size;
	return copy;
}

struct service *service_create(const struct service_key *key, const char *namespace,
			       const char *name, const char *port_name, size_t backend_count,
			       size_t source_range_count)
{
	size_t text_size = strlen(namespace) + strlen(name) + strlen(port_name) + 3;
	size_t backends_size = backend_count * sizeof(struct backend);
	size_t ranges_size = source_range_count * sizeof(struct prefix);
	struct service *service =
		calloc(1, sizeof(*service) + backends_size + ranges_size + text_size);
	char *text;

	if (!service)
		return NULL;
	service->references = 1;
	memcpy(service->key.vip.bytes, key->vip.bytes, sizeof(key->vip.bytes));
	service->key.port = key->port;
	service->key.protocol = key->protocol;
	service->mode = FORWARDING_MODE_SNAT;
	service->backends = (struct backend *)(service + 1);
	service->backend_count = backend_count;
	/* Prefixes and text are made of bytes: they may stand anywhere. */
	service->source_ranges = (struct prefix *)(service->backends + backend_count);
	service->source_range_count = source_range_count;
	text = (char *)(service->source_ranges + source_range_count);
	service->namespace = place_text(&text, namespace);
	service->name = place_text(&text, name);
	service->port_name = place_text(&text, port_name);
	return service;
}

struct service *service_ref(struct service *service)
{
	service->references++;
	return service;
}

void service_unref(struct service *service)
{
	if (service && --service->references == 0)
		free(service);
}

int service_key_compare(const struct service_key *a, const struct service_key *b)
{
	int order = address_compare(&a->vip, &b->vip);

	if (order != 0)
		return order;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return (a->protocol > b->protocol) - (a->protocol < b->protocol);
}

int backend_compare(const struct backend *a, const struct backend *b)
{
	int order = address_compare(&a->address, &b->address);

	if (order != 0)
		return order;
	return (a->port > b->port) - (a->port < b->port);
}

bool backend_is_leaving(const struct backend *backend)
{
	return backend->state == BACKEND_DRAINING || backend->state == BACKEND_DRAINED;
}

const char *backend_state_name(const struct backend *backend)
{
	static const char *const names[] = {
		[BACKEND_READY] = "ready",
		[BACKEND_TERMINATING] = "terminating",
		[BACKEND_DRAINING] = "draining",
		[BACKEND_DRAINED] = "drained",
	};

	if (backend->state == BACKEND_READY && backend->weight == 0)
		return "unweighted";
	return names[backend->state];
}

static bool same_source_ranges(const struct service *a, const struct service *b)
{
	if (a->has_source_ranges != b->has_source_ranges ||
	    a->source_range_count != b->source_range_count)
		return false;
	for (size_t i = 0; i < a->source_range_count; i++)
		if (prefix_compare(&a->source_ranges[i], &b->source_ranges[i]) != 0)
			return false;
	return true;
}

static bool same_policies(const struct service *a, const struct service *b)
{
	return a->mode == b->mode && a->fallback == b->fallback && a->affinity == b->affinity &&
	       a->affinity_timeout_s == b->affinity_timeout_s &&
	       a->flows_per_second == b->flows_per_second && a->tcp_mss == b->tcp_mss &&
	       same_source_ranges(a, b);
}

bool service_equal(const struct service *a, const struct service *b)
{
	if (a == b)
		return true;
	if (service_key_compare(&a->key, &b->key) != 0 || !same_policies(a, b) ||
	    a->backend_count != b->backend_count)
		return false;
	for (size_t i = 0; i < a->backend_count; i++)
		if (backend_compare(&a->backends[i], &b->backends[i]) != 0 ||
		    a->backends[i].weight != b->backends[i].weight ||
		    a->backends[i].state != b->backends[i].state)
			return false;
	return true;
}

const char *service_key_format(const struct service_key *key,
			       char buffer[static SERVICE_KEY_TEXT_SIZE])
{
	bool ipv4 = address_is_ipv4(&key->vip);
	char vip[ADDRESS_TEXT_SIZE];

	(void)snprintf(buffer, SERVICE_KEY_TEXT_SIZE, ipv4 ? "%s:%u/%s" : "[%s]:%u/%s",
		       address_format(&key->vip, vip), key->port, protocol_name(key->protocol));
	return buffer;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* entry.c - whether a Kubernetes Service is ours to serve, and what is wrong with it. */
#include "model/entry.h"

#include <stdlib.h>
#include <string.h>

#include "model/source_ranges.h"

#define LABEL_PROXY_NAME "service.kubernetes.io/service-proxy-name"
#define LABEL_HEADLESS "service.kubernetes.io/headless"

/* There, and left to us by the labels that say who does what. */
static bool is_ours(const struct object *object, const struct model_settings *settings)
{
	const char *proxy;

	if (!object || object->deleting || labels_get(&object->labels, LABEL_HEADLESS))
		return false;
	proxy = labels_get(&object->labels, LABEL_PROXY_NAME);
	return !proxy || (settings->proxy_name && strcmp(proxy, settings->proxy_name) == 0);
}

bool entry_is_of_class(const struct object *object, const struct model_settings *settings)
{
	const char *class = object->service.load_balancer_class;

	if (object->service.type != SERVICE_LOAD_BALANCER)
		return true;
	if (!class)
		return settings->serve_unclassed;
	return settings->load_balancer_class && strcmp(class, settings->load_balancer_class) == 0;
}

bool entry_is_object_ours(const struct object *object, const struct model_settings *settings)
{
	return is_ours(object, settings) && object->service.type == SERVICE_LOAD_BALANCER &&
	       entry_is_of_class(object, settings);
}

bool entry_is_load_balancer(const struct entry *entry, const struct model_settings *settings)
{
	return entry_is_object_ours(entry->object, settings);
}

bool entry_has_external_ips(const struct entry *entry, const struct model_settings *settings)
{
	const struct service_object *service = &entry->object->service;

	if (!is_ours(entry->object, settings) || service->type == SERVICE_EXTERNAL_NAME ||
	    entry_is_headless(entry))
		return false;
	for (size_t i = 0; i < service->external_ip_count; i++)
		if (vips_may_be_external(&service->external_ips[i], &settings->external_ranges))
			return true;
	return false;
}

bool entry_awaits_status(const struct entry *entry, const struct model_settings *settings)
{
	return settings->awaits_status && entry->vips.origin == VIP_ORIGIN_POOL;
}

bool entry_status_names(const struct object *object, const struct address *address)
{
	const struct service_object *service = &object->service;

	for (size_t i = 0; i < service->ingress_count; i++)
		if (address_compare(&service->ingress[i], address) == 0)
			return true;
	return false;
}

bool entry_is_served(const struct entry *entry, const struct model_settings *settings)
{
	return entry_is_load_balancer(entry, settings) || entry_has_external_ips(entry, settings);
}

bool entry_is_waiting(const struct entry *entry)
{
	return entry->move_ticks > 0 && !entry->object_changed && entry->candidate_count > 0;
}

bool entry_is_headless(const struct entry *entry)
{
	const char *cluster_ip = entry->object->service.cluster_ip;

	return cluster_ip && strcmp(cluster_ip, "None") == 0;
}

void entry_find_problems(struct entry *entry, const struct model_settings *settings)
{
	const struct service_object *service = &entry->object->service;
	struct problem *problem = &entry->problem;

	if (entry_is_headless(entry) && entry_is_load_balancer(entry, settings))
		problem_add(problem, "spec.clusterIP: None is not allowed with type LoadBalancer");
	for (size_t i = 0; i < service->port_count; i++)
		if (service->ports[i].protocol == PROTOCOL_SCTP)
			problem_add(problem,
				    "spec.ports[%zu]: SCTP is not served, expected TCP or UDP", i);
	if (source_ranges_are_too_many(service))
		problem_add(problem,
			    "spec.loadBalancerSourceRanges: %zu ranges, expected at most %d: not "
			    "served",
			    service->source_range_count, SOURCE_RANGES_MAX);
}

void entry_clear_candidates(struct entry *entry)
{
	for (size_t i = 0; i < entry->candidate_count; i++)
		service_unref(entry->candidates[i]);
	free(entry->candidates);
	entry->candidates = NULL;
	entry->candidate_count = 0;
	entry->ready_count = entry->endpoint_count = entry->local_count = 0;
	entry->uses_pods = false;
	backend_list_finish(&entry->leaving);
	problem_clear(&entry->mismatch);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* entry.c - from one Kubernetes Service, its VIPs and endpoints to candidate services. */
#include "model/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_PROXY_NAME "service.kubernetes.io/service-proxy-name"
#define LABEL_HEADLESS "service.kubernetes.io/headless"

bool entry_is_served(const struct entry *entry, const struct model_settings *settings)
{
	const struct object *object = entry->object;
	const char *class;

	if (!object || object->deleting || object->service.type != SERVICE_LOAD_BALANCER)
		return false;
	if (labels_get(&object->labels, LABEL_PROXY_NAME) ||
	    labels_get(&object->labels, LABEL_HEADLESS))
		return false;
	class = object->service.load_balancer_class;
	if (!class)
		return settings->serve_unclassed;
	return settings->load_balancer_class && strcmp(class, settings->load_balancer_class) == 0;
}

/* Source ranges are not enforced by the datapath, so only ranges that exclude nobody pass. */
static bool is_open_to_all(const struct service_object *service, bool ipv4)
{
	if (service->source_range_count == 0)
		return true;
	for (size_t i = 0; i < service->source_range_count; i++) {
		const struct prefix *range = &service->source_ranges[i];

		if (ipv4 ? range->length == 96 && address_is_ipv4(&range->address)
			 : range->length == 0)
			return true;
	}
	return false;
}

bool entry_is_headless(const struct entry *entry)
{
	const char *cluster_ip = entry->object->service.cluster_ip;

	return cluster_ip && strcmp(cluster_ip, "None") == 0;
}

static size_t count_family(const struct vips *vips, bool ipv4)
{
	size_t count = 0;

	for (size_t i = 0; i < vips->count; i++)
		count += address_is_ipv4(&vips->items[i]) == ipv4;
	return count;
}

void entry_find_problems(struct entry *entry)
{
	const struct service_object *service = &entry->object->service;
	struct problem *problem = &entry->problem;

	if (entry_is_headless(entry))
		problem_add(problem, "spec.clusterIP: None is not allowed with type LoadBalancer");
	for (size_t i = 0; i < service->port_count; i++)
		if (service->ports[i].protocol == PROTOCOL_SCTP)
			problem_add(problem,
				    "spec.ports[%zu]: SCTP is not served, expected TCP or UDP", i);
	for (int ipv4 = 1; ipv4 >= 0; ipv4--)
		if (!is_open_to_all(service, ipv4) && count_family(&entry->vips, ipv4) > 0)
			problem_add(problem,
				    "spec.loadBalancerSourceRanges cannot be enforced: "
				    "%s addresses are not served",
				    ipv4 ? "IPv4" : "IPv6");
	if (service->session_affinity == AFFINITY_CLIENT_IP)
		problem_add(problem, "spec.sessionAffinity: ClientIP is not kept, connections of "
				     "one client may reach several endpoints");
}

static int list_sources(const struct object *service, const struct store *store,
			struct object_list *list)
{
	int r;

	list->count = 0;
	r = store_list_endpoints(store, OBJECT_ENDPOINT_SLICE, service->namespace, service->name,
				 list);
	if (r == 0 && list->count == 0)
		r = store_list_endpoints(store, OBJECT_ENDPOINTS, service->namespace, service->name,
					 list);
	if (r == 0 && list->count == 0)
		r = store_list_pods(store, service->namespace, &service->service.selector, list);
	return r;
}

static bool is_local_only(const struct service_object *service,
			  const struct model_settings *settings)
{
	if (service->external_traffic_policy != TRAFFIC_POLICY_LOCAL)
		return false;
	return settings->local_policy == LOCAL_POLICY_NODE ||
	       (settings->local_policy == LOCAL_POLICY_AUTO && settings->node_name);
}

static enum forwarding_mode effective_mode(const struct service_object *service,
					   const struct model_settings *settings)
{
	if (service->forwarding_mode != FORWARDING_MODE_DEFAULT)
		return service->forwarding_mode;
	if (settings->forwarding_mode != FORWARDING_MODE_DEFAULT)
		return settings->forwarding_mode;
	return FORWARDING_MODE_SNAT;
}

/* The candidates as they are built, before they replace the old ones. */
struct build {
	const struct object *service;
	const struct model_settings *settings;
	const struct vips *vips;
	struct service **items;
	size_t count;
	size_t ready_count, endpoint_count;
};

static struct service *create_candidate(const struct build *build, const struct service_port *port,
					const struct address *vip, const struct endpoint_set *set)
{
	const struct service_key key = { *vip, port->port, port->protocol };
	struct service *service =
		service_create(&key, build->service->namespace, build->service->name, port->name,
			       set->usable_count);

	if (!service)
		return NULL;
	service->mode = effective_mode(&build->service->service, build->settings);
	service->fallback = set->fallback;
	for (size_t i = 0; i < set->usable_count; i++)
		service->backends[i] = set->candidates[i].backend;
	return service;
}

static int build_port(struct build *build, const struct service_port *port, bool ipv4,
		      const struct object_list *sources, struct endpoint_set *set)
{
	const struct service_object *object = &build->service->service;
	const struct endpoint_query query = {
		.service = build->service,
		.port = port,
		.ipv4 = ipv4,
		.local_only = is_local_only(object, build->settings),
		.node_name = build->settings->node_name,
		.zone = build->settings->zone,
	};
	int r;

	/* Without any VIP the endpoints are still counted, for whoever asks why. */
	if (build->vips->count > 0 && count_family(build->vips, ipv4) == 0)
		return 0;
	r = endpoints_select(&query, sources->items, sources->count, set);
	if (r < 0)
		return r;
	build->ready_count += set->ready_count;
	build->endpoint_count += set->known_count;
	for (size_t i = 0; i < build->vips->count && is_open_to_all(object, ipv4); i++) {
		const struct address *vip = &build->vips->items[i];

		if (address_is_ipv4(vip) != ipv4)
			continue;
		build->items[build->count] = create_candidate(build, port, vip, set);
		if (!build->items[build->count])
			return -ENOMEM;
		build->count++;
	}
	return 0;
}

/* The API server allows each port and protocol once; of others the first counts. */
static bool is_repeated(const struct service_object *service, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (service->ports[i].port == service->ports[index].port &&
		    service->ports[i].protocol == service->ports[index].protocol)
			return true;
	return false;
}

static int build_ports(struct build *build, const struct object_list *sources,
		       struct endpoint_set *set)
{
	const struct service_object *object = &build->service->service;
	int r = 0;

	for (size_t i = 0; r == 0 && i < object->port_count; i++) {
		const struct service_port *port = &object->ports[i];

		if ((port->protocol != PROTOCOL_TCP && port->protocol != PROTOCOL_UDP) ||
		    is_repeated(object, i))
			continue;
		r = build_port(build, port, true, sources, set);
		if (r == 0)
			r = build_port(build, port, false, sources, set);
	}
	return r;
}

static int by_key(const void *a, const void *b)
{
	const struct service *left = *(struct service *const *)a;
	const struct service *right = *(struct service *const *)b;

	return service_key_compare(&left->key, &right->key);
}

static void unref_all(struct service **services, size_t count)
{
	for (size_t i = 0; i < count; i++)
		service_unref(services[i]);
	free(services);
}

/* Both sorted: of each service that is there already, the old one goes on. */
static void keep_unchanged(struct build *build, struct service *const *before, size_t count)
{
	size_t old = 0;

	for (size_t i = 0; i < build->count; i++) {
		struct service *service = build->items[i];

		while (old < count && by_key(&before[old], &service) < 0)
			old++;
		if (old == count || !service_equal(before[old], service) ||
		    strcmp(before[old]->port_name, service->port_name) != 0)
			continue;
		build->items[i] = service_ref(before[old]);
		service_unref(service);
	}
}

void entry_clear_candidates(struct entry *entry)
{
	unref_all(entry->candidates, entry->candidate_count);
	entry->candidates = NULL;
	entry->candidate_count = 0;
	entry->ready_count = entry->endpoint_count = 0;
	entry->uses_pods = false;
}

int entry_build(struct entry *entry, const struct model_settings *settings,
		const struct store *store, struct endpoint_set *set, struct object_list *list)
{
	struct build build = {
		.service = entry->object,
		.settings = settings,
		.vips = &entry->vips,
	};
	size_t most = entry->object->service.port_count * entry->vips.count;
	int r = list_sources(entry->object, store, list);

	if (r < 0)
		return r;
	build.items = calloc(most + 1, sizeof(struct service *));
	if (!build.items)
		return -ENOMEM;
	r = build_ports(&build, list, set);
	if (r < 0) {
		unref_all(build.items, build.count);
		return r;
	}
	qsort(build.items, build.count, sizeof(struct service *), by_key);
	keep_unchanged(&build, entry->candidates, entry->candidate_count);

	entry_clear_candidates(entry);
	entry->candidates = build.items;
	entry->candidate_count = build.count;
	entry->ready_count = build.ready_count;
	entry->endpoint_count = build.endpoint_count;
	entry->uses_pods = list->count == 0 || list->items[0]->kind == OBJECT_POD;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* entry_build.c - from one Kubernetes Service, its VIPs and endpoints to candidate services. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/entry.h"
#include "model/local_set.h"
#include "model/source_ranges.h"

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

struct served {
	struct address address;
	bool is_external; /* no source ranges for it */
};

/* The candidates as they are built, before they replace the old ones. */
struct build {
	const struct object *service;
	const struct model_settings *settings;
	const struct drain_list *drains;
	const struct backend_list *expired;
	struct served *served; /* each address once */
	size_t served_count;
	enum forwarding_mode mode;
	struct source_ranges ranges[2]; /* IPv6, IPv4 */
	struct service **items;
	size_t count;
	size_t ready_count, endpoint_count;
	struct local_set local;
	struct backend_list leaving;
	struct problem mismatch;
	const struct service_port *mismatched; /* the last that mismatch tells of */
};

static void set_policies(struct service *service, const struct service_object *object,
			 const struct source_ranges *ranges)
{
	if (object->session_affinity == AFFINITY_CLIENT_IP) {
		service->affinity = true;
		service->affinity_timeout_s = object->affinity_timeout_s;
	}
	service->has_source_ranges = ranges->restricted;
	for (size_t i = 0; i < ranges->count; i++)
		service->source_ranges[i] = ranges->items[i];
	service->flows_per_second = object->flows_per_second;
	service->tcp_mss = object->tcp_mss;
}

static struct service *create_candidate(const struct build *build, const struct service_port *port,
					const struct served *served, const struct endpoint_set *set)
{
	static const struct source_ranges everybody;
	const struct service_key key = { served->address, port->port, port->protocol };
	const struct source_ranges *ranges =
		served->is_external ? &everybody : &build->ranges[address_is_ipv4(&key.vip)];
	struct service *service =
		service_create(&key, build->service->namespace, build->service->name, port->name,
			       set->usable_count, ranges->count);

	if (!service)
		return NULL;
	service->mode = build->mode;
	service->fallback = set->fallback;
	set_policies(service, &build->service->service, ranges);
	for (size_t i = 0; i < set->usable_count; i++)
		service->backends[i] = set->candidates[i].backend;
	return service;
}

/* Told once for a port: it is served, for a backend that listens on the service's port. */
static void find_mismatch(struct build *build, const struct service_port *port,
			  const struct endpoint_set *set)
{
	if (!forwarding_mode_keeps_port(build->mode) || build->mismatched == port)
		return;
	for (size_t i = 0; i < set->usable_count; i++) {
		uint16_t backend_port = set->candidates[i].backend.port;

		if (backend_port == port->port)
			continue;
		build->mismatched = port;
		problem_add(&build->mismatch,
			    "mode %s does not change the port: endpoint port %u is not port %u",
			    forwarding_mode_name(build->mode), backend_port, port->port);
		return;
	}
}

/*
 * The endpoints for VIPs of one family. An encapsulating mode carries it to endpoints of
 * the other family when there is none of its own; true in *ret_is_borrowed then.
 */
static int select_endpoints(const struct build *build, const struct service_port *port, bool ipv4,
			    const struct object_list *sources, struct endpoint_set *set,
			    bool *ret_is_borrowed)
{
	struct endpoint_query query = {
		.service = build->service,
		.port = port,
		.ipv4 = ipv4,
		.local_only = is_local_only(&build->service->service, build->settings),
		.node_name = build->settings->node_name,
		.zone = build->settings->zone,
		.drains = build->drains,
	};
	int r = endpoints_select(&query, sources->items, sources->count, set);

	*ret_is_borrowed = r == 0 && set->known_count == 0 && build->served_count > 0 &&
			   forwarding_mode_encapsulates(build->mode);
	if (!*ret_is_borrowed)
		return r;
	query.ipv4 = !ipv4;
	return endpoints_select(&query, sources->items, sources->count, set);
}

static size_t count_family(const struct build *build, bool ipv4)
{
	size_t count = 0;

	for (size_t i = 0; i < build->served_count; i++)
		count += address_is_ipv4(&build->served[i].address) == ipv4;
	return count;
}

static int create_candidates(struct build *build, const struct service_port *port, bool ipv4,
			     const struct endpoint_set *set)
{
	for (size_t i = 0; i < build->served_count; i++) {
		const struct served *served = &build->served[i];

		if (address_is_ipv4(&served->address) != ipv4)
			continue;
		build->items[build->count] = create_candidate(build, port, served, set);
		if (!build->items[build->count])
			return -ENOMEM;
		build->count++;
	}
	return 0;
}

/* Somebody asks a port of this node how many there are. */
static bool counts_local(const struct service_object *service)
{
	return service->external_traffic_policy == TRAFFIC_POLICY_LOCAL &&
	       service->health_check_node_port != 0;
}

static int build_port(struct build *build, const struct service_port *port, bool ipv4,
		      const struct object_list *sources, struct endpoint_set *set)
{
	bool is_borrowed;
	int r;

	/* Without any VIP the endpoints are still counted, for whoever asks why. */
	if (build->served_count > 0 && count_family(build, ipv4) == 0)
		return 0;
	r = select_endpoints(build, port, ipv4, sources, set, &is_borrowed);
	if (r < 0)
		return r;
	find_mismatch(build, port, set);
	/* Each endpoint counts once for a port. */
	if (!is_borrowed || count_family(build, !ipv4) == 0) {
		build->ready_count += set->ready_count;
		build->endpoint_count += set->known_count;
	}
	if (counts_local(&build->service->service))
		r = local_set_add(&build->local, set);
	if (r < 0 || source_ranges_are_too_many(&build->service->service))
		return r;
	r = leaving_collect(&build->leaving, set);
	if (r < 0)
		return r;
	leaving_drop_expired(set, build->expired);
	return create_candidates(build, port, ipv4, set);
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

static void build_finish(struct build *build)
{
	free(build->served);
	local_set_finish(&build->local);
	source_ranges_finish(&build->ranges[false]);
	source_ranges_finish(&build->ranges[true]);
}

static bool is_served(const struct build *build, const struct address *address)
{
	for (size_t i = 0; i < build->served_count; i++)
		if (address_compare(&build->served[i].address, address) == 0)
			return true;
	return false;
}

/* An address that a Service has as a LoadBalancer and names as external is the former. */
static int gather_served(struct build *build, const struct entry *entry)
{
	build->served =
		calloc(entry->vips.count + entry->external.count + 1, sizeof(*build->served));
	if (!build->served)
		return -ENOMEM;
	for (size_t i = 0; i < entry->vips.count; i++)
		if (!entry_awaits_status(entry, build->settings) ||
		    entry_status_names(entry->object, &entry->vips.items[i]))
			build->served[build->served_count++] =
				(struct served){ entry->vips.items[i], false };
	for (size_t i = 0; i < entry->external.count; i++)
		if (!is_served(build, &entry->external.items[i]))
			build->served[build->served_count++] =
				(struct served){ entry->external.items[i], true };
	return 0;
}

static int build_candidates(struct build *build, const struct object_list *sources,
			    struct endpoint_set *set)
{
	const struct service_object *object = &build->service->service;
	int r = source_ranges_init(&build->ranges[false], object, false);

	if (r == 0)
		r = source_ranges_init(&build->ranges[true], object, true);
	if (r < 0)
		return r;
	build->items =
		calloc(object->port_count * build->served_count + 1, sizeof(struct service *));
	if (!build->items)
		return -ENOMEM;
	r = build_ports(build, sources, set);
	for (size_t i = 0; r < 0 && i < build->count; i++)
		service_unref(build->items[i]);
	if (r < 0)
		free(build->items);
	return r;
}

int entry_build(struct entry *entry, const struct model_settings *settings,
		const struct drain_list *drains, const struct store *store,
		struct endpoint_set *set, struct object_list *list)
{
	struct build build = {
		.service = entry->object,
		.settings = settings,
		.drains = drains,
		.expired = &entry->expired,
		.mode = effective_mode(&entry->object->service, settings),
	};
	int r = list_sources(entry->object, store, list);
	size_t local_count;

	if (r == 0)
		r = gather_served(&build, entry);
	if (r == 0)
		r = build_candidates(&build, list, set);
	local_count = local_set_count(&build.local);
	build_finish(&build);
	if (r < 0) {
		backend_list_finish(&build.leaving);
		return r;
	}
	backend_list_sort(&build.leaving);
	qsort(build.items, build.count, sizeof(struct service *), by_key);
	keep_unchanged(&build, entry->candidates, entry->candidate_count);

	entry_clear_candidates(entry);
	entry->candidates = build.items;
	entry->candidate_count = build.count;
	entry->ready_count = build.ready_count;
	entry->endpoint_count = build.endpoint_count;
	entry->local_count = local_count;
	entry->leaving = build.leaving;
	entry->mismatch = build.mismatch;
	entry->uses_pods = list->count == 0 || list->items[0]->kind == OBJECT_POD;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * endpoints.c - from what objects say to the endpoints that are used, in steps:
 * gather all of the port and family, keep one of each address and port, take the weight
 * from those drained by command, keep those on this node (Local), keep the ready, and the
 * still serving: without weight, or for new flows when nobody is ready; follow hints.
 */
#include "model/endpoints.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void endpoint_set_finish(struct endpoint_set *set)
{
	free(set->candidates);
	*set = (struct endpoint_set){ 0 };
}

static int add_candidate(struct endpoint_set *set, const struct candidate *candidate)
{
	const struct address *address = &candidate->backend.address;

	/* A tenant's 127.0.0.1 would be the gateway itself. */
	if (candidate->backend.port == 0 || address_check_usable(address, NULL) < 0)
		return 0;
	if (set->known_count == set->capacity) {
		size_t capacity = set->capacity ? 2 * set->capacity : 64;
		struct candidate *grown =
			realloc(set->candidates, capacity * sizeof(*set->candidates));

		if (!grown)
			return -ENOMEM;
		set->candidates = grown;
		set->capacity = capacity;
	}
	set->candidates[set->known_count++] = *candidate;
	return 0;
}

static uint16_t group_port(const struct endpoint_group *group, const struct service_port *port)
{
	for (size_t i = 0; i < group->port_count; i++)
		if (group->ports[i].port != 0 && group->ports[i].protocol == port->protocol &&
		    strcmp(group->ports[i].name, port->name) == 0)
			return group->ports[i].port;
	return 0;
}

static enum candidate_rank endpoint_rank(const struct endpoint *endpoint)
{
	if (endpoint->ready)
		return CANDIDATE_READY;
	return endpoint->serving && endpoint->terminating ? CANDIDATE_SERVING : CANDIDATE_UNUSABLE;
}

static int gather_groups(const struct endpoint_query *query, const struct object *source,
			 struct endpoint_set *set)
{
	size_t position = 0;
	int r = 0;

	for (size_t g = 0; g < source->endpoints.group_count; g++) {
		const struct endpoint_group *group = &source->endpoints.groups[g];
		uint16_t port = group_port(group, query->port);

		if (group->ipv4 != query->ipv4 || port == 0)
			continue;
		for (size_t i = 0; r == 0 && i < group->endpoint_count; i++) {
			const struct endpoint *endpoint = &group->endpoints[i];

			if (address_is_ipv4(&endpoint->address) != query->ipv4)
				continue;
			r = add_candidate(set, &(struct candidate){
						       .backend = { endpoint->address, port,
								    group->weight, BACKEND_READY },
						       .rank = endpoint_rank(endpoint),
						       .node_name = endpoint->node_name,
						       .uid = endpoint->target_uid,
						       .source = source,
						       .position = position++,
						       .endpoint = endpoint,
					       });
		}
	}
	return r;
}

static uint16_t pod_port(const struct pod_object *pod, const struct service_port *port)
{
	if (!port->target_port_name)
		return port->target_port;
	for (size_t i = 0; i < pod->port_count; i++)
		if (pod->ports[i].protocol == port->protocol &&
		    strcmp(pod->ports[i].name, port->target_port_name) == 0)
			return pod->ports[i].port;
	return 0;
}

static const struct address *pod_address(const struct pod_object *pod, bool ipv4)
{
	for (size_t i = 0; i < pod->address_count; i++)
		if (address_is_ipv4(&pod->addresses[i]) == ipv4)
			return &pod->addresses[i];
	return NULL;
}

static enum candidate_rank pod_rank(const struct pod_object *pod, bool publish_not_ready)
{
	if (publish_not_ready || (pod->ready && !pod->terminating))
		return CANDIDATE_READY;
	return pod->ready ? CANDIDATE_SERVING : CANDIDATE_UNUSABLE;
}

static int gather_pod(const struct endpoint_query *query, const struct object *source,
		      struct endpoint_set *set)
{
	const struct pod_object *pod = &source->pod;
	const struct address *address = pod_address(pod, query->ipv4);
	bool publish_not_ready = query->service->service.publish_not_ready_addresses;

	if (pod->finished || !address)
		return 0;
	return add_candidate(
		set, &(struct candidate){
			     .backend = { *address, pod_port(pod, query->port), 1, BACKEND_READY },
			     .rank = pod_rank(pod, publish_not_ready),
			     .node_name = pod->node_name,
			     .uid = source->uid,
			     .source = source,
		     });
}

static int gather(const struct endpoint_query *query, const struct object *const *sources,
		  size_t source_count, struct endpoint_set *set)
{
	int r = 0;

	set->known_count = 0;
	for (size_t i = 0; r == 0 && i < source_count; i++)
		r = sources[i]->kind == OBJECT_POD ? gather_pod(query, sources[i], set)
						   : gather_groups(query, sources[i], set);
	return r;
}

static bool has_uid(const struct candidate *candidate)
{
	return candidate->uid && candidate->uid[0] != '\0';
}

static int64_t change_time_ns(const struct candidate *candidate)
{
	return candidate->source->kind == OBJECT_POD ? 0
						     : candidate->source->endpoints.change_time_ns;
}

static int compare_times(const struct candidate *a, const struct candidate *b)
{
	int64_t left = change_time_ns(a), right = change_time_ns(b);

	return (left < right) - (left > right);
}

/* Only a tie-break: slices without a time, or of one and the same second. */
static int compare_versions(const struct candidate *a, const struct candidate *b)
{
	return object_compare_versions(b->source->version, a->source->version);
}

static int compare_ages(const struct candidate *a, const struct candidate *b)
{
	int order = compare_times(a, b);

	return order != 0 ? order : compare_versions(a, b);
}

static int compare_ranks(const struct candidate *a, const struct candidate *b)
{
	return (a->rank < b->rank) - (a->rank > b->rank);
}

/* What is left to tell two apart by; only names and places, so the same in any order. */
static int compare_sources(const struct candidate *a, const struct candidate *b)
{
	int order = strcmp(a->source->name, b->source->name);

	return order != 0 ? order : (a->position > b->position) - (a->position < b->position);
}

/* By address and port, then by pod, and what is said of one pod the newest first. */
static int by_identity(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;
	int order = backend_compare(&left->backend, &right->backend);

	if (order == 0)
		order = has_uid(left) - has_uid(right);
	if (order == 0 && has_uid(left))
		order = strcmp(left->uid, right->uid);
	if (order == 0)
		order = compare_ages(left, right);
	if (order == 0)
		order = compare_ranks(left, right);
	return order != 0 ? order : compare_sources(left, right);
}

/* Between different pods: the ready one, whatever its age; then the newer; then the first. */
static bool is_preferred(const struct candidate *a, const struct candidate *b)
{
	int order = compare_ranks(a, b);

	return order != 0 ? order < 0 : compare_ages(a, b) < 0;
}

static bool is_older_word_on(const struct candidate *candidate, const struct candidate *previous)
{
	return backend_compare(&candidate->backend, &previous->backend) == 0 &&
	       has_uid(candidate) && has_uid(previous) &&
	       strcmp(candidate->uid, previous->uid) == 0;
}

/* An endpoint that moves, or two pods with one address, may be told several times. */
static void keep_one_of_each(struct endpoint_set *set)
{
	struct candidate *kept = set->candidates;
	struct candidate last = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < set->known_count; i++) {
		struct candidate candidate = set->candidates[i];
		bool is_older = i > 0 && is_older_word_on(&candidate, &last);

		last = candidate;
		if (is_older)
			continue;
		if (count == 0 ||
		    backend_compare(&kept[count - 1].backend, &candidate.backend) != 0)
			kept[count++] = candidate;
		else if (is_preferred(&candidate, &kept[count - 1]))
			kept[count - 1] = candidate;
	}
	set->known_count = count;
}

/* Of the first set->usable_count, keeps those for which keep is true. */
static void filter(struct endpoint_set *set, const char *name,
		   bool (*keep)(const struct candidate *candidate, const char *name))
{
	size_t count = 0;

	for (size_t i = 0; i < set->usable_count; i++)
		if (keep(&set->candidates[i], name))
			set->candidates[count++] = set->candidates[i];
	set->usable_count = count;
}

static bool is_on_node(const struct candidate *candidate, const char *node_name)
{
	return node_name && candidate->node_name && strcmp(candidate->node_name, node_name) == 0;
}

static bool is_usable(const struct candidate *candidate, const char *unused)
{
	(void)unused;
	return candidate->rank != CANDIDATE_UNUSABLE;
}

/* Also those that are drained anyway: they stay so when they terminate. */
static void apply_drains(const struct drain_list *drains, struct endpoint_set *set)
{
	for (size_t i = 0; i < set->usable_count; i++) {
		struct backend *backend = &set->candidates[i].backend;

		if (!drain_list_covers(drains, &backend->address, backend->port))
			continue;
		backend->weight = 0;
		backend->state = BACKEND_DRAINED;
	}
}

/* Terminating backends take new flows when nobody is ready; else they only keep theirs. */
static void use_serving(struct endpoint_set *set, bool any_ready)
{
	for (size_t i = 0; i < set->usable_count; i++) {
		struct backend *backend = &set->candidates[i].backend;

		if (set->candidates[i].rank != CANDIDATE_SERVING)
			continue;
		if (any_ready)
			backend->weight = 0;
		if (backend->state != BACKEND_DRAINED)
			backend->state = any_ready ? BACKEND_DRAINING : BACKEND_TERMINATING;
	}
}

static bool any_ready(const struct endpoint_set *set)
{
	for (size_t i = 0; i < set->usable_count; i++)
		if (set->candidates[i].rank == CANDIDATE_READY)
			return true;
	return false;
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Whose flows may be ours from before: nobody gives a hint for a terminating endpoint. */
static bool is_terminating(const struct candidate *candidate)
{
	return candidate->rank == CANDIDATE_SERVING;
}

static bool is_for_node(const struct candidate *candidate, const char *node_name)
{
	const struct endpoint *endpoint = candidate->endpoint;

	return is_terminating(candidate) ||
	       is_among(endpoint->node_hints, endpoint->node_hint_count, node_name);
}

static bool is_for_zone(const struct candidate *candidate, const char *zone)
{
	const struct endpoint *endpoint = candidate->endpoint;

	return is_terminating(candidate) ||
	       is_among(endpoint->zone_hints, endpoint->zone_hint_count, zone);
}

/* Hints count only when every ready endpoint has one and some are meant for us. */
static void follow_hints(const struct endpoint_query *query, struct endpoint_set *set)
{
	bool all_node_hints = true, all_zone_hints = true;
	bool for_node = false, for_zone = false;

	for (size_t i = 0; i < set->usable_count; i++) {
		const struct candidate *candidate = &set->candidates[i];

		if (!candidate->endpoint)
			return;
		if (is_terminating(candidate))
			continue;
		all_node_hints &= candidate->endpoint->node_hint_count > 0;
		all_zone_hints &= candidate->endpoint->zone_hint_count > 0;
		for_node |= query->node_name && is_for_node(candidate, query->node_name);
		for_zone |= query->zone && is_for_zone(candidate, query->zone);
	}
	if (all_node_hints && for_node)
		filter(set, query->node_name, is_for_node);
	else if (all_zone_hints && for_zone)
		filter(set, query->zone, is_for_zone);
}

static size_t count_weighted(const struct endpoint_set *set, bool usable_ranks_only)
{
	size_t count = 0;

	for (size_t i = 0; i < set->usable_count; i++)
		count += set->candidates[i].backend.weight > 0 &&
			 (!usable_ranks_only || set->candidates[i].rank != CANDIDATE_UNUSABLE);
	return count;
}

int endpoints_select(const struct endpoint_query *query, const struct object *const *sources,
		     size_t source_count, struct endpoint_set *set)
{
	bool is_local = query->service->service.external_traffic_policy == TRAFFIC_POLICY_LOCAL;
	bool any_anywhere, ready;
	int r = gather(query, sources, source_count, set);

	if (r < 0)
		return r;
	if (set->known_count > 1)
		qsort(set->candidates, set->known_count, sizeof(*set->candidates), by_identity);
	keep_one_of_each(set);
	set->usable_count = set->known_count;
	apply_drains(query->drains, set);
	any_anywhere = count_weighted(set, true) > 0;

	if (query->local_only)
		filter(set, query->node_name, is_on_node);
	ready = any_ready(set);
	filter(set, NULL, is_usable);
	use_serving(set, ready);
	if (ready && !is_local)
		follow_hints(query, set);
	set->ready_count = count_weighted(set, false);
	set->fallback = query->local_only && set->ready_count == 0 && any_anywhere ? SERVICE_DROP
										   : SERVICE_REJECT;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object_equal.h - whether two objects say the same, in every field but where they are from.
 */
#ifndef TESTS_UNIT_OBJECT_EQUAL_H
#define TESTS_UNIT_OBJECT_EQUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "model/object.h"

/* NULL equals NULL only. */
static inline bool text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline bool labels_equal(const struct labels *a, const struct labels *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!text_equal(a->items[i].key, b->items[i].key) ||
		    !text_equal(a->items[i].value, b->items[i].value))
			return false;
	return true;
}

static inline bool addresses_equal(const struct address *a, size_t a_count, const struct address *b,
				   size_t b_count)
{
	return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof(*a)) == 0);
}

static inline bool names_equal(const char *const *a, size_t a_count, const char *const *b,
			       size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!text_equal(a[i], b[i]))
			return false;
	return true;
}

static inline bool service_ports_equal(const struct service_object *a,
				       const struct service_object *b)
{
	if (a->port_count != b->port_count)
		return false;
	for (size_t i = 0; i < a->port_count; i++) {
		const struct service_port *x = &a->ports[i], *y = &b->ports[i];

		if (!text_equal(x->name, y->name) || x->protocol != y->protocol ||
		    x->port != y->port || x->target_port != y->target_port ||
		    !text_equal(x->target_port_name, y->target_port_name) ||
		    x->node_port != y->node_port)
			return false;
	}
	return true;
}

static inline bool source_ranges_equal(const struct service_object *a,
				       const struct service_object *b)
{
	if (a->source_range_count != b->source_range_count)
		return false;
	for (size_t i = 0; i < a->source_range_count; i++)
		if (prefix_compare(&a->source_ranges[i], &b->source_ranges[i]) != 0)
			return false;
	return true;
}

static inline bool marks_equal(const struct service_marks *a, const struct service_marks *b)
{
	return a->has_finalizer == b->has_finalizer &&
	       a->has_foreign_ingress == b->has_foreign_ingress &&
	       text_equal(a->status, b->status) && text_equal(a->reason, b->reason) &&
	       text_equal(a->message, b->message);
}

static inline bool service_addresses_equal(const struct service_object *a,
					   const struct service_object *b)
{
	return addresses_equal(a->ingress, a->ingress_count, b->ingress, b->ingress_count) &&
	       a->has_load_balancer_ip == b->has_load_balancer_ip &&
	       (!a->has_load_balancer_ip ||
		address_compare(&a->load_balancer_ip, &b->load_balancer_ip) == 0) &&
	       addresses_equal(a->requested, a->requested_count, b->requested,
			       b->requested_count) &&
	       text_equal(a->pool_name, b->pool_name) && marks_equal(&a->marks, &b->marks) &&
	       addresses_equal(a->external_ips, a->external_ip_count, b->external_ips,
			       b->external_ip_count);
}

static inline bool service_objects_equal(const struct service_object *a,
					 const struct service_object *b)
{
	return a->type == b->type && service_ports_equal(a, b) &&
	       labels_equal(&a->selector, &b->selector) &&
	       text_equal(a->cluster_ip, b->cluster_ip) &&
	       text_equal(a->load_balancer_class, b->load_balancer_class) &&
	       a->family_ipv4 == b->family_ipv4 && a->family_ipv6 == b->family_ipv6 &&
	       a->require_dual_stack == b->require_dual_stack &&
	       a->prefer_dual_stack == b->prefer_dual_stack &&
	       a->session_affinity == b->session_affinity &&
	       a->affinity_timeout_s == b->affinity_timeout_s &&
	       a->external_traffic_policy == b->external_traffic_policy &&
	       a->publish_not_ready_addresses == b->publish_not_ready_addresses &&
	       source_ranges_equal(a, b) && service_addresses_equal(a, b) &&
	       a->health_check_node_port == b->health_check_node_port &&
	       a->forwarding_mode == b->forwarding_mode &&
	       a->flows_per_second == b->flows_per_second && a->tcp_mss == b->tcp_mss &&
	       a->drain_deadline_s == b->drain_deadline_s;
}

static inline bool endpoints_equal(const struct endpoint *a, const struct endpoint *b)
{
	return address_compare(&a->address, &b->address) == 0 &&
	       text_equal(a->node_name, b->node_name) && text_equal(a->target_uid, b->target_uid) &&
	       a->ready == b->ready && a->serving == b->serving &&
	       a->terminating == b->terminating &&
	       names_equal(a->zone_hints, a->zone_hint_count, b->zone_hints, b->zone_hint_count) &&
	       names_equal(a->node_hints, a->node_hint_count, b->node_hints, b->node_hint_count);
}

static inline bool groups_equal(const struct endpoint_group *a, const struct endpoint_group *b)
{
	if (a->ipv4 != b->ipv4 || a->weight != b->weight || a->port_count != b->port_count ||
	    a->endpoint_count != b->endpoint_count)
		return false;
	for (size_t i = 0; i < a->port_count; i++)
		if (!text_equal(a->ports[i].name, b->ports[i].name) ||
		    a->ports[i].protocol != b->ports[i].protocol ||
		    a->ports[i].port != b->ports[i].port)
			return false;
	for (size_t i = 0; i < a->endpoint_count; i++)
		if (!endpoints_equal(&a->endpoints[i], &b->endpoints[i]))
			return false;
	return true;
}

static inline bool endpoints_objects_equal(const struct endpoints_object *a,
					   const struct endpoints_object *b)
{
	if (!text_equal(a->service_name, b->service_name) ||
	    a->change_time_ns != b->change_time_ns || a->group_count != b->group_count)
		return false;
	for (size_t i = 0; i < a->group_count; i++)
		if (!groups_equal(&a->groups[i], &b->groups[i]))
			return false;
	return true;
}

static inline bool pods_equal(const struct pod_object *a, const struct pod_object *b)
{
	if (!addresses_equal(a->addresses, a->address_count, b->addresses, b->address_count) ||
	    a->port_count != b->port_count || !text_equal(a->node_name, b->node_name) ||
	    a->ready != b->ready || a->terminating != b->terminating || a->finished != b->finished)
		return false;
	for (size_t i = 0; i < a->port_count; i++)
		if (!text_equal(a->ports[i].name, b->ports[i].name) ||
		    a->ports[i].protocol != b->ports[i].protocol ||
		    a->ports[i].port != b->ports[i].port)
			return false;
	return true;
}

static inline bool pools_equal(const struct address_pool *a, const struct address_pool *b)
{
	if (!text_equal(a->name, b->name) || a->range_count != b->range_count ||
	    !names_equal(a->namespaces, a->namespace_count, b->namespaces, b->namespace_count) ||
	    !labels_equal(&a->selector, &b->selector) || a->auto_assign != b->auto_assign ||
	    a->avoids_buggy != b->avoids_buggy)
		return false;
	for (size_t i = 0; i < a->range_count; i++)
		if (address_compare(&a->ranges[i].first, &b->ranges[i].first) != 0 ||
		    address_compare(&a->ranges[i].last, &b->ranges[i].last) != 0)
			return false;
	return true;
}

static inline bool configurations_equal(const struct agent_configuration *a,
					const struct agent_configuration *b)
{
	if (a->pool_count != b->pool_count)
		return false;
	for (size_t i = 0; i < a->pool_count; i++)
		if (!pools_equal(&a->pools[i], &b->pools[i]))
			return false;
	return true;
}

static inline bool object_equal(const struct object *a, const struct object *b)
{
	if (a->kind != b->kind || !text_equal(a->namespace, b->namespace) ||
	    !text_equal(a->name, b->name) || !text_equal(a->uid, b->uid) ||
	    !text_equal(a->version, b->version) || a->creation_time_s != b->creation_time_s ||
	    a->deleting != b->deleting || !labels_equal(&a->labels, &b->labels))
		return false;
	switch (a->kind) {
	case OBJECT_SERVICE:
		return service_objects_equal(&a->service, &b->service);
	case OBJECT_ENDPOINT_SLICE:
	case OBJECT_ENDPOINTS:
		return endpoints_objects_equal(&a->endpoints, &b->endpoints);
	case OBJECT_POD:
		return pods_equal(&a->pod, &b->pod);
	case OBJECT_AGENT_CONFIGURATION:
		return configurations_equal(&a->configuration, &b->configuration);
	case OBJECT_KIND_COUNT:
		break;
	}
	return false;
}

#endif

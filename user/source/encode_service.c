/* SPDX-License-Identifier: BSD-2-Clause */
/* encode_service.c - a Service as JSON. */
#include "source/encode_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AFFINITY_TIMEOUT_DEFAULT_S 10800

static const char *const type_names[] = {
	[SERVICE_CLUSTER_IP] = "ClusterIP",
	[SERVICE_NODE_PORT] = "NodePort",
	[SERVICE_LOAD_BALANCER] = "LoadBalancer",
	[SERVICE_EXTERNAL_NAME] = "ExternalName",
};

static void encode_port(struct encoding *encoding, json_t *list, const struct service_port *port)
{
	json_t *item = encode_item(encoding, list);

	if (*port->name)
		encode_text(encoding, item, "name", port->name);
	encode_text(encoding, item, "protocol", protocol_name(port->protocol));
	encode_integer(encoding, item, "port", port->port);
	if (port->target_port_name)
		encode_text(encoding, item, "targetPort", port->target_port_name);
	else
		encode_integer(encoding, item, "targetPort", port->target_port);
	if (port->node_port)
		encode_integer(encoding, item, "nodePort", port->node_port);
}

static void encode_families(struct encoding *encoding, json_t *spec,
			    const struct service_object *service)
{
	json_t *list;

	if (service->require_dual_stack || service->prefer_dual_stack)
		encode_text(encoding, spec, "ipFamilyPolicy",
			    service->require_dual_stack ? "RequireDualStack" : "PreferDualStack");
	if (!service->family_ipv4 && !service->family_ipv6)
		return;
	list = encode_list(encoding, spec, "ipFamilies");
	if (service->family_ipv4)
		encode_append(encoding, list, json_string("IPv4"));
	if (service->family_ipv6)
		encode_append(encoding, list, json_string("IPv6"));
}

static void encode_affinity(struct encoding *encoding, json_t *spec,
			    const struct service_object *service)
{
	json_t *config;

	if (service->session_affinity == AFFINITY_CLIENT_IP)
		encode_text(encoding, spec, "sessionAffinity", "ClientIP");
	if (service->affinity_timeout_s == AFFINITY_TIMEOUT_DEFAULT_S)
		return;
	config = encode_mapping(encoding, spec, "sessionAffinityConfig");
	encode_integer(encoding, encode_mapping(encoding, config, "clientIP"), "timeoutSeconds",
		       service->affinity_timeout_s);
}

static json_t *encode_prefix(const struct prefix *prefix)
{
	char address[ADDRESS_TEXT_SIZE], text[ADDRESS_TEXT_SIZE + 8];

	(void)snprintf(text, sizeof(text), "%s/%u", address_format(&prefix->address, address),
		       prefix_is_ipv4(prefix) ? prefix->length - 96U : prefix->length);
	return json_string(text);
}

static void encode_addresses(struct encoding *encoding, json_t *object, const char *key,
			     const struct address *addresses, size_t count)
{
	json_t *list;

	if (count == 0)
		return;
	list = encode_list(encoding, object, key);
	for (size_t i = 0; i < count; i++)
		encode_append(encoding, list, encode_address(&addresses[i]));
}

static void encode_ports(struct encoding *encoding, json_t *spec,
			 const struct service_object *service)
{
	json_t *list;

	if (service->port_count == 0)
		return;
	list = encode_list(encoding, spec, "ports");
	for (size_t i = 0; i < service->port_count; i++)
		encode_port(encoding, list, &service->ports[i]);
}

static void encode_policies(struct encoding *encoding, json_t *spec,
			    const struct service_object *service)
{
	json_t *list;

	if (service->external_traffic_policy == TRAFFIC_POLICY_LOCAL)
		encode_text(encoding, spec, "externalTrafficPolicy", "Local");
	if (service->publish_not_ready_addresses)
		encode_set(encoding, spec, "publishNotReadyAddresses", json_true());
	if (service->health_check_node_port)
		encode_integer(encoding, spec, "healthCheckNodePort",
			       service->health_check_node_port);
	if (service->source_range_count == 0)
		return;
	list = encode_list(encoding, spec, "loadBalancerSourceRanges");
	for (size_t i = 0; i < service->source_range_count; i++)
		encode_append(encoding, list, encode_prefix(&service->source_ranges[i]));
}

static void encode_spec(struct encoding *encoding, const struct service_object *service)
{
	json_t *spec = encode_mapping(encoding, encoding->top, "spec");

	encode_text(encoding, spec, "type", type_names[service->type]);
	encode_ports(encoding, spec, service);
	encode_labels(encoding, spec, "selector", &service->selector);
	if (*service->cluster_ip)
		encode_text(encoding, spec, "clusterIP", service->cluster_ip);
	if (service->load_balancer_class)
		encode_text(encoding, spec, "loadBalancerClass", service->load_balancer_class);
	encode_families(encoding, spec, service);
	encode_affinity(encoding, spec, service);
	encode_policies(encoding, spec, service);
	if (service->has_load_balancer_ip)
		encode_set(encoding, spec, "loadBalancerIP",
			   encode_address(&service->load_balancer_ip));
	encode_addresses(encoding, spec, "externalIPs", service->external_ips,
			 service->external_ip_count);
}

static void encode_condition(struct encoding *encoding, json_t *status,
			     const struct service_marks *marks)
{
	json_t *item = encode_item(encoding, encode_list(encoding, status, "conditions"));

	encode_text(encoding, item, "type", OBJECT_CONDITION);
	encode_text(encoding, item, "status", marks->status);
	encode_text(encoding, item, "reason", marks->reason);
	encode_text(encoding, item, "message", marks->message);
}

static void encode_ingress(struct encoding *encoding, json_t *status,
			   const struct service_object *service)
{
	json_t *list =
		encode_list(encoding, encode_mapping(encoding, status, "loadBalancer"), "ingress");

	for (size_t i = 0; i < service->ingress_count; i++)
		encode_set(encoding, encode_item(encoding, list), "ip",
			   encode_address(&service->ingress[i]));
	/* What else it is, nobody asks. */
	if (service->marks.has_foreign_ingress)
		encode_text(encoding, encode_item(encoding, list), "hostname", "elsewhere");
}

static void encode_status(struct encoding *encoding, const struct service_object *service)
{
	const struct service_marks *marks = &service->marks;
	json_t *metadata = json_object_get(encoding->top, "metadata");
	json_t *status = encode_mapping(encoding, encoding->top, "status");

	if (marks->has_finalizer)
		encode_append(encoding, encode_list(encoding, metadata, "finalizers"),
			      json_string(OBJECT_FINALIZER));
	if (marks->status)
		encode_condition(encoding, status, marks);
	if (service->ingress_count > 0 || marks->has_foreign_ingress)
		encode_ingress(encoding, status, service);
	if (json_object_size(status) == 0)
		(void)json_object_del(encoding->top, "status");
}

/* A comma list. */
static void encode_requested(struct encoding *encoding, const struct service_object *service)
{
	char *text = calloc(service->requested_count + 1, ADDRESS_TEXT_SIZE + 1), *to = text;

	if (!text) {
		encoding->failed = true;
		return;
	}
	for (size_t i = 0; i < service->requested_count; i++) {
		if (i > 0)
			*to++ = ',';
		to += strlen(address_format(&service->requested[i], to));
	}
	encode_text(encoding, encoding->annotations, "guideway.dev/addresses", text);
	free(text);
}

static void encode_annotations(struct encoding *encoding, const struct service_object *service)
{
	if (service->requested_count > 0)
		encode_requested(encoding, service);
	if (service->pool_name)
		encode_text(encoding, encoding->annotations, "guideway.dev/address-pool",
			    service->pool_name);
	if (service->forwarding_mode != FORWARDING_MODE_DEFAULT)
		encode_text(encoding, encoding->annotations, "guideway.dev/forwarding-mode",
			    forwarding_mode_name(service->forwarding_mode));
	if (service->flows_per_second)
		encode_number(encoding, "guideway.dev/new-flows-per-second",
			      service->flows_per_second);
	if (service->tcp_mss)
		encode_number(encoding, "guideway.dev/tcp-mss", service->tcp_mss);
	if (service->drain_deadline_s)
		encode_number(encoding, "guideway.dev/drain-deadline-seconds",
			      service->drain_deadline_s);
}

void encode_service(struct encoding *encoding, const struct service_object *service)
{
	encode_annotations(encoding, service);
	encode_spec(encoding, service);
	encode_status(encoding, service);
}

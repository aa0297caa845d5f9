/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_service.c - a Service, with the API server's defaults and checks. */
#include "source/decode_part.h"

#include <errno.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/error.h"

#define ANNOTATION_SOURCE_RANGES "service.beta.kubernetes.io/load-balancer-source-ranges"
#define ANNOTATION_FORWARDING_MODE "guideway.dev/forwarding-mode"
#define ANNOTATION_FLOWS_PER_SECOND "guideway.dev/new-flows-per-second"
#define ANNOTATION_TCP_MSS "guideway.dev/tcp-mss"
#define ANNOTATION_DRAIN_DEADLINE "guideway.dev/drain-deadline-seconds"

#define AFFINITY_TIMEOUT_DEFAULT_S 10800
#define AFFINITY_TIMEOUT_LIMIT_S 86400
#define FLOWS_PER_SECOND_LIMIT 1000000
#define TCP_MSS_MIN 88      /* Linux takes no smaller one for what it is */
#define TCP_MSS_LIMIT 65495 /* the largest IPv4 packet without its two headers */
#define DRAIN_DEADLINE_LIMIT_S (7 * 86400)

static int read_type(struct service_object *service, const struct field *spec, struct error *error)
{
	static const struct choice types[] = {
		{ "ClusterIP", SERVICE_CLUSTER_IP },
		{ "NodePort", SERVICE_NODE_PORT },
		{ "LoadBalancer", SERVICE_LOAD_BALANCER },
		{ "ExternalName", SERVICE_EXTERNAL_NAME },
		{ NULL, 0 },
	};
	int type = SERVICE_CLUSTER_IP;
	int r = field_choice(spec, "type", types, &type, error);

	service->type = (enum service_type)type;
	return r;
}

static int read_families(struct service_object *service, const struct field *spec,
			 struct error *error)
{
	static const struct choice policies[] = {
		{ "SingleStack", 0 },
		{ "PreferDualStack", 1 },
		{ "RequireDualStack", 2 },
		{ NULL, 0 },
	};
	struct field list;
	size_t index = 0;
	int policy = 0;
	int r = field_list(spec, "ipFamilies", &list, error);

	if (r == 0)
		r = field_choice(spec, "ipFamilyPolicy", policies, &policy, error);
	if (r < 0)
		return r;
	service->prefer_dual_stack = policy == 1;
	service->require_dual_stack = policy == 2;
	for (const struct node *node = list.node ? list.node->first : NULL; node;
	     node = node->next, index++) {
		struct field item = field_item(&list, index, node);
		const char *family = "";

		r = field_text(&item, &family, error);
		if (r < 0)
			return r;
		if (strcmp(family, "IPv4") == 0)
			service->family_ipv4 = true;
		else if (strcmp(family, "IPv6") == 0)
			service->family_ipv6 = true;
		else
			return field_error(&item, error, "\"%.60s\", expected IPv4 or IPv6",
					   family);
	}
	return 0;
}

static int read_affinity(struct service_object *service, const struct field *spec,
			 struct error *error)
{
	static const struct choice affinities[] = {
		{ "None", AFFINITY_NONE },
		{ "ClientIP", AFFINITY_CLIENT_IP },
		{ NULL, 0 },
	};
	int64_t timeout_s = AFFINITY_TIMEOUT_DEFAULT_S;
	int affinity = AFFINITY_NONE;
	struct field config, client_ip;
	int r = field_choice(spec, "sessionAffinity", affinities, &affinity, error);

	if (r == 0)
		r = field_mapping(spec, "sessionAffinityConfig", &config, error);
	if (r == 0)
		r = field_mapping(&config, "clientIP", &client_ip, error);
	if (r == 0)
		r = field_integer(&client_ip, "timeoutSeconds", 1, AFFINITY_TIMEOUT_LIMIT_S,
				  &timeout_s, error);
	service->session_affinity = (enum session_affinity)affinity;
	service->affinity_timeout_s = (uint32_t)timeout_s;
	return r;
}

static int read_policies(struct service_object *service, const struct field *spec,
			 struct error *error)
{
	static const struct choice policies[] = {
		{ "Cluster", TRAFFIC_POLICY_CLUSTER },
		{ "Local", TRAFFIC_POLICY_LOCAL },
		{ NULL, 0 },
	};
	int policy = TRAFFIC_POLICY_CLUSTER;
	int r = field_choice(spec, "externalTrafficPolicy", policies, &policy, error);

	service->external_traffic_policy = (enum traffic_policy)policy;
	if (r == 0)
		r = field_bool(spec, "publishNotReadyAddresses",
			       &service->publish_not_ready_addresses, error);
	return r;
}

static int read_cluster_ip(struct object *object, const struct field *spec, struct error *error)
{
	struct service_object *service = &object->service;
	struct field field = field_at(spec, "clusterIP");
	struct address address;
	int r;

	service->cluster_ip = "";
	r = field_string(spec, "clusterIP", &service->cluster_ip, error);
	if (r < 0)
		return r;
	if (strcmp(service->cluster_ip, "None") == 0) {
		if (service->type == SERVICE_LOAD_BALANCER)
			return field_error(&field, error,
					   "None with type LoadBalancer, expected an address or "
					   "nothing");
	} else if (*service->cluster_ip) {
		r = decode_address(&field, service->cluster_ip, &address, error);
		if (r < 0)
			return r;
	}
	return decode_keep(object, &service->cluster_ip, error);
}

static int read_range(const struct field *field, const char *text, struct prefix *ret,
		      struct error *error)
{
	char plain[ADDRESS_PLAIN_SIZE];
	struct error reason;

	if (field_allows_leading_zeros(field))
		text = address_drop_zeros(text, plain);
	if (prefix_parse(text, ret, &reason) < 0)
		return field_error(field, error, "%.200s", reason.text);
	return 0;
}

static int read_range_item(struct object *object, const struct field *item, void *element,
			   struct error *error)
{
	const char *text = "";
	int r = field_text(item, &text, error);

	(void)object;
	return r < 0 ? r : read_range(item, text, element, error);
}

static int read_range_list(struct object *object, const struct field *list, struct error *error)
{
	const void *ranges = NULL;
	int r = decode_items(object, list, sizeof(struct prefix), read_range_item, &ranges,
			     &object->service.source_range_count, error);

	object->service.source_ranges = ranges;
	return r;
}

/* A comma list. */
static int read_range_text(struct object *object, const struct field *field, const char *text,
			   struct error *error)
{
	char *rest = arena_strdup(object->arena, text);
	struct prefix *ranges;
	size_t count = 1, index = 0;
	int r;

	for (const char *comma = strchr(text, ','); comma; comma = strchr(comma + 1, ','))
		count++;
	ranges = decode_array(object, count, sizeof(*ranges), error);
	if (!ranges || !rest)
		return error_set(error, -ENOMEM, "no memory left to keep it");
	while (index < count) {
		char *item = strsep(&rest, ",");

		r = read_range(field, item, &ranges[index++], error);
		if (r < 0)
			return r;
	}
	object->service.source_ranges = ranges;
	object->service.source_range_count = index;
	return 0;
}

/* A range that cannot be read is an error of the Service: without it everybody would be let in. */
static int read_source_ranges(struct object *object, const struct field *spec,
			      const struct field *annotations, struct error *error)
{
	struct field field = field_at(annotations, ANNOTATION_SOURCE_RANGES), list;
	const char *text = "";
	int r = field_list(spec, "loadBalancerSourceRanges", &list, error);

	if (r < 0)
		return r;
	if (list.node && list.node->count > 0)
		return read_range_list(object, &list, error);
	r = field_string(annotations, ANNOTATION_SOURCE_RANGES, &text, error);
	if (r < 0 || text[strspn(text, " \t\r\n")] == '\0')
		return r;
	return read_range_text(object, &field, text, error);
}

static int read_forwarding_mode(struct service_object *service, const struct field *annotations,
				struct error *error)
{
	struct field field = field_at(annotations, ANNOTATION_FORWARDING_MODE);
	const char *text = "";
	int r = field_string(annotations, ANNOTATION_FORWARDING_MODE, &text, error);

	if (r < 0 || !*text || forwarding_mode_parse(text, &service->forwarding_mode))
		return r;
	return field_error(&field, error, "\"%.60s\", expected " FORWARDING_MODE_NAMES, text);
}

static int read_limits(struct service_object *service, const struct field *annotations,
		       struct error *error)
{
	uint32_t tcp_mss = 0;
	int r = decode_number(annotations, ANNOTATION_FLOWS_PER_SECOND, 1, FLOWS_PER_SECOND_LIMIT,
			      &service->flows_per_second, error);

	if (r == 0)
		r = decode_number(annotations, ANNOTATION_TCP_MSS, TCP_MSS_MIN, TCP_MSS_LIMIT,
				  &tcp_mss, error);
	if (r == 0)
		r = decode_number(annotations, ANNOTATION_DRAIN_DEADLINE, 0, DRAIN_DEADLINE_LIMIT_S,
				  &service->drain_deadline_s, error);
	service->tcp_mss = (uint16_t)tcp_mss;
	return r;
}

static int read_health_check(struct service_object *service, const struct field *spec,
			     struct error *error)
{
	int64_t port = 0;
	int r = field_integer(spec, "healthCheckNodePort", 0, UINT16_MAX, &port, error);

	service->health_check_node_port = (uint16_t)port;
	return r;
}

static int read_class(struct object *object, const struct field *spec, struct error *error)
{
	const char **class = &object->service.load_balancer_class;
	int r = field_string(spec, "loadBalancerClass", class, error);

	return r < 0 ? r : decode_keep(object, class, error);
}

static int read_spec(struct object *object, const struct field *spec, struct error *error)
{
	struct service_object *service = &object->service;
	struct field ports = field_at(spec, "ports"), selector;
	int r = read_type(service, spec, error);

	if (r == 0)
		r = decode_service_ports(object, spec, error);
	if (r == 0 && service->type == SERVICE_LOAD_BALANCER && service->port_count == 0)
		r = field_error(&ports, error, "missing, expected at least one port");
	if (r == 0)
		r = field_mapping(spec, "selector", &selector, error);
	if (r == 0)
		r = decode_labels(object, &selector, &service->selector, error);
	if (r == 0)
		r = read_cluster_ip(object, spec, error);
	if (r == 0)
		r = read_families(service, spec, error);
	if (r == 0)
		r = read_affinity(service, spec, error);
	if (r == 0)
		r = read_policies(service, spec, error);
	if (r == 0)
		r = read_class(object, spec, error);
	if (r == 0)
		r = read_health_check(service, spec, error);
	return r;
}

int decode_service(struct object *object, const struct field *top, struct error *error)
{
	struct field metadata = field_at(top, "metadata");
	struct field annotations = field_at(&metadata, "annotations"), spec;
	int r = field_mapping(top, "spec", &spec, error);

	if (r == 0)
		r = read_spec(object, &spec, error);
	if (r == 0)
		r = read_source_ranges(object, &spec, &annotations, error);
	if (r == 0)
		r = decode_service_addresses(object, top, error);
	if (r == 0)
		r = decode_service_marks(object, top, error);
	if (r == 0)
		r = read_forwarding_mode(&object->service, &annotations, error);
	if (r == 0)
		r = read_limits(&object->service, &annotations, error);
	return r;
}

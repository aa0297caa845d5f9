/* SPDX-License-Identifier: BSD-2-Clause */
/* test_decode.c - documents decoded into objects: defaults, checks, what is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"
#include "model/object.h"
#include "source/decode.h"

#define OBJECT_LIMIT 8

static struct object *objects[OBJECT_LIMIT];
static size_t object_count;
static char problems[1024], skipped[512];

static void on_object(struct object *object, const struct node *node, void *owner)
{
	(void)owner;
	assert_non_null(node);
	assert_true(object_count < OBJECT_LIMIT);
	objects[object_count++] = object;
}

static void add_line(char *lines, size_t size, const char *line)
{
	size_t length = strlen(lines);

	snprintf(lines + length, size - length, "%s%s", length ? "\n" : "", line);
}

static void on_error(const struct error *error, void *owner)
{
	(void)owner;
	add_line(problems, sizeof(problems), error->text);
}

static void on_skipped(const char *api_version, const char *kind, void *owner)
{
	char line[256];

	(void)owner;
	snprintf(line, sizeof(line), "%s %s", api_version, kind);
	add_line(skipped, sizeof(skipped), line);
}

static int tear_down(void **state)
{
	(void)state;
	while (object_count > 0)
		object_destroy(objects[--object_count]);
	problems[0] = '\0';
	skipped[0] = '\0';
	return 0;
}

static bool from_api_server;

/* Decodes every document of text. */
static void decode(const char *text)
{
	const struct decode_sink sink = {
		.on_object = on_object,
		.on_error = on_error,
		.on_skipped = on_skipped,
		.from_api_server = from_api_server,
	};
	size_t at = 0, length;
	uint32_t line = 0, before;
	const char *piece;

	tear_down(NULL);
	while (document_split(text, strlen(text), &at, &line, &piece, &length, &before)) {
		struct arena *arena = arena_create();
		const struct node *root;
		struct error error;

		assert_non_null(arena);
		if (document_parse(arena, piece, length, before, &root, &error) < 0)
			fail_msg("parse: %s", error.text);
		decode_document(root, "web.yaml", &sink);
		arena_destroy(arena);
	}
}

/* The one object of text, which has no mistake. */
static const struct object *decode_one(const char *text)
{
	decode(text);
	assert_string_equal(problems, "");
	assert_int_equal(object_count, 1);
	return objects[0];
}

static void assert_refused(const char *text, const char *sentence)
{
	decode(text);
	assert_string_equal(problems, sentence);
	assert_int_equal(object_count, 0);
}

#define SERVICE "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n"
#define LOAD_BALANCER SERVICE "  type: LoadBalancer\n  ports: [{port: 80}]\n"
#define SLICE                                                                                      \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                                   \
	"metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}\n"
#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: web-0}\n"

static void assert_address(const struct address *address, const char *expected)
{
	char text[ADDRESS_TEXT_SIZE];

	assert_string_equal(address_format(address, text), expected);
}

static void a_minimal_service_gets_the_defaults(void **state)
{
	const struct object *object = decode_one(SERVICE "  ports: [{port: 80}]\n");
	const struct service_object *service = &object->service;

	(void)state;
	assert_int_equal(object->kind, OBJECT_SERVICE);
	assert_string_equal(object->namespace, "default");
	assert_string_equal(object->name, "web");
	assert_string_equal(object->uid, "");
	assert_true(object->creation_time_s == INT64_MAX);
	assert_false(object->deleting);
	assert_string_equal(object->origin, "web.yaml:1");
	assert_int_equal(service->type, SERVICE_CLUSTER_IP);
	assert_int_equal(service->port_count, 1);
	assert_string_equal(service->ports[0].name, "");
	assert_int_equal(service->ports[0].protocol, PROTOCOL_TCP);
	assert_int_equal(service->ports[0].target_port, 80);
	assert_null(service->ports[0].target_port_name);
	assert_int_equal(service->ports[0].node_port, 0);
	assert_int_equal(service->selector.count, 0);
	assert_string_equal(service->cluster_ip, "");
	assert_null(service->load_balancer_class);
	assert_false(service->family_ipv4 || service->family_ipv6);
	assert_false(service->prefer_dual_stack || service->require_dual_stack);
	assert_int_equal(service->session_affinity, AFFINITY_NONE);
	assert_int_equal(service->affinity_timeout_s, 10800);
	assert_int_equal(service->external_traffic_policy, TRAFFIC_POLICY_CLUSTER);
	assert_false(service->publish_not_ready_addresses);
	assert_int_equal(service->source_range_count, 0);
	assert_int_equal(service->ingress_count, 0);
	assert_false(service->has_load_balancer_ip);
	assert_int_equal(service->requested_count, 0);
	assert_int_equal(service->forwarding_mode, FORWARDING_MODE_DEFAULT);
}

/* As `kubectl get service -o yaml` writes it. */
static const char dump[] =
	"apiVersion: v1\n"
	"kind: Service\n"
	"metadata:\n"
	"  annotations:\n"
	"    guideway.dev/forwarding-mode: snat\n"
	"    kubectl.kubernetes.io/last-applied-configuration: |\n"
	"      {\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"annotations\":{}}}\n"
	"  creationTimestamp: \"2024-05-01T10:00:00Z\"\n"
	"  labels:\n"
	"    tier: front\n"
	"    app: webapp\n"
	"  managedFields:\n"
	"  - apiVersion: v1\n"
	"    fieldsType: FieldsV1\n"
	"    fieldsV1:\n"
	"      f:spec:\n"
	"        f:ports:\n"
	"          .: {}\n"
	"          k:{\"port\":80,\"protocol\":\"TCP\"}:\n"
	"            .: {}\n"
	"            f:port: {}\n"
	"    manager: kubectl\n"
	"    operation: Update\n"
	"    time: \"2024-05-01T10:00:00Z\"\n"
	"  name: webapp\n"
	"  namespace: shop\n"
	"  resourceVersion: \"4711\"\n"
	"  uid: 5f0c5d1e-8d7b-4f59-9c8e-2f1d2c3b4a59\n"
	"spec:\n"
	"  allocateLoadBalancerNodePorts: true\n"
	"  clusterIP: 10.96.12.7\n"
	"  clusterIPs:\n"
	"  - 10.96.12.7\n"
	"  externalTrafficPolicy: Local\n"
	"  healthCheckNodePort: 31234\n"
	"  internalTrafficPolicy: Cluster\n"
	"  ipFamilies:\n"
	"  - IPv6\n"
	"  - IPv4\n"
	"  ipFamilyPolicy: PreferDualStack\n"
	"  loadBalancerClass: guideway.dev/xdp\n"
	"  loadBalancerIP: 192.0.2.9\n"
	"  loadBalancerSourceRanges:\n"
	"  - ' 10.0.0.0/8 '\n"
	"  - 2001:db8::/32\n"
	"  ports:\n"
	"  - name: http\n"
	"    nodePort: 31380\n"
	"    port: 80\n"
	"    protocol: TCP\n"
	"    targetPort: http-web\n"
	"  - appProtocol: null\n"
	"    name: dns\n"
	"    port: 80\n"
	"    protocol: UDP\n"
	"    targetPort: 5353\n"
	"  publishNotReadyAddresses: true\n"
	"  selector:\n"
	"    app: webapp\n"
	"  sessionAffinity: ClientIP\n"
	"  sessionAffinityConfig:\n"
	"    clientIP:\n"
	"      timeoutSeconds: 600\n"
	"  type: LoadBalancer\n"
	"status:\n"
	"  loadBalancer:\n"
	"    ingress:\n"
	"    - ip: 192.0.2.10\n"
	"      ipMode: VIP\n"
	"    - hostname: lb.example.com\n"
	"    - ip: 2001:db8::10\n";

static void a_dump_of_kubectl_is_read(void **state)
{
	const struct object *object = decode_one(dump);
	const struct service_object *service = &object->service;

	(void)state;
	assert_string_equal(object->namespace, "shop");
	assert_string_equal(object->name, "webapp");
	assert_string_equal(object->uid, "5f0c5d1e-8d7b-4f59-9c8e-2f1d2c3b4a59");
	assert_true(object->creation_time_s == 1714557600);
	assert_string_equal(labels_get(&object->labels, "app"), "webapp");
	assert_string_equal(labels_get(&object->labels, "tier"), "front");
	assert_int_equal(service->type, SERVICE_LOAD_BALANCER);
	assert_string_equal(service->cluster_ip, "10.96.12.7");
	assert_string_equal(service->load_balancer_class, "guideway.dev/xdp");
	assert_true(service->family_ipv4 && service->family_ipv6);
	assert_true(service->prefer_dual_stack && !service->require_dual_stack);
	assert_int_equal(service->external_traffic_policy, TRAFFIC_POLICY_LOCAL);
	assert_int_equal(service->session_affinity, AFFINITY_CLIENT_IP);
	assert_int_equal(service->affinity_timeout_s, 600);
	assert_true(service->publish_not_ready_addresses);
	assert_string_equal(labels_get(&service->selector, "app"), "webapp");
	assert_int_equal(service->forwarding_mode, FORWARDING_MODE_SNAT);
}

static void the_ports_of_a_dump_are_read(void **state)
{
	const struct service_object *service = &decode_one(dump)->service;

	(void)state;
	assert_int_equal(service->port_count, 2);
	assert_string_equal(service->ports[0].name, "http");
	assert_int_equal(service->ports[0].port, 80);
	assert_int_equal(service->ports[0].node_port, 31380);
	assert_int_equal(service->ports[0].target_port, 0);
	assert_string_equal(service->ports[0].target_port_name, "http-web");
	assert_int_equal(service->ports[1].protocol, PROTOCOL_UDP);
	assert_int_equal(service->ports[1].target_port, 5353);
}

static void the_addresses_of_a_dump_are_read(void **state)
{
	const struct service_object *service = &decode_one(dump)->service;

	(void)state;
	assert_int_equal(service->ingress_count, 2);
	assert_address(&service->ingress[0], "192.0.2.10");
	assert_address(&service->ingress[1], "2001:db8::10");
	assert_true(service->has_load_balancer_ip);
	assert_address(&service->load_balancer_ip, "192.0.2.9");
	assert_int_equal(service->source_range_count, 2);
	assert_address(&service->source_ranges[0].address, "10.0.0.0");
	assert_int_equal(service->source_ranges[0].length, 104);
	assert_int_equal(service->source_ranges[1].length, 32);
}

static void addresses_can_be_asked_for_by_annotation(void **state)
{
	const struct service_object *service =
		&decode_one("apiVersion: v1\nkind: Service\n"
			    "metadata:\n  name: web\n  annotations:\n"
			    "    guideway.dev/addresses: 192.0.2.1, 2001:db8::1\n"
			    "spec: {type: LoadBalancer, ports: [{port: 80}]}\n")
			 ->service;

	(void)state;
	assert_int_equal(service->requested_count, 2);
	assert_address(&service->requested[0], "192.0.2.1");
	assert_address(&service->requested[1], "2001:db8::1");
}

#define RANGES_ANNOTATION                                                                          \
	"apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"                  \
	"    service.beta.kubernetes.io/load-balancer-source-ranges: "

static void source_ranges_can_be_an_annotation(void **state)
{
	const struct service_object *service =
		&decode_one(RANGES_ANNOTATION "10.0.0.0/8, 192.0.2.0/24\n"
					      "spec: {ports: [{port: 80}]}\n")
			 ->service;

	(void)state;
	assert_int_equal(service->source_range_count, 2);
	assert_address(&service->source_ranges[1].address, "192.0.2.0");
}

static void source_ranges_of_the_spec_hide_the_annotation(void **state)
{
	const struct service_object *service =
		&decode_one(RANGES_ANNOTATION "nonsense\nspec:\n"
					      "  loadBalancerSourceRanges: [10.0.0.0/8]\n")
			 ->service;

	(void)state;
	assert_int_equal(service->source_range_count, 1);
}

static void a_bad_source_range_is_an_error_of_the_service(void **state)
{
	(void)state;
	assert_refused(LOAD_BALANCER "  loadBalancerSourceRanges: [10.0.0.0/8, 10.0.0.0/33]\n",
		       "7:42: spec.loadBalancerSourceRanges[1]: \"10.0.0.0/33\" has a bad length, "
		       "expected 0 to 32");
	assert_refused(LOAD_BALANCER "  loadBalancerSourceRanges: [null]\n",
		       "7:29: spec.loadBalancerSourceRanges[0]: nothing, expected text");
	assert_refused(
		RANGES_ANNOTATION "10.0.0.0/8,\nspec: {ports: [{port: 80}]}\n",
		"6:61: metadata.annotations.service.beta.kubernetes.io/"
		"load-balancer-source-ranges: \"\" is not a prefix, expected ADDRESS/LENGTH");
}

static void ports_are_checked_as_the_api_server_does(void **state)
{
	(void)state;
	assert_refused(SERVICE "  ports:\n  - port: 70000\n",
		       "6:11: spec.ports[0].port: 70000, expected 1 to 65535");
	assert_refused(SERVICE "  ports:\n  - port: 0\n",
		       "6:11: spec.ports[0].port: 0, expected 1 to 65535");
	assert_refused(SERVICE "  ports:\n  - port: \"80\"\n",
		       "6:11: spec.ports[0].port: the text \"80\", expected a whole number from 1 "
		       "to 65535");
	assert_refused(SERVICE "  ports:\n  - name: x\n",
		       "6:5: spec.ports[0].port: missing, expected 1 to 65535");
	assert_refused(SERVICE "  ports:\n  - {port: 80, protocol: tcp}\n",
		       "6:26: spec.ports[0].protocol: \"tcp\", expected TCP, UDP or SCTP");
	assert_refused(SERVICE "  ports: {port: 80}\n",
		       "5:10: spec.ports: a mapping, expected a list");
	assert_refused(
		SERVICE "  ports: [{port: 80, targetPort: \"80\"}]\n",
		"5:34: spec.ports[0].targetPort: \"80\", expected a number without quotes or "
		"a port's name of at most 15 lower-case letters, digits and \"-\"");
	assert_refused(SERVICE "  ports: [{port: 80, targetPort: 65536}]\n",
		       "5:34: spec.ports[0].targetPort: 65536, expected 0 to 65535");
}

static void several_ports_need_different_names_and_numbers(void **state)
{
	(void)state;
	assert_refused(SERVICE "  ports:\n  - {port: 80, name: a}\n  - {port: 81}\n",
		       "7:5: spec.ports[1].name: missing, expected a name for each of several "
		       "ports");
	assert_refused(SERVICE "  ports:\n  - {port: 80, name: a}\n  - {port: 81, name: a}\n",
		       "7:22: spec.ports[1].name: \"a\" as in spec.ports[0], expected each name "
		       "once");
	assert_refused(SERVICE "  ports:\n  - {port: 80, name: a}\n  - {port: 80, name: b}\n",
		       "7:5: spec.ports[1]: 80/TCP as in spec.ports[0], expected each once");
	assert_refused(SERVICE "  ports: [{port: 80, name: Web_1}]\n",
		       "5:28: spec.ports[0].name: \"Web_1\", expected lower-case letters, digits "
		       "and \"-\", at most 63");
}

static void one_number_may_serve_two_protocols(void **state)
{
	(void)state;
	assert_int_equal(decode_one(SERVICE "  ports:\n  - {port: 53, name: a}\n"
					    "  - {port: 53, name: b, protocol: UDP}\n")
				 ->service.port_count,
			 2);
}

static void a_target_port_of_zero_is_the_port(void **state)
{
	(void)state;
	assert_int_equal(decode_one(SERVICE "  ports: [{port: 80, targetPort: 0}]\n")
				 ->service.ports[0]
				 .target_port,
			 80);
}

static void a_load_balancer_needs_ports(void **state)
{
	(void)state;
	assert_refused(SERVICE "  type: LoadBalancer\n",
		       "5:3: spec.ports: missing, expected at least one port");
	assert_refused(SERVICE "  type: LoadBalancer\n  ports: []\n",
		       "6:10: spec.ports: missing, expected at least one port");
}

static void a_headless_load_balancer_is_refused(void **state)
{
	(void)state;
	assert_refused(LOAD_BALANCER "  clusterIP: None\n",
		       "7:14: spec.clusterIP: None with type LoadBalancer, expected an address or "
		       "nothing");
	assert_string_equal(decode_one(SERVICE "  clusterIP: None\n")->service.cluster_ip, "None");
}

static void words_of_a_service_are_checked(void **state)
{
	(void)state;
	assert_refused(SERVICE "  type: Loadbalancer\n",
		       "5:9: spec.type: \"Loadbalancer\", expected ClusterIP, NodePort, "
		       "LoadBalancer or ExternalName");
	assert_refused(SERVICE "  externalTrafficPolicy: local\n",
		       "5:26: spec.externalTrafficPolicy: \"local\", expected Cluster or Local");
	assert_refused(SERVICE "  sessionAffinity: Client\n",
		       "5:20: spec.sessionAffinity: \"Client\", expected None or ClientIP");
	assert_refused(SERVICE "  ipFamilies: [IPv5]\n",
		       "5:16: spec.ipFamilies[0]: \"IPv5\", expected IPv4 or IPv6");
	assert_refused(SERVICE "  ipFamilyPolicy: Dual\n",
		       "5:19: spec.ipFamilyPolicy: \"Dual\", expected SingleStack, "
		       "PreferDualStack or RequireDualStack");
	assert_refused(SERVICE "  sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}\n",
		       "5:54: spec.sessionAffinityConfig.clientIP.timeoutSeconds: 86401, expected "
		       "1 to 86400");
	assert_refused(SERVICE "  publishNotReadyAddresses: maybe\n",
		       "5:29: spec.publishNotReadyAddresses: \"maybe\", expected true or false");
}

static void annotations_of_a_service_are_checked(void **state)
{
	(void)state;
	assert_refused("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"
		       "    guideway.dev/forwarding-mode: teleport\n",
		       "6:35: metadata.annotations.guideway.dev/forwarding-mode: \"teleport\", "
		       "expected snat, dnat, l2, ipip or gue");
	assert_refused("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"
		       "    guideway.dev/addresses: 10.0.0.1,,10.0.0.2\n",
		       "6:29: metadata.annotations.guideway.dev/addresses: \"\" is not an IP "
		       "address");
}

#define ANNOTATED                                                                                  \
	"apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"                  \
	"    guideway.dev/"

static void limits_of_a_service_are_annotations(void **state)
{
	const struct service_object *service =
		&decode_one(ANNOTATED "new-flows-per-second: '1000000'\n"
				      "    guideway.dev/tcp-mss: \"1360\"\n"
				      "    guideway.dev/forwarding-mode: ipip\n"
				      "    guideway.dev/drain-deadline-seconds: '604800'\n"
				      "spec: {ports: [{port: 80}]}\n")
			 ->service;

	(void)state;
	assert_int_equal(service->flows_per_second, 1000000);
	assert_int_equal(service->tcp_mss, 1360);
	assert_int_equal(service->drain_deadline_s, 604800);
	assert_int_equal(service->forwarding_mode, FORWARDING_MODE_IPIP);
	service = &decode_one(SERVICE "  ports: [{port: 80}]\n")->service;
	assert_int_equal(service->flows_per_second, 0);
	assert_int_equal(service->tcp_mss, 0);
	assert_int_equal(service->drain_deadline_s, 0);
}

static void limits_of_a_service_have_bounds(void **state)
{
	static const char *const flows[] = { "0", "1000001", "-1", "1e3", "", "99999999999" };
	static const char *const mss[] = { "87", "65496", "0" };

	(void)state;
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), ANNOTATED "new-flows-per-second: '%s'\n",
			       flows[i]);
		decode(text);
		assert_non_null(strstr(problems, "new-flows-per-second: \""));
		assert_non_null(strstr(problems, "expected 1 to 1000000"));
		assert_int_equal(object_count, 0);
	}
	for (size_t i = 0; i < sizeof(mss) / sizeof(mss[0]); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), ANNOTATED "tcp-mss: '%s'\n", mss[i]);
		decode(text);
		assert_non_null(strstr(problems, "expected 88 to 65495"));
		assert_int_equal(object_count, 0);
	}
	decode(ANNOTATED "drain-deadline-seconds: '604801'\n");
	assert_non_null(
		strstr(problems, "drain-deadline-seconds: \"604801\", expected 0 to 604800"));
	assert_int_equal(object_count, 0);
}

static void addresses_nobody_may_use_are_refused(void **state)
{
	(void)state;
	assert_refused(LOAD_BALANCER "  loadBalancerIP: 127.0.0.1\n",
		       "7:19: spec.loadBalancerIP: 127.0.0.1 is a loopback address, expected a "
		       "unicast address");
	assert_refused(LOAD_BALANCER "  loadBalancerIP: 010.0.0.1\n",
		       "7:19: spec.loadBalancerIP: \"010.0.0.1\" has a number with a leading zero, "
		       "expected plain decimals");
	assert_refused(LOAD_BALANCER "status: {loadBalancer: {ingress: [{ip: 224.0.0.1}]}}\n",
		       "7:40: status.loadBalancer.ingress[0].ip: 224.0.0.1 is a multicast address, "
		       "expected a unicast address");
}

static void an_api_server_lets_leading_zeros_pass(void **state)
{
	const struct service_object *service;
	struct address expected;
	struct prefix range;

	(void)state;
	from_api_server = true;
	service = &decode_one(LOAD_BALANCER "  loadBalancerIP: 010.0.0.1\n"
					    "  loadBalancerSourceRanges: [' 010.0.0.0/8 ']\n"
					    "  externalIPs: [10.0.0.010]\n")
			   ->service;
	from_api_server = false;
	assert_int_equal(address_parse("10.0.0.1", &expected, NULL), 0);
	assert_int_equal(address_compare(&service->load_balancer_ip, &expected), 0);
	assert_int_equal(address_parse("10.0.0.10", &expected, NULL), 0);
	assert_int_equal(address_compare(&service->external_ips[0], &expected), 0);
	assert_int_equal(prefix_parse("10.0.0.0/8", &range, NULL), 0);
	assert_int_equal(prefix_compare(&service->source_ranges[0], &range), 0);
}

static void what_is_asked_of_addresses_is_kept(void **state)
{
	const struct object *object;
	struct address expected;

	(void)state;
	object = decode_one("apiVersion: v1\nkind: Service\n"
			    "metadata: {name: web, resourceVersion: '12345678901234567890',\n"
			    "  annotations: {guideway.dev/address-pool: edge}}\n"
			    "spec: {externalTrafficPolicy: Local, healthCheckNodePort: 30900,\n"
			    "  externalIPs: [192.0.2.1, '2001:db8::1'], ports: [{port: 80}]}\n");
	assert_string_equal(object->version, "12345678901234567890");
	assert_string_equal(object->service.pool_name, "edge");
	assert_int_equal(object->service.health_check_node_port, 30900);
	assert_int_equal(object->service.external_ip_count, 2);
	assert_int_equal(address_parse("2001:db8::1", &expected, NULL), 0);
	assert_int_equal(address_compare(&object->service.external_ips[1], &expected), 0);
	object = decode_one(LOAD_BALANCER);
	assert_string_equal(object->version, "");
	assert_null(object->service.pool_name);
	assert_int_equal(object->service.health_check_node_port, 0);
	assert_int_equal(object->service.external_ip_count, 0);

	assert_refused(LOAD_BALANCER "  externalIPs: [192.0.2.1, web]\n",
		       "7:28: spec.externalIPs[1]: \"web\" is not an IP address");
	assert_refused(LOAD_BALANCER "  healthCheckNodePort: 70000\n",
		       "7:24: spec.healthCheckNodePort: 70000, expected 0 to 65535");
	assert_refused("apiVersion: v1\nkind: Service\n"
		       "metadata: {name: web, annotations: {guideway.dev/address-pool: A b}}\n",
		       "3:64: metadata.annotations.guideway.dev/address-pool: \"A b\", expected "
		       "the name of an address pool");
}

#define CONFIGURATION                                                                              \
	"apiVersion: guideway.dev/v1alpha1\nkind: AgentConfiguration\nmetadata: {name: "           \
	"a}\nspec:\n"                                                                              \
	"  addressPools:\n"

static void a_configuration_has_pools(void **state)
{
	const struct agent_configuration *configuration;
	const struct address_pool *pool;
	char text[ADDRESS_RANGE_TEXT_SIZE];

	(void)state;
	configuration = &decode_one(CONFIGURATION
				    "  - {name: all, addresses: [10.0.0.0/30, '2001:db8::5']}\n"
				    "  - name: edge\n"
				    "    addresses: [10.0.1.5-10.0.1.9]\n"
				    "    namespaces: [shop, bank]\n"
				    "    serviceSelector: {matchLabels: {tier: gold, app: web}}\n"
				    "    autoAssign: false\n"
				    "    avoidBuggyIPs: true\n")
				 ->configuration;
	assert_int_equal(configuration->pool_count, 2);
	pool = &configuration->pools[0];
	assert_string_equal(pool->name, "all");
	assert_int_equal(pool->range_count, 2);
	assert_string_equal(address_range_format(&pool->ranges[0], text), "10.0.0.1-10.0.0.2");
	assert_string_equal(address_range_format(&pool->ranges[1], text), "2001:db8::5");
	assert_true(pool->auto_assign && !pool->avoids_buggy);
	assert_int_equal(pool->namespace_count + pool->selector.count, 0);
	pool = &configuration->pools[1];
	assert_string_equal(pool->namespaces[1], "bank");
	assert_string_equal(labels_get(&pool->selector, "tier"), "gold");
	assert_int_equal(pool->namespace_count + pool->selector.count, 4);
	assert_true(!pool->auto_assign && pool->avoids_buggy);
	assert_int_equal(decode_one("apiVersion: guideway.dev/v1alpha1\n"
				    "kind: AgentConfiguration\nmetadata: {name: a}\n")
				 ->configuration.pool_count,
			 0);
}

static void a_configuration_is_checked_to_the_last_field(void **state)
{
	static const char *const cases[][2] = {
		{ "  - {addresses: [10.0.0.1]}\n",
		  "6:5: spec.addressPools[0].name: missing, expected the name of the pool" },
		{ "  - {name: a}\n",
		  "6:5: spec.addressPools[0].addresses: missing, expected at least one range" },
		{ "  - {name: a, addresses: [10.0.0.9-10.0.0.1]}\n",
		  "6:27: spec.addressPools[0].addresses[0]: the range ends before its start" },
		{ "  - {name: a, addresses: [10.0.0.1], namespace: b}\n",
		  "6:49: spec.addressPools[0].namespace: there is no such field" },
		{ "  - {name: a, addresses: [10.0.0.1], namespaces: [B]}\n",
		  "6:51: spec.addressPools[0].namespaces[0]: \"B\", expected lower-case letters, "
		  "digits and \"-\", at most 63" },
		{ "  - {name: a, addresses: [10.0.0.1], serviceSelector: {matchExpressions: []}}\n",
		  "6:74: spec.addressPools[0].serviceSelector.matchExpressions: there is no such "
		  "field" },
		{ "  - {name: a, addresses: [10.0.0.1]}\n  - {name: a, addresses: [10.0.0.2]}\n",
		  "7:12: spec.addressPools[1].name: \"a\" is the name of another pool" },
		{ "  - {name: a, addresses: [10.0.0.1]}\n  - {name: b, addresses: [10.0.0.0/24]}\n",
		  "7:26: spec.addressPools[1].addresses[0]: overlaps addresses of pool \"a\"" },
		{ "  - {name: a, addresses: [10.0.0.1, 10.0.0.1]}\n",
		  "6:26: spec.addressPools[0].addresses[1]: overlaps addresses of pool \"a\"" },
		{ "  - web\n",
		  "6:5: spec.addressPools[0]: expected a mapping with name and addresses" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		(void)snprintf(text, sizeof(text), CONFIGURATION "%s", cases[i][0]);
		assert_refused(text, cases[i][1]);
	}
}

static void metadata_is_checked(void **state)
{
	(void)state;
	assert_refused("apiVersion: v1\nkind: Service\nmetadata: {}\n",
		       "3:11: metadata.name: missing, expected the name of the Service");
	assert_refused("apiVersion: v1\nkind: Service\n",
		       "1:1: metadata.name: missing, expected the name of the Service");
	assert_refused("apiVersion: v1\nkind: Service\nmetadata: {name: Web}\n",
		       "3:18: metadata.name: \"Web\", expected lower-case letters, digits and "
		       "\"-\", at most 63");
	assert_refused("apiVersion: v1\nkind: Service\nmetadata: {name: 80}\n",
		       "3:18: metadata.name: the number 80, expected text: put it in quotes");
	assert_refused("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: a/b}\n",
		       "3:32: metadata.namespace: \"a/b\", expected lower-case letters, digits and "
		       "\"-\", at most 63");
	assert_refused("apiVersion: v1\nkind: Pod\nmetadata: {name: a..b}\n",
		       "3:18: metadata.name: \"a..b\", expected lower-case letters, digits and "
		       "\"-\" or \".\", at most 253");
	assert_refused("apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {b: 1}}\n",
		       "3:33: metadata.labels.b: the number 1, expected text: put it in quotes");
	assert_refused("apiVersion: v1\nkind: Pod\n"
		       "metadata: {name: a, creationTimestamp: yesterday}\n",
		       "3:40: metadata.creationTimestamp: \"yesterday\", expected a time as in "
		       "2024-05-01T10:00:00Z");
}

static int64_t creation_time(const char *time)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "apiVersion: v1\nkind: Pod\nmetadata: {name: a, creationTimestamp: %s}\n", time);
	return decode_one(text)->creation_time_s;
}

static void times_are_those_of_rfc_3339(void **state)
{
	(void)state;
	assert_true(creation_time("1970-01-01T00:00:00Z") == 0);
	assert_true(creation_time("2024-02-29T23:59:59.999Z") == 1709251199);
	assert_true(creation_time("'2024-05-01T12:00:00+02:00'") == 1714557600);
	assert_true(creation_time("null") == INT64_MAX);
}

static void a_service_name_may_start_with_a_digit(void **state)
{
	(void)state;
	assert_string_equal(
		decode_one("apiVersion: v1\nkind: Service\nmetadata: {name: 1web}\n")->name,
		"1web");
}

static void an_object_being_deleted_is_known_as_such(void **state)
{
	(void)state;
	assert_true(decode_one("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n"
			       "  deletionTimestamp: 2024-05-01T10:00:00Z\n")
			    ->deleting);
}

static void what_gateways_wrote_is_read(void **state)
{
	const struct service_marks *marks =
		&decode_one("apiVersion: v1\nkind: Service\n"
			    "metadata: {name: web, finalizers: [foo/bar, "
			    "guideway.dev/load-balancer]}\n"
			    "status:\n"
			    "  loadBalancer: {ingress: [{ip: 192.0.2.1}, {ip: 192.0.2.2, ipMode: "
			    "VIP}]}\n"
			    "  conditions:\n"
			    "  - {type: Other, status: \"False\"}\n"
			    "  - {type: guideway.dev/Programmed, status: \"True\", reason: "
			    "Programmed}\n")
			 ->service.marks;

	(void)state;
	assert_true(marks->has_finalizer);
	assert_false(marks->has_foreign_ingress);
	assert_string_equal(marks->status, "True");
	assert_string_equal(marks->reason, "Programmed");
	assert_string_equal(marks->message, "");
}

static void what_others_wrote_is_known_as_such(void **state)
{
	static const char *const foreign[] = {
		"{hostname: lb.example}",
		"{ip: 192.0.2.1, ipMode: Proxy}",
		"{ip: 192.0.2.1, ports: [{port: 80, protocol: TCP}]}",
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct service_marks *marks;

		(void)snprintf(text, sizeof(text),
			       "apiVersion: v1\nkind: Service\nmetadata: {name: web, finalizers: "
			       "[guideway.dev/load]}\nstatus: {loadBalancer: {ingress: [%s]}, "
			       "conditions: 7}\n",
			       foreign[i]);
		marks = &decode_one(text)->service.marks;
		assert_true(marks->has_foreign_ingress);
		assert_false(marks->has_finalizer);
		assert_null(marks->status);
	}
}

static void an_endpoint_slice_is_read(void **state)
{
	const struct object *object = decode_one(
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		"metadata:\n"
		"  name: web-abc12\n"
		"  labels: {kubernetes.io/service-name: web}\n"
		"  annotations:\n"
		"    endpoints.kubernetes.io/last-change-trigger-time: "
		"\"2024-05-01T10:00:00.25Z\"\n"
		"    guideway.dev/weight: \"7\"\n"
		"addressType: IPv6\n"
		"ports: [{name: http, port: 8080, protocol: UDP}, {name: null, port: null}]\n"
		"endpoints:\n"
		"- addresses: ['2001:db8::1', '2001:db8::2']\n"
		"  conditions: {ready: false, serving: true, terminating: true}\n"
		"  nodeName: node-1\n"
		"  zone: a\n"
		"  targetRef: {kind: Pod, name: web-0, uid: u-1}\n"
		"  hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: node-1}]}\n"
		"- addresses: ['2001:db8::3']\n");
	const struct endpoints_object *slice = &object->endpoints;
	const struct endpoint_group *group = &slice->groups[0];

	(void)state;
	assert_int_equal(object->kind, OBJECT_ENDPOINT_SLICE);
	assert_string_equal(slice->service_name, "web");
	assert_true(slice->change_time_ns == 1714557600250000000);
	assert_int_equal(slice->group_count, 1);
	assert_false(group->ipv4);
	assert_int_equal(group->weight, 7);
	assert_int_equal(group->port_count, 2);
	assert_string_equal(group->ports[0].name, "http");
	assert_int_equal(group->ports[0].protocol, PROTOCOL_UDP);
	assert_int_equal(group->ports[0].port, 8080);
	assert_string_equal(group->ports[1].name, "");
	assert_int_equal(group->ports[1].protocol, PROTOCOL_TCP);
	assert_int_equal(group->ports[1].port, 0);
	assert_int_equal(group->endpoint_count, 2);
	assert_address(&group->endpoints[0].address, "2001:db8::1");
	assert_string_equal(group->endpoints[0].node_name, "node-1");
	assert_string_equal(group->endpoints[0].target_uid, "u-1");
	assert_int_equal(group->endpoints[0].zone_hint_count, 2);
	assert_string_equal(group->endpoints[0].zone_hints[1], "b");
	assert_int_equal(group->endpoints[0].node_hint_count, 1);
	assert_false(group->endpoints[0].ready);
	assert_true(group->endpoints[0].serving && group->endpoints[0].terminating);
}

static void conditions_not_given_mean_a_ready_endpoint(void **state)
{
	const struct endpoint_group *group =
		decode_one(SLICE "addressType: IPv4\nendpoints:\n- addresses: [10.0.0.1]\n"
				 "- addresses: [10.0.0.2]\n"
				 "  conditions: {ready: null, serving: null, terminating: null}\n")
			->endpoints.groups;

	(void)state;
	assert_int_equal(group->weight, 1);
	assert_int_equal(group->port_count, 0);
	for (size_t i = 0; i < 2; i++) {
		assert_true(group->endpoints[i].ready && group->endpoints[i].serving);
		assert_false(group->endpoints[i].terminating);
		assert_null(group->endpoints[i].node_name);
		assert_null(group->endpoints[i].target_uid);
	}
}

static void endpoints_of_the_other_family_or_without_address_are_ignored(void **state)
{
	const struct endpoint_group *group =
		decode_one(SLICE "addressType: IPv4\nendpoints:\n"
				 "- addresses: ['2001:db8::1']\n- addresses: []\n- {}\n"
				 "- addresses: ['::ffff:10.0.0.1']\n")
			->endpoints.groups;

	(void)state;
	assert_int_equal(group->endpoint_count, 1);
	assert_address(&group->endpoints[0].address, "10.0.0.1");
}

static void a_slice_of_nobody_is_skipped(void **state)
{
	(void)state;
	decode("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n"
	       "addressType: IPv4\n---\n" SLICE "addressType: FQDN\n"
	       "endpoints: [{addresses: [a.example.com]}]\n");
	assert_int_equal(object_count, 0);
	assert_string_equal(problems, "");
	assert_string_equal(skipped, "discovery.k8s.io/v1 EndpointSlice (no label "
				     "kubernetes.io/service-name)\n"
				     "discovery.k8s.io/v1 EndpointSlice (addressType FQDN)");
}

static void slices_are_checked(void **state)
{
	(void)state;
	assert_refused(SLICE, "1:1: addressType: missing, expected IPv4 or IPv6");
	assert_refused(SLICE "addressType: IPv5\n",
		       "4:14: addressType: \"IPv5\", expected IPv4, IPv6 or FQDN");
	assert_refused(SLICE "addressType: IPv4\nendpoints:\n- addresses: [169.254.1.1]\n",
		       "6:15: endpoints[0].addresses[0]: 169.254.1.1 is a link-local address, "
		       "expected a unicast address");
	assert_refused(SLICE "addressType: IPv4\nendpoints: []\nports: [{port: 65536}]\n",
		       "6:16: ports[0].port: 65536, expected 0 to 65535");
	assert_refused("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		       "metadata:\n  name: a\n  labels: {kubernetes.io/service-name: web}\n"
		       "  annotations: {guideway.dev/weight: \"65536\"}\naddressType: IPv4\n",
		       "6:38: metadata.annotations.guideway.dev/weight: \"65536\", expected 0 to "
		       "65535");
}

static void a_weight_of_zero_is_a_weight(void **state)
{
	(void)state;
	assert_int_equal(decode_one("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
				    "metadata:\n  name: a\n"
				    "  labels: {kubernetes.io/service-name: web}\n"
				    "  annotations: {guideway.dev/weight: '0'}\n"
				    "addressType: IPv4\n")
				 ->endpoints.groups[0]
				 .weight,
			 0);
}

static void legacy_endpoints_become_groups_by_family(void **state)
{
	const struct object *object =
		decode_one("apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n"
			   "subsets:\n"
			   "- addresses:\n"
			   "  - {ip: 10.0.0.1, nodeName: node-1, targetRef: {uid: u-1}}\n"
			   "  - {ip: '2001:db8::1'}\n"
			   "  notReadyAddresses:\n"
			   "  - {ip: 10.0.0.2}\n"
			   "  ports: [{port: 8080}]\n"
			   "- addresses: [{ip: 10.0.0.2}]\n"
			   "  ports: [{name: metrics, port: 9090}]\n"
			   "- notReadyAddresses: []\n");
	const struct endpoint_group *groups = object->endpoints.groups;

	(void)state;
	assert_int_equal(object->kind, OBJECT_ENDPOINTS);
	assert_string_equal(object->endpoints.service_name, "web");
	assert_int_equal(object->endpoints.group_count, 3);
	assert_true(groups[0].ipv4 && !groups[1].ipv4 && groups[2].ipv4);
	assert_int_equal(groups[0].endpoint_count, 2);
	assert_true(groups[0].endpoints[0].ready && groups[0].endpoints[0].serving);
	assert_string_equal(groups[0].endpoints[0].node_name, "node-1");
	assert_string_equal(groups[0].endpoints[0].target_uid, "u-1");
	assert_address(&groups[0].endpoints[1].address, "10.0.0.2");
	assert_false(groups[0].endpoints[1].ready || groups[0].endpoints[1].serving);
	assert_int_equal(groups[1].endpoint_count, 1);
	assert_int_equal(groups[1].ports[0].port, 8080);
	assert_int_equal(groups[1].weight, 1);
	assert_string_equal(groups[2].ports[0].name, "metrics");
}

static void endpoints_without_subsets_are_empty(void **state)
{
	(void)state;
	assert_int_equal(decode_one("apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n")
				 ->endpoints.group_count,
			 0);
}

static void legacy_endpoints_are_checked(void **state)
{
	(void)state;
	assert_refused("apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n"
		       "subsets:\n- addresses: [{ip: 'fe80::1'}]\n",
		       "5:20: subsets[0].addresses[0].ip: fe80::1 is a link-local address, "
		       "expected a unicast address");
	assert_refused("apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n"
		       "subsets:\n- addresses: [{hostname: a}]\n",
		       "5:15: subsets[0].addresses[0].ip: missing, expected an address");
}

static void a_pod_is_read(void **state)
{
	const struct object *object = decode_one(
		POD "spec:\n"
		    "  nodeName: node-1\n"
		    "  initContainers:\n"
		    "  - {name: setup, ports: [{containerPort: 1}]}\n"
		    "  - {name: proxy, restartPolicy: Always, ports: [{name: admin, containerPort: "
		    "9901}]}\n"
		    "  containers:\n"
		    "  - {name: web, ports: [{name: http, containerPort: 8080},"
		    " {name: dns, containerPort: 53, protocol: UDP}]}\n"
		    "  - {name: log}\n"
		    "status:\n"
		    "  phase: Running\n"
		    "  conditions: [{type: PodScheduled, status: 'True'}, {type: Ready, status: "
		    "'True'}]\n"
		    "  podIP: 10.0.0.1\n"
		    "  podIPs: [{ip: 10.0.0.1}, {ip: '2001:db8::1'}]\n");
	const struct pod_object *pod = &object->pod;

	(void)state;
	assert_int_equal(object->kind, OBJECT_POD);
	assert_int_equal(pod->address_count, 2);
	assert_address(&pod->addresses[1], "2001:db8::1");
	assert_int_equal(pod->port_count, 3);
	assert_string_equal(pod->ports[0].name, "http");
	assert_int_equal(pod->ports[1].protocol, PROTOCOL_UDP);
	assert_string_equal(pod->ports[2].name, "admin");
	assert_int_equal(pod->ports[2].port, 9901);
	assert_string_equal(pod->node_name, "node-1");
	assert_true(pod->ready);
	assert_false(pod->terminating || pod->finished);
}

static void a_pod_without_status_is_not_ready(void **state)
{
	const struct pod_object *pod = &decode_one(POD)->pod;

	(void)state;
	assert_int_equal(pod->address_count, 0);
	assert_null(pod->node_name);
	assert_false(pod->ready);
}

static void a_pod_may_have_one_address_only(void **state)
{
	const struct pod_object *pod = &decode_one(POD "status: {podIP: 10.0.0.7}\n")->pod;

	(void)state;
	assert_int_equal(pod->address_count, 1);
	assert_address(&pod->addresses[0], "10.0.0.7");
}

static void a_pod_ends_or_is_being_deleted(void **state)
{
	(void)state;
	assert_true(decode_one(POD "status: {phase: Failed}\n")->pod.finished);
	assert_true(decode_one(POD "status: {phase: Succeeded}\n")->pod.finished);
	assert_true(decode_one("apiVersion: v1\nkind: Pod\n"
			       "metadata: {name: a, deletionTimestamp: 2024-05-01T10:00:00Z}\n")
			    ->pod.terminating);
}

static void pods_are_checked(void **state)
{
	(void)state;
	assert_refused(POD "spec: {containers: [{ports: [{containerPort: 0}]}]}\n",
		       "4:46: spec.containers[0].ports[0].containerPort: 0, expected 1 to 65535");
	assert_refused(POD "status: {podIPs: [{ip: '::1'}]}\n",
		       "4:24: status.podIPs[0].ip: ::1 is a loopback address, expected a unicast "
		       "address");
}

static void each_item_of_a_list_stands_alone(void **state)
{
	(void)state;
	decode("{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[\n"
	       "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"a\"}},\n"
	       "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"b\"},"
	       "\"spec\":{\"ports\":[{\"port\":0}]}},\nnull,\n7,\n"
	       "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"c\"}}]}");
	assert_int_equal(object_count, 2);
	assert_string_equal(objects[0]->name, "a");
	assert_string_equal(objects[1]->name, "c");
	assert_string_equal(objects[1]->origin, "web.yaml:6");
	assert_string_equal(problems,
			    "3:86: items[1].spec.ports[0].port: 0, expected 1 to 65535\n"
			    "5:1: items[3]: text, expected a mapping with apiVersion and kind");
}

static void items_of_a_typed_list_need_no_kind(void **state)
{
	(void)state;
	decode("apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n"
	       "- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n");
	assert_string_equal(problems, "");
	assert_int_equal(object_count, 2);
	assert_int_equal(objects[0]->kind, OBJECT_SERVICE);
	assert_int_equal(objects[1]->kind, OBJECT_POD);
}

static void items_of_a_plain_list_need_a_kind(void **state)
{
	(void)state;
	assert_refused("apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n",
		       "4:3: items[0].kind: missing, expected a kind such as Service");
}

static void lists_may_be_empty_or_nested(void **state)
{
	(void)state;
	decode("apiVersion: v1\nkind: List\n---\napiVersion: v1\nkind: List\nitems: []\n---\n"
	       "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: PodList\n"
	       "  items: [{metadata: {name: a}}]\n");
	assert_string_equal(problems, "");
	assert_int_equal(object_count, 1);
}

static void other_kinds_are_skipped(void **state)
{
	(void)state;
	decode("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: 80}\n---\n"
	       "apiVersion: serving.knative.dev/v1\nkind: Service\n---\n"
	       "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: a}}]\n---\n"
	       "apiVersion: example.com/v1\nkind: AllowList\n");
	assert_string_equal(problems, "");
	assert_int_equal(object_count, 0);
	assert_string_equal(skipped, "apps/v1 Deployment\nserving.knative.dev/v1 Service\n"
				     "v1 ConfigMap\nexample.com/v1 AllowList");
}

static void what_is_no_object_is_refused(void **state)
{
	(void)state;
	assert_refused("hello\n", "1:1: text, expected a mapping with apiVersion and kind");
	assert_refused("[]", "1:1: a list, expected a mapping with apiVersion and kind");
	assert_refused("apiVersion: v1\n", "1:1: kind: missing, expected a kind such as Service");
	assert_refused("kind: Service\n",
		       "1:1: apiVersion: missing, expected a version such as v1");
	assert_refused("apiVersion: v2\nkind: Service\n",
		       "1:13: apiVersion: \"v2\", expected v1 for kind Service");
	assert_refused("apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\n",
		       "1:13: apiVersion: \"discovery.k8s.io/v1beta1\", expected "
		       "discovery.k8s.io/v1 for kind EndpointSlice");
	assert_refused("apiVersion: v1\nkind: EndpointSlice\n",
		       "1:13: apiVersion: \"v1\", expected discovery.k8s.io/v1");
	assert_refused("apiVersion: v1\nkind: service\n",
		       "2:7: kind: \"service\", expected Service");
}

static void an_empty_document_is_nothing(void **state)
{
	(void)state;
	decode("---\nnull\n");
	assert_int_equal(object_count, 0);
	assert_string_equal(problems, "");
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_minimal_service_gets_the_defaults),
		TEST(a_dump_of_kubectl_is_read),
		TEST(the_ports_of_a_dump_are_read),
		TEST(the_addresses_of_a_dump_are_read),
		TEST(addresses_can_be_asked_for_by_annotation),
		TEST(source_ranges_can_be_an_annotation),
		TEST(source_ranges_of_the_spec_hide_the_annotation),
		TEST(a_bad_source_range_is_an_error_of_the_service),
		TEST(ports_are_checked_as_the_api_server_does),
		TEST(several_ports_need_different_names_and_numbers),
		TEST(one_number_may_serve_two_protocols),
		TEST(a_target_port_of_zero_is_the_port),
		TEST(a_load_balancer_needs_ports),
		TEST(a_headless_load_balancer_is_refused),
		TEST(words_of_a_service_are_checked),
		TEST(annotations_of_a_service_are_checked),
		TEST(limits_of_a_service_are_annotations),
		TEST(limits_of_a_service_have_bounds),
		TEST(addresses_nobody_may_use_are_refused),
		TEST(an_api_server_lets_leading_zeros_pass),
		TEST(what_is_asked_of_addresses_is_kept),
		TEST(a_configuration_has_pools),
		TEST(a_configuration_is_checked_to_the_last_field),
		TEST(metadata_is_checked),
		TEST(times_are_those_of_rfc_3339),
		TEST(a_service_name_may_start_with_a_digit),
		TEST(an_object_being_deleted_is_known_as_such),
		TEST(what_gateways_wrote_is_read),
		TEST(what_others_wrote_is_known_as_such),
		TEST(an_endpoint_slice_is_read),
		TEST(conditions_not_given_mean_a_ready_endpoint),
		TEST(endpoints_of_the_other_family_or_without_address_are_ignored),
		TEST(a_slice_of_nobody_is_skipped),
		TEST(slices_are_checked),
		TEST(a_weight_of_zero_is_a_weight),
		TEST(legacy_endpoints_become_groups_by_family),
		TEST(endpoints_without_subsets_are_empty),
		TEST(legacy_endpoints_are_checked),
		TEST(a_pod_is_read),
		TEST(a_pod_without_status_is_not_ready),
		TEST(a_pod_may_have_one_address_only),
		TEST(a_pod_ends_or_is_being_deleted),
		TEST(pods_are_checked),
		TEST(each_item_of_a_list_stands_alone),
		TEST(items_of_a_typed_list_need_no_kind),
		TEST(items_of_a_plain_list_need_a_kind),
		TEST(lists_may_be_empty_or_nested),
		TEST(other_kinds_are_skipped),
		TEST(what_is_no_object_is_refused),
		TEST(an_empty_document_is_nothing),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_encode.c - objects as JSON, and read again: the same in every field. Of the fuzz corpus,
 * and of random ones: test_encode [COUNT [SEED]].
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"
#include "lib/json_tree.h"
#include "object_equal.h"
#include "source/decode.h"
#include "source/encode.h"

#define OBJECT_LIMIT 64

static unsigned long object_total = 3000, seed;

struct decoded {
	struct object *objects[OBJECT_LIMIT];
	size_t count;
	char problem[640];
};

static void keep_object(struct object *object, const struct node *node, void *owner)
{
	struct decoded *decoded = owner;

	(void)node;
	assert_true(decoded->count < OBJECT_LIMIT);
	decoded->objects[decoded->count++] = object;
}

static void keep_problem(const struct error *error, void *owner)
{
	struct decoded *decoded = owner;

	(void)snprintf(decoded->problem, sizeof(decoded->problem), "%s", error->text);
}

typedef int parse_function(struct arena *arena, const char *text, size_t length,
			   const struct node **ret_root, struct error *error);

static int parse_document(struct arena *arena, const char *text, size_t length,
			  const struct node **ret_root, struct error *error)
{
	return document_parse(arena, text, length, 0, ret_root, error);
}

static void decode(const char *text, size_t length, parse_function *parse, struct decoded *decoded)
{
	const struct decode_sink sink = {
		.on_object = keep_object,
		.on_error = keep_problem,
		.owner = decoded,
	};
	struct arena *arena = arena_create();
	const struct node *root;
	struct error error = { 0 };

	assert_non_null(arena);
	if (parse(arena, text, length, &root, &error) < 0)
		keep_problem(&error, decoded);
	else
		decode_document(root, "test", &sink);
	arena_destroy(arena);
}

static void finish(struct decoded *decoded)
{
	while (decoded->count > 0)
		object_destroy(decoded->objects[--decoded->count]);
}

/* What is read of text by parse is the object. */
static void assert_reads_as(const struct object *object, const char *text, parse_function *parse)
{
	struct decoded decoded = { .count = 0 };
	char *again;

	decode(text, strlen(text), parse, &decoded);
	if (decoded.count != 1 || !object_equal(object, decoded.objects[0]))
		fail_msg("%s\nis read as something else: %s", text, decoded.problem);
	assert_int_equal(encode_object(decoded.objects[0], &again), 0);
	assert_string_equal(again, text);
	free(again);
	finish(&decoded);
}

static void assert_kept(const struct object *object)
{
	char *text;

	assert_int_equal(encode_object(object, &text), 0);
	for (const char *c = text; *c; c++)
		assert_in_range(*c, ' ', '~');
	assert_reads_as(object, text, parse_document);
	assert_reads_as(object, text, json_tree_parse);
	free(text);
}

static size_t check_file(const char *path)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	size_t length, at = 0, piece_length, count = 0;
	uint32_t line = 0, before;
	const char *piece;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	while (document_split(text, length, &at, &line, &piece, &piece_length, &before)) {
		struct decoded decoded = { .count = 0 };

		decode(piece, piece_length, parse_document, &decoded);
		for (size_t i = 0; i < decoded.count; i++)
			assert_kept(decoded.objects[i]);
		count += decoded.count;
		finish(&decoded);
	}
	return count;
}

static void the_corpus_stays_what_it_is(void **state)
{
	char here[] = __FILE__, folder[512], path[1024];
	size_t count = 0;
	struct dirent *entry;
	DIR *directory;

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/../fuzz/corpus/manifest", dirname(here));
	directory = opendir(folder);
	if (!directory)
		skip(); /* run from elsewhere than the checkout */
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		count += check_file(path);
	}
	(void)closedir(directory);
	assert_true(count >= 5);
}

/* xorshift: the same everywhere. */
static uint64_t dice_state;

static uint64_t dice(uint64_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return dice_state % sides;
}

static const char *any_text(void)
{
	static const char *const texts[] = {
		"",
		"a",
		"node-1",
		"true",
		"no",
		"12",
		"1e3",
		"~",
		"null",
		"\"q\"",
		"back\\slash",
		"line\nend",
		"\t",
		"\r\n",
		"\x7f",
		"# no",
		"{x}",
		"- a",
		"\xc3\xbc\xc3\xaf",
		"\xc2\x85",
		" a ",
		"\xf0\x9f\x98\x80",
		"'",
		"a: b",
	};

	return texts[dice(sizeof(texts) / sizeof(texts[0]))];
}

/* NULL one time out of three. */
static const char *any_text_or_none(void)
{
	return dice(3) ? any_text() : NULL;
}

static const char *any_label(void)
{
	static const char *const labels[] = { "a", "web", "x-1", "0", "long-name-of-something" };

	return labels[dice(sizeof(labels) / sizeof(labels[0]))];
}

static const char *numbered(struct object *object, size_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "n%zu", number);
	return arena_strdup(object->arena, text);
}

static struct address any_address(bool ipv4)
{
	struct address address = { 0 };

	do {
		for (size_t i = 0; i < sizeof(address.bytes); i++)
			address.bytes[i] = dice(3) ? (uint8_t)dice(256) : 0;
		if (ipv4) {
			memset(address.bytes, 0, 10);
			memset(address.bytes + 10, 0xff, 2);
		}
	} while (address_check_usable(&address, NULL) < 0 || address_is_ipv4(&address) != ipv4);
	return address;
}

static const struct address *any_addresses(struct object *object, size_t limit, size_t *ret_count)
{
	size_t count = dice(limit + 1);
	struct address *addresses = arena_alloc_array(object->arena, count, sizeof(*addresses));

	for (size_t i = 0; i < count; i++)
		addresses[i] = any_address(dice(2));
	*ret_count = count;
	return addresses;
}

static const char *const *any_names(struct object *object, const char *(*any)(void),
				    size_t *ret_count)
{
	size_t count = dice(4);
	const char **names = arena_alloc_array(object->arena, count, sizeof(*names));

	for (size_t i = 0; i < count; i++)
		names[i] = any();
	*ret_count = count;
	return names;
}

/* Sorted, since the numbers have one digit. */
static struct labels any_labels(struct object *object)
{
	size_t count = dice(5);
	struct label *items = arena_alloc_array(object->arena, count, sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = (struct label){ numbered(object, i), any_text() };
	return (struct labels){ items, count };
}

static enum protocol any_protocol(void)
{
	static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP };

	return protocols[dice(3)];
}

static uint16_t any_port(void)
{
	return (uint16_t)(1 + dice(UINT16_MAX));
}

/* Different numbers, as they must be. */
static void fill_service_ports(struct object *object)
{
	size_t count = 1 + dice(4);
	struct service_port *ports = arena_alloc_array(object->arena, count, sizeof(*ports));

	for (size_t i = 0; i < count; i++) {
		ports[i] = (struct service_port){
			.name = count > 1 || dice(2) ? numbered(object, i) : "",
			.protocol = any_protocol(),
			.port = (uint16_t)(100 * i + 1 + dice(100)),
			.node_port = dice(2) ? any_port() : 0,
		};
		if (dice(2))
			ports[i].target_port_name = any_label();
		else
			ports[i].target_port = any_port();
		if (ports[i].target_port_name && !strpbrk(ports[i].target_port_name, "abxw"))
			ports[i].target_port_name = "web";
		if (ports[i].target_port_name && strlen(ports[i].target_port_name) > 15)
			ports[i].target_port_name = "web";
	}
	object->service.ports = ports;
	object->service.port_count = count;
}

static void fill_source_ranges(struct object *object)
{
	size_t count = dice(4);
	struct prefix *ranges = arena_alloc_array(object->arena, count, sizeof(*ranges));

	for (size_t i = 0; i < count; i++) {
		bool ipv4 = dice(2);
		struct address base = any_address(ipv4);
		char address[ADDRESS_TEXT_SIZE], text[ADDRESS_TEXT_SIZE + 8];

		(void)snprintf(text, sizeof(text), "%s/%u", address_format(&base, address),
			       (unsigned int)dice(ipv4 ? 33 : 129));
		assert_int_equal(prefix_parse(text, &ranges[i], NULL), 0);
	}
	object->service.source_ranges = ranges;
	object->service.source_range_count = count;
}

static void fill_service(struct object *object)
{
	struct service_object *service = &object->service;

	service->type = (enum service_type)dice(4);
	fill_service_ports(object);
	service->selector = any_labels(object);
	service->cluster_ip = "";
	if (service->type != SERVICE_LOAD_BALANCER && dice(3) == 0)
		service->cluster_ip = "None";
	else if (dice(2))
		service->cluster_ip = "10.96.0.10";
	service->load_balancer_class = any_text_or_none();
	service->family_ipv4 = dice(2);
	service->family_ipv6 = dice(2);
	service->prefer_dual_stack = dice(3) == 0;
	service->require_dual_stack = !service->prefer_dual_stack && dice(2);
	service->session_affinity = (enum session_affinity)dice(2);
	service->affinity_timeout_s = dice(2) ? 10800 : (uint32_t)(1 + dice(86400));
	service->external_traffic_policy = (enum traffic_policy)dice(2);
	service->publish_not_ready_addresses = dice(2);
	fill_source_ranges(object);
	service->ingress = any_addresses(object, 3, &service->ingress_count);
	service->has_load_balancer_ip = dice(2);
	if (service->has_load_balancer_ip)
		service->load_balancer_ip = any_address(dice(2));
	service->requested = any_addresses(object, 3, &service->requested_count);
	service->pool_name = dice(2) ? any_label() : NULL;
	service->marks = (struct service_marks){ dice(2), dice(3) == 0, NULL, "", "" };
	if (dice(2)) {
		service->marks.status = any_text();
		service->marks.reason = any_text();
		service->marks.message = any_text();
	}
	service->external_ips = any_addresses(object, 3, &service->external_ip_count);
	service->health_check_node_port = dice(2) ? any_port() : 0;
	service->forwarding_mode = (enum forwarding_mode)dice(FORWARDING_MODE_GUE + 1);
	service->flows_per_second = dice(2) ? (uint32_t)(1 + dice(1000000)) : 0;
	service->tcp_mss = dice(2) ? (uint16_t)(88 + dice(65495 - 88)) : 0;
	service->drain_deadline_s = dice(2) ? (uint32_t)dice(7 * 86400) : 0;
}

static void fill_endpoint(struct object *object, struct endpoint *endpoint, bool ipv4)
{
	bool is_slice = object->kind == OBJECT_ENDPOINT_SLICE;

	endpoint->address = any_address(ipv4);
	endpoint->node_name = any_text_or_none();
	endpoint->target_uid = any_text_or_none();
	endpoint->ready = dice(2);
	endpoint->serving = is_slice ? dice(2) : endpoint->ready;
	if (!is_slice)
		return;
	endpoint->terminating = dice(2);
	endpoint->zone_hints = any_names(object, any_text, &endpoint->zone_hint_count);
	endpoint->node_hints = any_names(object, any_text, &endpoint->node_hint_count);
}

static void fill_group(struct object *object, struct endpoint_group *group)
{
	bool is_slice = object->kind == OBJECT_ENDPOINT_SLICE;
	size_t port_count = dice(4), count = is_slice ? dice(6) : 1 + dice(5);
	struct endpoint_port *ports = arena_alloc_array(object->arena, port_count, sizeof(*ports));
	struct endpoint *endpoints = arena_alloc_array(object->arena, count, sizeof(*endpoints));

	group->ipv4 = dice(2);
	group->weight = is_slice ? (uint32_t)dice(65536) : 1;
	for (size_t i = 0; i < port_count; i++)
		ports[i] = (struct endpoint_port){ any_text(), any_protocol(),
						   dice(4) ? any_port() : 0 };
	for (size_t i = 0; i < count; i++) {
		fill_endpoint(object, &endpoints[i], group->ipv4);
		/* Endpoints tell those that are ready first. */
		if (!is_slice && i > 0 && !endpoints[i - 1].ready)
			endpoints[i].ready = endpoints[i].serving = false;
	}
	group->ports = ports;
	group->port_count = port_count;
	group->endpoints = endpoints;
	group->endpoint_count = count;
}

static void fill_endpoints(struct object *object)
{
	bool is_slice = object->kind == OBJECT_ENDPOINT_SLICE;
	size_t count = is_slice ? 1 : dice(4);
	struct endpoint_group *groups = arena_alloc_array(object->arena, count, sizeof(*groups));
	struct label *label;

	for (size_t i = 0; i < count; i++)
		fill_group(object, &groups[i]);
	object->endpoints.groups = groups;
	object->endpoints.group_count = count;
	object->endpoints.service_name = object->name;
	if (!is_slice)
		return;
	object->endpoints.change_time_ns = dice(2) ? (int64_t)(dice_state >> 2) : 0;
	label = arena_alloc(object->arena, sizeof(*label));
	*label = (struct label){ "kubernetes.io/service-name", "web" };
	object->labels = (struct labels){ label, 1 };
	object->endpoints.service_name = label->value;
}

static void fill_pod(struct object *object)
{
	struct pod_object *pod = &object->pod;
	size_t count = dice(4);
	struct container_port *ports = arena_alloc_array(object->arena, count, sizeof(*ports));

	for (size_t i = 0; i < count; i++)
		ports[i] = (struct container_port){ any_text(), any_protocol(), any_port() };
	pod->ports = ports;
	pod->port_count = count;
	pod->addresses = any_addresses(object, 2, &pod->address_count);
	pod->node_name = dice(2) ? "node-1" : NULL;
	pod->ready = dice(2);
	pod->finished = dice(2);
	pod->terminating = object->deleting;
}

/* Ranges that do not overlap, one in each /8. */
static void fill_configuration(struct object *object)
{
	size_t count = dice(4), number = 20;
	struct address_pool *pools = arena_alloc_array(object->arena, count, sizeof(*pools));

	for (size_t i = 0; i < count; i++) {
		size_t range_count = 1 + dice(3);
		struct address_range *ranges =
			arena_alloc_array(object->arena, range_count, sizeof(*ranges));

		for (size_t range = 0; range < range_count; range++, number++) {
			static const char *const forms[] = { "%zu.0.0.0/24", "%zu.1.2.3",
							     "%zu.0.0.9-%zu.0.1.2",
							     "2001:db8:%zu::/64" };
			char text[64];

			(void)snprintf(text, sizeof(text), forms[dice(4)], number, number);
			assert_int_equal(address_range_parse(text, &ranges[range], NULL), 0);
		}
		pools[i].name = numbered(object, i);
		pools[i].ranges = ranges;
		pools[i].range_count = range_count;
		pools[i].namespaces = any_names(object, any_label, &pools[i].namespace_count);
		pools[i].selector = any_labels(object);
		pools[i].auto_assign = dice(2);
		pools[i].avoids_buggy = dice(2);
	}
	object->configuration.pools = pools;
	object->configuration.pool_count = count;
}

static struct object *any_object(void)
{
	static void (*const fill[])(struct object * object) = {
		[OBJECT_SERVICE] = fill_service,
		[OBJECT_ENDPOINT_SLICE] = fill_endpoints,
		[OBJECT_ENDPOINTS] = fill_endpoints,
		[OBJECT_POD] = fill_pod,
		[OBJECT_AGENT_CONFIGURATION] = fill_configuration,
	};
	enum object_kind kind = (enum object_kind)dice(OBJECT_KIND_COUNT);
	struct object *object = object_create(kind);

	assert_non_null(object);
	object->namespace = any_label();
	object->name = any_label();
	object->uid = any_text();
	object->version = any_text();
	object->creation_time_s = dice(2) ? (int64_t)dice(253402300800) : INT64_MAX;
	object->deleting = dice(4) == 0;
	object->labels = any_labels(object);
	fill[kind](object);
	return object;
}

static void random_objects_stay_what_they_are(void **state)
{
	(void)state;
	printf("# seed %lu\n", seed);
	dice_state = seed;
	for (unsigned long i = 0; i < object_total; i++) {
		struct object *object = any_object();

		assert_kept(object);
		object_destroy(object);
	}
}

static void times_from_before_and_after_four_digits_are_kept(void **state)
{
	static const char *const texts[] = {
		"0000-01-01T00:00:00+23:59",
		"9999-12-31T23:59:59-23:59",
		"1969-12-31T23:59:60Z",
		"2024-02-29T12:00:00.123456789+05:30",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct decoded decoded = { .count = 0 };
		char text[256];

		(void)snprintf(text, sizeof(text),
			       "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":"
			       "\"a\",\"creationTimestamp\":\"%s\"}}",
			       texts[i]);
		decode(text, strlen(text), json_tree_parse, &decoded);
		assert_string_equal(decoded.problem, "");
		assert_int_equal(decoded.count, 1);
		assert_kept(decoded.objects[0]);
		finish(&decoded);
	}
}

static void a_service_reads_as_people_write_it(void **state)
{
	static const char text[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\","
		"\"namespace\":\"shop\",\"annotations\":{\"guideway.dev/addresses\":\"10.0.0.1,"
		"2001:db8::1\"}},\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{\"protocol\":"
		"\"TCP\",\"port\":80,\"targetPort\":8080}],\"selector\":{\"app\":\"web\"}}}";
	struct decoded decoded = { .count = 0 };
	char *again;

	(void)state;
	decode(text, strlen(text), json_tree_parse, &decoded);
	assert_int_equal(decoded.count, 1);
	assert_int_equal(encode_object(decoded.objects[0], &again), 0);
	assert_string_equal(again, text);
	free(again);
	finish(&decoded);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_corpus_stays_what_it_is),
		cmocka_unit_test(random_objects_stay_what_they_are),
		cmocka_unit_test(times_from_before_and_after_four_digits_are_kept),
		cmocka_unit_test(a_service_reads_as_people_write_it),
	};

	seed = (unsigned long)time(NULL);
	if (argc > 1)
		object_total = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoul(argv[2], NULL, 0);
	seed += seed == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_service.c - services: their memory, their order, what makes two equal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/service.h"

static struct address address(const char *text)
{
	struct address parsed;

	assert_int_equal(address_parse(text, &parsed, NULL), 0);
	return parsed;
}

static struct service_key key(const char *vip, uint16_t port, enum protocol protocol)
{
	return (struct service_key){ address(vip), port, protocol };
}

static struct prefix prefix(const char *text)
{
	struct prefix parsed;

	assert_int_equal(prefix_parse(text, &parsed, NULL), 0);
	return parsed;
}

/* A service on 10.0.0.1:80 with two backends, for two ranges of sources. */
static struct service *sample(void)
{
	const struct service_key sample_key = key("10.0.0.1", 80, PROTOCOL_TCP);
	struct service *service = service_create(&sample_key, "default", "web", "http", 2, 2);

	assert_non_null(service);
	service->backends[0] = (struct backend){ address("10.1.0.1"), 8080, 1, BACKEND_READY };
	service->backends[1] = (struct backend){ address("10.1.0.2"), 8080, 2, BACKEND_READY };
	service->has_source_ranges = true;
	service->source_ranges[0] = prefix("198.51.100.0/24");
	service->source_ranges[1] = prefix("203.0.113.0/24");
	return service;
}

static void a_service_copies_its_names(void **state)
{
	const struct service_key sample_key = key("10.0.0.1", 80, PROTOCOL_TCP);
	char namespace[] = "default", name[] = "web", port_name[] = "";
	struct service *service = service_create(&sample_key, namespace, name, port_name, 0, 0);

	(void)state;
	assert_non_null(service);
	memset(namespace, 'x', sizeof(namespace) - 1);
	memset(name, 'x', sizeof(name) - 1);
	assert_string_equal(service->namespace, "default");
	assert_string_equal(service->name, "web");
	assert_string_equal(service->port_name, "");
	assert_int_equal(service->backend_count, 0);
	assert_int_equal(service->fallback, SERVICE_REJECT);
	assert_false(service->has_source_ranges);
	service_unref(service);
	service_unref(NULL);
}

static void a_service_lives_until_its_last_reference(void **state)
{
	struct service *service = sample();

	(void)state;
	assert_ptr_equal(service_ref(service), service);
	service_unref(service);
	assert_string_equal(service->name, "web");
	assert_int_equal(service->backends[1].weight, 2);
	assert_int_equal(service->source_ranges[1].length, 120);
	service_unref(service);
}

static void keys_are_ordered_by_vip_then_port_then_protocol(void **state)
{
	const struct service_key sorted[] = {
		key("10.0.0.1", 80, PROTOCOL_TCP),   key("10.0.0.1", 80, PROTOCOL_UDP),
		key("10.0.0.1", 443, PROTOCOL_TCP),  key("10.0.0.2", 1, PROTOCOL_TCP),
		key("2001:db8::1", 1, PROTOCOL_TCP),
	};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < 5; j++) {
			int order = service_key_compare(&sorted[i], &sorted[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void backends_are_ordered_by_address_then_port(void **state)
{
	const struct backend a = { address("10.1.0.1"), 443, 9, BACKEND_READY },
			     b = { address("10.1.0.1"), 8080, 1, BACKEND_READY };
	const struct backend c = { address("10.1.0.2"), 1, 1, BACKEND_READY },
			     same = { a.address, a.port, 1, BACKEND_READY };

	(void)state;
	assert_true(backend_compare(&a, &b) < 0);
	assert_true(backend_compare(&c, &b) > 0);
	assert_int_equal(backend_compare(&a, &same), 0);
}

static void services_are_equal_when_the_datapath_cannot_tell_them_apart(void **state)
{
	struct service *a = sample(), *b = sample();

	(void)state;
	assert_true(service_equal(a, a));
	assert_true(service_equal(a, b));
	b->name = "api";
	assert_true(service_equal(a, b));
	service_unref(a);
	service_unref(b);
}

static void every_difference_that_matters_makes_services_unequal(void **state)
{
	struct service *a = sample(), *changed[14];

	(void)state;
	for (size_t i = 0; i < 14; i++)
		changed[i] = sample();
	changed[0]->key.port = 81;
	changed[1]->fallback = SERVICE_DROP;
	changed[2]->backends[1].weight = 3;
	changed[3]->backends[1].port = 8081;
	changed[4]->backend_count = 1;
	changed[5]->mode = FORWARDING_MODE_IPIP;
	changed[6]->affinity = true;
	changed[7]->affinity_timeout_s = 1;
	changed[8]->flows_per_second = 1;
	changed[9]->tcp_mss = 1400;
	changed[10]->has_source_ranges = false;
	changed[11]->source_range_count = 1;
	changed[13]->backends[1].state = BACKEND_DRAINED;
	changed[12]->source_ranges[1] = prefix("203.0.113.0/25");
	for (size_t i = 0; i < 14; i++) {
		assert_false(service_equal(a, changed[i]));
		service_unref(changed[i]);
	}
	service_unref(a);
}

static void keys_are_written_with_brackets_around_ipv6(void **state)
{
	const struct service_key ipv4 = key("10.0.0.1", 80, PROTOCOL_TCP);
	const struct service_key ipv6 = key("2001:db8::1", 53, PROTOCOL_UDP);
	const struct service_key longest =
		key("2001:db80:1111:2222:3333:4444:5555:6666", 65535, PROTOCOL_SCTP);
	char text[SERVICE_KEY_TEXT_SIZE];

	(void)state;
	assert_string_equal(service_key_format(&ipv4, text), "10.0.0.1:80/TCP");
	assert_string_equal(service_key_format(&ipv6, text), "[2001:db8::1]:53/UDP");
	assert_string_equal(service_key_format(&longest, text),
			    "[2001:db80:1111:2222:3333:4444:5555:6666]:65535/SCTP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_copies_its_names),
		cmocka_unit_test(a_service_lives_until_its_last_reference),
		cmocka_unit_test(keys_are_ordered_by_vip_then_port_then_protocol),
		cmocka_unit_test(backends_are_ordered_by_address_then_port),
		cmocka_unit_test(services_are_equal_when_the_datapath_cannot_tell_them_apart),
		cmocka_unit_test(every_difference_that_matters_makes_services_unequal),
		cmocka_unit_test(keys_are_written_with_brackets_around_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

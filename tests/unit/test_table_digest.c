/* SPDX-License-Identifier: BSD-2-Clause */
/* test_table_digest.c - whatever decides where a flow goes is in the digest, and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "model/maglev.h"
#include "model/service.h"
#include "model/table_digest.h"

enum { BACKENDS = 5, RANGES = 2, RANGE_ROOM = 4 };

static struct address address(const char *text)
{
	struct address parsed;

	assert_int_equal(address_parse(text, &parsed, NULL), 0);
	return parsed;
}

static struct service *make_service(void)
{
	const struct service_key key = { address("192.0.2.1"), 80, PROTOCOL_TCP };
	struct service *service =
		service_create(&key, "default", "web", "http", BACKENDS, RANGE_ROOM);

	assert_non_null(service);
	service->mode = FORWARDING_MODE_IPIP;
	for (size_t i = 0; i < BACKENDS; i++) {
		service->backends[i] =
			(struct backend){ address("10.0.0.1"), 8080, 1, BACKEND_READY };
		service->backends[i].address.bytes[15] += (uint8_t)i;
	}
	service->has_source_ranges = true;
	service->source_range_count = RANGES;
	service->source_ranges[0] = (struct prefix){ address("10.0.0.0"), 104 };
	service->source_ranges[1] = (struct prefix){ address("172.16.0.0"), 108 };
	return service;
}

/* Takes service. */
static uint64_t digest_of(struct service *service)
{
	uint32_t count = maglev_slot_count(service->backend_count);
	uint32_t *owners = calloc(count, sizeof(*owners));
	uint64_t digest;

	assert_non_null(owners);
	assert_int_equal(
		maglev_fill(service->backends, service->backend_count, owners, count, NULL), 0);
	digest = table_digest(service, owners, count);
	free(owners);
	service_unref(service);
	return digest;
}

static void another_vip(struct service *service)
{
	service->key.vip.bytes[15]++;
}

static void another_port(struct service *service)
{
	service->key.port++;
}

static void another_protocol(struct service *service)
{
	service->key.protocol = PROTOCOL_UDP;
}

static void another_mode(struct service *service)
{
	service->mode = FORWARDING_MODE_GUE;
}

static void another_fallback(struct service *service)
{
	service->fallback = SERVICE_DROP;
}

static void affinity(struct service *service)
{
	service->affinity = true;
}

static void another_rate(struct service *service)
{
	service->flows_per_second = 7;
}

static void another_mss(struct service *service)
{
	service->tcp_mss = 1400;
}

static void another_range(struct service *service)
{
	service->source_ranges[1].length++;
}

static void a_range_less(struct service *service)
{
	service->source_range_count--;
}

static void any_source(struct service *service)
{
	service->has_source_ranges = false;
}

static void a_backend_less(struct service *service)
{
	service->backend_count--;
}

static void another_backend(struct service *service)
{
	service->backends[BACKENDS - 1].address.bytes[15]++;
}

static void another_backend_port(struct service *service)
{
	service->backends[2].port++;
}

static void another_weight(struct service *service)
{
	service->backends[2].weight = 2;
}

static void a_drained_backend(struct service *service)
{
	service->backends[2].weight = 0;
}

static void every_difference_changes_it(void **state)
{
	static void (*const differ[])(struct service * service) = {
		another_vip,      another_port,   another_protocol,     another_mode,
		another_fallback, affinity,       another_rate,         another_mss,
		another_range,    a_range_less,   any_source,           a_backend_less,
		another_backend,  another_weight, another_backend_port, a_drained_backend,
	};
	enum { COUNT = sizeof(differ) / sizeof(differ[0]) };
	uint64_t digests[COUNT + 1];

	(void)state;
	digests[COUNT] = digest_of(make_service());
	for (size_t i = 0; i < COUNT; i++) {
		struct service *service = make_service();

		differ[i](service);
		digests[i] = digest_of(service);
	}
	for (size_t i = 0; i <= COUNT; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(digests[i] != digests[j]);
}

static void weights_in_the_same_ratio_are_no_difference(void **state)
{
	struct service *service = make_service();

	(void)state;
	for (size_t i = 0; i < BACKENDS; i++)
		service->backends[i].weight = 3;
	assert_true(digest_of(service) == digest_of(make_service()));
}

static void names_and_reasons_are_no_difference(void **state)
{
	struct service *service = make_service();

	(void)state;
	service->name = "other";
	service->port_name = "";
	service->backends[1].state = BACKEND_TERMINATING;
	assert_true(digest_of(service) == digest_of(make_service()));
}

static void one_slot_of_another_owner_changes_it(void **state)
{
	struct service *service = make_service();
	uint32_t owners[131] = { 0 };
	uint64_t before = table_digest(service, owners, 131);

	(void)state;
	owners[130] = 1;
	assert_true(table_digest(service, owners, 131) != before);
	service_unref(service);
}

static void the_whole_depends_on_each_and_on_their_order(void **state)
{
	const uint64_t all[] = { 1, 2, 3 }, other[] = { 1, 2, 4 }, swapped[] = { 2, 1, 3 };

	(void)state;
	assert_true(table_digest_join(all, 3) != table_digest_join(other, 3));
	assert_true(table_digest_join(all, 3) != table_digest_join(swapped, 3));
	assert_true(table_digest_join(all, 3) != table_digest_join(all, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_difference_changes_it),
		cmocka_unit_test(weights_in_the_same_ratio_are_no_difference),
		cmocka_unit_test(names_and_reasons_are_no_difference),
		cmocka_unit_test(one_slot_of_another_owner_changes_it),
		cmocka_unit_test(the_whole_depends_on_each_and_on_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

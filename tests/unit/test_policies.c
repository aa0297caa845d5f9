/* SPDX-License-Identifier: BSD-2-Clause */
/* test_policies.c - how a Service is forwarded, and for whom: mode, sources, affinity, limits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_fixture.h"

#define WEB VIP ":80/TCP default/web"
#define WEB6 "[" VIP6 "]:80/TCP default/web"

static struct object *build_slice6(const char *name, const char *service_name)
{
	struct object *object = build(OBJECT_ENDPOINT_SLICE, "default", name);

	object->endpoints.service_name = service_name;
	add_group(object, false);
	add_group_port(object, "", PROTOCOL_TCP, 80);
	return object;
}

static struct object *service_in_mode(enum forwarding_mode mode)
{
	struct object *service = simple_service("web", VIP, 80);

	service->service.forwarding_mode = mode;
	return service;
}

static void a_service_is_forwarded_in_the_mode_it_asks_for_else_in_the_agents(void **state)
{
	struct fixture *fixture = *state;
	const struct model_settings settings = {
		.serve_unclassed = true,
		.forwarding_mode = FORWARDING_MODE_L2,
		.pool = fixture->pool,
	};

	model_destroy(fixture->model);
	fixture->model = model_create(&settings);
	set(fixture->model, simple_service("web", VIP, 80));
	assert_services(fixture->model, WEB " l2\n");
	set(fixture->model, service_in_mode(FORWARDING_MODE_GUE));
	assert_services(fixture->model, WEB " gue\n");
	set(fixture->model, service_in_mode(FORWARDING_MODE_SNAT));
	assert_services(fixture->model, WEB "\n");
}

static void sources_are_those_of_the_vips_family_without_repetition(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", VIP, 80);

	request(service, VIP6);
	restrict_to(service, "203.0.113.0/24");
	restrict_to(service, "2001:db8:1::/48");
	restrict_to(service, "10.0.0.0/8");
	restrict_to(service, "10.1.0.0/16"); /* within another */
	restrict_to(service, "203.0.113.0/24");
	set(fixture->model, service);
	assert_services(fixture->model,
			WEB " from 10.0.0.0/8 203.0.113.0/24\n" WEB6 " from 2001:db8:1::/48\n");
	assert_status(fixture->model, "web", VIP " " VIP6 " 0/0");
}

static void a_family_without_ranges_of_its_own_admits_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", VIP, 80);

	request(service, VIP6);
	restrict_to(service, "10.0.0.0/8");
	set(fixture->model, service);
	assert_services(fixture->model, WEB " from 10.0.0.0/8\n" WEB6 " from\n");
}

static void sources_need_no_filter_where_everybody_is_admitted(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", VIP, 80);

	request(service, VIP6);
	restrict_to(service, "10.0.0.0/8");
	restrict_to(service, "0.0.0.0/0");
	set(fixture->model, service);
	assert_services(fixture->model, WEB "\n" WEB6 " from\n");

	service = simple_service("web", VIP, 80);
	request(service, VIP6);
	restrict_to(service, "::/0");
	restrict_to(service, "0.0.0.0/1");
	set(fixture->model, service);
	assert_services(fixture->model, WEB " from 0.0.0.0/1\n" WEB6 "\n");
}

/* Room for more than LIST_MAX. */
static struct object *service_with_ranges(size_t count)
{
	struct object *service = simple_service("web", VIP, 80);
	struct prefix *ranges = arena_alloc_array(service->arena, count, sizeof(*ranges));
	char text[ADDRESS_TEXT_SIZE];

	assert_non_null(ranges);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(text, sizeof(text), "198.%zu.%zu.0/24", i / 256, i % 256);
		assert_int_equal(prefix_parse(text, &ranges[i], NULL), 0);
	}
	service->service.source_ranges = ranges;
	service->service.source_range_count = count;
	return service;
}

static void a_service_with_too_many_ranges_is_told_and_not_served(void **state)
{
	struct fixture *fixture = *state;
	size_t count;

	set(fixture->model, service_with_ranges(2000));
	(void)update(fixture->model);
	assert_int_equal(model_services(fixture->model, &count)[0]->source_range_count, 2000);
	assert_status(fixture->model, "web", VIP " 0/0");
	set(fixture->model, service_with_ranges(2001));
	assert_services(fixture->model, "");
	assert_status(fixture->model, "web",
		      VIP " 0/0 spec.loadBalancerSourceRanges: 2001 ranges, expected at most "
			  "2000: not served");
}

static void affinity_and_limits_reach_every_port_and_vip(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", VIP, 80);

	request(service, VIP6);
	service->service.session_affinity = AFFINITY_CLIENT_IP;
	service->service.affinity_timeout_s = 600;
	service->service.flows_per_second = 50;
	service->service.tcp_mss = 1360;
	set(fixture->model, service);
	assert_services(fixture->model, WEB " affinity=600 flows=50 mss=1360\n" WEB6
					    " affinity=600 flows=50 mss=1360\n");
	assert_status(fixture->model, "web", VIP " " VIP6 " 0/0");
}

static void a_timeout_without_affinity_is_no_difference(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", VIP, 80);

	set(fixture->model, simple_service("web", VIP, 80));
	assert_true(update(fixture->model));
	service->service.affinity_timeout_s = 600;
	set(fixture->model, service);
	assert_false(update(fixture->model));
}

static void an_encapsulating_mode_reaches_backends_of_the_other_family(void **state)
{
	static const enum forwarding_mode modes[] = { FORWARDING_MODE_IPIP, FORWARDING_MODE_GUE };
	struct fixture *fixture = *state;
	struct object *slice = build_slice6("web-6", "web");
	char expected[128];

	add_endpoint(slice, "2001:db8:1::1");
	set(fixture->model, slice);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(expected, sizeof(expected), WEB " %s 2001:db8:1::1:80\n",
			       forwarding_mode_name(modes[i]));
		set(fixture->model, service_in_mode(modes[i]));
		assert_services(fixture->model, expected);
		assert_status(fixture->model, "web", VIP " 1/1");
	}
	for (int mode = FORWARDING_MODE_SNAT; mode <= FORWARDING_MODE_L2; mode++) {
		size_t count;

		set(fixture->model, service_in_mode((enum forwarding_mode)mode));
		(void)update(fixture->model);
		assert_int_equal(model_services(fixture->model, &count)[0]->backend_count, 0);
		assert_status(fixture->model, "web", VIP " 0/0");
	}
}

static void backends_of_the_vips_own_family_come_before_the_others(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = service_in_mode(FORWARDING_MODE_IPIP);
	struct object *slice4 = build_slice("web-4", "web");
	struct object *slice6 = build_slice6("web-6", "web");
	struct endpoint *starting;

	request(service, VIP6);
	add_endpoint(slice6, "2001:db8:1::1");
	set(fixture->model, service);
	set(fixture->model, slice6);
	assert_services(fixture->model,
			WEB " ipip 2001:db8:1::1:80\n" WEB6 " ipip 2001:db8:1::1:80\n");
	/* Counted once, although both VIPs have it. */
	assert_status(fixture->model, "web", VIP " " VIP6 " 1/1");

	/* One that is not ready is one all the same: it says which family the backends have. */
	((struct endpoint_port *)slice4->endpoints.groups[0].ports)->port = 80;
	starting = add_endpoint(slice4, "10.1.0.1");
	starting->ready = starting->serving = false;
	set(fixture->model, slice4);
	assert_services(fixture->model, WEB " ipip\n" WEB6 " ipip 2001:db8:1::1:80\n");
	assert_status(fixture->model, "web", VIP " " VIP6 " 1/2");
}

static void a_port_that_the_mode_cannot_change_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("web-1", "web");

	add_endpoint(slice, "10.1.0.1");
	add_endpoint(slice, "10.1.0.2");
	set(fixture->model, slice);
	set(fixture->model, service_in_mode(FORWARDING_MODE_IPIP));
	assert_services(fixture->model, WEB " ipip 10.1.0.1:8080 10.1.0.2:8080\n");
	assert_status(fixture->model, "web",
		      VIP " 2/2 mode ipip does not change the port: endpoint port 8080 is not "
			  "port 80");
	set(fixture->model, service_in_mode(FORWARDING_MODE_DNAT));
	assert_status(fixture->model, "web", VIP " 2/2");

	set(fixture->model, service_in_mode(FORWARDING_MODE_L2));
	slice = build_slice("web-1", "web");
	((struct endpoint_port *)slice->endpoints.groups[0].ports)->port = 80;
	add_endpoint(slice, "10.1.0.1");
	set(fixture->model, slice);
	assert_status(fixture->model, "web", VIP " 1/1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_service_is_forwarded_in_the_mode_it_asks_for_else_in_the_agents),
		TEST(sources_are_those_of_the_vips_family_without_repetition),
		TEST(a_family_without_ranges_of_its_own_admits_nobody),
		TEST(sources_need_no_filter_where_everybody_is_admitted),
		TEST(a_service_with_too_many_ranges_is_told_and_not_served),
		TEST(affinity_and_limits_reach_every_port_and_vip),
		TEST(a_timeout_without_affinity_is_no_difference),
		TEST(an_encapsulating_mode_reaches_backends_of_the_other_family),
		TEST(backends_of_the_vips_own_family_come_before_the_others),
		TEST(a_port_that_the_mode_cannot_change_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_vips.c - which addresses a Service has. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_fixture.h"

static void add_range(struct fixture *fixture, const char *range)
{
	assert_int_equal(pool_add_range(fixture->pool, range, NULL), 0);
}

static void the_vip_comes_from_status_then_spec_then_annotation_then_pool(void **state)
{
	static const struct {
		bool ingress, spec, annotation;
		const char *services;
	} cases[] = {
		{ true, true, true, "10.0.0.1:80/TCP default/web\n" },
		{ false, true, true, "10.0.0.2:80/TCP default/web\n" },
		{ false, false, true, "10.0.0.3:80/TCP default/web\n" },
		{ false, false, false, "10.0.0.4:80/TCP default/web\n" },
		{ true, false, false, "10.0.0.1:80/TCP default/web\n" },
	};
	struct fixture *fixture = *state;

	add_range(fixture, "10.0.0.4");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct object *service =
			simple_service("web", cases[i].annotation ? "10.0.0.3" : NULL, 80);

		if (cases[i].ingress) {
			struct address *added =
				append(service, &service->service.ingress,
				       &service->service.ingress_count, sizeof(*added));

			*added = address("10.0.0.1");
		}
		service->service.has_load_balancer_ip = cases[i].spec;
		service->service.load_balancer_ip = address("10.0.0.2");
		set(fixture->model, service);
		assert_services(fixture->model, cases[i].services);
	}
}

static void every_requested_address_is_served_once(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", "10.0.0.9", 80);

	request(service, VIP6);
	request(service, "10.0.0.2");
	request(service, "10.0.0.9");
	set(fixture->model, service);
	assert_services(fixture->model, "10.0.0.2:80/TCP default/web\n10.0.0.9:80/TCP default/web\n"
					"[" VIP6 "]:80/TCP default/web\n");
	assert_status(fixture->model, "web", "10.0.0.2 10.0.0.9 " VIP6 " 0/0");
}

static void an_address_that_cannot_be_a_vip_is_told_and_the_others_served(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", "127.0.0.1", 80);

	request(service, VIP);
	set(fixture->model, service);
	assert_services(fixture->model, VIP ":80/TCP default/web\n");
	assert_status(fixture->model, "web",
		      VIP " 0/0 annotation guideway.dev/addresses: 127.0.0.1 is a loopback "
			  "address, expected a unicast address");
}

static void only_listed_families_are_served(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", VIP, 80);

	request(service, VIP6);
	service->service.family_ipv6 = true;
	set(fixture->model, service);
	assert_services(fixture->model, "[" VIP6 "]:80/TCP default/web\n");
	assert_status(fixture->model, "web",
		      VIP6 " 0/0 annotation guideway.dev/addresses: " VIP
			   " is IPv4, which spec.ipFamilies has not");
}

/* What a Service without an address gets of pools with one IPv4 and one IPv6 address. */
static void assert_families(bool pool_ipv4, bool pool_ipv6, bool ipv4, bool ipv6, bool prefer,
			    bool require, const char *expected)
{
	struct fixture fixture = { .pool = pool_create() };
	struct object *service = simple_service("web", NULL, 80);

	assert_non_null(fixture.pool);
	create_model(&fixture, NULL, true);
	if (pool_ipv4)
		add_range(&fixture, VIP);
	if (pool_ipv6)
		add_range(&fixture, VIP6);
	service->service.family_ipv4 = ipv4;
	service->service.family_ipv6 = ipv6;
	service->service.prefer_dual_stack = prefer;
	service->service.require_dual_stack = require;
	set(fixture.model, service);
	assert_status(fixture.model, "web", expected);
	model_destroy(fixture.model);
	pool_destroy(fixture.pool);
}

static void single_stack_takes_one_address_of_its_family(void **state)
{
	(void)state;
	assert_families(true, true, false, false, false, false, VIP " 0/0");
	assert_families(false, true, false, false, false, false, VIP6 " 0/0");
	assert_families(true, true, true, false, false, false, VIP " 0/0");
	assert_families(true, true, false, true, false, false, VIP6 " 0/0");
	assert_families(true, false, false, true, false, false,
			"0/0 no address: no address pool has IPv6 addresses");
	assert_families(false, false, false, false, false, false,
			"0/0 no address: no address pool has IPv4 addresses");
}

static void prefer_dual_stack_takes_what_the_pool_can_give(void **state)
{
	(void)state;
	assert_families(true, true, false, false, true, false, VIP " " VIP6 " 0/0");
	assert_families(true, true, true, true, true, false, VIP " " VIP6 " 0/0");
	assert_families(true, false, true, true, true, false, VIP " 0/0");
	assert_families(false, true, true, true, true, false, VIP6 " 0/0");
	assert_families(true, true, true, false, true, false, VIP " 0/0");
}

static void require_dual_stack_takes_both_or_none(void **state)
{
	(void)state;
	assert_families(true, true, false, false, false, true, VIP " " VIP6 " 0/0");
	assert_families(true, true, true, true, false, false, VIP " " VIP6 " 0/0");
	assert_families(true, false, true, true, false, true,
			"0/0 no pair of IPv4 and IPv6 address: no address pool has IPv6 addresses");
}

static void a_pool_address_stays_while_everything_else_changes(void **state)
{
	struct fixture *fixture = *state;
	struct object *other_port = simple_service("web", NULL, 443);
	struct object *dual = simple_service("web", NULL, 443);
	char before[512];

	add_range(fixture, "10.0.0.0/16");
	add_range(fixture, VIP6);
	set(fixture->model, simple_service("web", NULL, 80));
	(void)update(fixture->model);
	(void)strcpy(before, services_text(fixture->model));
	*strchr(before, ':') = '\0';
	set(fixture->model, other_port);
	(void)update(fixture->model);
	assert_memory_equal(services_text(fixture->model), before, strlen(before));

	dual->service.prefer_dual_stack = true;
	set(fixture->model, dual);
	(void)update(fixture->model);
	assert_memory_equal(services_text(fixture->model), before, strlen(before));
	assert_non_null(strstr(services_text(fixture->model), VIP6));

	set(fixture->model, simple_service("web", NULL, 80));
	(void)update(fixture->model);
	assert_memory_equal(services_text(fixture->model), before, strlen(before));
	assert_null(strstr(services_text(fixture->model), VIP6));
	set(fixture->model, simple_service("v6", VIP6, 80)); /* is free again */
	assert_status(fixture->model, "v6", VIP6 " 0/0");
}

static void who_found_the_pool_empty_gets_what_is_given_back(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, VIP);
	set(fixture->model, simple_service("a", NULL, 80));
	set(fixture->model, simple_service("b", NULL, 80));
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
	assert_status(fixture->model, "b",
		      "0/0 no address: every IPv4 address of the pool is taken");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "a");
	assert_services(fixture->model, VIP ":80/TCP default/b\n");
	assert_status(fixture->model, "b", VIP " 0/0");
	set(fixture->model, simple_service("b", "10.9.9.9", 80));
	set(fixture->model, simple_service("c", NULL, 80));
	assert_services(fixture->model, VIP ":80/TCP default/c\n10.9.9.9:80/TCP default/b\n");
}

static void who_names_an_address_gets_it_before_the_pool_gives_it_away(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, "10.0.0.1-10.0.0.2");
	set(fixture->model, simple_service("a", NULL, 80));
	set(fixture->model, simple_service("b", NULL, 80));
	set(fixture->model, simple_service("z", VIP, 80));
	assert_services(fixture->model, VIP ":80/TCP default/z\n10.0.0.2:80/TCP default/a\n");
}

static void an_address_the_pool_gave_away_cannot_be_taken(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, VIP);
	set(fixture->model, simple_service("a", NULL, 80));
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
	set(fixture->model, simple_service("b", VIP, 443));
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
	assert_status(fixture->model, "b",
		      "0/0 annotation guideway.dev/addresses: " VIP
		      " of the pool is taken by \"default/a\"");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "a");
	assert_services(fixture->model, VIP ":443/TCP default/b\n");
}

static void services_that_name_one_address_share_it(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, VIP);
	set(fixture->model, simple_service("a", VIP, 80));
	set(fixture->model, simple_service("b", VIP, 443));
	assert_services(fixture->model, VIP ":80/TCP default/a\n" VIP ":443/TCP default/b\n");
	/* One leaves: the other still holds the address against the pool. */
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "a");
	set(fixture->model, simple_service("c", NULL, 80));
	assert_services(fixture->model, VIP ":443/TCP default/b\n");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "b");
	assert_services(fixture->model, VIP ":80/TCP default/c\n");
}

static void a_service_that_names_what_the_pool_gave_it_keeps_it(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, VIP);
	set(fixture->model, simple_service("a", NULL, 80));
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
	set(fixture->model, simple_service("a", VIP, 80));
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
	set(fixture->model, simple_service("a", NULL, 80));
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_vip_comes_from_status_then_spec_then_annotation_then_pool),
		TEST(every_requested_address_is_served_once),
		TEST(an_address_that_cannot_be_a_vip_is_told_and_the_others_served),
		TEST(only_listed_families_are_served),
		TEST(single_stack_takes_one_address_of_its_family),
		TEST(prefer_dual_stack_takes_what_the_pool_can_give),
		TEST(require_dual_stack_takes_both_or_none),
		TEST(a_pool_address_stays_while_everything_else_changes),
		TEST(who_found_the_pool_empty_gets_what_is_given_back),
		TEST(who_names_an_address_gets_it_before_the_pool_gives_it_away),
		TEST(an_address_the_pool_gave_away_cannot_be_taken),
		TEST(services_that_name_one_address_share_it),
		TEST(a_service_that_names_what_the_pool_gave_it_keeps_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void publish(struct object *service, const char *text)
{
	struct address *added = append(service, &service->service.ingress,
				       &service->service.ingress_count, sizeof(*added));

	*added = address(text);
}

/* A Service of which status, spec and annotation name an address each, unless NULL. */
static struct object *naming(const char *name, const char *status, const char *spec,
			     const char *annotation)
{
	struct object *service = simple_service(name, annotation, 80);

	if (status)
		publish(service, status);
	if (spec) {
		service->service.has_load_balancer_ip = true;
		service->service.load_balancer_ip = address(spec);
	}
	return service;
}

static void without_a_pool_the_vip_comes_from_status_then_spec_then_annotation(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, naming("web", "10.0.0.1", "10.0.0.2", "10.0.0.3"));
	assert_services(fixture->model, "10.0.0.1:80/TCP default/web\n");
	set(fixture->model, naming("web", NULL, "10.0.0.2", "10.0.0.3"));
	assert_services(fixture->model, "10.0.0.2:80/TCP default/web\n");
	set(fixture->model, naming("web", NULL, NULL, "10.0.0.3"));
	assert_services(fixture->model, "10.0.0.3:80/TCP default/web\n");
	set(fixture->model, naming("web", "10.0.0.1", NULL, NULL));
	assert_services(fixture->model, "10.0.0.1:80/TCP default/web\n");
}

static void what_we_published_for_a_request_follows_the_request(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = naming("web", "10.0.0.1", "10.0.0.2", NULL);

	service->service.marks.has_finalizer = true;
	set(fixture->model, service);
	assert_services(fixture->model, "10.0.0.2:80/TCP default/web\n");
	service = naming("web", "10.0.0.1", NULL, NULL);
	service->service.marks.has_finalizer = true;
	set(fixture->model, service);
	assert_services(fixture->model, "10.0.0.1:80/TCP default/web\n");
}

static void a_gateway_that_awaits_the_status_serves_what_it_says_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;
	const struct model_settings settings = {
		.serve_unclassed = true,
		.awaits_status = true,
		.pool = fixture->pool,
	};

	model_destroy(fixture->model);
	fixture->model = model_create(&settings);
	add_range(fixture, "10.0.0.1-10.0.0.2");
	add_range(fixture, VIP6);
	set(fixture->model, naming("named", NULL, "10.0.0.1", NULL));
	assert_services(fixture->model, "10.0.0.1:80/TCP default/named\n");
	set(fixture->model, simple_service("web", NULL, 80));
	assert_services(fixture->model, "10.0.0.1:80/TCP default/named\n");
	assert_status(fixture->model, "web", "10.0.0.2 0/0");
	set(fixture->model, naming("web", "10.0.0.2", NULL, NULL));
	assert_services(fixture->model, "10.0.0.1:80/TCP default/named\n"
					"10.0.0.2:80/TCP default/web\n");
	/* The second family is another matter. */
	{
		struct object *dual = naming("web", "10.0.0.2", NULL, NULL);

		dual->service.prefer_dual_stack = true;
		set(fixture->model, dual);
	}
	assert_services(fixture->model, "10.0.0.1:80/TCP default/named\n"
					"10.0.0.2:80/TCP default/web\n");
	assert_status(fixture->model, "web", "10.0.0.2 " VIP6 " 0/0");
}

static void with_a_pool_it_comes_from_what_the_pool_has_then_from_others_status(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, "10.0.0.1-10.0.0.3");
	set(fixture->model, naming("web", "10.0.0.1", "10.0.0.2", "10.0.0.3"));
	assert_services(fixture->model, "10.0.0.2:80/TCP default/web\n");
	set(fixture->model, naming("web", "10.0.0.1", NULL, "10.0.0.3"));
	assert_services(fixture->model, "10.0.0.3:80/TCP default/web\n");
	set(fixture->model, naming("web", "10.0.0.2", NULL, NULL));
	assert_services(fixture->model, "10.0.0.2:80/TCP default/web\n");
	set(fixture->model, naming("web", "10.9.9.9", "10.9.9.8", NULL));
	assert_services(fixture->model, "10.9.9.9:80/TCP default/web\n");
	set(fixture->model, naming("web", "10.9.9.9", "10.0.0.3", NULL));
	assert_services(fixture->model, "10.0.0.3:80/TCP default/web\n");
}

static void a_request_outside_every_pool_gets_no_other_address(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, "10.0.0.1-10.0.0.3");
	set(fixture->model, naming("web", NULL, NULL, "10.9.9.9"));
	assert_services(fixture->model, "");
	assert_status(fixture->model, "web",
		      "0/0 annotation guideway.dev/addresses: 10.9.9.9 lies in no address pool");
	set(fixture->model, naming("web", "10.0.0.1", "10.9.9.9", NULL));
	assert_status(fixture->model, "web",
		      "0/0 spec.loadBalancerIP: 10.9.9.9 lies in no address pool");
}

static void what_the_status_says_is_given_back(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, "10.0.0.1-10.0.0.9");
	add_range(fixture, VIP6);
	set(fixture->model, naming("a", "10.0.0.7", NULL, NULL));
	assert_status(fixture->model, "a", "10.0.0.7 0/0");
	/* It is the pool's: it stays when the status forgets it, and is nobody else's. */
	set(fixture->model, naming("a", NULL, NULL, NULL));
	assert_status(fixture->model, "a", "10.0.0.7 0/0");
	set(fixture->model, naming("b", NULL, NULL, "10.0.0.7"));
	assert_status(fixture->model, "b",
		      "0/0 annotation guideway.dev/addresses: 10.0.0.7 of the pool is taken by "
		      "\"default/a\"");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "b");
	/* The second family comes besides. */
	{
		struct object *dual = naming("a", "10.0.0.7", NULL, NULL);

		dual->service.prefer_dual_stack = true;
		set(fixture->model, dual);
	}
	assert_status(fixture->model, "a", "10.0.0.7 " VIP6 " 0/0");
}

static void another_services_status_beats_what_the_pool_assigned(void **state)
{
	struct fixture *fixture = *state;

	add_range(fixture, "10.0.0.1-10.0.0.2");
	set(fixture->model, simple_service("a", NULL, 80));
	(void)update(fixture->model);
	{
		bool first = strstr(services_text(fixture->model), "10.0.0.1:") != NULL;
		const char *taken = first ? "10.0.0.1" : "10.0.0.2";
		const char *other = first ? "10.0.0.2 0/0" : "10.0.0.1 0/0";
		char expected[160];

		set(fixture->model, naming("b", taken, NULL, NULL));
		assert_status(fixture->model, "a", other);
		(void)snprintf(expected, sizeof(expected), "%s 0/0", taken);
		assert_status(fixture->model, "b", expected);
		/* Of two that say so the first stays; the other is told, and gets what is free. */
		model_remove_object(fixture->model, OBJECT_SERVICE, "default", "a");
		set(fixture->model, naming("c", taken, NULL, NULL));
		(void)snprintf(expected, sizeof(expected),
			       "%.8s 0/0 status.loadBalancer.ingress: %s of the pool is taken by "
			       "\"default/b\"",
			       other, taken);
		assert_status(fixture->model, "c", expected);
	}
}

static void an_address_stays_when_its_pool_has_it_no_more(void **state)
{
	const struct address kept = address("10.5.5.5");
	struct fixture *fixture = *state;

	assert_int_equal(pool_reserve(fixture->pool, "default/web", &kept, true, NULL), 0);
	add_range(fixture, "10.0.0.1-10.0.0.9");
	set(fixture->model, simple_service("web", NULL, 80));
	assert_status(fixture->model, "web", "10.5.5.5 0/0 10.5.5.5 lies in no address pool: kept");
	set(fixture->model, naming("web", "10.5.5.5", NULL, NULL));
	assert_status(fixture->model, "web", "10.5.5.5 0/0 10.5.5.5 lies in no address pool: kept");
	set(fixture->model, naming("web", "10.5.5.5", NULL, "10.0.0.3"));
	assert_status(fixture->model, "web", "10.0.0.3 0/0");
}

static void require_dual_stack_names_both_or_gets_none(void **state)
{
	struct fixture *fixture = *state;
	struct object *one = naming("web", NULL, NULL, VIP);
	struct object *both = naming("web", NULL, NULL, VIP);
	struct object *published = naming("web", VIP, NULL, NULL);

	one->service.require_dual_stack = both->service.require_dual_stack = true;
	published->service.require_dual_stack = true;
	request(both, VIP6);
	set(fixture->model, one);
	assert_status(fixture->model, "web",
		      "0/0 annotation guideway.dev/addresses: IPv4 only, expected an IPv4 and an "
		      "IPv6 address: spec.ipFamilyPolicy is RequireDualStack");
	set(fixture->model, both);
	assert_status(fixture->model, "web", VIP " " VIP6 " 0/0");
	/* Somebody else's word is served. */
	set(fixture->model, published);
	assert_status(fixture->model, "web", VIP " 0/0");
}

/* One pool that does not assign by itself, and one for namespace "other". */
static struct object *configuration(const char *name, const char *range)
{
	struct object *object = build(OBJECT_AGENT_CONFIGURATION, "default", name);
	struct address_pool *pool = append(object, &object->configuration.pools,
					   &object->configuration.pool_count, sizeof(*pool));
	struct address_range *ranges =
		append(object, &pool->ranges, &pool->range_count, sizeof(*ranges));

	assert_int_equal(address_range_parse(range, ranges, NULL), 0);
	pool->name = "edge";
	return object;
}

static void a_pool_of_the_configuration_is_asked_for_by_its_name(void **state)
{
	struct fixture *fixture = *state;
	struct object *asking = simple_service("web", NULL, 80);

	asking->service.pool_name = "edge";
	set(fixture->model, asking);
	assert_status(fixture->model, "web", "0/0 no address: there is no address pool \"edge\"");
	set(fixture->model, configuration("a", "10.0.0.1"));
	assert_status(fixture->model, "web", VIP " 0/0");
	set(fixture->model, simple_service("other", NULL, 80));
	assert_status(fixture->model, "other",
		      "0/0 no address: no address pool has IPv4 addresses for this Service");
	/* It shrinks under the Service, and comes back. */
	set(fixture->model, configuration("a", "10.0.0.2"));
	assert_status(fixture->model, "web", "10.0.0.2 0/0"); /* asked for: exchanged */
	model_remove_object(fixture->model, OBJECT_AGENT_CONFIGURATION, "default", "a");
	assert_status(fixture->model, "web", "10.0.0.2 0/0 10.0.0.2 lies in no address pool: kept");
	assert_null(model_problem(fixture->model));
}

static void of_two_configurations_one_counts(void **state)
{
	struct fixture *fixture = *state;
	struct object *asking = simple_service("web", NULL, 80);
	struct object *older = configuration("b", "10.0.0.2");

	asking->service.pool_name = "edge";
	set(fixture->model, asking);
	set(fixture->model, configuration("a", "10.0.0.1"));
	set(fixture->model, configuration("c", "10.0.0.3"));
	assert_status(fixture->model, "web", VIP " 0/0");
	assert_string_equal(model_problem(fixture->model),
			    "test: AgentConfiguration default/c is not used, expected one: "
			    "default/a counts");
	older->creation_time_s = 1;
	set(fixture->model, older);
	assert_status(fixture->model, "web", "10.0.0.2 0/0");
	assert_string_equal(model_problem(fixture->model),
			    "test: AgentConfiguration default/a is not used, expected one: "
			    "default/b counts");
	model_remove_object(fixture->model, OBJECT_AGENT_CONFIGURATION, "default", "b");
	model_remove_object(fixture->model, OBJECT_AGENT_CONFIGURATION, "default", "c");
	assert_status(fixture->model, "web", VIP " 0/0");
	assert_null(model_problem(fixture->model));
	assert_non_null(
		model_find_object(fixture->model, OBJECT_AGENT_CONFIGURATION, "default", "a"));
	assert_null(model_find_object(fixture->model, OBJECT_AGENT_CONFIGURATION, "default", "b"));
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
	set(fixture->model, naming("b", "10.9.9.9", NULL, NULL));
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
		TEST(without_a_pool_the_vip_comes_from_status_then_spec_then_annotation),
		TEST(what_we_published_for_a_request_follows_the_request),
		TEST(a_gateway_that_awaits_the_status_serves_what_it_says_and_nothing_else),
		TEST(with_a_pool_it_comes_from_what_the_pool_has_then_from_others_status),
		TEST(a_request_outside_every_pool_gets_no_other_address),
		TEST(what_the_status_says_is_given_back),
		TEST(another_services_status_beats_what_the_pool_assigned),
		TEST(an_address_stays_when_its_pool_has_it_no_more),
		TEST(require_dual_stack_names_both_or_gets_none),
		TEST(a_pool_of_the_configuration_is_asked_for_by_its_name),
		TEST(of_two_configurations_one_counts),
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

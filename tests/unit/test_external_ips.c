/* SPDX-License-Identifier: BSD-2-Clause */
/* test_external_ips.c - spec.externalIPs, and which Services are ours by their labels. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_fixture.h"

#define EXTERNAL "198.51.100.7"

/* Allows 198.51.100.0/24. */
static void create(struct fixture *fixture, const char *proxy_name)
{
	static struct prefix range;
	struct model_settings settings = {
		.load_balancer_class = "guideway.dev/xdp",
		.external_ranges = { &range, 1 },
		.proxy_name = proxy_name,
		.node_name = "node-a",
		.pool = fixture->pool,
	};

	assert_int_equal(prefix_parse("198.51.100.0/24", &range, NULL), 0);
	model_destroy(fixture->model);
	fixture->model = model_create(&settings);
	assert_non_null(fixture->model);
}

/* A ClusterIP Service. */
static struct object *external_service(const char *name, const char *text)
{
	struct object *service = simple_service(name, NULL, 80);
	struct address *added = append(service, &service->service.external_ips,
				       &service->service.external_ip_count, sizeof(*added));

	service->service.type = SERVICE_CLUSTER_IP;
	*added = address(text);
	return service;
}

static void without_an_allowed_range_nobody_has_external_ips(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, external_service("web", EXTERNAL));
	assert_services(fixture->model, "");
	assert_status(fixture->model, "web", "");
}

static void a_service_of_any_type_but_external_name_has_them(void **state)
{
	static const enum service_type types[] = { SERVICE_CLUSTER_IP, SERVICE_NODE_PORT,
						   SERVICE_LOAD_BALANCER };
	struct fixture *fixture = *state;

	create(fixture, NULL);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct object *service = external_service("web", EXTERNAL);

		/* Also of a class that is another's: that is about its VIPs as a LoadBalancer. */
		service->service.type = types[i];
		service->service.load_balancer_class = "example.com/other";
		set(fixture->model, service);
		assert_services(fixture->model, EXTERNAL ":80/TCP default/web\n");
	}
	{
		struct object *service = external_service("web", EXTERNAL);

		service->service.type = SERVICE_EXTERNAL_NAME;
		set(fixture->model, service);
		assert_services(fixture->model, "");
	}
	{
		struct object *service = external_service("web", EXTERNAL);

		service->service.cluster_ip = "None";
		set(fixture->model, service);
		assert_services(fixture->model, "");
	}
}

static void what_lies_in_no_range_is_told_and_not_served(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = external_service("web", EXTERNAL);
	struct address *added = append(service, &service->service.external_ips,
				       &service->service.external_ip_count, sizeof(*added));

	create(fixture, NULL);
	*added = address("192.0.2.1");
	set(fixture->model, service);
	assert_services(fixture->model, EXTERNAL ":80/TCP default/web\n");
	assert_status(fixture->model, "web",
		      "0/0 spec.externalIPs[1]: 192.0.2.1 lies in no --external-ip-range");
	set(fixture->model, external_service("web", "192.0.2.1"));
	assert_services(fixture->model, "");
}

static void source_ranges_are_for_the_load_balancers_address_only(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = external_service("web", EXTERNAL);

	create(fixture, NULL);
	service->service.type = SERVICE_LOAD_BALANCER;
	service->service.load_balancer_class = "guideway.dev/xdp";
	request(service, VIP);
	request(service, "198.51.100.8");
	*(struct address *)append(service, &service->service.external_ips,
				  &service->service.external_ip_count, sizeof(struct address)) =
		address("198.51.100.8");
	restrict_to(service, "10.0.0.0/8");
	set(fixture->model, service);
	assert_services(fixture->model,
			VIP ":80/TCP default/web from 10.0.0.0/8\n" EXTERNAL ":80/TCP default/web\n"
			    "198.51.100.8:80/TCP default/web from 10.0.0.0/8\n");
}

static void external_traffic_policy_is_for_them_too(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = external_service("web", EXTERNAL);
	struct object *slice = build_slice("web-a", "web");

	create(fixture, NULL);
	service->service.external_traffic_policy = TRAFFIC_POLICY_LOCAL;
	add_endpoint(slice, "10.1.0.1")->node_name = "node-a";
	add_endpoint(slice, "10.1.0.2")->node_name = "node-b";
	set(fixture->model, service);
	set(fixture->model, slice);
	assert_services(fixture->model, EXTERNAL ":80/TCP default/web 10.1.0.1:8080\n");
}

static void an_address_of_the_pool_that_another_has_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct object *owner = simple_service("owner", NULL, 443);

	create(fixture, NULL);
	assert_int_equal(pool_add_range(fixture->pool, EXTERNAL, NULL), 0);
	owner->service.load_balancer_class = "guideway.dev/xdp";
	set(fixture->model, owner);
	(void)update(fixture->model);
	set(fixture->model, external_service("web", EXTERNAL));
	assert_services(fixture->model, EXTERNAL ":443/TCP default/owner\n");
	assert_status(fixture->model, "web",
		      "0/0 spec.externalIPs[0]: " EXTERNAL
		      " of the pool is taken by \"default/owner\"");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "owner");
	assert_services(fixture->model, EXTERNAL ":80/TCP default/web\n");
	/* And the other way round: given back when the Service has it no more. */
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "web");
	owner = simple_service("owner", NULL, 443);
	owner->service.load_balancer_class = "guideway.dev/xdp";
	set(fixture->model, owner);
	assert_services(fixture->model, EXTERNAL ":443/TCP default/owner\n");
}

static void the_label_of_a_proxy_leaves_the_service_to_it(void **state)
{
	struct fixture *fixture = *state;

	create(fixture, "guideway");
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "kube-router", "guideway", "" };
		struct object *service = simple_service("web", VIP, 80);

		service->service.load_balancer_class = "guideway.dev/xdp";
		add_label(service, &service->labels, "service.kubernetes.io/service-proxy-name",
			  names[i]);
		set(fixture->model, service);
		assert_services(fixture->model, i == 1 ? VIP ":80/TCP default/web\n" : "");
	}
	create(fixture, NULL);
	{
		struct object *service = external_service("web", EXTERNAL);

		add_label(service, &service->labels, "service.kubernetes.io/service-proxy-name",
			  "guideway");
		set(fixture->model, service);
		assert_services(fixture->model, "");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_an_allowed_range_nobody_has_external_ips),
		TEST(a_service_of_any_type_but_external_name_has_them),
		TEST(what_lies_in_no_range_is_told_and_not_served),
		TEST(source_ranges_are_for_the_load_balancers_address_only),
		TEST(external_traffic_policy_is_for_them_too),
		TEST(an_address_of_the_pool_that_another_has_is_refused),
		TEST(the_label_of_a_proxy_leaves_the_service_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

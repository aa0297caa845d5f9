/* SPDX-License-Identifier: BSD-2-Clause */
/* test_pods.c - Endpoints and Pods as the source of backends, where there is no slice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "objects.h"

#define VIP "10.0.0.1"
#define WEB "10.0.0.1:80/TCP default/web"

struct fixture {
	struct pool *pool;
	struct model *model;
	struct object *service; /* to be changed before it is set */
};

static int setup(void **state)
{
	static struct fixture fixture;
	struct model_settings settings = { .serve_unclassed = true };

	fixture.pool = settings.pool = pool_create();
	assert_non_null(fixture.pool);
	fixture.model = model_create(&settings);
	assert_non_null(fixture.model);
	fixture.service = simple_service("web", VIP, 80);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	model_destroy(fixture->model);
	pool_destroy(fixture->pool);
	return 0;
}

/* One subset of Endpoints: an address that is ready and one that is not. */
static struct object *build_endpoints(void)
{
	struct object *object = build(OBJECT_ENDPOINTS, "default", "web");
	struct endpoint *not_ready;

	object->endpoints.service_name = "web";
	add_group(object, true);
	add_group_port(object, "", PROTOCOL_TCP, 7070);
	add_endpoint(object, "10.2.0.1");
	not_ready = add_endpoint(object, "10.2.0.2");
	not_ready->ready = not_ready->serving = false;
	return object;
}

static void endpoints_count_only_where_there_is_no_slice(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, fixture->service);
	set(fixture->model, build_endpoints());
	assert_services(fixture->model, WEB " 10.2.0.1:7070\n");
	set(fixture->model, build_slice("web-a", "web"));
	assert_services(fixture->model, WEB "\n");
	model_remove_object(fixture->model, OBJECT_ENDPOINT_SLICE, "default", "web-a");
	assert_services(fixture->model, WEB " 10.2.0.1:7070\n");
}

static void select_web(struct object *service)
{
	add_label(service, &service->service.selector, "app", "web");
}

static void pods_count_only_where_there_is_neither_slice_nor_endpoints(void **state)
{
	struct fixture *fixture = *state;

	select_web(fixture->service);
	set(fixture->model, fixture->service);
	set(fixture->model, build_pod("web-1", "10.1.0.1"));
	assert_services(fixture->model, WEB " 10.1.0.1:80\n");
	set(fixture->model, build_endpoints());
	assert_services(fixture->model, WEB " 10.2.0.1:7070\n");
	model_remove_object(fixture->model, OBJECT_ENDPOINTS, "default", "web");
	assert_services(fixture->model, WEB " 10.1.0.1:80\n");
}

static void pods_are_chosen_by_every_label_of_the_selector(void **state)
{
	struct fixture *fixture = *state;
	struct object *both = build_pod("web-1", "10.1.0.1"), *one = build_pod("web-2", "10.1.0.2");
	struct object *elsewhere = build_pod("web-3", "10.1.0.3");

	elsewhere->namespace = "other";
	select_web(fixture->service);
	add_label(fixture->service, &fixture->service->service.selector, "env", "prod");
	add_label(both, &both->labels, "env", "prod");
	add_label(one, &one->labels, "env", "test");
	add_label(elsewhere, &elsewhere->labels, "env", "prod");
	set(fixture->model, fixture->service);
	set(fixture->model, both);
	set(fixture->model, one);
	set(fixture->model, elsewhere);
	assert_services(fixture->model, WEB " 10.1.0.1:80\n");
}

static void without_a_selector_no_pod_is_an_endpoint(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, fixture->service);
	set(fixture->model, build_pod("web-1", "10.1.0.1"));
	assert_services(fixture->model, WEB "\n");
}

static void only_running_pods_that_are_ready_are_used(void **state)
{
	struct fixture *fixture = *state;
	struct object *pods[] = {
		build_pod("ready", "10.1.0.1"),       build_pod("not-ready", "10.1.0.2"),
		build_pod("terminating", "10.1.0.3"), build_pod("finished", "10.1.0.4"),
		build_pod("no-address", "10.1.0.5"),
	};

	pods[1]->pod.ready = false;
	pods[2]->pod.terminating = true;
	pods[3]->pod.finished = true;
	pods[4]->pod.address_count = 0;
	select_web(fixture->service);
	set(fixture->model, fixture->service);
	for (size_t i = 0; i < 5; i++)
		set(fixture->model, pods[i]);
	assert_services(fixture->model, WEB " 10.1.0.1:80 10.1.0.3:80*0/draining\n");
	model_remove_object(fixture->model, OBJECT_POD, "default", "ready");
	assert_services(fixture->model, WEB " 10.1.0.3:80/terminating\n");
}

static void publish_not_ready_addresses_publishes_all_but_finished_pods(void **state)
{
	struct fixture *fixture = *state;
	struct object *not_ready = build_pod("not-ready", "10.1.0.2");
	struct object *leaving = build_pod("leaving", "10.1.0.3"), *finished;

	finished = build_pod("finished", "10.1.0.4");
	not_ready->pod.ready = false;
	leaving->pod.ready = false;
	leaving->pod.terminating = true;
	finished->pod.finished = true;
	select_web(fixture->service);
	fixture->service->service.publish_not_ready_addresses = true;
	set(fixture->model, fixture->service);
	set(fixture->model, not_ready);
	set(fixture->model, leaving);
	set(fixture->model, finished);
	assert_services(fixture->model, WEB " 10.1.0.2:80 10.1.0.3:80\n");
}

static void add_container_port(struct object *pod, const char *name, enum protocol protocol,
			       uint16_t port)
{
	struct container_port *added =
		append(pod, &pod->pod.ports, &pod->pod.port_count, sizeof(*added));

	*added = (struct container_port){ name, protocol, port };
}

static void named_target_ports_are_looked_up_in_each_pod(void **state)
{
	struct fixture *fixture = *state;
	struct object *first = build_pod("web-1", "10.1.0.1");
	struct object *second = build_pod("web-2", "10.1.0.2"), *without;

	without = build_pod("web-3", "10.1.0.3");
	add_container_port(first, "http", PROTOCOL_UDP, 1);
	add_container_port(first, "http", PROTOCOL_TCP, 8081);
	add_container_port(first, "http", PROTOCOL_TCP, 9);
	add_container_port(second, "http", PROTOCOL_TCP, 8082);
	add_container_port(without, "https", PROTOCOL_TCP, 8443);
	object_destroy(fixture->service);
	fixture->service = build_service("web");
	request(fixture->service, VIP);
	select_web(fixture->service);
	add_port(fixture->service, "", PROTOCOL_TCP, 80)->target_port_name = "http";
	set(fixture->model, fixture->service);
	set(fixture->model, first);
	set(fixture->model, second);
	set(fixture->model, without);
	assert_services(fixture->model, WEB " 10.1.0.1:8081 10.1.0.2:8082\n");
}

static void of_a_pods_addresses_the_first_of_each_family_counts(void **state)
{
	struct fixture *fixture = *state;
	struct object *pod = build_pod("web-1", "10.1.0.1");
	static const char *const more[] = { "10.1.0.2", "2001:db8:1::1", "2001:db8:1::2" };

	for (size_t i = 0; i < 3; i++) {
		struct address *added =
			append(pod, &pod->pod.addresses, &pod->pod.address_count, sizeof(*added));

		*added = address(more[i]);
	}
	select_web(fixture->service);
	request(fixture->service, "2001:db8::1");
	set(fixture->model, fixture->service);
	set(fixture->model, pod);
	assert_services(fixture->model, WEB " 10.1.0.1:80\n"
					    "[2001:db8::1]:80/TCP default/web 2001:db8:1::1:80\n");
}

static void a_pod_that_changes_changes_the_services_that_select_it(void **state)
{
	struct fixture *fixture = *state;
	struct object *moved = build_pod("web-1", "10.1.0.9"), *relabelled;

	select_web(fixture->service);
	set(fixture->model, fixture->service);
	set(fixture->model, build_pod("web-1", "10.1.0.1"));
	assert_services(fixture->model, WEB " 10.1.0.1:80\n");
	set(fixture->model, moved);
	assert_services(fixture->model, WEB " 10.1.0.9:80\n");
	relabelled = build(OBJECT_POD, "default", "web-1");
	add_label(relabelled, &relabelled->labels, "app", "api");
	set(fixture->model, relabelled);
	assert_services(fixture->model, WEB "\n");
	set(fixture->model, build_pod("web-1", "10.1.0.1"));
	assert_services(fixture->model, WEB " 10.1.0.1:80\n");
	model_remove_object(fixture->model, OBJECT_POD, "default", "web-1");
	assert_services(fixture->model, WEB "\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(endpoints_count_only_where_there_is_no_slice),
		TEST(pods_count_only_where_there_is_neither_slice_nor_endpoints),
		TEST(pods_are_chosen_by_every_label_of_the_selector),
		TEST(without_a_selector_no_pod_is_an_endpoint),
		TEST(only_running_pods_that_are_ready_are_used),
		TEST(publish_not_ready_addresses_publishes_all_but_finished_pods),
		TEST(named_target_ports_are_looked_up_in_each_pod),
		TEST(of_a_pods_addresses_the_first_of_each_family_counts),
		TEST(a_pod_that_changes_changes_the_services_that_select_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

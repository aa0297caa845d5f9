/* SPDX-License-Identifier: BSD-2-Clause */
/* test_model.c - which Services are served, how they are doing, and who wins a clash. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_fixture.h"

static void a_service_of_our_class_is_served(void **state)
{
	struct fixture *fixture = *state;
	struct object *ours = simple_service("ours", VIP, 80);
	struct object *foreign = simple_service("foreign", VIP, 81);

	create_model(fixture, "guideway.dev/xdp", false);
	ours->service.load_balancer_class = "guideway.dev/xdp";
	foreign->service.load_balancer_class = "guideway.dev/xdp2";
	set(fixture->model, ours);
	set(fixture->model, foreign);
	set(fixture->model, simple_service("unclassed", VIP, 82));
	assert_services(fixture->model, VIP ":80/TCP default/ours\n");
	assert_status(fixture->model, "ours", VIP " 0/0");
	assert_status(fixture->model, "foreign", "");
	assert_status(fixture->model, "unclassed", "");
}

static void a_service_without_class_is_served_when_told_to(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, simple_service("unclassed", VIP, 82));
	assert_services(fixture->model, VIP ":82/TCP default/unclassed\n");
}

static void services_that_are_not_for_load_balancers_are_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct object *objects[6];

	for (size_t i = 0; i < 6; i++) {
		const char name[] = { 's', (char)('0' + i), '\0' };

		objects[i] = simple_service(name, VIP, (uint16_t)(80 + i));
	}
	objects[0]->service.type = SERVICE_CLUSTER_IP;
	objects[1]->service.type = SERVICE_NODE_PORT;
	objects[2]->service.type = SERVICE_EXTERNAL_NAME;
	objects[3]->deleting = true;
	add_label(objects[4], &objects[4]->labels, "service.kubernetes.io/service-proxy-name", "x");
	add_label(objects[5], &objects[5]->labels, "service.kubernetes.io/headless", "");
	for (size_t i = 0; i < 6; i++)
		set(fixture->model, objects[i]);
	assert_services(fixture->model, "");
	for (char name[] = "s0"; name[1] < '6'; name[1]++)
		assert_status(fixture->model, name, "");
}

static void a_headless_service_is_told_and_not_served(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", VIP, 80);

	service->service.cluster_ip = "None";
	set(fixture->model, service);
	assert_services(fixture->model, "");
	assert_status(fixture->model, "web",
		      "0/0 spec.clusterIP: None is not allowed with type LoadBalancer");
}

static void sctp_ports_are_told_and_the_others_served(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = simple_service("web", VIP, 80);

	add_port(service, "sctp", PROTOCOL_SCTP, 80);
	add_port(service, "udp", PROTOCOL_UDP, 80);
	set(fixture->model, service);
	assert_services(fixture->model,
			VIP ":80/TCP default/web\n" VIP ":80/UDP default/web:udp\n");
	assert_status(fixture->model, "web",
		      VIP " 0/0 spec.ports[1]: SCTP is not served, expected TCP or UDP");
}

static void of_two_services_on_one_port_the_older_is_served(void **state)
{
	struct fixture *fixture = *state;
	struct object *young = simple_service("a", VIP, 80), *old = simple_service("b", VIP, 80);

	young->creation_time_s = 2000;
	old->creation_time_s = 1000;
	set(fixture->model, young);
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
	set(fixture->model, old);
	assert_services(fixture->model, VIP ":80/TCP default/b\n");
	assert_status(fixture->model, "a",
		      VIP " 0/0 " VIP ":80/TCP is served for \"default/b\", which is older");
	assert_status(fixture->model, "b", VIP " 0/0");
}

static void of_two_services_of_one_age_the_name_decides(void **state)
{
	struct fixture *fixture = *state;
	struct object *b = simple_service("b", VIP, 80);

	add_port(b, "udp", PROTOCOL_UDP, 80);
	set(fixture->model, b);
	set(fixture->model, simple_service("a", VIP, 80));
	assert_services(fixture->model, VIP ":80/TCP default/a\n" VIP ":80/UDP default/b:udp\n");
	assert_status(fixture->model, "b",
		      VIP " 0/0 " VIP
			  ":80/TCP is served for \"default/a\", which comes first by name");
}

static void when_the_winner_goes_the_other_takes_over(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("b-1", "b");

	add_endpoint(slice, "10.1.0.1");
	set(fixture->model, slice);
	set(fixture->model, simple_service("a", VIP, 80));
	set(fixture->model, simple_service("b", VIP, 80));
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
	set(fixture->model, simple_service("a", VIP, 81));
	assert_services(fixture->model,
			VIP ":80/TCP default/b 10.1.0.1:8080\n" VIP ":81/TCP default/a\n");
	assert_status(fixture->model, "b", VIP " 1/1");
}

static void a_removed_service_is_gone_and_may_come_back(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, simple_service("web", VIP, 80));
	assert_services(fixture->model, VIP ":80/TCP default/web\n");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "web");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "nobody");
	model_remove_object(fixture->model, OBJECT_POD, "default", "nobody");
	assert_services(fixture->model, "");
	assert_status(fixture->model, "web", "");
	set(fixture->model, simple_service("web", VIP, 80));
	assert_services(fixture->model, VIP ":80/TCP default/web\n");
}

static void what_did_not_change_stays_the_same_pointer(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("b-1", "b");
	struct service *const *services;
	struct service *a, *b;
	size_t count;

	set(fixture->model, simple_service("a", VIP, 80));
	set(fixture->model, simple_service("b", VIP, 81));
	assert_true(update(fixture->model));
	services = model_services(fixture->model, &count);
	assert_int_equal(count, 2);
	a = service_ref(services[0]);
	b = service_ref(services[1]);

	add_endpoint(slice, "10.1.0.1");
	set(fixture->model, slice);
	set(fixture->model, simple_service("a", VIP, 80));
	assert_true(update(fixture->model));
	services = model_services(fixture->model, &count);
	assert_ptr_equal(services[0], a);
	assert_ptr_not_equal(services[1], b);
	assert_int_equal(b->backend_count, 0); /* who holds the old one still can read it */
	service_unref(a);
	service_unref(b);
}

static void a_renamed_port_is_a_new_service_to_show_and_equal_to_program(void **state)
{
	struct fixture *fixture = *state;
	struct object *renamed = build_service("a");
	struct service *const *services;
	struct service *before;
	size_t count;

	set(fixture->model, simple_service("a", VIP, 80));
	assert_services(fixture->model, VIP ":80/TCP default/a\n");
	before = service_ref(model_services(fixture->model, &count)[0]);
	request(renamed, VIP);
	add_port(renamed, "http", PROTOCOL_TCP, 80);
	set(fixture->model, renamed);
	assert_services(fixture->model, VIP ":80/TCP default/a:http\n");
	services = model_services(fixture->model, &count);
	assert_true(service_equal(services[0], before));
	service_unref(before);
}

static void an_update_tells_whether_anything_changed(void **state)
{
	struct fixture *fixture = *state;

	assert_false(update(fixture->model));
	set(fixture->model, build_slice("web-1", "web"));
	assert_false(update(fixture->model));
	set(fixture->model, simple_service("web", VIP, 80));
	assert_true(update(fixture->model));
	assert_false(update(fixture->model));
	set(fixture->model, build_slice("web-1", "web"));
	assert_false(update(fixture->model));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_service_of_our_class_is_served),
		TEST(a_service_without_class_is_served_when_told_to),
		TEST(services_that_are_not_for_load_balancers_are_left_alone),
		TEST(a_headless_service_is_told_and_not_served),
		TEST(sctp_ports_are_told_and_the_others_served),
		TEST(of_two_services_on_one_port_the_older_is_served),
		TEST(of_two_services_of_one_age_the_name_decides),
		TEST(when_the_winner_goes_the_other_takes_over),
		TEST(a_removed_service_is_gone_and_may_come_back),
		TEST(what_did_not_change_stays_the_same_pointer),
		TEST(a_renamed_port_is_a_new_service_to_show_and_equal_to_program),
		TEST(an_update_tells_whether_anything_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

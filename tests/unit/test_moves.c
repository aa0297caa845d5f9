/* SPDX-License-Identifier: BSD-2-Clause */
/* test_moves.c - endpoints that go from one slice to another, and how many are on this node. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_fixture.h"

#define WEB "10.0.0.1:80/TCP default/web"

static void create(struct fixture *fixture, enum local_policy local_policy)
{
	create_model_of(fixture, (struct model_settings){ .serve_unclassed = true,
							  .awaits_moves = true,
							  .node_name = "node-a",
							  .local_policy = local_policy });
}

static int setup_moves(void **state)
{
	(void)setup(state);
	create(*state, LOCAL_POLICY_AUTO);
	return 0;
}

/* A slice with the addresses of a list that ends with NULL; all ready. */
static void set_slice(struct fixture *fixture, const char *name, const char *const *addresses)
{
	struct object *slice = build_slice(name, "web");

	for (; *addresses; addresses++)
		add_endpoint(slice, *addresses);
	set(fixture->model, slice);
}

#define SLICE(fixture, name, ...)                                                                  \
	set_slice(fixture, name, (const char *const[]){ __VA_ARGS__, NULL })

static void remove_slice(struct fixture *fixture, const char *name)
{
	model_remove_object(fixture->model, OBJECT_ENDPOINT_SLICE, "default", name);
}

static void tick_until_over(struct fixture *fixture)
{
	for (int i = 0; i < MODEL_MOVE_TICKS; i++) {
		assert_true(model_is_waiting(fixture->model));
		model_tick(fixture->model);
		(void)update(fixture->model);
	}
	assert_false(model_is_waiting(fixture->model));
}

static void a_service_does_not_shrink_before_the_endpoint_turns_up_elsewhere(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, simple_service("web", VIP, 80));
	SLICE(fixture, "a", "10.1.0.1", "10.1.0.2");
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080\n");
	assert_false(model_is_waiting(fixture->model));

	SLICE(fixture, "a", "10.1.0.1");
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080\n");
	assert_true(model_is_waiting(fixture->model));
	SLICE(fixture, "b", "10.1.0.2");
	assert_false(update(fixture->model));
	tick_until_over(fixture);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080\n");
}

static void the_last_backends_are_not_dropped_within_a_burst(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, simple_service("web", VIP, 80));
	SLICE(fixture, "a", "10.1.0.1");
	(void)update(fixture->model);
	remove_slice(fixture, "a");
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	SLICE(fixture, "b", "10.1.0.1");
	tick_until_over(fixture);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");

	/* And when it does not turn up, it is gone in the end. */
	remove_slice(fixture, "b");
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	tick_until_over(fixture);
	assert_services(fixture->model, WEB "\n");
}

static void more_losses_do_not_prolong_the_waiting(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, simple_service("web", VIP, 80));
	SLICE(fixture, "a", "10.1.0.1", "10.1.0.2", "10.1.0.3");
	(void)update(fixture->model);
	SLICE(fixture, "a", "10.1.0.1", "10.1.0.2");
	(void)update(fixture->model);
	for (int i = 0; i < MODEL_MOVE_TICKS; i++) {
		model_tick(fixture->model);
		SLICE(fixture, "a", "10.1.0.1");
		if (i + 1 < MODEL_MOVE_TICKS)
			assert_false(update(fixture->model));
	}
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
}

static void other_changes_are_not_kept_waiting(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("a", "web");

	set(fixture->model, simple_service("web", VIP, 80));
	SLICE(fixture, "a", "10.1.0.1", "10.1.0.2");
	(void)update(fixture->model);
	/* One is no longer ready: it did not vanish. */
	add_endpoint(slice, "10.1.0.2")->ready = false;
	add_endpoint(slice, "10.1.0.1");
	add_endpoint(slice, "10.1.0.3");
	set(fixture->model, slice);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.3:8080\n");
	assert_false(model_is_waiting(fixture->model));

	/* One stands for another. */
	SLICE(fixture, "a", "10.1.0.1", "10.1.0.4");
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.4:8080\n");
	assert_false(model_is_waiting(fixture->model));

	/* The Service itself changes: at once, with whatever endpoints there are. */
	SLICE(fixture, "a", "10.1.0.1");
	set(fixture->model, simple_service("web", VIP, 81));
	assert_services(fixture->model, "10.0.0.1:81/TCP default/web 10.1.0.1:8080\n");
	assert_false(model_is_waiting(fixture->model));

	remove_slice(fixture, "a");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "web");
	assert_services(fixture->model, "");
	assert_false(model_is_waiting(fixture->model));
}

static size_t local_count;

static void keep_local_count(const struct service_status *status, void *context)
{
	(void)context;
	assert_true(status->is_load_balancer);
	local_count = status->local_count;
}

static void assert_local_count(struct fixture *fixture, size_t expected)
{
	(void)update(fixture->model);
	local_count = SIZE_MAX;
	model_for_each_status(fixture->model, keep_local_count, NULL);
	assert_int_equal(local_count, expected);
}

static struct object *local_service(void)
{
	struct object *service = simple_service("web", VIP, 80);

	add_port(service, "more", PROTOCOL_TCP, 81);
	service->service.external_traffic_policy = TRAFFIC_POLICY_LOCAL;
	service->service.health_check_node_port = 30900;
	return service;
}

static void add_on(struct object *slice, const char *text, const char *node, bool ready)
{
	struct endpoint *added = add_endpoint(slice, text);

	added->node_name = node;
	added->ready = ready;
	added->terminating = !ready;
}

static void ready_endpoints_of_this_node_are_counted_by_address(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("a", "web");
	struct object *more = build(OBJECT_ENDPOINT_SLICE, "default", "b");
	struct object *terminating = build_slice("a", "web");

	set(fixture->model, local_service());
	assert_local_count(fixture, 0);
	add_group_port(slice, "more", PROTOCOL_TCP, 8081);
	add_on(slice, "10.1.0.1", "node-a", true);
	add_on(slice, "10.1.0.2", "node-a", true);
	add_on(slice, "10.1.0.3", "node-b", true);
	add_on(slice, "10.1.0.4", "node-a", false);
	set(fixture->model, slice);
	/* Another port of one and the same pod. */
	more->endpoints.service_name = "web";
	add_group(more, true);
	add_group_port(more, "more", PROTOCOL_TCP, 8082);
	add_on(more, "10.1.0.1", "node-a", true);
	set(fixture->model, more);
	assert_local_count(fixture, 2);

	/* New flows still go to the terminating ones, but the node asks for none. */
	remove_slice(fixture, "b");
	add_on(terminating, "10.1.0.1", "node-a", false);
	add_on(terminating, "10.1.0.2", "node-a", false);
	set(fixture->model, terminating);
	(void)update(fixture->model);
	tick_until_over(fixture);
	assert_local_count(fixture, 0);
}

static void where_local_means_any_all_are_counted(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("a", "web");

	create(fixture, LOCAL_POLICY_ANY);
	set(fixture->model, local_service());
	add_on(slice, "10.1.0.1", "node-a", true);
	add_on(slice, "10.1.0.3", "node-b", true);
	set(fixture->model, slice);
	assert_local_count(fixture, 2);
	{
		struct object *cluster = local_service();

		cluster->service.external_traffic_policy = TRAFFIC_POLICY_CLUSTER;
		set(fixture->model, cluster);
		assert_local_count(fixture, 0); /* nobody asks */
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_moves, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_service_does_not_shrink_before_the_endpoint_turns_up_elsewhere),
		TEST(the_last_backends_are_not_dropped_within_a_burst),
		TEST(more_losses_do_not_prolong_the_waiting),
		TEST(other_changes_are_not_kept_waiting),
		TEST(ready_endpoints_of_this_node_are_counted_by_address),
		TEST(where_local_means_any_all_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

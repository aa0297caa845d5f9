/* SPDX-License-Identifier: BSD-2-Clause */
/* test_publish.c - what is written of which Service, and when. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "kube_world.h"
#include "agent/publish.h"
#include "agent/reconcile.h"
#include "lib/log.h"
#include "objects.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/gw/leases"
#define SWEEP "/api/v1/services?"
#define WEB "/api/v1/namespaces/default/services/web"
#define EVENTS "/apis/events.k8s.io"
#define EMPTY                                                                                      \
	"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"}" \
	","                                                                                        \
	"\"items\":[]}"
#define LEASE "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":{}}"

static struct pool *pool;
static struct model *model;
static struct publish *publish;
static bool has_leftovers;

bool reconciler_has_leftovers(const struct reconciler *reconciler)
{
	(void)reconciler;
	return has_leftovers;
}

static int begin(void **state)
{
	const struct model_settings model_settings = {
		.load_balancer_class = "guideway.dev/xdp",
		.awaits_status = true,
	};
	struct model_settings with_pool = model_settings;
	struct publish_settings settings = { .lease_namespace = "gw", .lease_name = "guideway" };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	world_began();
	has_leftovers = false;
	with_pool.pool = pool = pool_create();
	settings.model = model = model_create(&with_pool);
	if (!pool || !model || pool_add_range(pool, "10.0.0.1", NULL) < 0)
		return -1;
	return publish_create(NULL, &settings, &publish, NULL);
}

static int end(void **state)
{
	(void)state;
	publish_destroy(publish);
	model_destroy(model);
	pool_destroy(pool);
	return world_ended();
}

static void lead(void)
{
	world_pass(0);
	world_end(LEASES, 404, "", true);
	world_end(LEASES, 201, LEASE, true);
	world_pass(0);
	world_answer(SWEEP, EMPTY);
	/* Its watch begins, and is broken off. */
	world_pass(0);
	assert_null(world_call(SWEEP));
}

/* Time passes, and the Lease is renewed. */
static void pass(uint64_t ms)
{
	for (uint64_t passed = 0; passed < ms; passed += 100) {
		world_pass(100);
		if (world_call(LEASES))
			world_end(LEASES, 200, LEASE, true);
	}
}

/* What the agent does after a batch of changes. */
static void follow(void)
{
	bool changed;

	assert_int_equal(model_update(model, &changed, NULL), 0);
	publish_follow(publish);
	world_pass(100);
}

static struct object *web(const char *version)
{
	struct object *object = build_service("web");

	object->uid = "u1";
	object->version = version;
	object->service.load_balancer_class = "guideway.dev/xdp";
	object->service.marks.reason = object->service.marks.message = "";
	add_port(object, "", PROTOCOL_TCP, 80);
	return object;
}

static void name_ingress(struct object *object, const char *text)
{
	struct address *added = append(object, &object->service.ingress,
				       &object->service.ingress_count, sizeof(*added));

	*added = address(text);
}

/* As it is after it was published with 10.0.0.1. */
static struct object *published(const char *version)
{
	struct object *object = web(version);

	name_ingress(object, "10.0.0.1");
	object->service.marks = (struct service_marks){
		.has_finalizer = true,
		.status = "True",
		.reason = "Programmed",
		.message = "",
	};
	return object;
}

static void change(struct object *object)
{
	publish_hold(publish);
	assert_int_equal(model_set_object(model, object), 0);
}

static const char *body_of(const char *path)
{
	struct kube_call *call = world_call(path);

	assert_non_null(call);
	return call->body;
}

static void expect_patch(const char *body)
{
	assert_string_equal(world_call(WEB)->path, WEB "/status");
	assert_string_equal(world_call(WEB)->request.method, "PATCH");
	assert_string_equal(world_call(WEB)->request.content_type,
			    "application/strategic-merge-patch+json");
	assert_string_equal(body_of(WEB), body);
}

static void answer(const char *path, int status, const char *body)
{
	world_end(path, status, body, true);
	world_pass(0);
}

static void the_first_address_comes_with_finalizer_and_condition(void **state)
{
	const char *body;

	(void)state;
	lead();
	change(web("5"));
	follow();
	body = body_of(WEB);
	assert_non_null(strstr(body, "\"metadata\":{\"resourceVersion\":\"5\",\"finalizers\":["
				     "\"guideway.dev/load-balancer\"]}"));
	assert_non_null(strstr(body, "\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.0.0.1\","
				     "\"ipMode\":\"VIP\"}]}"));
	assert_non_null(strstr(body, "\"conditions\":[{\"type\":\"guideway.dev/Programmed\","
				     "\"status\":\"True\",\"reason\":\"Programmed\","
				     "\"message\":\"\",\"lastTransitionTime\":\"2"));
	answer(WEB, 200, "{}");
	assert_non_null(strstr(body_of(EVENTS), "AddressAssigned"));
	answer(EVENTS, 201, "{}");
	assert_non_null(strstr(body_of(EVENTS), "EnsuredLoadBalancer"));
	assert_non_null(strstr(body_of(EVENTS), "published with 10.0.0.1"));
	answer(EVENTS, 201, "{}");
	/* Until the watch shows it, and afterwards, there is nothing to do. */
	follow();
	assert_null(world_call(WEB));
	change(published("6"));
	follow();
	assert_null(world_call(WEB));
}

static void what_the_server_does_not_keep_is_written_once(void **state)
{
	(void)state;
	lead();
	change(web("5"));
	follow();
	answer(WEB, 200, "{\"metadata\":{\"resourceVersion\":\"5\"}}");
	assert_null(world_call(EVENTS));
	pass(80000);
	assert_null(world_call(WEB));
	change(web("6"));
	follow();
	assert_non_null(world_call(WEB));
}

static void who_does_not_lead_writes_nothing(void **state)
{
	(void)state;
	change(web("5"));
	follow();
	world_pass(1000);
	assert_null(world_call(WEB));
	lead();
	world_pass(100);
	assert_non_null(world_call(WEB));
}

static void nothing_is_written_of_what_the_tables_do_not_show_yet(void **state)
{
	(void)state;
	lead();
	change(web("5"));
	pass(1000);
	assert_null(world_call(WEB));
	follow();
	assert_non_null(world_call(WEB));
}

static void what_is_as_it_should_be_is_not_written(void **state)
{
	(void)state;
	lead();
	change(published("6"));
	follow();
	pass(40000);
	assert_null(world_call(WEB));
}

static void who_gives_the_address_writes_the_status(void **state)
{
	struct object *object = web("5");

	(void)state;
	lead();
	name_ingress(object, "10.9.9.9");
	change(object);
	follow();
	object = web("6");
	object->service.load_balancer_class = "example.com/other";
	object->service.marks.has_finalizer = true;
	change(object);
	follow();
	object = web("7");
	object->service.load_balancer_class = NULL;
	change(object);
	follow();
	assert_null(world_call(WEB));
}

static void a_problem_becomes_a_condition_and_an_event(void **state)
{
	struct object *object;
	const char *body;

	(void)state;
	lead();
	change(published("6"));
	follow();
	object = published("7");
	add_port(object, "sctp", PROTOCOL_SCTP, 81);
	change(object);
	follow();
	body = body_of(WEB);
	assert_null(strstr(body, "finalizers"));
	assert_null(strstr(body, "loadBalancer"));
	assert_non_null(strstr(body, "\"status\":\"False\",\"reason\":\"Incomplete\",\"message\":\""
				     "spec.ports[1]: SCTP is not served, expected TCP or UDP\","
				     "\"lastTransitionTime\""));
	answer(WEB, 200, "{}");
	assert_non_null(strstr(body_of(EVENTS), "SyncLoadBalancerFailed"));
	assert_non_null(strstr(body_of(EVENTS), "\"type\":\"Warning\""));
}

static void what_stays_false_keeps_its_time(void **state)
{
	struct object *object = published("7");

	(void)state;
	lead();
	object->service.marks.status = "False";
	object->service.marks.reason = "Incomplete";
	add_port(object, "sctp", PROTOCOL_SCTP, 81);
	change(object);
	follow();
	assert_non_null(strstr(body_of(WEB), "\"reason\":\"Incomplete\""));
	assert_null(strstr(body_of(WEB), "lastTransitionTime"));
}

#define LET_GO "\"$deleteFromPrimitiveList/finalizers\":[\"guideway.dev/load-balancer\"]"

static void the_finalizer_goes_when_nothing_is_programmed_any_more(void **state)
{
	struct object *object = published("7");

	(void)state;
	lead();
	change(published("6"));
	follow();
	has_leftovers = true;
	object->deleting = true;
	change(object);
	follow();
	assert_null(world_call(WEB));
	has_leftovers = false;
	pass(30000);
	expect_patch("{\"metadata\":{\"resourceVersion\":\"7\"," LET_GO "},\"status\":{}}");
	answer(WEB, 200, "{}");
	assert_non_null(strstr(body_of(EVENTS), "DeletedLoadBalancer"));
	follow();
	publish_hold(publish);
	model_remove_object(model, OBJECT_SERVICE, "default", "web");
	follow();
	pass(40000);
	assert_null(world_call(WEB));
}

static void one_of_another_type_loses_all_we_gave_it(void **state)
{
	struct object *object = published("7");

	(void)state;
	lead();
	change(published("6"));
	follow();
	object->service.type = SERVICE_CLUSTER_IP;
	object->service.load_balancer_class = NULL;
	change(object);
	follow();
	expect_patch(
		"{\"metadata\":{\"resourceVersion\":\"7\"," LET_GO
		"},\"status\":{\"loadBalancer\":{\"ingress\":null},\"conditions\":[{\"$patch\":"
		"\"delete\",\"type\":\"guideway.dev/Programmed\"}]}}");
}

static void vanish(void)
{
	lead();
	change(published("6"));
	follow();
	publish_hold(publish);
	model_remove_object(model, OBJECT_SERVICE, "default", "web");
	follow();
	assert_string_equal(world_call(WEB)->path, WEB);
	assert_string_equal(world_call(WEB)->request.method, "GET");
}

#define FETCHED(version, type)                                                                     \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","              \
	"\"namespace\":"                                                                           \
	"\"default\",\"resourceVersion\":\"" version                                               \
	"\",\"finalizers\":[\"guideway.dev/load-balancer\"]},\"spec\":{\"type\":\"" type           \
	"\",\"loadBalancerClass\":\"guideway.dev/xdp\",\"ports\":[{\"port\":80}]}}"

static void one_that_is_not_followed_any_more_is_asked_for(void **state)
{
	(void)state;
	vanish();
	answer(WEB, 200, FETCHED("8", "ClusterIP"));
	expect_patch("{\"metadata\":{\"resourceVersion\":\"8\"," LET_GO "},\"status\":{}}");
	/* Of a conflict it is asked for again, after a while. */
	answer(WEB, 409, "");
	pass(40000);
	assert_string_equal(world_call(WEB)->request.method, "GET");
	answer(WEB, 200, FETCHED("9", "ClusterIP"));
	expect_patch("{\"metadata\":{\"resourceVersion\":\"9\"," LET_GO "},\"status\":{}}");
	answer(WEB, 200, "{}");
	follow();
	assert_null(world_call(WEB));
}

static void one_that_is_gone_is_forgotten(void **state)
{
	(void)state;
	vanish();
	answer(WEB, 404, "");
	pass(80000);
	assert_null(world_call(WEB));
	assert_null(world_call(EVENTS));
}

static void one_that_is_ours_after_all_is_left_alone(void **state)
{
	(void)state;
	vanish();
	answer(WEB, 200, FETCHED("8", "LoadBalancer"));
	pass(80000);
	assert_null(world_call(WEB));
}

static void what_changed_before_we_led_is_found(void **state)
{
	(void)state;
	world_pass(0);
	world_end(LEASES, 404, "", true);
	world_end(LEASES, 201, LEASE, true);
	world_pass(0);
	follow();
	world_answer(SWEEP, "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":"
			    "{\"resourceVersion\":\"9\"},\"items\":[{\"metadata\":{\"name\":\"a\","
			    "\"namespace\":\"default\",\"resourceVersion\":\"1\"}}," FETCHED(
				    "8", "ClusterIP") "]}");
	world_pass(100);
	assert_string_equal(world_call(WEB)->request.method, "GET");
	assert_null(world_call("/api/v1/namespaces/default/services/a"));
}

static void who_loses_the_lease_breaks_off(void **state)
{
	(void)state;
	lead();
	change(web("5"));
	follow();
	assert_non_null(world_call(WEB));
	/* No renewal works. */
	for (int i = 0; i < 20 && world_call(WEB); i++) {
		(void)world_wait();
		if (world_call(LEASES))
			world_end(LEASES, 0, "", false);
	}
	assert_null(world_call(WEB));
	follow();
	assert_null(world_call(WEB));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_address_comes_with_finalizer_and_condition),
		TEST(what_the_server_does_not_keep_is_written_once),
		TEST(who_does_not_lead_writes_nothing),
		TEST(nothing_is_written_of_what_the_tables_do_not_show_yet),
		TEST(what_is_as_it_should_be_is_not_written),
		TEST(who_gives_the_address_writes_the_status),
		TEST(a_problem_becomes_a_condition_and_an_event),
		TEST(what_stays_false_keeps_its_time),
		TEST(the_finalizer_goes_when_nothing_is_programmed_any_more),
		TEST(one_of_another_type_loses_all_we_gave_it),
		TEST(one_that_is_not_followed_any_more_is_asked_for),
		TEST(one_that_is_gone_is_forgotten),
		TEST(one_that_is_ours_after_all_is_left_alone),
		TEST(what_changed_before_we_led_is_found),
		TEST(who_loses_the_lease_breaks_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

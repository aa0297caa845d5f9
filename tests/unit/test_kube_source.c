/* SPDX-License-Identifier: BSD-2-Clause */
/* test_kube_source.c - the objects of a cluster: when they are complete, and in which batches. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "kube_world.h"
#include "kube/reflector.h"
#include "kube/source.h"

#define SERVICES "/api/v1/services"
#define SLICES "/apis/discovery.k8s.io/v1/endpointslices"
#define NODES "/api/v1/nodes"
#define LIST(kind, version, items)                                                                 \
	"{\"kind\":\"" kind "List\",\"apiVersion\":\"" version                                     \
	"\",\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"
#define SERVICE_WITH(name, version, ports)                                                         \
	"{\"metadata\":{\"name\":\"" name                                                          \
	"\",\"namespace\":\"default\",\"resourceVersion\":\"" version                              \
	"\"},\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[" ports "]}}"
#define SERVICE(name, version) SERVICE_WITH(name, version, "{\"port\":80}")
#define BAD_SERVICE(name, version) SERVICE_WITH(name, version, "{\"port\":70000}")
#define SLICE(name)                                                                                \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"default\",\"resourceVersion\":\"1\"" \
	",\"labels\":{\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"IPv4\",\"ports\"" \
	":[{\"name\":\"\",\"port\":8080}],\"endpoints\":[{\"addresses\":[\"10.2.0.5\"]}]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}"

static char told[8192];
/* How long applying a batch takes. */
static uint64_t batch_takes_ms;

static void tell(const char *format, const char *text)
{
	size_t length = strlen(told);

	(void)snprintf(told + length, sizeof(told) - length, format, text);
}

static void on_object(struct object *object, void *owner)
{
	(void)owner;
	tell("+%s ", object->name);
	object_destroy(object);
}

static void on_removed(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	(void)namespace, (void)owner;
	tell("-%s ", object_kind_name(kind));
	tell("%s ", name);
}

static void on_problem(const char *sentence, void *owner)
{
	(void)owner;
	tell("[%s] ", sentence);
}

static void on_repaired(const char *place, void *owner)
{
	(void)owner;
	tell("good: %s ", place);
}

static void on_batch_end(void *owner)
{
	(void)owner;
	tell(". ", "");
	world.now_ms += batch_takes_ms;
}

static void on_kept(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	(void)namespace;
	(void)owner;
	tell("=%s ", object_kind_name(kind));
	tell("%s ", name);
}

static void on_zone(const char *zone, void *owner)
{
	(void)owner;
	tell("zone=%s ", zone ? zone : "none");
}

static void on_trouble(const char *sentence, void *owner)
{
	(void)owner;
	tell("T:%.5s ", sentence);
}

static void on_recovered(const char *resource, void *owner)
{
	(void)owner;
	tell("R:%.5s ", resource);
}

static struct kube_source *source_began(const char *node)
{
	const struct kube_source_settings settings = { .zone_of_node = node };
	const struct kube_source_events events = {
		.objects = {
			.on_object = on_object,
			.on_removed = on_removed,
			.on_problem = on_problem,
			.on_repaired = on_repaired,
			.on_batch_end = on_batch_end,
		},
		.on_kept = on_kept,
		.on_zone = on_zone,
		.on_trouble = on_trouble,
		.on_recovered = on_recovered,
	};
	struct kube_source *source = NULL;
	struct error error;

	(void)world_began();
	told[0] = '\0';
	batch_takes_ms = 0;
	assert_int_equal(kube_source_create(NULL, NULL, &settings, &events, &source, &error), 0);
	world_pass(0);
	return source;
}

/* One that follows the Service web and its slice; long ago something was told. */
static struct kube_source *source_complete(void)
{
	struct kube_source *source = source_began(NULL);

	world_answer(SLICES, LIST("EndpointSlice", "discovery.k8s.io/v1", SLICE("web-1")));
	world_answer(SERVICES, LIST("Service", "v1", SERVICE("web", "1")));
	assert_true(kube_source_is_complete(source));
	expect_told("+web-1 +web . ");
	world_pass(1000);
	return source;
}

static void what_others_look_after_is_not_asked_for(void **state)
{
	struct kube_source *source = source_began("gw1");

	(void)state;
	assert_non_null(strstr(world_call(SERVICES)->path,
			       "labelSelector=%21service.kubernetes.io%2Fservice-proxy-name%2C"
			       "%21service.kubernetes.io%2Fheadless&"));
	assert_non_null(
		strstr(world_call(SERVICES)->path, "fieldSelector=spec.type%3DLoadBalancer"));
	assert_non_null(strstr(world_call(SLICES)->path,
			       "labelSelector=%21service.kubernetes.io%2Fservice-proxy-name%2C"
			       "%21service.kubernetes.io%2Fheadless&"));
	assert_null(strstr(world_call(SLICES)->path, "fieldSelector"));
	assert_non_null(strstr(world_call(NODES)->path, "fieldSelector=metadata.name%3Dgw1"));
	kube_source_destroy(source);
}

static void nothing_is_complete_before_everything_was_listed(void **state)
{
	struct kube_source *source = source_began("gw1");

	(void)state;
	world_answer(SERVICES, LIST("Service", "v1", SERVICE("web", "1")));
	expect_told("+web ");
	world_answer(SLICES, LIST("EndpointSlice", "discovery.k8s.io/v1", SLICE("web-1")));
	expect_told("+web-1 ");
	assert_false(kube_source_is_complete(source));
	world_answer(NODES, LIST("Node", "v1",
				 "{\"metadata\":{\"name\":\"gw1\",\"resourceVersion\":\"1\","
				 "\"labels\":{\"topology.kubernetes.io/zone\":\"z1\"}}}"));
	expect_told("zone=z1 . ");
	assert_true(kube_source_is_complete(source));
	world_pass(100);
	world_say(NODES, EVENT("MODIFIED", "{\"metadata\":{\"name\":\"gw1\",\"resourceVersion\":"
					   "\"2\"}}"));
	expect_told("zone=none . ");
	world_say(NODES, EVENT("DELETED", "{\"metadata\":{\"name\":\"gw1\",\"resourceVersion\":"
					  "\"3\"}}"));
	world_pass(100);
	expect_told(". ");
	kube_source_destroy(source);
}

static void a_node_that_may_not_be_read_is_not_waited_for(void **state)
{
	struct kube_source *source = source_began("gw1");

	(void)state;
	world_end(NODES, 0, "", false);
	world_answer(SERVICES, LIST("Service", "v1", SERVICE("web", "1")));
	world_answer(SLICES, LIST("EndpointSlice", "discovery.k8s.io/v1", ""));
	assert_false(kube_source_is_complete(source));
	world_pass(1600);
	expect_told("T:nodes +web ");
	world_end(NODES, 403, "", true);
	assert_true(kube_source_is_complete(source));
	expect_told("T:nodes . ");
	kube_source_destroy(source);
}

static void a_bad_object_is_told_once_by_its_name(void **state)
{
	struct kube_source *source = source_complete();

	(void)state;
	world_say(SERVICES, EVENT("MODIFIED", BAD_SERVICE("web", "6")));
	expect_told("[Service 'default/web': spec.ports[0].port: 70000, expected 1 to 65535] "
		    "=Service web . ");
	world_pass(1000);
	world_say(SERVICES, EVENT("MODIFIED", BAD_SERVICE("web", "7")));
	expect_told("");
	world_say(SERVICES, EVENT("MODIFIED", SERVICE("web", "8")));
	expect_told("good: Service 'default/web' +web . ");
	world_pass(1000);
	world_say(SERVICES, EVENT("DELETED", SERVICE("web", "9")));
	expect_told("-Service web . ");
	kube_source_destroy(source);
}

static void a_change_is_told_at_once_and_many_together(void **state)
{
	struct kube_source *source = source_complete();

	(void)state;
	world_say(SERVICES, EVENT("ADDED", SERVICE("a", "6")));
	expect_told("+a . ");
	world_say(SERVICES, EVENT("ADDED", SERVICE("b", "7")));
	world_say(SERVICES, EVENT("ADDED", SERVICE("c", "8")));
	world_pass(19);
	world_say(SERVICES, EVENT("ADDED", SERVICE("d", "9")));
	expect_told("+b +c +d ");
	world_pass(1);
	expect_told(". ");
	world_pass(1000);
	expect_told("");
	kube_source_destroy(source);
}

static void batches_that_take_long_leave_time_between_them(void **state)
{
	struct kube_source *source = source_complete();

	(void)state;
	batch_takes_ms = 40;
	world_say(SERVICES, EVENT("ADDED", SERVICE("a", "6")));
	world_say(SERVICES, EVENT("ADDED", SERVICE("b", "7")));
	world_pass(39);
	expect_told("+a . +b ");
	world_pass(1);
	expect_told(". ");
	batch_takes_ms = 4000;
	world_pass(1000);
	world_say(SERVICES, EVENT("ADDED", SERVICE("c", "8")));
	world_say(SERVICES, EVENT("ADDED", SERVICE("d", "9")));
	expect_told("+c . +d ");
	world_pass(250);
	expect_told(". ");
	kube_source_destroy(source);
}

static void count_resource(const struct reflector_status *status, void *context)
{
	(void)context;
	tell("%s ", status->resource);
}

static void each_resource_can_be_asked_for(void **state)
{
	struct kube_source *source = source_began("gw1");

	(void)state;
	kube_source_for_each_resource(source, count_resource, NULL);
	expect_told("services endpointslices nodes ");
	kube_source_destroy(source);
	source = source_began(NULL);
	kube_source_for_each_resource(source, count_resource, NULL);
	expect_told("services endpointslices ");
	kube_source_destroy(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_look_after_is_not_asked_for),
		cmocka_unit_test(nothing_is_complete_before_everything_was_listed),
		cmocka_unit_test(a_node_that_may_not_be_read_is_not_waited_for),
		cmocka_unit_test(a_bad_object_is_told_once_by_its_name),
		cmocka_unit_test(a_change_is_told_at_once_and_many_together),
		cmocka_unit_test(batches_that_take_long_leave_time_between_them),
		cmocka_unit_test(each_resource_can_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_endpoints.c - which endpoints of EndpointSlices become backends. */
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

static struct model *create_model(struct pool *pool, enum local_policy local_policy)
{
	const struct model_settings settings = {
		.serve_unclassed = true,
		.node_name = "node-a",
		.zone = "zone-a",
		.local_policy = local_policy,
		.pool = pool,
	};
	struct model *model = model_create(&settings);

	assert_non_null(model);
	return model;
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture.pool = pool_create();
	assert_non_null(fixture.pool);
	fixture.model = create_model(fixture.pool, LOCAL_POLICY_AUTO);
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

static void a_service_without_endpoints_rejects(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, fixture->service);
	assert_services(fixture->model, WEB "\n");
	assert_status(fixture->model, "web", VIP " 0/0");
}

static void endpoints_of_all_slices_are_backends_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct object *a = build_slice("web-a", "web"), *b = build_slice("web-b", "web");

	add_endpoint(a, "10.1.0.3");
	add_endpoint(a, "10.1.0.1");
	add_endpoint(b, "10.1.0.2");
	set(fixture->model, b);
	set(fixture->model, fixture->service);
	set(fixture->model, a);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080 10.1.0.3:8080\n");
	assert_status(fixture->model, "web", VIP " 3/3");
}

static void slices_of_others_are_not_ours(void **state)
{
	struct fixture *fixture = *state;
	struct object *other = build_slice("web-a", "api"), *unlabelled = build_slice("web-b", "");
	struct object *elsewhere = build_slice("web-c", "web");

	elsewhere->namespace = "kube-system";
	add_endpoint(other, "10.1.0.1");
	add_endpoint(unlabelled, "10.1.0.2");
	add_endpoint(elsewhere, "10.1.0.3");
	set(fixture->model, fixture->service);
	set(fixture->model, other);
	set(fixture->model, unlabelled);
	set(fixture->model, elsewhere);
	assert_services(fixture->model, WEB "\n");
}

static void ports_are_matched_by_name_and_protocol(void **state)
{
	struct fixture *fixture = *state;
	struct object *service = build_service("dns"), *slice = build_slice("dns-a", "dns");

	object_destroy(fixture->service);
	request(service, VIP);
	add_port(service, "tcp", PROTOCOL_TCP, 53);
	add_port(service, "udp", PROTOCOL_UDP, 53);
	add_port(service, "metrics", PROTOCOL_TCP, 9153);
	add_group_port(slice, "tcp", PROTOCOL_TCP, 1053);
	add_group_port(slice, "udp", PROTOCOL_UDP, 2053);
	add_group_port(slice, "metrics", PROTOCOL_UDP, 9153);
	add_group_port(slice, "extra", PROTOCOL_TCP, 1);
	add_endpoint(slice, "10.1.0.1");
	set(fixture->model, service);
	set(fixture->model, slice);
	assert_services(fixture->model, VIP ":53/TCP default/dns:tcp 10.1.0.1:1053\n" VIP
					    ":53/UDP default/dns:udp 10.1.0.1:2053\n" VIP
					    ":9153/TCP default/dns:metrics\n");
}

static void a_port_may_have_another_number_in_each_slice(void **state)
{
	struct fixture *fixture = *state;
	struct object *a = build_slice("web-a", "web");
	struct object *b = build(OBJECT_ENDPOINT_SLICE, "default", "web-b");

	b->endpoints.service_name = "web";
	add_group(b, true);
	add_group_port(b, "", PROTOCOL_TCP, 0); /* ignored */
	add_group_port(b, "", PROTOCOL_TCP, 9090);
	add_endpoint(a, "10.1.0.1");
	add_endpoint(b, "10.1.0.1");
	set(fixture->model, fixture->service);
	set(fixture->model, a);
	set(fixture->model, b);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.1:9090\n");
}

static void each_vip_gets_backends_of_its_own_family(void **state)
{
	struct fixture *fixture = *state;
	struct object *ipv4 = build_slice("web-4", "web");
	struct object *ipv6 = build(OBJECT_ENDPOINT_SLICE, "default", "web-6");

	request(fixture->service, "2001:db8::1");
	ipv6->endpoints.service_name = "web";
	add_group(ipv6, false);
	add_group_port(ipv6, "", PROTOCOL_TCP, 8080);
	add_endpoint(ipv4, "10.1.0.1");
	add_endpoint(ipv4, "2001:db8:1::99"); /* does not belong into an IPv4 slice */
	add_endpoint(ipv6, "2001:db8:1::1");
	add_endpoint(ipv6, "10.1.0.99");
	set(fixture->model, fixture->service);
	set(fixture->model, ipv4);
	set(fixture->model, ipv6);
	assert_services(fixture->model,
			WEB " 10.1.0.1:8080\n"
			    "[2001:db8::1]:80/TCP default/web 2001:db8:1::1:8080\n");
	assert_status(fixture->model, "web", VIP " 2001:db8::1 2/2");
}

static void an_endpoint_that_could_be_the_gateway_itself_is_ignored(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("web-a", "web");

	add_endpoint(slice, "127.0.0.1");
	add_endpoint(slice, "169.254.169.254");
	add_endpoint(slice, "10.1.0.1");
	set(fixture->model, fixture->service);
	set(fixture->model, slice);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
}

static void set_conditions(struct endpoint *endpoint, bool ready, bool serving, bool terminating)
{
	endpoint->ready = ready;
	endpoint->serving = serving;
	endpoint->terminating = terminating;
}

static void beside_ready_endpoints_terminating_ones_only_keep_their_flows(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("web-a", "web");

	add_endpoint(slice, "10.1.0.1");
	set_conditions(add_endpoint(slice, "10.1.0.2"), false, true, true);
	set_conditions(add_endpoint(slice, "10.1.0.3"), false, false, false);
	set_conditions(add_endpoint(slice, "10.1.0.4"), false, false, true);
	set_conditions(add_endpoint(slice, "10.1.0.5"), false, true, false);
	set(fixture->model, fixture->service);
	set(fixture->model, slice);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080*0/draining\n");
	assert_status(fixture->model, "web", VIP " 1/5");
}

static void when_nobody_is_ready_the_serving_and_terminating_are_used(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("web-a", "web");

	set_conditions(add_endpoint(slice, "10.1.0.1"), false, false, true);
	set_conditions(add_endpoint(slice, "10.1.0.2"), false, true, true);
	set_conditions(add_endpoint(slice, "10.1.0.3"), false, true, false);
	set_conditions(add_endpoint(slice, "10.1.0.4"), false, false, false);
	set(fixture->model, fixture->service);
	set(fixture->model, slice);
	assert_services(fixture->model, WEB " 10.1.0.2:8080/terminating\n");
	assert_status(fixture->model, "web", VIP " 1/4");
}

static void an_endpoint_told_twice_is_one_backend(void **state)
{
	struct fixture *fixture = *state;
	struct object *a = build_slice("web-a", "web"), *b = build_slice("web-b", "web");

	add_endpoint(a, "10.1.0.1");
	add_endpoint(a, "10.1.0.1");
	add_endpoint(b, "10.1.0.1");
	set(fixture->model, fixture->service);
	set(fixture->model, a);
	set(fixture->model, b);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	assert_status(fixture->model, "web", VIP " 1/1");
}

/* Two slices about one address; the first says not ready, the second ready. */
static void set_disagreeing(struct fixture *fixture, const char *uid_a, int64_t time_a_ns,
			    const char *uid_b, int64_t time_b_ns)
{
	struct object *a = build_slice("web-a", "web"), *b = build_slice("web-b", "web");
	struct endpoint *not_ready = add_endpoint(a, "10.1.0.1");

	set_conditions(not_ready, false, false, false);
	not_ready->target_uid = uid_a;
	a->endpoints.change_time_ns = time_a_ns;
	add_endpoint(b, "10.1.0.1")->target_uid = uid_b;
	b->endpoints.change_time_ns = time_b_ns;
	set(fixture->model, a);
	set(fixture->model, b);
}

static void of_one_pod_the_newer_word_counts(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, fixture->service);
	set_disagreeing(fixture, "pod-1", 200, "pod-1", 100);
	assert_services(fixture->model, WEB "\n");
	set_disagreeing(fixture, "pod-1", 100, "pod-1", 200);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
}

static void of_words_of_one_time_the_greater_version_counts(void **state)
{
	static const struct {
		const char *a, *b;
		bool ready;
	} cases[] = {
		{ "9", "10", true },
		{ "10", "9", false },
		{ "18446744073709551616", "18446744073709551617", true },
		{ "", "1", true },
		{ "1", "", false },
	};
	struct fixture *fixture = *state;

	set(fixture->model, fixture->service);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct object *a = build_slice("web-a", "web"), *b = build_slice("web-b", "web");
		struct endpoint *gone = add_endpoint(a, "10.1.0.1");

		set_conditions(gone, false, false, false);
		gone->target_uid = "pod-1";
		add_endpoint(b, "10.1.0.1")->target_uid = "pod-1";
		a->version = cases[i].a;
		b->version = cases[i].b;
		set(fixture->model, a);
		set(fixture->model, b);
		assert_services(fixture->model, cases[i].ready ? WEB " 10.1.0.1:8080\n" : WEB "\n");
	}
}

static void of_two_pods_with_one_address_the_ready_one_counts(void **state)
{
	struct fixture *fixture = *state;

	set(fixture->model, fixture->service);
	set_disagreeing(fixture, "ghost", 200, "pod-1", 100);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	set_disagreeing(fixture, NULL, 200, "pod-1", 100);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	set_disagreeing(fixture, NULL, 200, NULL, 100);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
}

static void an_older_word_on_a_pod_does_not_outlive_the_newer(void **state)
{
	struct fixture *fixture = *state;
	struct object *third = build_slice("web-c", "web");
	struct endpoint *other_pod = add_endpoint(third, "10.1.0.1");

	/* pod-1 was ready and is not any more; pod-2 with the same address never was. */
	set_conditions(other_pod, false, false, false);
	other_pod->target_uid = "pod-2";
	third->endpoints.change_time_ns = 150;
	set(fixture->model, fixture->service);
	set_disagreeing(fixture, "pod-1", 200, "pod-1", 100);
	set(fixture->model, third);
	assert_services(fixture->model, WEB "\n");
}

static void hint(struct object *object, struct endpoint *endpoint, const char *zone,
		 const char *node)
{
	if (zone) {
		const char **added = append(object, &endpoint->zone_hints,
					    &endpoint->zone_hint_count, sizeof(*added));

		*added = zone;
	}
	if (node) {
		const char **added = append(object, &endpoint->node_hints,
					    &endpoint->node_hint_count, sizeof(*added));

		*added = node;
	}
}

static void zone_hints_choose_when_every_ready_endpoint_has_one(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("web-a", "web");

	hint(slice, add_endpoint(slice, "10.1.0.1"), "zone-a", NULL);
	hint(slice, add_endpoint(slice, "10.1.0.2"), "zone-b", NULL);
	set_conditions(add_endpoint(slice, "10.1.0.3"), false, false, false); /* needs no hint */
	set_conditions(add_endpoint(slice, "10.1.0.4"), false, true, true);   /* nor this one */
	set(fixture->model, fixture->service);
	set(fixture->model, slice);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.4:8080*0/draining\n");
	assert_status(fixture->model, "web", VIP " 1/4");
}

static void hints_are_ignored_when_one_is_missing_or_none_is_for_us(void **state)
{
	struct fixture *fixture = *state;
	struct object *missing = build_slice("web-a", "web"),
		      *foreign = build_slice("web-a", "web");

	hint(missing, add_endpoint(missing, "10.1.0.1"), "zone-a", NULL);
	add_endpoint(missing, "10.1.0.2");
	set(fixture->model, fixture->service);
	set(fixture->model, missing);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080\n");

	hint(foreign, add_endpoint(foreign, "10.1.0.1"), "zone-b", NULL);
	hint(foreign, add_endpoint(foreign, "10.1.0.2"), "zone-c", NULL);
	set(fixture->model, foreign);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080\n");
}

static void node_hints_come_before_zone_hints(void **state)
{
	struct fixture *fixture = *state;
	struct object *slice = build_slice("web-a", "web");
	struct endpoint *first = add_endpoint(slice, "10.1.0.1");
	struct endpoint *second = add_endpoint(slice, "10.1.0.2");

	hint(slice, first, "zone-a", "node-b");
	hint(slice, second, "zone-b", "node-x");
	hint(slice, second, NULL, "node-a");
	set(fixture->model, fixture->service);
	set(fixture->model, slice);
	assert_services(fixture->model, WEB " 10.1.0.2:8080\n");
}

/* One endpoint on each of the given nodes; hints for this zone on the last. */
static struct object *slice_on_nodes(const char *const *nodes, size_t count)
{
	struct object *slice = build_slice("web-a", "web");
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		struct endpoint *endpoint;

		(void)snprintf(text, sizeof(text), "10.1.0.%zu", i + 1);
		endpoint = add_endpoint(slice, text);
		endpoint->node_name = nodes[i];
		hint(slice, endpoint, i + 1 == count ? "zone-a" : "zone-b", NULL);
	}
	return slice;
}

static void local_policy_keeps_endpoints_on_this_node_whatever_the_hints(void **state)
{
	const char *const nodes[] = { "node-a", NULL, "node-a", "node-b" };
	struct fixture *fixture = *state;

	fixture->service->service.external_traffic_policy = TRAFFIC_POLICY_LOCAL;
	set(fixture->model, fixture->service);
	set(fixture->model, slice_on_nodes(nodes, 4));
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.3:8080\n");
}

static void local_policy_drops_when_endpoints_are_elsewhere_only(void **state)
{
	const char *const nodes[] = { "node-b" };
	struct fixture *fixture = *state;
	struct object *none = build_slice("web-a", "web");

	fixture->service->service.external_traffic_policy = TRAFFIC_POLICY_LOCAL;
	set(fixture->model, fixture->service);
	set(fixture->model, slice_on_nodes(nodes, 1));
	assert_services(fixture->model, WEB " DROP\n");
	set_conditions(add_endpoint(none, "10.1.0.1"), false, false, false);
	set(fixture->model, none);
	assert_services(fixture->model, WEB "\n");
}

static void local_and_terminating_is_better_than_elsewhere_and_ready(void **state)
{
	const char *const nodes[] = { "node-a", "node-b" };
	struct fixture *fixture = *state;
	struct object *slice = slice_on_nodes(nodes, 2);

	set_conditions((struct endpoint *)&slice->endpoints.groups[0].endpoints[0], false, true,
		       true);
	fixture->service->service.external_traffic_policy = TRAFFIC_POLICY_LOCAL;
	set(fixture->model, fixture->service);
	set(fixture->model, slice);
	assert_services(fixture->model, WEB " 10.1.0.1:8080/terminating\n");
}

static void local_policy_any_uses_all_endpoints(void **state)
{
	const char *const nodes[] = { "node-a", "node-b" };
	struct fixture *fixture = *state;
	struct model *model = create_model(fixture->pool, LOCAL_POLICY_ANY);

	fixture->service->service.external_traffic_policy = TRAFFIC_POLICY_LOCAL;
	set(model, fixture->service);
	set(model, slice_on_nodes(nodes, 2));
	assert_services(model, WEB " 10.1.0.1:8080 10.1.0.2:8080\n");
	model_destroy(model);
}

static void weights_come_from_the_slice_and_weight_zero_stays_known(void **state)
{
	struct fixture *fixture = *state;
	struct object *heavy = build_slice("web-a", "web"), *drained = build_slice("web-b", "web");

	((struct endpoint_group *)heavy->endpoints.groups)->weight = 5;
	((struct endpoint_group *)drained->endpoints.groups)->weight = 0;
	add_endpoint(heavy, "10.1.0.1");
	add_endpoint(drained, "10.1.0.2");
	set(fixture->model, fixture->service);
	set(fixture->model, heavy);
	set(fixture->model, drained);
	assert_services(fixture->model, WEB " 10.1.0.1:8080*5 10.1.0.2:8080*0\n");
	assert_status(fixture->model, "web", VIP " 1/2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_service_without_endpoints_rejects),
		TEST(endpoints_of_all_slices_are_backends_in_order),
		TEST(slices_of_others_are_not_ours),
		TEST(ports_are_matched_by_name_and_protocol),
		TEST(a_port_may_have_another_number_in_each_slice),
		TEST(each_vip_gets_backends_of_its_own_family),
		TEST(an_endpoint_that_could_be_the_gateway_itself_is_ignored),
		TEST(beside_ready_endpoints_terminating_ones_only_keep_their_flows),
		TEST(when_nobody_is_ready_the_serving_and_terminating_are_used),
		TEST(an_endpoint_told_twice_is_one_backend),
		TEST(of_one_pod_the_newer_word_counts),
		TEST(of_words_of_one_time_the_greater_version_counts),
		TEST(of_two_pods_with_one_address_the_ready_one_counts),
		TEST(an_older_word_on_a_pod_does_not_outlive_the_newer),
		TEST(zone_hints_choose_when_every_ready_endpoint_has_one),
		TEST(hints_are_ignored_when_one_is_missing_or_none_is_for_us),
		TEST(node_hints_come_before_zone_hints),
		TEST(local_policy_keeps_endpoints_on_this_node_whatever_the_hints),
		TEST(local_policy_drops_when_endpoints_are_elsewhere_only),
		TEST(local_and_terminating_is_better_than_elsewhere_and_ready),
		TEST(local_policy_any_uses_all_endpoints),
		TEST(weights_come_from_the_slice_and_weight_zero_stays_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_drain.c - backends that keep their flows and get no new ones: by command, and for how long.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "agent/drain_deadlines.h"
#include "agent/drains.h"
#include "lib/error.h"
#include "lib/loop.h"
#include "model/drain.h"
#include "model/maglev.h"
#include "model_fixture.h"

#define WEB VIP ":80/TCP default/web"

static void add_drain(struct drain_list *list, const char *text)
{
	struct drain drain;

	assert_int_equal(drain_parse(text, &drain, NULL), 0);
	assert_int_equal(drain_list_add(list, &drain), 0);
}

static void drain_in_model(struct model *model, const char *text)
{
	struct drain_list list = { 0 };

	if (text)
		add_drain(&list, text);
	assert_int_equal(model_set_drains(model, &list), 0);
	drain_list_finish(&list);
}

/* The Service web, its slice with 10.1.0.1 to 10.1.0.count, of which the last ones terminate. */
static void set_web(struct model *model, uint32_t deadline_s, int count, int terminating)
{
	struct object *service = simple_service("web", VIP, 80);
	struct object *slice = build_slice("web-a", "web");

	service->service.drain_deadline_s = deadline_s;
	for (int i = 1; i <= count; i++) {
		char text[ADDRESS_TEXT_SIZE];
		struct endpoint *endpoint;

		(void)snprintf(text, sizeof(text), "10.1.0.%d", i);
		endpoint = add_endpoint(slice, text);
		endpoint->terminating = i > count - terminating;
		endpoint->ready = !endpoint->terminating;
	}
	set(model, service);
	set(model, slice);
	(void)update(model);
}

static void a_drain_is_read_as_it_is_written(void **state)
{
	static const char *const texts[] = { "10.1.0.1", "10.1.0.1:8080", "2001:db8::1",
					     "[2001:db8::1]:53" };
	char text[DRAIN_TEXT_SIZE];
	struct drain drain;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(drain_parse(texts[i], &drain, NULL), 0);
		assert_string_equal(drain_format(&drain, text), texts[i]);
	}
	assert_int_equal(drain_parse("[2001:DB8::1]", &drain, NULL), 0);
	assert_string_equal(drain_format(&drain, text), "2001:db8::1");
}

static void what_is_no_drain_is_refused(void **state)
{
	static const char *const texts[] = { "",
					     "web",
					     "10.1.0.300",
					     "10.1.0.1:",
					     "10.1.0.1:0",
					     "10.1.0.1:65536",
					     "10.1.0.1:x",
					     "[2001:db8::1]:",
					     "[2001:db8::1]8080",
					     "[]",
					     "[10.1.0.1",
					     "127.0.0.1" };
	struct drain drain;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error error = { 0 };

		assert_int_equal(drain_parse(texts[i], &drain, &error), -EINVAL);
		assert_true(strlen(error.text) > 0);
	}
}

static void undoing_an_address_undoes_its_ports_too(void **state)
{
	struct drain_list list = { 0 };
	struct drain port, whole;

	(void)state;
	assert_int_equal(drain_parse("10.1.0.1:443", &port, NULL), 0);
	assert_int_equal(drain_parse("10.1.0.1", &whole, NULL), 0);
	add_drain(&list, "10.1.0.2");
	add_drain(&list, "10.1.0.1:443");
	add_drain(&list, "10.1.0.1:80");
	add_drain(&list, "10.1.0.1:80");
	assert_int_equal(list.count, 3);
	assert_int_equal(drain_list_remove(&list, &port), 1);
	assert_int_equal(drain_list_remove(&list, &port), 0);
	assert_int_equal(drain_list_remove(&list, &whole), 1);
	assert_int_equal(list.count, 1);
	drain_list_finish(&list);
}

static void a_drained_backend_keeps_its_place_without_weight(void **state)
{
	struct fixture *fixture = *state;

	set_web(fixture->model, 0, 3, 0);
	drain_in_model(fixture->model, "10.1.0.2");
	assert_services(fixture->model,
			WEB " 10.1.0.1:8080 10.1.0.2:8080*0/drained 10.1.0.3:8080\n");
	assert_status(fixture->model, "web", VIP " 2/3");
	drain_in_model(fixture->model, "10.1.0.2:80");
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080 10.1.0.3:8080\n");
	drain_in_model(fixture->model, "10.1.0.2:8080");
	assert_services(fixture->model,
			WEB " 10.1.0.1:8080 10.1.0.2:8080*0/drained 10.1.0.3:8080\n");
	drain_in_model(fixture->model, NULL);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080 10.1.0.3:8080\n");
}

static void a_service_that_is_not_concerned_does_not_change(void **state)
{
	struct fixture *fixture = *state;

	set_web(fixture->model, 0, 2, 0);
	drain_in_model(fixture->model, "10.9.0.1");
	assert_false(update(fixture->model));
}

static void drained_ready_endpoints_do_not_bring_terminating_ones_back(void **state)
{
	struct fixture *fixture = *state;

	set_web(fixture->model, 0, 2, 1);
	drain_in_model(fixture->model, "10.1.0.1");
	assert_services(fixture->model, WEB " 10.1.0.1:8080*0/drained 10.1.0.2:8080*0/draining\n");
	assert_status(fixture->model, "web", VIP " 0/2");
}

static void a_drained_endpoint_is_no_fallback(void **state)
{
	struct fixture *fixture = *state;

	set_web(fixture->model, 0, 2, 2);
	drain_in_model(fixture->model, "10.1.0.1");
	assert_services(fixture->model, WEB " 10.1.0.1:8080*0/drained 10.1.0.2:8080/terminating\n");
}

static void fill(const struct model *model, uint16_t *ret_hosts, uint32_t count)
{
	size_t service_count;
	struct service *const *services = model_services(model, &service_count);
	uint32_t *slots = calloc(count, sizeof(*slots));

	assert_non_null(slots);
	assert_int_equal(service_count, 1);
	assert_int_equal(
		maglev_fill(services[0]->backends, services[0]->backend_count, slots, count, NULL),
		0);
	for (uint32_t i = 0; i < count; i++)
		ret_hosts[i] = services[0]->backends[slots[i]].address.bytes[15];
	free(slots);
}

static void tables_are_the_same_with_draining_backends_and_without(void **state)
{
	struct fixture *fixture = *state;
	uint32_t count = maglev_slot_count(5);
	uint16_t *with = calloc(count, sizeof(*with)), *without = calloc(count, sizeof(*without));

	assert_true(with && without);
	set_web(fixture->model, 0, 5, 0);
	fill(fixture->model, without, count);
	set_web(fixture->model, 0, 8, 3);
	fill(fixture->model, with, count);
	assert_memory_equal(with, without, count * sizeof(*with));
	free(with);
	free(without);
}

/* Follows at a time, and updates the model as the agent does. Gives the wait. */
static uint64_t follow(struct drain_deadlines *deadlines, struct model *model, uint64_t now_ms)
{
	uint64_t wait_ms;
	bool changed;

	assert_int_equal(drain_deadlines_follow(deadlines, model, now_ms, &changed, &wait_ms, NULL),
			 0);
	if (changed)
		(void)update(model);
	return wait_ms;
}

static void after_the_deadline_a_draining_backend_is_none(void **state)
{
	struct fixture *fixture = *state;
	struct drain_deadlines *deadlines = drain_deadlines_create();

	set_web(fixture->model, 30, 2, 1);
	assert_int_equal(follow(deadlines, fixture->model, 5000), 30000);
	assert_int_equal(follow(deadlines, fixture->model, 34999), 1);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080*0/draining\n");
	assert_int_equal(follow(deadlines, fixture->model, 35000), 0);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	assert_int_equal(follow(deadlines, fixture->model, 36000), 0);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	drain_deadlines_destroy(deadlines);
}

static void without_a_deadline_a_backend_drains_for_ever(void **state)
{
	struct fixture *fixture = *state;
	struct drain_deadlines *deadlines = drain_deadlines_create();

	set_web(fixture->model, 0, 2, 1);
	assert_int_equal(follow(deadlines, fixture->model, 0), 0);
	assert_int_equal(follow(deadlines, fixture->model, UINT64_MAX / 2), 0);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080*0/draining\n");
	/* One that comes later counts from when the backend began to leave. */
	set_web(fixture->model, 1, 2, 1);
	assert_int_equal(follow(deadlines, fixture->model, UINT64_MAX / 2), 0);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	drain_deadlines_destroy(deadlines);
}

static void who_comes_back_has_its_whole_deadline_again(void **state)
{
	struct fixture *fixture = *state;
	struct drain_deadlines *deadlines = drain_deadlines_create();

	set_web(fixture->model, 30, 3, 2);
	(void)follow(deadlines, fixture->model, 0);
	(void)follow(deadlines, fixture->model, 30000);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	for (int leaving = 1; leaving >= 0; leaving--) {
		uint64_t now_ms = leaving ? 31000 : 100000;

		set_web(fixture->model, 30, 3, leaving);
		(void)follow(deadlines, fixture->model, now_ms);
		set_web(fixture->model, 30, 3, 2);
		assert_int_equal(follow(deadlines, fixture->model, now_ms + 1000), 30000);
	}
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080*0/draining "
					    "10.1.0.3:8080*0/draining\n");
	drain_deadlines_destroy(deadlines);
}

static void the_next_deadline_is_that_of_whoever_left_first(void **state)
{
	struct fixture *fixture = *state;
	struct drain_deadlines *deadlines = drain_deadlines_create();

	set_web(fixture->model, 30, 3, 1);
	(void)follow(deadlines, fixture->model, 0);
	set_web(fixture->model, 30, 3, 2);
	assert_int_equal(follow(deadlines, fixture->model, 10000), 20000);
	assert_int_equal(follow(deadlines, fixture->model, 30000), 10000);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080*0/draining\n");
	drain_deadlines_destroy(deadlines);
}

/* Whose deadline was over is needed again when nobody else is left. */
static void an_expired_endpoint_is_still_the_last_resort(void **state)
{
	struct fixture *fixture = *state;
	struct drain_deadlines *deadlines = drain_deadlines_create();

	set_web(fixture->model, 30, 2, 1);
	(void)follow(deadlines, fixture->model, 0);
	(void)follow(deadlines, fixture->model, 30000);
	set_web(fixture->model, 30, 2, 2);
	(void)follow(deadlines, fixture->model, 31000);
	assert_services(fixture->model,
			WEB " 10.1.0.1:8080/terminating 10.1.0.2:8080/terminating\n");
	drain_deadlines_destroy(deadlines);
}

static void the_deadline_is_for_drains_by_command_too(void **state)
{
	struct fixture *fixture = *state;
	struct drain_deadlines *deadlines = drain_deadlines_create();

	set_web(fixture->model, 30, 1, 0);
	drain_in_model(fixture->model, "10.1.0.1");
	(void)update(fixture->model);
	(void)follow(deadlines, fixture->model, 0);
	(void)follow(deadlines, fixture->model, 30000);
	assert_services(fixture->model, WEB "\n");
	drain_in_model(fixture->model, NULL);
	assert_services(fixture->model, WEB " 10.1.0.1:8080\n");
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "web");
	(void)update(fixture->model);
	assert_int_equal(follow(deadlines, fixture->model, 31000), 0);
	drain_deadlines_destroy(deadlines);
}

static void on_due(void *owner)
{
	(void)owner;
}

/* The agent's part of it, with a state directory of its own. */
struct agent {
	struct loop *loop;
	struct drains *drains;
	char directory[32], path[64];
};

static void start(struct agent *agent, struct model *model)
{
	agent->loop = loop_create();
	assert_non_null(agent->loop);
	assert_int_equal(drains_create(agent->loop, agent->directory, model, on_due, NULL,
				       &agent->drains, NULL),
			 0);
	(void)update(model);
}

static void stop(struct agent *agent)
{
	drains_destroy(agent->drains);
	loop_destroy(agent->loop);
}

static void make_directory(struct agent *agent)
{
	(void)strcpy(agent->directory, "/tmp/gwt-drain-XXXXXX");
	assert_non_null(mkdtemp(agent->directory));
	(void)snprintf(agent->path, sizeof(agent->path), "%s/drains.json", agent->directory);
}

static void remove_directory(const struct agent *agent)
{
	(void)unlink(agent->path);
	assert_int_equal(rmdir(agent->directory), 0);
}

/* A request; its answer as text without the times, or the sentence of the refusal. */
static const char *ask(struct agent *agent, struct model *model, const char *request)
{
	static char text[1024];
	json_t *json = json_loads(request, 0, NULL), *answer = NULL, *drain;
	struct error error = { 0 };
	bool changed = false;
	size_t i;

	assert_non_null(json);
	if (drains_request(agent->drains, json, &changed, &error) == 0) {
		(void)update(model);
		answer = drains_answer(agent->drains, &error);
	}
	json_decref(json);
	if (!answer)
		return strcpy(text, error.text);
	json_array_foreach(json_object_get(answer, "drains"), i, drain)
	{
		assert_true(json_integer_value(json_object_get(drain, "since")) > 1000000000);
		(void)json_object_del(drain, "since");
	}
	text[json_dumpb(answer, text, sizeof(text) - 1, JSON_COMPACT)] = '\0';
	json_decref(answer);
	return text;
}

static void a_drain_by_command_survives_a_restart_of_the_agent(void **state)
{
	struct fixture *fixture = *state;
	struct agent agent;

	make_directory(&agent);
	set_web(fixture->model, 0, 2, 0);
	start(&agent, fixture->model);
	assert_string_equal(ask(&agent, fixture->model, "{}"), "{\"drains\":[],\"warnings\":[]}");
	assert_string_equal(ask(&agent, fixture->model, "{\"backend\":\"10.1.0.2\"}"),
			    "{\"drains\":[{\"backend\":\"10.1.0.2\",\"backends\":1}],"
			    "\"warnings\":[]}");
	stop(&agent);
	create_model(fixture, "guideway.dev/xdp", true);
	set_web(fixture->model, 0, 2, 0);
	start(&agent, fixture->model);
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080*0/drained\n");
	assert_string_equal(ask(&agent, fixture->model, "{\"backend\":\"10.1.0.2\",\"undo\":true}"),
			    "{\"drains\":[],\"warnings\":[]}");
	assert_services(fixture->model, WEB " 10.1.0.1:8080 10.1.0.2:8080\n");
	stop(&agent);
	remove_directory(&agent);
}

static void draining_the_last_backend_is_warned_of(void **state)
{
	struct fixture *fixture = *state;
	struct agent agent;

	make_directory(&agent);
	set_web(fixture->model, 0, 1, 0);
	start(&agent, fixture->model);
	assert_string_equal(ask(&agent, fixture->model, "{\"backend\":\"10.1.0.1:8080\"}"),
			    "{\"drains\":[{\"backend\":\"10.1.0.1:8080\",\"backends\":1}],"
			    "\"warnings\":[\"service 'default/web' 10.0.0.1:80/TCP: every backend "
			    "is drained, new flows are refused\"]}");
	stop(&agent);
	remove_directory(&agent);
}

static void a_request_that_cannot_be_met_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct agent agent;

	make_directory(&agent);
	set_web(fixture->model, 0, 2, 0);
	start(&agent, fixture->model);
	(void)ask(&agent, fixture->model, "{\"backend\":\"10.1.0.1\"}");
	assert_string_equal(
		ask(&agent, fixture->model, "{\"backend\":\"10.1.0.1:80\",\"undo\":true}"),
		"10.1.0.1:80 is drained with its whole address: undo 10.1.0.1");
	assert_string_equal(ask(&agent, fixture->model, "{\"backend\":\"10.1.0.2\",\"undo\":true}"),
			    "10.1.0.2 is not drained");
	assert_string_equal(ask(&agent, fixture->model, "{\"backend\":7}"),
			    "backend: expected a string");
	assert_non_null(strstr(ask(&agent, fixture->model, "{\"backend\":\"web\"}"), "web"));
	assert_int_equal(unlink(agent.path), 0);
	assert_int_equal(rmdir(agent.directory), 0);
	assert_non_null(strstr(ask(&agent, fixture->model, "{\"backend\":\"10.1.0.2\"}"),
			       "cannot write it"));
	assert_services(fixture->model, WEB " 10.1.0.1:8080*0/drained 10.1.0.2:8080\n");
	stop(&agent);
}

static void a_broken_file_is_told_with_its_name(void **state)
{
	struct fixture *fixture = *state;
	struct error error = { 0 };
	struct agent agent;
	FILE *file;

	make_directory(&agent);
	file = fopen(agent.path, "w");
	assert_non_null(file);
	(void)fputs("[{\"backend\": \"nowhere\"}]", file);
	(void)fclose(file);
	agent.loop = loop_create();
	assert_int_equal(drains_create(agent.loop, agent.directory, fixture->model, on_due, NULL,
				       &agent.drains, &error),
			 -EINVAL);
	assert_ptr_equal(strstr(error.text, agent.path), error.text);
	loop_destroy(agent.loop);
	remove_directory(&agent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_drain_is_read_as_it_is_written),
		TEST(what_is_no_drain_is_refused),
		TEST(undoing_an_address_undoes_its_ports_too),
		TEST(a_drained_backend_keeps_its_place_without_weight),
		TEST(a_service_that_is_not_concerned_does_not_change),
		TEST(drained_ready_endpoints_do_not_bring_terminating_ones_back),
		TEST(a_drained_endpoint_is_no_fallback),
		TEST(tables_are_the_same_with_draining_backends_and_without),
		TEST(after_the_deadline_a_draining_backend_is_none),
		TEST(without_a_deadline_a_backend_drains_for_ever),
		TEST(who_comes_back_has_its_whole_deadline_again),
		TEST(the_next_deadline_is_that_of_whoever_left_first),
		TEST(an_expired_endpoint_is_still_the_last_resort),
		TEST(the_deadline_is_for_drains_by_command_too),
		TEST(a_drain_by_command_survives_a_restart_of_the_agent),
		TEST(draining_the_last_backend_is_warned_of),
		TEST(a_request_that_cannot_be_met_changes_nothing),
		TEST(a_broken_file_is_told_with_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_recorder.c - Events: each once, the same again as a count, and never too many. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "kube_world.h"
#include "kube/limiter.h"
#include "kube/recorder.h"

#define EVENTS "/apis/events.k8s.io/v1/namespaces/shop/events"

static struct recorder *recorder;
static struct limiter limiter;
static char trouble[1024];
static int troubles;

static void on_trouble(const char *sentence, void *owner)
{
	(void)owner;
	(void)snprintf(trouble, sizeof(trouble), "%s", sentence);
	troubles++;
}

static int begin(void **state)
{
	(void)state;
	world_began();
	limiter = (struct limiter){ 0 };
	troubles = 0;
	return recorder_create(NULL, NULL, &limiter, "gw1_1", on_trouble, NULL, &recorder, NULL);
}

static int end(void **state)
{
	(void)state;
	recorder_destroy(recorder);
	return world_ended();
}

static void tell(const char *name, const char *note)
{
	const struct recorder_event event = {
		.namespace = "shop",
		.name = name,
		.uid = "u1",
		.version = "7",
		.is_warning = true,
		.reason = "SyncLoadBalancerFailed",
		.note = note,
	};

	recorder_tell(recorder, &event);
	world_pass(0);
}

static void expect_body(const char *text)
{
	struct kube_call *call = world_call(EVENTS);

	assert_non_null(call);
	if (!strstr(call->body, text))
		fail_msg("%s lacks %s", call->body, text);
}

static void answer(int status)
{
	world_end(EVENTS, status, "{}", true);
	world_pass(0);
}

static void an_event_says_what_the_api_wants(void **state)
{
	(void)state;
	tell("web", "no address");
	assert_string_equal(world_call(EVENTS)->request.method, "POST");
	assert_string_equal(world_call(EVENTS)->path, EVENTS);
	expect_body("\"note\":\"no address\"");
	expect_body("\"reason\":\"SyncLoadBalancerFailed\"");
	expect_body("\"type\":\"Warning\"");
	expect_body("\"reportingInstance\":\"gw1_1\"");
	expect_body("\"kind\":\"Service\",\"apiVersion\":\"v1\",\"namespace\":\"shop\","
		    "\"name\":\"web\",\"uid\":\"u1\",\"resourceVersion\":\"7\"");
	answer(201);
	assert_null(world_call(EVENTS));
}

static void the_same_again_is_counted(void **state)
{
	char path[sizeof(((struct kube_call *)0)->path)];
	const char *name;

	(void)state;
	tell("web", "no address");
	name = strstr(world_call(EVENTS)->body, "\"name\":\"web.");
	assert_non_null(name);
	(void)snprintf(path, sizeof(path), EVENTS "/%.20s", name + strlen("\"name\":\""));
	answer(201);
	tell("web", "no address");
	tell("web", "no address");
	assert_null(world_call(EVENTS));
	world_pass(RECORDER_REPEAT_MS);
	assert_string_equal(world_call(EVENTS)->request.method, "PATCH");
	assert_string_equal(world_call(EVENTS)->path, path);
	expect_body("\"count\":3");
	answer(200);
	/* Long afterwards it is another one. */
	world_pass(RECORDER_SERIES_MS);
	tell("web", "no address");
	assert_string_equal(world_call(EVENTS)->request.method, "POST");
}

static void what_is_another_is_told_apart(void **state)
{
	(void)state;
	tell("web", "no address");
	answer(201);
	tell("web", "another");
	expect_body("another");
	answer(201);
	tell("shop", "another");
	expect_body("\"name\":\"shop\"");
}

static void repeats_before_the_first_was_written_count(void **state)
{
	(void)state;
	tell("web", "no address");
	tell("web", "no address");
	answer(201);
	world_pass(RECORDER_REPEAT_MS);
	expect_body("\"count\":2");
}

static void one_that_cannot_be_written_is_forgotten(void **state)
{
	struct recorder_status status;

	(void)state;
	tell("web", "a");
	answer(403);
	tell("web", "b");
	answer(403);
	assert_int_equal(troubles, 1);
	assert_string_equal(trouble, "HTTP status 403; the account may not: its ClusterRole must "
				     "allow create and patch of events");
	recorder_read_status(recorder, &status);
	assert_int_equal(status.failed, 2);
	assert_int_equal(status.queued, 0);
	tell("web", "b");
	assert_string_equal(world_call(EVENTS)->request.method, "POST");
	answer(201);
	tell("web", "c");
	answer(500);
	assert_int_equal(troubles, 2);
}

static void there_is_room_for_some(void **state)
{
	struct recorder_status status;
	char note[16];

	(void)state;
	for (int i = 0; i < RECORDER_MAX + 50; i++) {
		(void)snprintf(note, sizeof(note), "%d", i);
		tell("web", note);
	}
	recorder_read_status(recorder, &status);
	assert_int_equal(status.queued, RECORDER_MAX);
	assert_int_equal(status.dropped, 50);
	/* The one that is being written is not among these. */
	expect_body("\"note\":\"0\"");
	answer(201);
	world_pass(1000);
	expect_body("\"note\":\"51\"");
}

static void a_long_note_is_cut_between_characters(void **state)
{
	char note[1200];

	(void)state;
	memset(note, 'x', sizeof(note));
	memcpy(note + 1023, "\xc3\xa4\xc3\xa4", 5);
	tell("web", note);
	assert_null(strstr(world_call(EVENTS)->body, "\xc3"));
	expect_body("xxx\"");
}

static void a_stop_forgets(void **state)
{
	(void)state;
	tell("web", "a");
	tell("web", "b");
	recorder_stop(recorder);
	assert_int_equal(world.cancelled, 1);
	assert_null(world_timer());
	tell("web", "a");
	assert_string_equal(world_call(EVENTS)->request.method, "POST");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_event_says_what_the_api_wants),
		TEST(the_same_again_is_counted),
		TEST(what_is_another_is_told_apart),
		TEST(repeats_before_the_first_was_written_count),
		TEST(one_that_cannot_be_written_is_forgotten),
		TEST(there_is_room_for_some),
		TEST(a_long_note_is_cut_between_characters),
		TEST(a_stop_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

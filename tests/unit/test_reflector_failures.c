/* SPDX-License-Identifier: BSD-2-Clause */
/* test_reflector_failures.c - whatever goes wrong, nothing that was told is taken back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "kube/backoff.h"
#include "reflector_fixture.h"

static void waits_get_longer_and_end_anew_after_a_while(void **state)
{
	struct backoff backoff = { 0 };
	const uint64_t expected[] = { 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000 };
	uint64_t now_ms = 12345;

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		uint64_t wait_ms = backoff_next_ms(&backoff, now_ms);

		assert_in_range(wait_ms, expected[i], 2 * expected[i] - 1);
		now_ms += wait_ms;
	}
	now_ms += 120001;
	assert_in_range(backoff_next_ms(&backoff, now_ms), 800, 1599);
}

static void waits_differ_from_gateway_to_gateway(void **state)
{
	size_t different = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		different += backoff_random(0, 1000000) != backoff_random(0, 1000000);
	assert_in_range(different, 90, 100);
}

static void a_server_that_is_away_is_asked_for_the_same_watch(void **state)
{
	struct reflector *reflector = reflector_watching();
	size_t started = world.started;

	(void)state;
	for (int i = 0; i < 200; i++) {
		world_end(PATH, 0, "", false);
		world_wait();
		expect_parameter("watch", "1");
		expect_parameter("resourceVersion", "5");
	}
	assert_int_equal(world.started, started + 200);
	expect_told("T ");
	world_say(PATH, EVENT("MODIFIED", OBJECT("a", "6")));
	expect_told("R +a=6 . ");
	reflector_destroy(reflector);
}

static void a_sentence_with_other_numbers_is_no_news(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_refuse(PATH, "not within 17 ms");
	world_wait();
	world_refuse(PATH, "not within 4 ms");
	world_wait();
	expect_told("T ");
	assert_string_equal(trouble, "services: watch: not within 17 ms");
	world_refuse(PATH, "not within 4 m");
	world_wait();
	expect_told("T ");
	/* But those that the server says are. */
	world_end(PATH, 500, "", true);
	world_wait();
	world_end(PATH, 503, "", true);
	world_wait();
	world_end(PATH, 503, "", true);
	expect_told("T T ");
	reflector_destroy(reflector);
}

static void a_watch_that_lasts_is_good_news_without_an_event(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_end(PATH, 0, "", false);
	world_wait();
	world_open(PATH);
	world_pass(999);
	expect_told("T ");
	world_pass(1);
	expect_told("R ");
	/* One that ends sooner is none. */
	world_end(PATH, 0, "", false);
	world_wait();
	world_open(PATH);
	world_end(PATH, 200, "", true);
	world_wait();
	expect_told("T T ");
	reflector_destroy(reflector);
}

static void a_server_that_never_was_there_is_asked_for_a_list(void **state)
{
	struct reflector *reflector = reflector_began(&plain);

	(void)state;
	world_end(PATH, 0, "", false);
	expect_wait(800, 1599);
	world_end(PATH, 0, "", false);
	expect_wait(1600, 3199);
	expect_told("T ");
	world_answer(PATH, LIST("5", OBJECT("a", "1")));
	expect_told("+a=1 R . ");
	reflector_destroy(reflector);
}

static void a_call_that_cannot_be_made_is_tried_again(void **state)
{
	struct reflector *reflector = reflector_began(&plain);

	(void)state;
	world_end(PATH, 503, "", true);
	world.must_refuse = true;
	world_wait();
	assert_string_equal(trouble, "services: list: no credentials");
	world.must_refuse = false;
	expect_wait(1600, 3199);
	assert_non_null(world_call(PATH));
	reflector_destroy(reflector);
}

static void busy_servers_are_given_the_time_they_ask_for(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_end_later(PATH, 429, 7);
	expect_wait(7000, 7799);
	expect_parameter("resourceVersion", "5");
	world_end_later(PATH, 503, 1000000);
	expect_wait(300000, 300799);
	world_end_later(PATH, 429, -1);
	expect_wait(800, 1599);
	expect_parameter("watch", "1");
	world_say(PATH, EVENT("ERROR", "{\"kind\":\"Status\",\"code\":429,\"details\":{"
				       "\"retryAfterSeconds\":3}}"));
	expect_wait(3000, 3799);
	expect_parameter("watch", "1");
	expect_parameter("resourceVersion", "5");
	reflector_destroy(reflector);
}

static void a_410_is_followed_by_one_list(void **state)
{
	struct reflector *reflector = reflector_watching();
	struct reflector_status status;

	(void)state;
	world.now_ms += 60000;
	world_say(PATH, EVENT("MODIFIED", OBJECT("a", "6")) EVENT("ERROR", STATUS("410", "Expired"))
				EVENT("MODIFIED", OBJECT("a", "7")));
	expect_told("+a=6 . ");
	expect_relist("6");
	world_answer(PATH, LIST("9", OBJECT("a", "6") "," OBJECT("b", "2")));
	world_pass(0);
	expect_parameter("watch", "1");
	reflector_read_status(reflector, &status);
	assert_int_equal(status.lists, 2);
	/* A server that says so of what it just gave is not asked in a circle. */
	world_end(PATH, 410, STATUS("410", "Expired"), true);
	expect_wait(800, 1599);
	expect_parameter("limit", "500");
	reflector_destroy(reflector);
}

static void other_errors_of_a_stream_lead_to_a_list_or_a_watch(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_say(PATH, EVENT("ERROR", STATUS("500", "InternalError")));
	expect_wait(800, 1599);
	expect_parameter("watch", "1");
	world_say(PATH, EVENT("ERROR", STATUS("400", "BadRequest")));
	expect_wait(1600, 3199);
	expect_parameter("watch", NULL);
	world_answer(PATH, LIST("6", OBJECT("a", "1") "," OBJECT("b", "2")));
	world_pass(0);
	world_say(PATH, EVENT("ERROR", "{}"));
	world_wait();
	expect_parameter("watch", NULL);
	assert_null(strchr(told, '-'));
	reflector_destroy(reflector);
}

static void a_watch_that_a_server_refuses_for_minutes_becomes_a_list(void **state)
{
	struct reflector *reflector = reflector_watching();
	uint64_t began_ms = world.now_ms;

	(void)state;
	while (parameter("watch") && world.now_ms - began_ms < 900000) {
		world_end(PATH, 500, STATUS("500", "InternalError"), true);
		world_wait();
	}
	assert_in_range(world.now_ms - began_ms, 300000, 420000);
	reflector_destroy(reflector);
}

static void watches_that_end_well_begin_again_at_once(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world.now_ms += 1500;
	world_end(PATH, 200, "", true);
	expect_wait(0, 0);
	world_say(PATH, BOOKMARK("6"));
	world_end(PATH, 200, "", true);
	expect_wait(0, 0);
	expect_parameter("resourceVersion", "6");
	/* One of no time and no event did not work. */
	world.now_ms += 500;
	world_end(PATH, 200, "", true);
	expect_wait(800, 1599);
	world.now_ms += 500;
	world_end(PATH, 200, "", true);
	expect_wait(1600, 3199);
	expect_parameter("resourceVersion", "6");
	reflector_destroy(reflector);
}

static void garbage_in_a_watch_ends_it(void **state)
{
	static const char *const garbage[] = {
		"<html>",
		"{\"type\":\"ADDED\",\"object\":nonsense}",
		"{\"type\":\"ADDED\"}",
		"{\"object\":{}}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}",
		"{\"type\":\"DELETED\",\"object\":[]}",
		"]",
	};
	struct reflector *reflector = reflector_watching();

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		size_t cancelled = world.cancelled;

		world_say(PATH, garbage[i]);
		assert_int_equal(world.cancelled, cancelled + 1);
		assert_true(world_wait() >= 800);
		expect_parameter("watch", "1");
		expect_parameter("resourceVersion", "5");
	}
	assert_null(strpbrk(told, "+-!"));
	reflector_destroy(reflector);
}

static void half_an_event_is_forgotten_with_its_watch(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_say(PATH, EVENT("ADDED", OBJECT("c", "6")) "{\"type\":\"DELE");
	world_end(PATH, 200, "", false);
	expect_told("+c=6 . ");
	expect_wait(0, 0);
	expect_parameter("resourceVersion", "6");
	world_say(PATH, EVENT("DELETED", OBJECT("c", "7")));
	expect_told("-c . ");
	reflector_destroy(reflector);
}

static void what_the_account_may_not_is_told_and_asked_for_slowly(void **state)
{
	struct reflector *reflector = reflector_began(&plain);
	struct reflector_status status;

	(void)state;
	world_end(PATH, 403, STATUS("403", "Forbidden"), true);
	assert_non_null(strstr(trouble, "HTTP status 403: it is so"));
	assert_non_null(strstr(trouble, "ClusterRole"));
	reflector_read_status(reflector, &status);
	assert_true(status.is_refused);
	expect_wait(30000, 59999);
	world_end(PATH, 404, "404 page not found", true);
	assert_non_null(strstr(trouble, "does not have the resource in this version"));
	expect_wait(30000, 59999);
	world_end(PATH, 401, "", true);
	expect_wait(800, 1599);
	expect_told("T T T ");
	world_answer(PATH, LIST("5", ""));
	expect_told("R . ");
	reflector_read_status(reflector, &status);
	assert_false(status.is_refused);
	world_pass(0);
	reflector_destroy(reflector);
}

static void what_it_could_until_now_is_asked_for_soon_as_long_as_roles_may_be_unread(void **state)
{
	struct reflector *reflector = reflector_began(&plain);

	(void)state;
	world_answer(PATH, LIST("5", ""));
	world_pass(0);
	world_end(PATH, 403, STATUS("403", "Forbidden"), true);
	expect_wait(800, 1599);
	expect_parameter("resourceVersion", "5"); /* the same watch: no list is needed */
	world_pass(31000);
	world_end(PATH, 403, STATUS("403", "Forbidden"), true);
	expect_wait(30000, 59999);
	reflector_destroy(reflector);
}

static void a_field_selector_that_is_not_known_is_left_off(void **state)
{
	struct reflector_settings settings = plain;
	struct reflector *reflector;

	(void)state;
	settings.label_selector = "!a/b,!c";
	settings.field_selector = "spec.type=LoadBalancer";
	settings.field_selector_is_optional = true;
	reflector = reflector_began(&settings);
	expect_parameter("labelSelector", "%21a%2Fb%2C%21c");
	expect_parameter("fieldSelector", "spec.type%3DLoadBalancer");
	world_end(PATH, 400, STATUS("400", "BadRequest"), true);
	expect_relist(NULL);
	expect_told("");
	expect_parameter("fieldSelector", NULL);
	expect_parameter("labelSelector", "%21a%2Fb%2C%21c");
	/* Then something else is wrong. */
	world_end(PATH, 400, STATUS("400", "BadRequest"), true);
	expect_told("T ");
	expect_wait(800, 1599);
	world_answer(PATH, LIST("5", ""));
	world_pass(0);
	expect_parameter("fieldSelector", NULL);
	reflector_destroy(reflector);
}

static void a_field_selector_that_matters_stays(void **state)
{
	struct reflector_settings settings = plain;
	struct reflector *reflector;

	(void)state;
	settings.field_selector = "metadata.name=node1";
	reflector = reflector_began(&settings);
	world_end(PATH, 400, STATUS("400", "BadRequest"), true);
	expect_wait(800, 1599);
	expect_parameter("fieldSelector", "metadata.name%3Dnode1");
	reflector_destroy(reflector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_get_longer_and_end_anew_after_a_while),
		cmocka_unit_test(waits_differ_from_gateway_to_gateway),
		cmocka_unit_test(a_server_that_is_away_is_asked_for_the_same_watch),
		cmocka_unit_test(a_sentence_with_other_numbers_is_no_news),
		cmocka_unit_test(a_watch_that_lasts_is_good_news_without_an_event),
		cmocka_unit_test(a_server_that_never_was_there_is_asked_for_a_list),
		cmocka_unit_test(a_call_that_cannot_be_made_is_tried_again),
		cmocka_unit_test(busy_servers_are_given_the_time_they_ask_for),
		cmocka_unit_test(a_410_is_followed_by_one_list),
		cmocka_unit_test(other_errors_of_a_stream_lead_to_a_list_or_a_watch),
		cmocka_unit_test(a_watch_that_a_server_refuses_for_minutes_becomes_a_list),
		cmocka_unit_test(watches_that_end_well_begin_again_at_once),
		cmocka_unit_test(garbage_in_a_watch_ends_it),
		cmocka_unit_test(half_an_event_is_forgotten_with_its_watch),
		cmocka_unit_test(
			what_it_could_until_now_is_asked_for_soon_as_long_as_roles_may_be_unread),
		cmocka_unit_test(what_the_account_may_not_is_told_and_asked_for_slowly),
		cmocka_unit_test(a_field_selector_that_is_not_known_is_left_off),
		cmocka_unit_test(a_field_selector_that_matters_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

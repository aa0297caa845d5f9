/* SPDX-License-Identifier: BSD-2-Clause */
/* test_reflector.c - lists and watches as they should go, and what they tell. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "reflector_fixture.h"

static void a_list_is_told_when_it_is_whole_and_then_watched(void **state)
{
	struct reflector *reflector = reflector_began(&plain);

	(void)state;
	expect_parameter("limit", "500");
	expect_parameter("resourceVersion", NULL);
	world_say(PATH, LIST_HEAD_OF("5", "") OBJECT("a", "1"));
	expect_told("");
	world_say(PATH, "," OBJECT("b", "2") "]}");
	expect_told("");
	world_end(PATH, 200, "", true);
	expect_told("+a=1 +b=2 . ");
	world_pass(0);
	expect_parameter("watch", "1");
	expect_parameter("allowWatchBookmarks", "true");
	expect_parameter("resourceVersion", "5");
	assert_in_range(atoi(parameter("timeoutSeconds")), 300, 600);
	assert_int_equal(world_call(PATH)->request.idle_timeout_ms,
			 (uint64_t)(atoi(parameter("timeoutSeconds")) + 30) * 1000);
	reflector_destroy(reflector);
	assert_int_equal(world.cancelled, 1);
}

static void pages_follow_each_other_and_are_told_together(void **state)
{
	struct reflector *reflector = reflector_began(&plain);

	(void)state;
	world_answer(PATH, PAGE("5", "next/1=", OBJECT("a", "1")));
	world_pass(0);
	expect_parameter("continue", "next%2F1%3D");
	expect_parameter("limit", "500");
	expect_parameter("resourceVersion", NULL);
	world_answer(PATH, PAGE("5", "next2", OBJECT("b", "2")));
	world_pass(0);
	expect_parameter("continue", "next2");
	expect_told("");
	world_answer(PATH, LIST("5", OBJECT("c", "3")));
	expect_told("+a=1 +b=2 +c=3 . ");
	reflector_destroy(reflector);
}

static void changes_are_told_as_they_come(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_say(PATH, EVENT("ADDED", OBJECT("c", "6")) EVENT("MODIFIED", OBJECT("a", "7")));
	expect_told("+c=6 +a=7 . ");
	world_say(PATH, EVENT("DELETED", OBJECT("b", "8")));
	expect_told("-b . ");
	/* One that comes anew, or was not there, is a new state all the same. */
	world_say(PATH, EVENT("ADDED", OBJECT("a", "9")) EVENT("MODIFIED", OBJECT("b", "10")));
	expect_told("+a=9 +b=10 . ");
	world_say(PATH, EVENT("DELETED", OBJECT("nobody", "11")));
	expect_told("");
	/* What nobody asked for is passed over, its version too. */
	world_say(PATH, EVENT("MODIFIED", "{\"kind\":\"Table\",\"metadata\":{\"name\":\"a\","
					  "\"resourceVersion\":\"99\"}}"));
	expect_told("");
	world.now_ms += 5000;
	world_end(PATH, 200, "", true);
	world_pass(0);
	expect_parameter("resourceVersion", "11");
	reflector_destroy(reflector);
}

static void a_bookmark_moves_the_version_and_is_no_object(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_say(PATH, BOOKMARK("400"));
	expect_told("");
	world_end(PATH, 200, "", true);
	world_pass(0);
	expect_parameter("watch", "1");
	expect_parameter("resourceVersion", "400");
	reflector_destroy(reflector);
}

static void only_the_difference_of_a_list_is_told(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world.now_ms += 60000;
	world_end(PATH, 410, STATUS("410", "Expired"), true);
	expect_told("");
	expect_relist("5");
	expect_parameter("resourceVersionMatch", "NotOlderThan");
	world_answer(PATH, LIST("9", OBJECT("a", "1") "," OBJECT("c", "8")));
	expect_told("-b +c=8 . ");
	world_pass(0);
	expect_parameter("resourceVersion", "9");
	reflector_destroy(reflector);
}

static void an_object_that_cannot_be_decoded_stays_what_it_was(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_say(PATH, EVENT("MODIFIED", BAD_OBJECT("a", "6")));
	expect_told("!a . ");
	world_say(PATH, EVENT("MODIFIED", BAD_OBJECT("a", "7")));
	expect_told("");
	world_say(PATH, EVENT("MODIFIED", OBJECT("a", "8")));
	expect_told("?a +a=8 . ");
	world_say(PATH, EVENT("MODIFIED", BAD_OBJECT("a", "9")));
	world_say(PATH, EVENT("DELETED", BAD_OBJECT("a", "10")));
	expect_told("!a . ?a -a . ");
	world_say(PATH,
		  EVENT("ADDED", BAD_OBJECT("new", "11")) EVENT("DELETED", OBJECT("new", "12")));
	/* Whoever listens may have it from before. */
	expect_told("!new ?new -new . ");
	reflector_destroy(reflector);
}

static void a_bad_object_of_a_list_keeps_what_it_was(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world.now_ms += 60000;
	world_say(PATH, EVENT("ERROR", STATUS("410", "Expired")));
	expect_relist("5");
	world_answer(PATH, LIST("9", OBJECT("b", "2") "," BAD_OBJECT("a", "8")));
	expect_told("!a . ");
	reflector_destroy(reflector);
}

static void an_object_of_no_use_is_as_if_removed(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world_say(PATH, EVENT("MODIFIED", USELESS_OBJECT("a", "6")));
	expect_told("-a . ");
	world_say(PATH, EVENT("MODIFIED", USELESS_OBJECT("a", "7")));
	world_say(PATH, EVENT("DELETED", USELESS_OBJECT("a", "8")));
	expect_told("");
	reflector_destroy(reflector);
}

static void an_object_made_anew_under_its_name_is_told(void **state)
{
	struct reflector *reflector = reflector_watching();

	(void)state;
	world.now_ms += 60000;
	world_end(PATH, 410, "", true);
	expect_relist("5");
	/* The same version of another uid: another history. */
	world_answer(PATH, LIST("9", OBJECT("b", "2") ",{\"metadata\":{\"name\":\"a\",\"uid\":"
						      "\"other\",\"resourceVersion\":\"1\"}}"));
	expect_told("+a=1 . ");
	reflector_destroy(reflector);
}

static void the_state_is_told(void **state)
{
	struct reflector *reflector = reflector_watching();
	struct reflector_status status;

	(void)state;
	reflector_read_status(reflector, &status);
	assert_true(status.is_synced);
	assert_int_equal(status.count, 2);
	assert_int_equal(status.lists, 1);
	assert_int_equal(status.watches, 1);
	assert_int_equal(status.contact_ms, world.now_ms);
	assert_string_equal(status.trouble, "");
	world.now_ms += 500;
	world_end(PATH, 0, "", false);
	reflector_read_status(reflector, &status);
	assert_true(status.is_synced && status.is_in_trouble);
	assert_int_equal(status.contact_ms, world.now_ms - 500);
	assert_string_equal(status.trouble, "services: watch: connection reset");
	assert_string_equal(status.trouble, trouble);
	reflector_destroy(reflector);
}

static const struct reflector_settings streamed = {
	.resource = "services",
	.path = PATH,
	.api_version = "v1",
	.kind = "Service",
	.try_watch_list = true,
};

static void a_list_may_come_as_a_stream(void **state)
{
	struct reflector *reflector = reflector_began(&streamed);

	(void)state;
	expect_parameter("watch", "1");
	expect_parameter("sendInitialEvents", "true");
	expect_parameter("resourceVersionMatch", "NotOlderThan");
	expect_parameter("resourceVersion", NULL);
	world_say(PATH, EVENT("ADDED", OBJECT("a", "900")) EVENT("ADDED", OBJECT("b", "2")));
	world_say(PATH, BOOKMARK("3") EVENT("DELETED", OBJECT("b", "5")));
	expect_told("");
	world_say(PATH, LAST_BOOKMARK("5") EVENT("ADDED", OBJECT("c", "6")));
	expect_told("+a=900 . +c=6 . ");
	world.now_ms += 5000;
	world_end(PATH, 200, "", true);
	world_pass(0);
	expect_parameter("sendInitialEvents", NULL);
	expect_parameter("resourceVersion", "6");
	reflector_destroy(reflector);
}

static void a_stream_that_is_cut_tells_nothing(void **state)
{
	struct reflector *reflector = reflector_began(&streamed);

	(void)state;
	world_say(PATH, EVENT("ADDED", OBJECT("a", "900")));
	world_pass(9999);
	expect_told("");
	world_pass(1);
	expect_told("T ");
	assert_non_null(strstr(trouble, "sent everything"));
	world_end(PATH, 200, "", false);
	expect_told("T ");
	world_wait();
	expect_parameter("sendInitialEvents", "true");
	expect_parameter("resourceVersion", NULL);
	world_say(PATH, EVENT("ADDED", OBJECT("b", "2")) LAST_BOOKMARK("5"));
	expect_told("+b=2 R . ");
	reflector_destroy(reflector);
}

static void a_server_that_knows_no_such_stream_is_asked_for_pages_for_ever(void **state)
{
	struct reflector *reflector = reflector_began(&streamed);

	(void)state;
	world_end(PATH, 422, STATUS("422", "Invalid"), true);
	expect_relist(NULL);
	expect_told("");
	world_answer(PATH, LIST("5", OBJECT("a", "1")));
	world_pass(0);
	world.now_ms += 60000;
	world_say(PATH, EVENT("ERROR", STATUS("410", "Gone")));
	expect_relist("5");
	expect_parameter("limit", "500");
	reflector_destroy(reflector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_told_when_it_is_whole_and_then_watched),
		cmocka_unit_test(pages_follow_each_other_and_are_told_together),
		cmocka_unit_test(changes_are_told_as_they_come),
		cmocka_unit_test(a_bookmark_moves_the_version_and_is_no_object),
		cmocka_unit_test(only_the_difference_of_a_list_is_told),
		cmocka_unit_test(an_object_that_cannot_be_decoded_stays_what_it_was),
		cmocka_unit_test(a_bad_object_of_a_list_keeps_what_it_was),
		cmocka_unit_test(an_object_of_no_use_is_as_if_removed),
		cmocka_unit_test(an_object_made_anew_under_its_name_is_told),
		cmocka_unit_test(the_state_is_told),
		cmocka_unit_test(a_list_may_come_as_a_stream),
		cmocka_unit_test(a_stream_that_is_cut_tells_nothing),
		cmocka_unit_test(a_server_that_knows_no_such_stream_is_asked_for_pages_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

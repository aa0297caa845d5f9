/* SPDX-License-Identifier: BSD-2-Clause */
/* test_reflector_lists.c - lists that are wrong, old, cut or none take nothing back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "kube/answer.h"
#include "reflector_fixture.h"

#define TOO_LARGE                                                                                  \
	"{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\",\"details\":{\"causes\":[{"      \
	"\"reason\":\"ResourceVersionTooLarge\"}]}}"

static void an_empty_answer_that_is_an_error_deletes_nothing(void **state)
{
	struct reflector *reflector = reflector_relisting();

	(void)state;
	world_end(PATH, 500, LIST("9", ""), true);
	expect_told("T ");
	expect_wait(800, 1599);
	expect_parameter("limit", "500");
	world_answer(PATH, LIST("9", OBJECT("a", "1") "," OBJECT("b", "2")));
	expect_told("R . ");
	reflector_destroy(reflector);
}

/* What a list can be that has status 200 and is none. */
static void a_list_that_is_none_deletes_nothing(void **state)
{
	static const char *const bodies[] = {
		"",
		"{}",
		"<html>busy</html>",
		"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"items\":[]}",
		"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
		"\"9\"}}",
		"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
		"\"9\"},\"items\":[]}",
		"{\"kind\":\"ServiceList\",\"apiVersion\":\"v2\",\"metadata\":{\"resourceVersion\":"
		"\"9\"},\"items\":[]}",
		"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
		"\"9\"},\"items\":{}}",
		STATUS("500", "InternalError"),
		LIST("9", OBJECT("a", "1") ",{\"metadata\":{}}"),
		LIST("9", OBJECT("a", "1") ",{\"metadata\":nonsense}"),
		LIST("9", OBJECT("a", "1")) "{",
	};
	struct reflector *reflector = reflector_relisting();

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct kube_call *call = world_call(PATH);

		world_say(PATH, bodies[i]);
		if (world_call(PATH) == call)
			world_end(PATH, 200, "", true);
		assert_null(strchr(told, '-'));
		assert_null(strchr(told, '.'));
		assert_null(world_call(PATH));
		world_wait();
		expect_parameter("limit", "500");
	}
	reflector_destroy(reflector);
}

static void a_list_that_is_cut_deletes_nothing(void **state)
{
	struct reflector *reflector = reflector_relisting();

	(void)state;
	world_say(PATH, LIST_HEAD_OF("9", "") OBJECT("c", "8"));
	world_end(PATH, 200, "", false);
	expect_told("T ");
	world_wait();
	/* Whole as it looks: the server did not say that it was. */
	world_say(PATH, LIST("9", OBJECT("c", "8")));
	world_end(PATH, 200, "", false);
	world_wait();
	world_say(PATH, LIST_HEAD_OF("9", "") OBJECT("c", "8"));
	world_end(PATH, 200, "", true);
	world_wait();
	assert_null(strchr(told, '-'));
	told[0] = '\0';
	world_answer(PATH, LIST("9", OBJECT("a", "1") "," OBJECT("b", "2")));
	expect_told("R . ");
	reflector_destroy(reflector);
}

static void an_empty_list_is_asked_for_twice(void **state)
{
	struct reflector *reflector = reflector_relisting();

	(void)state;
	world_answer(PATH, LIST("9", ""));
	expect_told("");
	expect_relist(NULL);
	world_answer(PATH, LIST("10", OBJECT("a", "1") "," OBJECT("b", "2")));
	expect_told(". ");
	world_pass(0);
	expire();
	expect_relist("10");
	world_answer(PATH, LIST("11", ""));
	expect_relist(NULL);
	world_answer(PATH, LIST("11", ""));
	expect_told("-a -b . ");
	world_pass(0);
	expect_parameter("watch", "1");
	/* And where nothing was, once is enough. */
	expire();
	expect_relist("11");
	world_answer(PATH, LIST("12", ""));
	world_pass(0);
	expect_parameter("watch", "1");
	reflector_destroy(reflector);
}

static void a_token_that_died_is_followed_by_a_list_in_one_piece(void **state)
{
	struct reflector *reflector = reflector_relisting();

	(void)state;
	world_answer(PATH, PAGE("9", "token", OBJECT("a", "1")));
	world_pass(0);
	world_end(PATH, 410, STATUS("410", "Expired"), true);
	expect_relist(NULL);
	expect_parameter("limit", NULL);
	expect_parameter("continue", NULL);
	expect_told("");
	world_answer(PATH, LIST("9", OBJECT("a", "1") "," OBJECT("b", "2")));
	expect_told(". ");
	world_pass(0);
	expire();
	expect_relist("9");
	expect_parameter("limit", "500");
	reflector_destroy(reflector);
}

static void a_page_that_fails_is_asked_for_again_but_not_for_ever(void **state)
{
	struct reflector *reflector = reflector_began(&plain);

	(void)state;
	world_answer(PATH, PAGE("9", "token", OBJECT("a", "1")));
	world_pass(0);
	for (int i = 0; i < 9; i++) {
		world_say(PATH, LIST_HEAD_OF("9", "") OBJECT("b", "2"));
		world_end(PATH, 200, "", false);
		world_wait();
		expect_parameter("continue", "token");
	}
	world_end(PATH, 502, "", true);
	world_wait();
	expect_parameter("continue", NULL);
	expect_told("T T ");
	world_answer(PATH, LIST("9", OBJECT("c", "3")));
	expect_told("+c=3 R . ");
	reflector_destroy(reflector);
}

static void a_server_that_lags_is_asked_for_what_is_newest(void **state)
{
	struct reflector *reflector = reflector_relisting();

	(void)state;
	world_end(PATH, 504, TOO_LARGE, true);
	expect_relist(NULL);
	world_end(PATH, 504, TOO_LARGE, true);
	expect_wait(800, 1599);
	expect_parameter("resourceVersion", NULL);
	world_answer(PATH, LIST("9", OBJECT("a", "1") "," OBJECT("b", "2")));
	expect_told("T R . ");
	reflector_destroy(reflector);
}

static void a_list_that_is_older_is_not_believed_at_once(void **state)
{
	struct reflector *reflector = reflector_relisting();

	(void)state;
	world_answer(PATH, LIST("4", OBJECT("old", "3")));
	expect_told("");
	expect_relist(NULL);
	/* A storage that was put back: that is how things are. */
	world_answer(PATH, LIST("4", OBJECT("a", "1")));
	expect_told("-b . ");
	assert_true(answer_is_older_version("9", "10") && answer_is_older_version("9", "11"));
	assert_false(answer_is_older_version("10", "9") || answer_is_older_version("10", "10"));
	assert_false(answer_is_older_version("x", "y") || answer_is_older_version("09", "1"));
	assert_true(answer_is_older_version("99999999999999999999", "100000000000000000000"));
	reflector_destroy(reflector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_answer_that_is_an_error_deletes_nothing),
		cmocka_unit_test(a_list_that_is_none_deletes_nothing),
		cmocka_unit_test(a_list_that_is_cut_deletes_nothing),
		cmocka_unit_test(an_empty_list_is_asked_for_twice),
		cmocka_unit_test(a_token_that_died_is_followed_by_a_list_in_one_piece),
		cmocka_unit_test(a_page_that_fails_is_asked_for_again_but_not_for_ever),
		cmocka_unit_test(a_server_that_lags_is_asked_for_what_is_newest),
		cmocka_unit_test(a_list_that_is_older_is_not_believed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

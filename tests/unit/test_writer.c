/* SPDX-License-Identifier: BSD-2-Clause */
/* test_writer.c - objects that are to be written: one call each, when it is time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "kube_world.h"
#include "kube/limiter.h"
#include "kube/writer.h"

static struct writer *writer;
static struct limiter limiter;
static char told[512], trouble[1024];
static const char *version; /* that make makes it of; NULL: there is nothing to write */
static int more;            /* how often on_done wants to go on */

static void tell(const char *what, const char *key)
{
	size_t length = strlen(told);

	(void)snprintf(told + length, sizeof(told) - length, "%s%s ", what, key);
}

static bool make(const char *key, struct writer_request *ret, void *owner)
{
	(void)owner;
	if (!version)
		return false;
	ret->method = "PATCH";
	ret->content_type = "application/strategic-merge-patch+json";
	ret->version = version;
	assert_true(asprintf(&ret->path, "/%s", key) > 0);
	assert_true(asprintf(&ret->body, "{\"version\":%s}", version) > 0);
	return true;
}

static bool on_done(const char *key, const struct kube_response *response, void *owner)
{
	(void)response, (void)owner;
	tell("+", key);
	return more-- > 0;
}

static void on_trouble(const char *sentence, void *owner)
{
	(void)owner;
	(void)snprintf(trouble, sizeof(trouble), "%s", sentence);
	tell("T", "");
}

static void on_recovered(void *owner)
{
	(void)owner;
	tell("R", "");
}

static int begin(void **state)
{
	const struct writer_events events = {
		.make = make,
		.on_done = on_done,
		.on_trouble = on_trouble,
		.on_recovered = on_recovered,
	};

	(void)state;
	world_began();
	limiter = (struct limiter){ 0 };
	told[0] = '\0';
	version = "1";
	more = 0;
	return writer_create(NULL, NULL, &limiter, "a hint", &events, &writer, NULL);
}

static int end(void **state)
{
	(void)state;
	writer_destroy(writer);
	return world_ended();
}

static void want(const char *key, const char *seen)
{
	assert_int_equal(writer_want(writer, key, seen), 0);
	world_pass(0);
}

static void answer(const char *key, int status)
{
	world_end(key, status, "", true);
	world_pass(0);
}

static void expect_queue(size_t queued, uint64_t done, uint64_t conflicts, uint64_t failed)
{
	struct writer_status status;

	writer_read_status(writer, &status);
	assert_int_equal(status.queued, queued);
	assert_int_equal(status.done, done);
	assert_int_equal(status.conflicts, conflicts);
	assert_int_equal(status.failed, failed);
}

static void what_is_wanted_is_written_once(void **state)
{
	(void)state;
	want("a/b", "1");
	assert_non_null(world_call("/a/b"));
	expect_queue(1, 0, 0, 0);
	want("a/b", "1");
	answer("/a/b", 200);
	expect_told("+a/b ");
	/* The watch has not shown it yet. */
	want("a/b", "1");
	want("a/b", "1");
	assert_null(world_call("/"));
	expect_queue(0, 1, 0, 0);
	version = "2";
	want("a/b", "2");
	assert_string_equal(world_call("/a/b")->body, "{\"version\":2}");
}

static void what_need_not_be_written_after_all_is_not(void **state)
{
	(void)state;
	version = NULL;
	want("a/b", "1");
	assert_int_equal(world.started, 0);
	expect_queue(0, 0, 0, 0);
}

static void a_newer_wish_takes_the_place_of_one_that_waits(void **state)
{
	(void)state;
	want("a/b", "1");
	answer("/a/b", 500);
	version = "2";
	want("a/b", "2");
	version = "3";
	want("a/b", "3");
	assert_null(world_call("/"));
	assert_in_range(world_wait(), 5000, 7500);
	assert_string_equal(world_call("/a/b")->body, "{\"version\":3}");
	assert_int_equal(world.started, 2);
}

static void one_call_at_a_time_for_an_object(void **state)
{
	(void)state;
	want("a/b", "1");
	version = "2";
	want("a/b", "2");
	want("a/c", "2");
	assert_int_equal(world.started, 2);
	answer("/a/b", 200);
	assert_int_equal(world.started, 3);
	assert_string_equal(world_call("/a/b")->body, "{\"version\":2}");
}

/* The object was changed before our turn, by the watch's word: it is not written twice. */
static void what_was_made_of_a_newer_version_counts_as_of_that(void **state)
{
	(void)state;
	version = "2";
	want("a/b", "1");
	answer("/a/b", 200);
	want("a/b", "2");
	assert_null(world_call("/"));
	want("a/b", "3");
	assert_non_null(world_call("/a/b"));
}

static void a_conflict_waits_for_the_newer_version(void **state)
{
	(void)state;
	want("a/b", "1");
	answer("/a/b", 409);
	expect_queue(0, 0, 1, 0);
	want("a/b", "1");
	world_pass(4999);
	assert_null(world_call("/"));
	version = "2";
	want("a/b", "2");
	assert_string_equal(world_call("/a/b")->body, "{\"version\":2}");
	answer("/a/b", 200);
	expect_told("+a/b ");
}

static void a_conflict_that_nobody_explains_is_tried_again_later(void **state)
{
	(void)state;
	want("a/b", "1");
	answer("/a/b", 409);
	world_pass(7500);
	want("a/b", "1");
	assert_non_null(world_call("/a/b"));
}

static void what_came_during_a_conflict_is_not_forgotten(void **state)
{
	(void)state;
	want("a/b", "1");
	version = "2";
	want("a/b", "2");
	answer("/a/b", 409);
	assert_string_equal(world_call("/a/b")->body, "{\"version\":2}");
}

static void an_object_that_is_gone_is_done(void **state)
{
	(void)state;
	want("a/b", "1");
	answer("/a/b", 404);
	expect_told("+a/b ");
	expect_queue(0, 1, 0, 0);
}

static void failures_wait_longer_each_time_and_are_told_once(void **state)
{
	uint64_t low = 5000;

	(void)state;
	want("a/b", "1");
	for (int i = 0; i < 9; i++) {
		answer("/a/b", 500);
		assert_in_range(world_wait(), low, low + low / 2);
		low = low * 2 < 300000 ? low * 2 : 300000;
	}
	expect_told("T ");
	assert_string_equal(trouble, "Service 'a/b': HTTP status 500");
	answer("/a/b", 200);
	expect_told("+a/b R ");
	/* And the next failure is the first again. */
	version = "2";
	want("a/b", "2");
	world_end("/a/b", 0, "", false);
	assert_string_equal(trouble, "Service 'a/b': connection reset");
	assert_in_range(world_wait(), 5000, 7500);
}

static void who_may_not_is_told_what_to_change(void **state)
{
	(void)state;
	want("a/b", "1");
	want("a/c", "1");
	answer("/a/b", 403);
	answer("/a/c", 403);
	expect_told("T ");
	assert_string_equal(trouble, "Service 'a/b': HTTP status 403; a hint");
	expect_queue(2, 0, 0, 2);
}

static void a_busy_server_says_when_for_all(void **state)
{
	(void)state;
	want("a/b", "1");
	world_end_later("/a/b", 429, 20);
	want("a/c", "1");
	world_pass(19999);
	assert_null(world_call("/"));
	world_pass(1);
	assert_non_null(world_call("/a/b"));
	assert_non_null(world_call("/a/c"));
}

static void there_may_be_more_to_ask(void **state)
{
	(void)state;
	more = 1;
	want("a/b", "");
	answer("/a/b", 200);
	assert_non_null(world_call("/a/b"));
	answer("/a/b", 200);
	assert_null(world_call("/"));
	expect_told("+a/b +a/b ");
}

static void no_more_than_some_calls_a_second(void **state)
{
	char key[16];
	size_t done = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "a/%02d", i);
		assert_int_equal(writer_want(writer, key, "1"), 0);
	}
	for (int ms = 0; ms <= 2000; ms += 10) {
		size_t running = 0;

		world_pass(ms ? 10 : 0);
		for (size_t i = 0; i < WORLD_MAX; i++)
			running += world.calls[i] != NULL;
		assert_true(running <= 4);
		while (world_call("/")) {
			answer("/", 200);
			done++;
		}
	}
	/* The burst, and more in each of two seconds. */
	assert_int_equal(done, LIMITER_BURST + 2 * LIMITER_PER_S);
	expect_queue(100 - done, done, 0, 0);
}

static void a_stop_breaks_everything_off(void **state)
{
	(void)state;
	want("a/b", "1");
	want("a/c", "1");
	writer_stop(writer);
	assert_int_equal(world.cancelled, 2);
	expect_queue(0, 0, 0, 0);
	assert_null(world_timer());
	want("a/b", "1");
	assert_non_null(world_call("/a/b"));
}

static void without_credentials_it_is_a_failure_as_any(void **state)
{
	(void)state;
	world.must_refuse = true;
	want("a/b", "1");
	expect_told("T ");
	assert_string_equal(trouble, "Service 'a/b': no credentials");
	world.must_refuse = false;
	assert_in_range(world_wait(), 5000, 7500);
	assert_non_null(world_call("/a/b"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_wanted_is_written_once),
		TEST(what_need_not_be_written_after_all_is_not),
		TEST(a_newer_wish_takes_the_place_of_one_that_waits),
		TEST(one_call_at_a_time_for_an_object),
		TEST(what_was_made_of_a_newer_version_counts_as_of_that),
		TEST(a_conflict_waits_for_the_newer_version),
		TEST(a_conflict_that_nobody_explains_is_tried_again_later),
		TEST(what_came_during_a_conflict_is_not_forgotten),
		TEST(an_object_that_is_gone_is_done),
		TEST(failures_wait_longer_each_time_and_are_told_once),
		TEST(who_may_not_is_told_what_to_change),
		TEST(a_busy_server_says_when_for_all),
		TEST(there_may_be_more_to_ask),
		TEST(no_more_than_some_calls_a_second),
		TEST(a_stop_breaks_everything_off),
		TEST(without_credentials_it_is_a_failure_as_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

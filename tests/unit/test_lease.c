/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lease.c - who writes: taking a Lease, keeping it, and losing it in time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "kube_world.h"
#include "kube/lease.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/gw/leases"
#define OURS LEASES "/guideway"
#define LEASE_OF(holder, version, renewed)                                                         \
	"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":"    \
	"\"guideway\",\"namespace\":\"gw\",\"labels\":{\"a\":\"b\"},\"resourceVersion\":"          \
	"\"" version "\",\"managedFields\":[{}]},\"spec\":{\"holderIdentity\":\"" holder           \
	"\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2001-01-01T00:00:00.000000Z\","          \
	"\"renewTime\":\"" renewed "\",\"leaseTransitions\":3}}"
#define THEIRS(version) LEASE_OF("other", version, version)
#define HELD(version) LEASE_OF("me", version, version)

static struct lease *lease;
static char told[256];

static void tell(const char *text)
{
	assert_true(strlen(told) + strlen(text) < sizeof(told));
	strcat(told, text);
}

static void on_leader(bool is_leader, void *owner)
{
	(void)owner;
	tell(is_leader ? "leader " : "follower ");
}

static char trouble[1024];

static void on_trouble(const char *sentence, void *owner)
{
	(void)owner;
	(void)snprintf(trouble, sizeof(trouble), "%s", sentence);
	tell("trouble ");
}

static void on_recovered(void *owner)
{
	(void)owner;
	tell("good ");
}

static void on_released(void *owner)
{
	(void)owner;
	tell("released ");
}

static int begin(void **state)
{
	const struct lease_settings settings = { "gw", "guideway", "me" };
	const struct lease_events events = {
		.on_leader = on_leader,
		.on_trouble = on_trouble,
		.on_recovered = on_recovered,
		.on_released = on_released,
	};

	(void)state;
	world_began();
	told[0] = '\0';
	if (lease_create(NULL, NULL, &settings, &events, &lease, NULL) < 0)
		return -1;
	world_pass(0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	lease_destroy(lease);
	return world_ended();
}

static const char *method(void)
{
	struct kube_call *call = world_call(LEASES);

	return call ? call->request.method : "none";
}

static void expect_body(const char *text)
{
	struct kube_call *call = world_call(LEASES);

	assert_non_null(call);
	if (!strstr(call->body, text))
		fail_msg("%s lacks %s", call->body, text);
}

static void answer(int status, const char *body)
{
	world_end(LEASES, status, body, true);
}

/* We have it, in version 10. */
static void take(void)
{
	assert_string_equal(method(), "GET");
	answer(404, "");
	answer(201, HELD("10"));
	expect_told("leader ");
}

static void one_that_is_not_there_is_made(void **state)
{
	(void)state;
	assert_string_equal(method(), "GET");
	assert_string_equal(world_call(LEASES)->path, OURS);
	answer(404, "");
	assert_string_equal(method(), "POST");
	assert_string_equal(world_call(LEASES)->path, LEASES);
	expect_body("\"holderIdentity\":\"me\"");
	expect_body("\"leaseDurationSeconds\":15");
	expect_body("\"leaseTransitions\":0");
	expect_body("\"namespace\":\"gw\"");
	assert_false(lease_is_leader(lease));
	answer(201, HELD("10"));
	expect_told("leader ");
	assert_true(lease_is_leader(lease));
}

static void of_two_that_make_it_one_has_it(void **state)
{
	(void)state;
	answer(404, "");
	answer(409, "");
	expect_told("");
	assert_in_range(world_wait(), 1600, 2000);
	assert_string_equal(method(), "GET");
	answer(200, THEIRS("10"));
	assert_string_equal(method(), "none");
	expect_told("");
}

/* Whatever the times in it say. */
static void anothers_is_taken_when_it_was_not_renewed_for_its_duration(void **state)
{
	uint64_t seen_ms;

	(void)state;
	answer(200, THEIRS("10"));
	(void)world_wait();
	answer(200, THEIRS("11"));
	seen_ms = world.now_ms;
	while (world.now_ms < seen_ms + 15000) {
		assert_string_equal(method(), "none");
		assert_in_range(world_wait(), 1, 2000);
		assert_string_equal(method(), "GET");
		answer(200, THEIRS("11"));
	}
	/* Not later than that, for no look is waited for. */
	assert_true(world.now_ms == seen_ms + 15000);
	assert_string_equal(method(), "PUT");
	expect_body("\"resourceVersion\":\"11\"");
	expect_body("\"holderIdentity\":\"me\"");
	expect_body("\"leaseTransitions\":4");
	expect_body("\"labels\":{\"a\":\"b\"}");
	assert_null(strstr(world_call(LEASES)->body, "managedFields"));
	assert_null(strstr(world_call(LEASES)->body, "2001-01-01"));
	answer(200, HELD("12"));
	expect_told("leader ");
}

static void who_is_slower_at_taking_it_waits_again(void **state)
{
	(void)state;
	answer(200, LEASE_OF("", "10", "x"));
	assert_string_equal(method(), "PUT");
	answer(409, "");
	assert_string_equal(method(), "none");
	(void)world_wait();
	answer(200, THEIRS("11"));
	world_pass(1);
	assert_string_equal(method(), "none");
	expect_told("");
}

static void the_holder_renews_without_reading(void **state)
{
	(void)state;
	take();
	for (int i = 0; i < 20; i++) {
		assert_in_range(world_wait(), 1600, 2000);
		assert_string_equal(method(), "PUT");
		expect_body("\"resourceVersion\":\"10\"");
		expect_body("\"leaseTransitions\":3");
		expect_body("\"acquireTime\":\"2001-01-01T00:00:00.000000Z\"");
		answer(200, HELD("10"));
	}
	expect_told("");
}

static void who_cannot_renew_stops_before_another_may_take_it(void **state)
{
	uint64_t renewed_ms;

	(void)state;
	take();
	(void)world_wait();
	renewed_ms = world.now_ms;
	world_pass(50); /* the answer takes so long */
	answer(200, HELD("11"));
	while (lease_is_leader(lease)) {
		assert_true(world.now_ms < renewed_ms + LEASE_RENEW_MS);
		(void)world_wait();
		if (world_call(LEASES))
			world_end(LEASES, 0, "", false);
	}
	expect_told("trouble follower ");
	assert_true(world.now_ms == renewed_ms + LEASE_RENEW_MS);
	/* The Lease is still in our name: it is ours again when the server is back. */
	while (!world_call(LEASES))
		(void)world_wait();
	if (strcmp(method(), "GET") == 0)
		answer(200, HELD("11"));
	answer(200, HELD("12"));
	expect_told("good leader ");
}

static void the_clock_counts_also_when_the_loop_is_late(void **state)
{
	(void)state;
	take();
	world.now_ms += LEASE_RENEW_MS;
	assert_false(lease_is_leader(lease));
	world_pass(0);
	expect_told("follower ");
}

static void a_renewal_that_took_too_long_is_none(void **state)
{
	(void)state;
	answer(404, "");
	world.now_ms += LEASE_RENEW_MS + 1;
	answer(201, HELD("10"));
	expect_told("");
	assert_false(lease_is_leader(lease));
}

static void the_holder_that_meets_another_version_looks_who_has_it(void **state)
{
	(void)state;
	take();
	(void)world_wait();
	answer(409, "");
	assert_string_equal(method(), "GET");
	answer(200, HELD("15"));
	assert_string_equal(method(), "PUT");
	expect_body("\"resourceVersion\":\"15\"");
	/* Who is beaten again does not try as fast as it can. */
	answer(409, "");
	assert_string_equal(method(), "none");
	assert_in_range(world_wait(), 1600, 2000);
	answer(200, HELD("16"));
	answer(200, HELD("17"));
	expect_told("");
	(void)world_wait();
	answer(409, "");
	answer(200, THEIRS("18"));
	expect_told("follower ");
	assert_string_equal(method(), "none");
}

static void a_lease_that_was_deleted_is_made_again(void **state)
{
	(void)state;
	take();
	(void)world_wait();
	answer(404, "");
	(void)world_wait();
	assert_string_equal(method(), "GET");
	answer(404, "");
	assert_string_equal(method(), "POST");
	answer(201, HELD("20"));
	expect_told("trouble good ");
}

static void a_stop_gives_it_back(void **state)
{
	(void)state;
	take();
	assert_true(lease_release(lease));
	expect_told("follower ");
	assert_string_equal(method(), "PUT");
	expect_body("\"holderIdentity\":\"\"");
	expect_body("\"leaseDurationSeconds\":1,");
	expect_body("\"leaseTransitions\":3");
	assert_true(lease_release(lease));
	answer(200, LEASE_OF("", "11", "x"));
	expect_told("released ");
	assert_null(world_timer());
}

static void a_stop_waits_for_a_renewal_and_not_for_long(void **state)
{
	(void)state;
	take();
	(void)world_wait();
	assert_true(lease_release(lease));
	expect_body("\"holderIdentity\":\"me\"");
	answer(200, HELD("12"));
	expect_body("\"resourceVersion\":\"12\"");
	expect_body("\"holderIdentity\":\"\"");
	expect_told("follower ");
	world_pass(LEASE_RELEASE_MS - 1);
	expect_told("");
	world_pass(1);
	expect_told("released ");
	assert_string_equal(method(), "none");
}

static void who_has_nothing_gives_nothing_back(void **state)
{
	(void)state;
	answer(200, THEIRS("10"));
	assert_false(lease_release(lease));
	expect_told("");
	assert_null(world_timer());
}

static void who_may_not_is_told_once_what_to_change(void **state)
{
	const char *body = "{\"kind\":\"Status\",\"message\":\"no rule\"}";

	(void)state;
	answer(403, body);
	expect_told("trouble ");
	assert_string_equal(trouble,
			    "Lease 'gw/guideway': HTTP status 403: no rule; the account may "
			    "not: a Role in the Lease's namespace must allow create, get "
			    "and update of leases");
	assert_in_range(world_wait(), 30000, 60000);
	answer(403, body);
	expect_told("");
	(void)world_wait();
	answer(200, LEASE_OF("", "10", "x"));
	answer(403, body);
	expect_told("");
	(void)world_wait();
	answer(200, THEIRS("11"));
	expect_told("good ");
}

static void a_busy_server_says_when(void **state)
{
	(void)state;
	world_end_later(LEASES, 429, 7);
	assert_int_equal(world_wait(), 7000);
	answer(200, THEIRS("10"));
	expect_told("trouble good ");
}

static void nobody_has_the_same_identity(void **state)
{
	char a[LEASE_IDENTITY_SIZE], b[LEASE_IDENTITY_SIZE];

	(void)state;
	lease_make_identity(a);
	lease_make_identity(b);
	assert_string_not_equal(a, b);
	assert_non_null(strchr(a, '_'));
	assert_int_equal(strlen(strchr(a, '_')), 37);
}

static void garbage_is_no_lease(void **state)
{
	struct lease_status status;

	(void)state;
	answer(200, "{\"kind\":\"Status\"}");
	(void)world_wait();
	answer(200, "nonsense");
	assert_string_equal(method(), "none");
	(void)world_wait();
	answer(200, THEIRS("10"));
	lease_read_status(lease, &status);
	assert_string_equal(status.holder, "other");
	assert_int_equal(status.transitions, 3);
	expect_told("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_is_not_there_is_made),
		TEST(of_two_that_make_it_one_has_it),
		TEST(anothers_is_taken_when_it_was_not_renewed_for_its_duration),
		TEST(who_is_slower_at_taking_it_waits_again),
		TEST(the_holder_renews_without_reading),
		TEST(who_cannot_renew_stops_before_another_may_take_it),
		TEST(the_clock_counts_also_when_the_loop_is_late),
		TEST(a_renewal_that_took_too_long_is_none),
		TEST(the_holder_that_meets_another_version_looks_who_has_it),
		TEST(a_lease_that_was_deleted_is_made_again),
		TEST(a_stop_gives_it_back),
		TEST(a_stop_waits_for_a_renewal_and_not_for_long),
		TEST(who_has_nothing_gives_nothing_back),
		TEST(who_may_not_is_told_once_what_to_change),
		TEST(a_busy_server_says_when),
		TEST(nobody_has_the_same_identity),
		TEST(garbage_is_no_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

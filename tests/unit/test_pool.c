/* SPDX-License-Identifier: BSD-2-Clause */
/* test_pool.c - which Service gets which address. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "model/pool.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static int setup(void **state)
{
	*state = pool_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	pool_destroy(*state);
	return 0;
}

static struct address address(const char *text)
{
	struct address parsed;

	assert_int_equal(address_parse(text, &parsed, NULL), 0);
	return parsed;
}

static void add(struct pool *pool, const char *range)
{
	assert_int_equal(pool_add_range(pool, range, NULL), 0);
}

static int ask(struct pool *pool, const char *owner, bool ipv4, struct address *ret,
	       struct error *error)
{
	const struct pool_request request = { .owner = owner, .namespace = "ns" };

	return pool_assign(pool, &request, ipv4, ret, error);
}

static bool has_family(const struct pool *pool, bool ipv4)
{
	const struct pool_request request = { .owner = "ns/a", .namespace = "ns" };

	return pool_has_family(pool, &request, ipv4);
}

/* The text of what owner is given; valid until the next call. */
static const char *assign(struct pool *pool, const char *owner, bool ipv4)
{
	static char text[ADDRESS_TEXT_SIZE];
	struct address given;

	assert_int_equal(ask(pool, owner, ipv4, &given, NULL), 0);
	return address_format(&given, text);
}

static int reserve(struct pool *pool, const char *owner, const char *text, bool sticky)
{
	struct address wanted = address(text);

	return pool_reserve(pool, owner, &wanted, sticky, NULL);
}

/* How many different owners get an address before there is none. */
static size_t capacity(struct pool *pool, bool ipv4)
{
	struct address given;
	char owner[32];
	size_t count = 0;
	int r;

	for (;;) {
		(void)snprintf(owner, sizeof(owner), "ns/s%zu", count);
		r = ask(pool, owner, ipv4, &given, NULL);
		if (r < 0)
			break;
		count++;
	}
	assert_int_equal(r, -ENOSPC);
	return count;
}

static void a_range_gives_each_of_its_addresses_once(void **state)
{
	static const struct {
		const char *range;
		bool ipv4;
		size_t count;
	} cases[] = {
		{ "10.0.0.0/24", true, 254 },
		{ "10.0.0.0/30", true, 2 },
		{ "10.0.0.0/31", true, 2 },
		{ "10.0.0.7/32", true, 1 },
		{ "10.0.0.5-10.0.0.20", true, 16 },
		{ "10.0.0.250-10.0.1.5", true, 12 },
		{ "10.0.0.5", true, 1 },
		{ "2001:db8::/120", false, 256 },
		{ "2001:db8::5", false, 1 },
		{ "2001:db8::fff0-2001:db8::1:2", false, 19 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pool *pool = pool_create();

		assert_non_null(pool);
		add(pool, cases[i].range);
		assert_int_equal(capacity(pool, cases[i].ipv4), cases[i].count);
		pool_destroy(pool);
	}
}

static void network_and_broadcast_addresses_are_not_given(void **state)
{
	add(*state, "10.0.0.0/30");
	assert_int_equal(capacity(*state, true), 2);
	assert_int_equal(reserve(*state, "other", "10.0.0.0", false), 0);
	assert_int_equal(reserve(*state, "other", "10.0.0.3", false), 0);
	assert_int_equal(reserve(*state, "other", "10.0.0.1", false), -EADDRINUSE);
	assert_int_equal(reserve(*state, "other", "10.0.0.2", false), -EADDRINUSE);
}

static void an_owner_keeps_its_address(void **state)
{
	char first[ADDRESS_TEXT_SIZE];

	add(*state, "10.0.0.0/28");
	(void)strcpy(first, assign(*state, "default/web", true));
	assert_int_equal(capacity(*state, true), 13);
	assert_string_equal(assign(*state, "default/web", true), first);
}

static void gateways_that_never_spoke_give_the_same_address(void **state)
{
	struct pool *other = pool_create();
	char first[ADDRESS_TEXT_SIZE];

	add(*state, "10.0.0.0/16");
	add(other, "10.0.0.0/16");
	(void)strcpy(first, assign(*state, "default/web", true));
	(void)assign(other, "default/api", true);
	assert_string_equal(assign(other, "default/web", true), first);
	pool_destroy(other);
}

static void owners_spread_over_the_range(void **state)
{
	size_t low_half = 0;
	char owner[32];

	add(*state, "10.0.0.0/16");
	for (size_t i = 0; i < 400; i++) {
		struct address given;

		(void)snprintf(owner, sizeof(owner), "default/service-%zu", i);
		assert_int_equal(ask(*state, owner, true, &given, NULL), 0);
		low_half += given.bytes[14] < 128;
	}
	assert_in_range(low_half, 140, 260);
}

static void families_are_apart(void **state)
{
	struct address given;
	struct error error = { 0 };

	assert_false(has_family(*state, true));
	add(*state, "10.0.0.1");
	assert_true(has_family(*state, true));
	assert_false(has_family(*state, false));
	assert_int_equal(ask(*state, "a/b", false, &given, &error), -ENOENT);
	assert_string_equal(error.text, "no address pool has IPv6 addresses");
	add(*state, "2001:db8::1");
	assert_string_equal(assign(*state, "a/b", true), "10.0.0.1");
	assert_string_equal(assign(*state, "a/b", false), "2001:db8::1");
	assert_int_equal(ask(*state, "a/c", true, &given, &error), -ENOSPC);
	assert_string_equal(error.text, "every IPv4 address of the pool is taken");
}

static void several_ranges_are_one_pool(void **state)
{
	add(*state, "10.0.0.0/29");
	add(*state, "2001:db8::/126");
	add(*state, "10.0.1.0/29");
	add(*state, "10.0.0.1"); /* again */
	assert_int_equal(capacity(*state, true), 12);
	assert_int_equal(capacity(*state, false), 4);
}

static void huge_ranges_are_no_trouble(void **state)
{
	struct address given;
	struct prefix net;

	add(*state, "2001:db8::/32");
	assert_int_equal(prefix_parse("2001:db8::/96", &net, NULL), 0);
	for (char owner[] = "ns/a"; owner[3] <= 'z'; owner[3]++) {
		assert_int_equal(ask(*state, owner, false, &given, NULL), 0);
		assert_true(prefix_contains(&net, &given));
	}
	assert_int_equal(reserve(*state, "x", "2001:db8:ffff::1", false), 0);
	assert_int_equal(reserve(*state, "y", "2001:db8:ffff::1", false), -EADDRINUSE);
}

static void a_reserved_address_is_given_to_nobody_else(void **state)
{
	struct address wanted = address("10.0.0.1"), given;
	struct error error = { 0 };

	add(*state, "10.0.0.1-10.0.0.2");
	assert_int_equal(reserve(*state, "ns/a", "10.0.0.1", false), 0);
	assert_int_equal(reserve(*state, "ns/a", "10.0.0.1", false), 0);
	assert_string_equal(assign(*state, "ns/b", true), "10.0.0.2");
	assert_int_equal(ask(*state, "ns/a", true, &given, NULL), -ENOSPC);
	assert_int_equal(pool_reserve(*state, "ns/b", &wanted, false, &error), -EADDRINUSE);
	assert_string_equal(error.text, "10.0.0.1 of the pool is taken by \"ns/a\"");
}

static void a_restored_address_is_what_its_owner_is_given(void **state)
{
	add(*state, "10.0.0.0/24");
	assert_int_equal(reserve(*state, "ns/a", "10.0.0.77", false), 0);
	assert_int_equal(reserve(*state, "ns/a", "10.0.0.77", true), 0);
	assert_string_equal(assign(*state, "ns/a", true), "10.0.0.77");
}

static void what_was_given_outside_every_range_is_kept(void **state)
{
	struct address outside = address("10.9.9.9");

	add(*state, "10.0.0.0/24");
	assert_int_equal(reserve(*state, "ns/a", "10.9.9.9", true), 0);
	assert_int_equal(reserve(*state, "ns/b", "10.9.9.9", true), -EADDRINUSE);
	assert_false(pool_contains(*state, &outside));
	assert_true(pool_is_assigned(*state, "ns/a", &outside));
	assert_string_equal(assign(*state, "ns/a", true), "10.9.9.9");
	pool_release(*state, "ns/a");
	assert_string_not_equal(assign(*state, "ns/a", true), "10.9.9.9");
}

static void released_addresses_are_free_again(void **state)
{
	add(*state, "10.0.0.1-10.0.0.3");
	assert_int_equal(reserve(*state, "ns/a", "10.0.0.1", false), 0);
	assert_int_equal(reserve(*state, "ns/a", "10.0.0.2", true), 0);
	assert_int_equal(reserve(*state, "ns/ab", "10.0.0.3", true), 0);
	pool_release(*state, "ns/a");
	pool_release(*state, "ns/nobody");
	assert_int_equal(reserve(*state, "ns/b", "10.0.0.1", false), 0);
	assert_int_equal(reserve(*state, "ns/b", "10.0.0.2", false), 0);
	assert_int_equal(reserve(*state, "ns/b", "10.0.0.3", false), -EADDRINUSE);
}

struct listing {
	char text[256];
};

static void append(const char *owner, const struct address *given, void *context)
{
	struct listing *listing = context;
	size_t used = strlen(listing->text);
	char text[ADDRESS_TEXT_SIZE];

	(void)snprintf(listing->text + used, sizeof(listing->text) - used, "%s %s\n", owner,
		       address_format(given, text));
}

static void sticky_assignments_are_listed_in_order(void **state)
{
	struct listing listing = { "" };

	add(*state, "10.0.0.0/24");
	add(*state, "2001:db8::/64");
	assert_int_equal(reserve(*state, "b/b", "10.0.0.3", true), 0);
	assert_int_equal(reserve(*state, "a/a", "2001:db8::1", true), 0);
	assert_int_equal(reserve(*state, "a/a", "10.0.0.9", true), 0);
	assert_int_equal(reserve(*state, "a/b", "10.0.0.4", false), 0);
	pool_for_each(*state, append, &listing);
	assert_string_equal(listing.text, "a/a 10.0.0.9\na/a 2001:db8::1\nb/b 10.0.0.3\n");
}

static void bad_ranges_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "address pool \"\": \"\" is not an IP address" },
		{ "10.0.0.9-10.0.0.1",
		  "address pool \"10.0.0.9-10.0.0.1\": the range ends before its start" },
		{ "10.0.0.9-2001:db8::1",
		  "address pool \"10.0.0.9-2001:db8::1\": the range ends before its start" },
		{ "10.0.0.1-", "address pool \"10.0.0.1-\": \"\" is not an IP address" },
		{ "127.0.0.0/8", "address pool \"127.0.0.0/8\": 127.0.0.1 is a loopback address, "
				 "expected a unicast address" },
		{ "fe80::/64",
		  "address pool \"fe80::/64\": fe80:: is a link-local address, expected "
		  "a unicast address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error error = { 0 };

		assert_int_equal(pool_add_range(*state, cases[i].text, &error), -EINVAL);
		assert_string_equal(error.text, cases[i].reason);
	}
	assert_false(has_family(*state, true));
	assert_false(has_family(*state, false));
	pool_destroy(NULL);
}

/* Ranges of one text each. */
struct named {
	struct address_pool pool;
	struct address_range ranges[2];
	const char *namespaces[1];
	struct label labels[1];
};

static struct named named(const char *name, const char *first, const char *second)
{
	struct named named = { .pool = { .name = name, .auto_assign = true } };

	assert_int_equal(address_range_parse(first, &named.ranges[0], NULL), 0);
	named.pool.range_count = 1;
	if (second) {
		assert_int_equal(address_range_parse(second, &named.ranges[1], NULL), 0);
		named.pool.range_count = 2;
	}
	return named;
}

/* The pools of up to four; valid until the next call. */
static void set_named(struct pool *pool, struct named *items, size_t count)
{
	static struct address_pool pools[4];

	for (size_t i = 0; i < count; i++) {
		pools[i] = items[i].pool;
		pools[i].ranges = items[i].ranges;
		pools[i].namespaces = items[i].namespaces;
		pools[i].namespace_count = items[i].namespaces[0] != NULL;
		pools[i].selector.items = items[i].labels;
		pools[i].selector.count = items[i].labels[0].key != NULL;
	}
	pool_set_named(pool, pools, count);
}

static const char *assign_from(struct pool *pool, const char *owner, const char *pool_name,
			       const struct label *label)
{
	static char text[sizeof(((struct error *)NULL)->text)];
	const struct labels labels = { label, 1 };
	const struct pool_request request = {
		.owner = owner,
		.namespace = "ns",
		.labels = label ? &labels : NULL,
		.pool_name = pool_name,
	};
	struct error error = { 0 };
	struct address given;

	if (pool_assign(pool, &request, true, &given, &error) < 0)
		return strcpy(text, error.text);
	return address_format(&given, text);
}

static void a_pool_is_for_whom_it_says(void **state)
{
	static const struct label gold = { "tier", "gold" }, iron = { "tier", "iron" };
	struct named items[] = {
		named("anyone", "10.1.0.1", NULL),
		named("theirs", "10.2.0.1", NULL),
		named("ours", "10.3.0.1", NULL),
		named("gold", "10.4.0.1", NULL),
	};

	items[1].namespaces[0] = "other";
	items[2].namespaces[0] = "ns";
	items[3].labels[0] = gold;
	set_named(*state, items, 4);
	add(*state, "10.0.0.1");
	/* What is made for some Services comes first, flags last. */
	assert_string_equal(assign_from(*state, "ns/gold", NULL, &gold), "10.3.0.1");
	assert_string_equal(assign_from(*state, "ns/gold-2", NULL, &gold), "10.4.0.1");
	assert_string_equal(assign_from(*state, "ns/a", NULL, &iron), "10.1.0.1");
	assert_string_equal(assign_from(*state, "ns/b", NULL, NULL), "10.0.0.1");
	assert_string_equal(assign_from(*state, "ns/c", NULL, &gold),
			    "every IPv4 address of the pool is taken");
}

static void a_pool_can_be_asked_for(void **state)
{
	struct named items[] = { named("edge", "10.1.0.1", NULL),
				 named("inner", "10.2.0.1", NULL) };

	items[0].pool.auto_assign = false;
	items[1].namespaces[0] = "other";
	set_named(*state, items, 2);
	assert_string_equal(assign_from(*state, "ns/a", NULL, NULL),
			    "no address pool has IPv4 addresses for this Service");
	assert_string_equal(assign_from(*state, "ns/a", "edge", NULL), "10.1.0.1");
	assert_string_equal(assign_from(*state, "ns/b", "edge", NULL),
			    "every IPv4 address of address pool \"edge\" is taken");
	assert_string_equal(assign_from(*state, "ns/b", "inner", NULL),
			    "address pool \"inner\" has no IPv4 addresses for this Service");
	assert_string_equal(assign_from(*state, "ns/b", "none", NULL),
			    "there is no address pool \"none\"");
	add(*state, "10.0.0.1");
	assert_string_equal(assign_from(*state, "ns/b", "default", NULL), "10.0.0.1");
}

static void an_address_is_exchanged_for_one_of_the_pool_asked_for(void **state)
{
	struct named items[] = { named("edge", "10.1.0.1", NULL),
				 named("inner", "10.2.0.1", NULL) };
	struct address before = address("10.1.0.1");

	set_named(*state, items, 2);
	assert_string_equal(assign_from(*state, "ns/a", "edge", NULL), "10.1.0.1");
	assert_string_equal(assign_from(*state, "ns/b", NULL, NULL), "10.2.0.1");
	assert_string_equal(assign_from(*state, "ns/a", "inner", NULL), "10.1.0.1"); /* full */
	pool_release(*state, "ns/b");
	assert_string_equal(assign_from(*state, "ns/a", "inner", NULL), "10.2.0.1");
	assert_false(pool_is_assigned(*state, "ns/a", &before));
	set_named(*state, items, 1);
	assert_string_equal(assign_from(*state, "ns/a", NULL, NULL), "10.2.0.1"); /* kept */
}

static void both_families_come_from_a_pool_that_has_both(void **state)
{
	struct named items[] = { named("four", "10.1.0.1", NULL),
				 named("both", "10.2.0.1", "2001:db8::2") };
	struct pool_request request = { .owner = "ns/a", .namespace = "ns", .wants_both = true };
	struct address given, expected = address("10.2.0.1");

	set_named(*state, items, 2);
	assert_int_equal(pool_assign(*state, &request, true, &given, NULL), 0);
	assert_int_equal(address_compare(&given, &expected), 0);
	request.wants_both = false;
	request.owner = "ns/b";
	assert_int_equal(pool_assign(*state, &request, true, &given, NULL), 0);
	expected = address("10.1.0.1");
	assert_int_equal(address_compare(&given, &expected), 0);
}

static void addresses_that_old_clients_refuse_can_be_avoided(void **state)
{
	struct named items[] = { named("old", "10.0.0.254-10.0.1.1",
				       "2001:db8::ff-2001:db8::100") };
	size_t count[2] = { 0 };

	items[0].pool.avoids_buggy = true;
	set_named(*state, items, 1);
	count[true] = capacity(*state, true);
	count[false] = capacity(*state, false);
	assert_int_equal(count[true], 2);
	assert_int_equal(count[false], 2);
}

static void assert_checked(struct pool *pool, const char *text, const char *pool_name,
			   const char *sentence)
{
	const struct pool_request request = {
		.owner = "ns/a",
		.namespace = "ns",
		.pool_name = pool_name,
	};
	struct address wanted = address(text);
	struct error error = { 0 };
	int r = pool_check(pool, &request, &wanted, &error);

	assert_string_equal(error.text, sentence);
	assert_int_equal(r < 0, sentence[0] != '\0');
}

static void an_address_can_be_named_where_its_pool_allows_it(void **state)
{
	struct named items[] = { named("edge", "10.1.0.1", NULL),
				 named("inner", "10.2.0.1", NULL) };

	assert_true(pool_is_empty(*state));
	items[0].pool.auto_assign = false;
	items[1].namespaces[0] = "other";
	set_named(*state, items, 2);
	assert_false(pool_is_empty(*state));
	assert_checked(*state, "10.1.0.1", NULL, "");
	assert_checked(*state, "10.1.0.1", "edge", "");
	assert_checked(*state, "10.1.0.1", "inner",
		       "10.1.0.1 does not lie in address pool \"inner\"");
	assert_checked(*state, "10.2.0.1", NULL,
		       "10.2.0.1 lies in address pool \"inner\", which is not for this Service");
	assert_checked(*state, "10.3.0.1", NULL, "10.3.0.1 lies in no address pool");
	add(*state, "10.2.0.1");
	assert_checked(*state, "10.2.0.1", NULL, "");
}

static void what_a_status_says_evicts_what_none_does(void **state)
{
	struct address wanted = address("10.0.0.1");
	struct error error = { 0 };
	bool evicted;

	add(*state, "10.0.0.1-10.0.0.2");
	assert_int_equal(reserve(*state, "ns/a", "10.0.0.1", true), 0);
	assert_int_equal(pool_publish(*state, "ns/b", &wanted, &evicted, NULL), 0);
	assert_true(evicted);
	assert_string_equal(assign(*state, "ns/b", true), "10.0.0.1");
	assert_string_equal(assign(*state, "ns/a", true), "10.0.0.2");
	assert_int_equal(pool_publish(*state, "ns/a", &wanted, &evicted, &error), -EADDRINUSE);
	assert_string_equal(error.text, "10.0.0.1 of the pool is taken by \"ns/b\"");
	pool_forget_published(*state, "ns/b");
	assert_int_equal(pool_publish(*state, "ns/a", &wanted, &evicted, NULL), 0);
	assert_true(evicted);
	/* Who names an address holds it under its own text, and is not evicted. */
	wanted = address("10.0.0.7");
	assert_int_equal(reserve(*state, "10.0.0.7", "10.0.0.7", false), 0);
	assert_int_equal(pool_publish(*state, "ns/a", &wanted, &evicted, NULL), -EADDRINUSE);
	assert_false(evicted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_range_gives_each_of_its_addresses_once),
		TEST(network_and_broadcast_addresses_are_not_given),
		TEST(an_owner_keeps_its_address),
		TEST(gateways_that_never_spoke_give_the_same_address),
		TEST(owners_spread_over_the_range),
		TEST(families_are_apart),
		TEST(several_ranges_are_one_pool),
		TEST(huge_ranges_are_no_trouble),
		TEST(a_reserved_address_is_given_to_nobody_else),
		TEST(a_restored_address_is_what_its_owner_is_given),
		TEST(what_was_given_outside_every_range_is_kept),
		TEST(released_addresses_are_free_again),
		TEST(sticky_assignments_are_listed_in_order),
		TEST(bad_ranges_are_refused_with_a_reason),
		TEST(a_pool_is_for_whom_it_says),
		TEST(a_pool_can_be_asked_for),
		TEST(an_address_is_exchanged_for_one_of_the_pool_asked_for),
		TEST(both_families_come_from_a_pool_that_has_both),
		TEST(addresses_that_old_clients_refuse_can_be_avoided),
		TEST(an_address_can_be_named_where_its_pool_allows_it),
		TEST(what_a_status_says_evicts_what_none_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_address.c - addresses and prefixes as text and as bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "model/address.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static struct address address(const char *text)
{
	struct address parsed;

	assert_int_equal(address_parse(text, &parsed, NULL), 0);
	return parsed;
}

static struct prefix prefix(const char *text)
{
	struct prefix parsed;

	assert_int_equal(prefix_parse(text, &parsed, NULL), 0);
	return parsed;
}

static void addresses_come_back_in_canonical_form(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "::FFFF:0A00:0001", "10.0.0.1" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "::", "::" },
		{ "::1", "::1" },
	};
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct address parsed = address(cases[i].text);

		assert_string_equal(address_format(&parsed, text), cases[i].canonical);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"",          "10.0.0",        "10.0.0.256",    "10.0.0.1 ",      "10.0.0.0.1",
		"10.0.0.1x", "0x0a.0.0.1",    "1:2:3",         "2001:db8::1%lo", "2001::1::1",
		"localhost", "2001:db8::/32", "[2001:db8::1]",
	};
	struct address before = { { 42 } }, parsed = before;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct error error = { 0 };

		assert_int_equal(address_parse(texts[i], &parsed, &error), -EINVAL);
		assert_non_null(strstr(error.text, "is not an IP address"));
	}
	assert_memory_equal(&parsed, &before, sizeof(parsed));
}

static void a_leading_zero_is_refused_by_its_name(void **state)
{
	static const char *const texts[] = { "010.0.0.1", "10.0.0.01", "10.00.0.1" };
	struct address parsed;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct error error = { 0 };

		assert_int_equal(address_parse(texts[i], &parsed, &error), -EINVAL);
		assert_non_null(strstr(error.text, "leading zero"));
	}
}

static void leading_zeros_are_dropped_where_decimals_are_meant(void **state)
{
	static const char *const cases[][2] = {
		{ "010.0.0.1", "10.0.0.1" },
		{ "10.00.000.001", "10.0.0.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ " 010.020.030.040/08", " 10.20.30.40/08" },
		{ "10.0.0.100", "10.0.0.100" },
		{ "2001:0db8::01", "2001:0db8::01" },
		{ "", "" },
		{ "text", "text" },
	};
	char plain[ADDRESS_PLAIN_SIZE], longest[3 * ADDRESS_PLAIN_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(address_drop_zeros(cases[i][0], plain), cases[i][1]);
	memset(longest, '1', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(strlen(address_drop_zeros(longest, plain)), sizeof(plain) - 1);
}

static void ipv4_stands_before_ipv6_and_in_numeric_order(void **state)
{
	static const char *const sorted[] = { "1.2.3.4",   "10.0.0.1",    "10.0.0.2",
					      "200.0.0.1", "2001:db8::1", "fd00::1" };

	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(sorted); i++) {
		struct address a = address(sorted[i - 1]), b = address(sorted[i]);

		assert_true(address_compare(&a, &b) < 0);
		assert_true(address_compare(&b, &a) > 0);
		assert_int_equal(address_compare(&a, &a), 0);
	}
}

static void special_addresses_are_not_usable(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "0.0.0.0", "0.0.0.0 is the unspecified address, expected a unicast address" },
		{ "127.0.0.1", "127.0.0.1 is a loopback address, expected a unicast address" },
		{ "169.254.1.1",
		  "169.254.1.1 is a link-local address, expected a unicast address" },
		{ "224.0.0.1", "224.0.0.1 is a multicast address, expected a unicast address" },
		{ "239.255.255.255",
		  "239.255.255.255 is a multicast address, expected a unicast address" },
		{ "255.255.255.255",
		  "255.255.255.255 is the broadcast address, expected a unicast address" },
		{ "::", ":: is the unspecified address, expected a unicast address" },
		{ "::1", "::1 is a loopback address, expected a unicast address" },
		{ "fe80::1", "fe80::1 is a link-local address, expected a unicast address" },
		{ "febf::1", "febf::1 is a link-local address, expected a unicast address" },
		{ "ff02::1", "ff02::1 is a multicast address, expected a unicast address" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct address special = address(cases[i].text);
		struct error error = { 0 };

		assert_int_equal(address_check_usable(&special, &error), -EINVAL);
		assert_string_equal(error.text, cases[i].reason);
	}
}

static void unicast_addresses_are_usable(void **state)
{
	static const char *const texts[] = { "10.0.0.1",  "192.168.1.1", "169.253.1.1",
					     "223.0.0.1", "2001:db8::1", "fd00::1",
					     "fec0::1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct address unicast = address(texts[i]);

		assert_int_equal(address_check_usable(&unicast, NULL), 0);
	}
}

static void prefixes_keep_address_and_mapped_length(void **state)
{
	static const struct {
		const char *text, *network;
		uint8_t length;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0", 104 },
		{ " 10.1.2.3/32\t\n", "10.1.2.3", 128 },
		{ "0.0.0.0/0", "0.0.0.0", 96 },
		{ "10.0.0.128/25", "10.0.0.128", 121 },
		{ "2001:db8::/32", "2001:db8::", 32 },
		{ "::/0", "::", 0 },
		{ "::ffff:10.0.0.0/104", "10.0.0.0", 104 },
		{ "2001:db8::1/128", "2001:db8::1", 128 },
		{ "10.1.2.3/8", "10.0.0.0", 104 },
		{ "2001:db8::1/64", "2001:db8::", 64 },
	};
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix parsed = prefix(cases[i].text);

		assert_string_equal(address_format(&parsed.address, text), cases[i].network);
		assert_int_equal(parsed.length, cases[i].length);
	}
}

static void what_is_no_prefix_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "10.0.0.0", "\"10.0.0.0\" is not a prefix, expected ADDRESS/LENGTH" },
		{ "10.0.0.0/33", "\"10.0.0.0/33\" has a bad length, expected 0 to 32" },
		{ "::/129", "\"::/129\" has a bad length, expected 0 to 128" },
		{ "10.0.0.0/", "\"10.0.0.0/\" has a bad length, expected 0 to 32" },
		{ "10.0.0.0/-1", "\"10.0.0.0/-1\" has a bad length, expected 0 to 32" },
		{ "10.0.0.0/08", "\"10.0.0.0/08\" has a bad length, expected 0 to 32" },
		{ "10.0.0.0/8/8", "\"10.0.0.0/8/8\" has a bad length, expected 0 to 32" },
		{ "x/8", "\"x\" is not an IP address" },
		{ "   ", "\"   \" is not a prefix, expected ADDRESS/LENGTH" },
	};
	struct prefix parsed;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error error = { 0 };

		assert_int_equal(prefix_parse(cases[i].text, &parsed, &error), -EINVAL);
		assert_string_equal(error.text, cases[i].reason);
	}
}

static void a_prefix_contains_its_addresses_only(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool contained;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/9", "10.127.0.1", true },
		{ "10.0.0.0/9", "10.128.0.1", false },
		{ "10.0.0.1/32", "10.0.0.1", true },
		{ "10.0.0.1/32", "10.0.0.2", false },
		{ "0.0.0.0/0", "200.1.2.3", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "10.0.0.1", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix parsed = prefix(cases[i].prefix);
		struct address inside = address(cases[i].address);

		assert_int_equal(prefix_contains(&parsed, &inside), cases[i].contained);
	}
}

static void prefixes_are_sorted_so_that_a_wider_one_comes_first(void **state)
{
	static const char *const sorted[] = { "::/0",        "0.0.0.0/0",   "10.0.0.0/8",
					      "10.0.0.0/24", "10.1.0.0/16", "2001:db8::/32" };

	(void)state;
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 6; j++) {
			struct prefix a = prefix(sorted[i]), b = prefix(sorted[j]);
			int order = prefix_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void a_prefix_knows_its_family(void **state)
{
	const struct prefix any4 = prefix("0.0.0.0/0"), any6 = prefix("::/0");
	const struct prefix low6 = prefix("::/96"), mapped = prefix("::ffff:10.0.0.0/104");

	(void)state;
	assert_true(prefix_is_ipv4(&any4));
	assert_true(prefix_is_ipv4(&mapped));
	assert_false(prefix_is_ipv4(&any6));
	assert_false(prefix_is_ipv4(&low6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_back_in_canonical_form),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_leading_zero_is_refused_by_its_name),
		cmocka_unit_test(leading_zeros_are_dropped_where_decimals_are_meant),
		cmocka_unit_test(ipv4_stands_before_ipv6_and_in_numeric_order),
		cmocka_unit_test(special_addresses_are_not_usable),
		cmocka_unit_test(unicast_addresses_are_usable),
		cmocka_unit_test(prefixes_keep_address_and_mapped_length),
		cmocka_unit_test(what_is_no_prefix_is_refused_with_a_reason),
		cmocka_unit_test(a_prefix_contains_its_addresses_only),
		cmocka_unit_test(prefixes_are_sorted_so_that_a_wider_one_comes_first),
		cmocka_unit_test(a_prefix_knows_its_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

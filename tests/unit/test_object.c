/* SPDX-License-Identifier: BSD-2-Clause */
/* test_object.c - the life of objects, names, labels. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/arena.h"
#include <string.h>

#include "model/object.h"

static const struct label items[] = { { "app", "web" }, { "env", "prod" }, { "tier", "" } };
static const struct labels labels = { items, 3 };

static void an_object_starts_empty_and_takes_its_arena_along(void **state)
{
	struct object *object = object_create(OBJECT_POD);

	(void)state;
	assert_non_null(object);
	assert_int_equal(object->kind, OBJECT_POD);
	assert_null(object->name);
	assert_int_equal(object->pod.address_count, 0);
	assert_non_null(arena_alloc(object->arena, 100000));
	object_destroy(object);
	object_destroy(NULL);
}

static void kinds_protocols_and_modes_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(object_kind_name(OBJECT_SERVICE), "Service");
	assert_string_equal(object_kind_name(OBJECT_ENDPOINT_SLICE), "EndpointSlice");
	assert_string_equal(object_kind_name(OBJECT_ENDPOINTS), "Endpoints");
	assert_string_equal(object_kind_name(OBJECT_POD), "Pod");
	assert_string_equal(protocol_name(PROTOCOL_TCP), "TCP");
	assert_string_equal(protocol_name(PROTOCOL_UDP), "UDP");
	assert_string_equal(protocol_name(PROTOCOL_SCTP), "SCTP");
	assert_string_equal(forwarding_mode_name(FORWARDING_MODE_DEFAULT), "default");
	assert_string_equal(forwarding_mode_name(FORWARDING_MODE_SNAT), "snat");
	assert_string_equal(forwarding_mode_name(FORWARDING_MODE_GUE), "gue");
}

static void only_real_modes_can_be_asked_for(void **state)
{
	enum forwarding_mode mode = FORWARDING_MODE_DEFAULT;

	(void)state;
	assert_false(forwarding_mode_parse("default", &mode));
	assert_false(forwarding_mode_parse("SNAT", &mode));
	assert_false(forwarding_mode_parse("", &mode));
	assert_int_equal(mode, FORWARDING_MODE_DEFAULT);
	for (int wanted = FORWARDING_MODE_SNAT; wanted <= FORWARDING_MODE_GUE; wanted++) {
		const char *name = forwarding_mode_name((enum forwarding_mode)wanted);

		assert_true(forwarding_mode_parse(name, &mode));
		assert_int_equal(mode, wanted);
		assert_non_null(strstr(FORWARDING_MODE_NAMES, name));
	}
}

static void modes_differ_in_what_they_keep(void **state)
{
	(void)state;
	assert_false(forwarding_mode_keeps_port(FORWARDING_MODE_SNAT));
	assert_false(forwarding_mode_keeps_port(FORWARDING_MODE_DNAT));
	assert_true(forwarding_mode_keeps_port(FORWARDING_MODE_L2));
	assert_true(forwarding_mode_keeps_port(FORWARDING_MODE_IPIP));
	assert_true(forwarding_mode_keeps_port(FORWARDING_MODE_GUE));
	assert_false(forwarding_mode_encapsulates(FORWARDING_MODE_L2));
	assert_true(forwarding_mode_encapsulates(FORWARDING_MODE_IPIP));
	assert_true(forwarding_mode_encapsulates(FORWARDING_MODE_GUE));
}

static void every_label_is_found_and_no_other(void **state)
{
	const struct labels none = { NULL, 0 };

	(void)state;
	assert_string_equal(labels_get(&labels, "app"), "web");
	assert_string_equal(labels_get(&labels, "env"), "prod");
	assert_string_equal(labels_get(&labels, "tier"), "");
	assert_null(labels_get(&labels, "a"));
	assert_null(labels_get(&labels, "apps"));
	assert_null(labels_get(&labels, "zone"));
	assert_null(labels_get(&none, "app"));
}

static bool matches(const char *key, const char *value, const char *key_2, const char *value_2)
{
	const struct label pairs[] = { { key, value }, { key_2, value_2 } };
	const struct labels selector = { pairs, key_2 ? 2 : 1 };

	return labels_match(&selector, &labels);
}

static void a_selector_matches_when_all_its_pairs_do(void **state)
{
	const struct labels none = { NULL, 0 };

	(void)state;
	assert_true(matches("app", "web", NULL, NULL));
	assert_true(matches("app", "web", "env", "prod"));
	assert_true(matches("tier", "", NULL, NULL));
	assert_false(matches("app", "api", NULL, NULL));
	assert_false(matches("app", "web", "env", "test"));
	assert_false(matches("app", "web", "zone", "a"));
	assert_true(labels_match(&none, &labels));
	assert_false(labels_match(&labels, &none));
}

static void versions_are_decimals_of_any_length(void **state)
{
	static const char *const rising[] = {
		"1",
		"9",
		"10",
		"99",
		"18446744073709551616",
		"18446744073709551617",
		"100000000000000000000000000000000",
	};
	static const char *const malformed[] = { "", "0", "01", "12a", "-1", " 1" };
	const size_t count = sizeof(rising) / sizeof(rising[0]);

	(void)state;
	for (size_t a = 0; a < count; a++)
		for (size_t b = 0; b < count; b++) {
			int order = object_compare_versions(rising[a], rising[b]);

			assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
		}
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		assert_true(object_compare_versions(malformed[i], "1") < 0);
		assert_true(object_compare_versions("1", malformed[i]) > 0);
		assert_int_equal(object_compare_versions(malformed[i], "0"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_starts_empty_and_takes_its_arena_along),
		cmocka_unit_test(kinds_protocols_and_modes_have_their_names),
		cmocka_unit_test(only_real_modes_can_be_asked_for),
		cmocka_unit_test(modes_differ_in_what_they_keep),
		cmocka_unit_test(versions_are_decimals_of_any_length),
		cmocka_unit_test(every_label_is_found_and_no_other),
		cmocka_unit_test(a_selector_matches_when_all_its_pairs_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ids.c - ids of map entries: 0 is nobody's, an id in use is nobody else's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "datapath/ids.h"

static void ids_start_at_one_and_end_below_the_limit(void **state)
{
	struct ids *ids = ids_create(4, NULL, NULL);

	(void)state;
	assert_int_equal(ids_take(ids), 1);
	assert_int_equal(ids_take(ids), 2);
	assert_int_equal(ids_take(ids), 3);
	assert_int_equal(ids_take(ids), 0);
	assert_int_equal(ids_used_count(ids), 3);
	ids_destroy(ids);
}

static void an_id_given_back_is_taken_when_nothing_else_is_free(void **state)
{
	struct ids *ids = ids_create(4, NULL, NULL);

	(void)state;
	assert_int_equal(ids_take(ids), 1);
	ids_give(ids, 1);
	assert_int_equal(ids_take(ids), 2);
	assert_int_equal(ids_take(ids), 3);
	assert_int_equal(ids_take(ids), 1);
	assert_int_equal(ids_take(ids), 0);
	ids_destroy(ids);
}

static void an_adopted_id_is_not_taken(void **state)
{
	struct ids *ids = ids_create(4, NULL, NULL);

	(void)state;
	ids_mark(ids, 2);
	ids_mark(ids, 2);
	assert_int_equal(ids_used_count(ids), 1);
	assert_int_equal(ids_take(ids), 1);
	assert_int_equal(ids_take(ids), 3);
	assert_int_equal(ids_take(ids), 0);
	ids_destroy(ids);
}

static void giving_an_id_twice_frees_it_once(void **state)
{
	struct ids *ids = ids_create(3, NULL, NULL);

	(void)state;
	assert_int_equal(ids_take(ids), 1);
	ids_give(ids, 1);
	ids_give(ids, 1);
	assert_int_equal(ids_used_count(ids), 0);
	assert_int_equal(ids_take(ids), 2);
	assert_int_equal(ids_take(ids), 1);
	assert_int_equal(ids_take(ids), 0);
	ids_destroy(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_start_at_one_and_end_below_the_limit),
		cmocka_unit_test(an_id_given_back_is_taken_when_nothing_else_is_free),
		cmocka_unit_test(an_adopted_id_is_not_taken),
		cmocka_unit_test(giving_an_id_twice_frees_it_once),
	};

	return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}

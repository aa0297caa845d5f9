/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sorted.c - where something stands in a sorted array, or would stand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/sorted.h"

static const int numbers[] = { 2, 4, 4, 8 };

static int compare(const void *key, const void *item)
{
	const int *left = key, *right = item;

	return (*left > *right) - (*left < *right);
}

static size_t position(int key, size_t count)
{
	return sorted_position(&key, numbers, count, sizeof(numbers[0]), compare);
}

static void what_is_there_is_found_at_its_first_place(void **state)
{
	(void)state;
	assert_int_equal(position(2, 4), 0);
	assert_int_equal(position(4, 4), 1);
	assert_int_equal(position(8, 4), 3);
}

static void what_is_not_there_has_the_place_where_it_belongs(void **state)
{
	(void)state;
	assert_int_equal(position(1, 4), 0);
	assert_int_equal(position(3, 4), 1);
	assert_int_equal(position(5, 4), 3);
	assert_int_equal(position(9, 4), 4);
}

static void in_an_empty_array_it_is_the_first(void **state)
{
	(void)state;
	assert_int_equal(position(5, 0), 0);
	assert_int_equal(sorted_position(NULL, NULL, 0, sizeof(int), compare), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_found_at_its_first_place),
		cmocka_unit_test(what_is_not_there_has_the_place_where_it_belongs),
		cmocka_unit_test(in_an_empty_array_it_is_the_first),
	};

	return cmocka_run_group_tests_name("sorted", tests, NULL, NULL);
}

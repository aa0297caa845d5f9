/* SPDX-License-Identifier: BSD-2-Clause */
/* test_regions.c - stretches of slots: never given twice, given back after a grace period. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/regions.h"

#define LIMIT 1000

static void stretches_do_not_overlap(void **state)
{
	struct regions *regions = regions_create(LIMIT);
	uint32_t first, second;

	(void)state;
	assert_int_equal(regions_take(regions, 300, &first), 0);
	assert_int_equal(regions_take(regions, 300, &second), 0);
	assert_true(first + 300 <= second || second + 300 <= first);
	assert_int_equal(regions_used_count(regions), 600);
	regions_destroy(regions);
}

static void a_full_array_says_so_and_changes_nothing(void **state)
{
	struct regions *regions = regions_create(LIMIT);
	uint32_t offset = 7;

	(void)state;
	assert_int_equal(regions_take(regions, LIMIT + 1, &offset), -ENOSPC);
	assert_int_equal(offset, 7);
	assert_int_equal(regions_take(regions, LIMIT, &offset), 0);
	assert_int_equal(regions_take(regions, 1, &offset), -ENOSPC);
	assert_int_equal(regions_used_count(regions), LIMIT);
	regions_destroy(regions);
}

static void what_was_given_back_is_taken_last(void **state)
{
	struct regions *regions = regions_create(LIMIT);
	uint32_t first, second, third;

	(void)state;
	assert_int_equal(regions_take(regions, 400, &first), 0);
	regions_give(regions, first, 400);
	assert_int_equal(regions_take(regions, 400, &second), 0);
	assert_int_not_equal(second, first);
	assert_int_equal(regions_take(regions, 400, &third), 0);
	assert_int_equal(third, first);
	regions_destroy(regions);
}

static void an_adopted_stretch_is_not_given_again(void **state)
{
	struct regions *regions = regions_create(LIMIT);
	uint32_t offset;

	(void)state;
	assert_int_equal(regions_mark(regions, 100, 800), 0);
	assert_int_equal(regions_mark(regions, 899, 2), -EEXIST);
	assert_int_equal(regions_mark(regions, 0, 101), -EEXIST);
	assert_int_equal(regions_mark(regions, LIMIT - 1, 2), -EEXIST);
	assert_int_equal(regions_take(regions, 101, &offset), -ENOSPC);
	assert_int_equal(regions_take(regions, 100, &offset), 0);
	assert_true(offset == 0 || offset == 900);
	regions_destroy(regions);
}

struct held {
	uint32_t offset, count;
};

static void check_free_of_overlap(const unsigned char *taken, uint32_t offset, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(taken[offset + i], 0);
}

static void random_takes_and_gives_never_overlap_and_lose_nothing(void **state)
{
	struct regions *regions = regions_create(LIMIT);
	unsigned char taken[LIMIT] = { 0 };
	struct held held[LIMIT];
	size_t held_count = 0;
	uint32_t used = 0, offset;

	(void)state;
	srand(1);
	for (int step = 0; step < 3000; step++) {
		uint32_t count = 1 + (uint32_t)rand() % 60;

		if (rand() % 2 && regions_take(regions, count, &offset) == 0) {
			check_free_of_overlap(taken, offset, count);
			memset(taken + offset, 1, count);
			held[held_count++] = (struct held){ offset, count };
			used += count;
		} else if (held_count) {
			size_t index = (size_t)rand() % held_count;
			struct held gone = held[index];

			held[index] = held[--held_count];
			memset(taken + gone.offset, 0, gone.count);
			regions_give(regions, gone.offset, gone.count);
			used -= gone.count;
		}
		assert_int_equal(regions_used_count(regions), used);
	}
	while (held_count)
		regions_give(regions, held[held_count - 1].offset, held[held_count - 1].count),
			held_count--;
	assert_int_equal(regions_take(regions, LIMIT, &offset), 0);
	regions_destroy(regions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stretches_do_not_overlap),
		cmocka_unit_test(a_full_array_says_so_and_changes_nothing),
		cmocka_unit_test(what_was_given_back_is_taken_last),
		cmocka_unit_test(an_adopted_stretch_is_not_given_again),
		cmocka_unit_test(random_takes_and_gives_never_overlap_and_lose_nothing),
	};

	return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}

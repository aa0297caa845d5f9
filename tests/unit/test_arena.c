/* SPDX-License-Identifier: BSD-2-Clause */
/* test_arena.c - memory that is freed as one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "lib/arena.h"

static int setup(void **state)
{
	*state = arena_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_destroy(*state);
	return 0;
}

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	unsigned char *pieces[500];

	for (size_t i = 0; i < 500; i++) {
		pieces[i] = arena_alloc(*state, i);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		for (size_t byte = 0; byte < i; byte++)
			assert_int_equal(pieces[i][byte], 0);
		memset(pieces[i], (int)(i % 255 + 1), i);
	}
	for (size_t i = 0; i < 500; i++)
		for (size_t byte = 0; byte < i; byte++)
			assert_int_equal(pieces[i][byte], i % 255 + 1);
}

static void a_piece_may_be_larger_than_any_chunk(void **state)
{
	unsigned char *piece = arena_alloc(*state, 3 << 20);

	assert_non_null(piece);
	piece[0] = piece[(3 << 20) - 1] = 1;
	assert_non_null(arena_alloc(*state, 16));
}

static void sizes_that_overflow_are_refused(void **state)
{
	assert_null(arena_alloc(*state, SIZE_MAX));
	assert_null(arena_alloc_array(*state, SIZE_MAX / 2, 8));
	assert_null(arena_alloc_array(*state, 8, SIZE_MAX / 2));
	assert_non_null(arena_alloc_array(*state, 8, 0));
	assert_non_null(arena_alloc_array(*state, 0, 8));
}

static void copies_end_with_a_nul(void **state)
{
	const char text[] = { 'a', '\0', 'b', 'c' };
	const char *copy = arena_copy(*state, text, 3);

	assert_memory_equal(copy, "a\0b", 4);
	assert_string_equal(arena_copy(*state, text, 0), "");
	assert_string_equal(arena_strdup(*state, "hello"), "hello");
}

static void destroying_nothing_is_nothing(void **state)
{
	(void)state;
	arena_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pieces_are_zeroed_aligned_and_apart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_piece_may_be_larger_than_any_chunk, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sizes_that_overflow_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(copies_end_with_a_nul, setup, teardown),
		cmocka_unit_test(destroying_nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

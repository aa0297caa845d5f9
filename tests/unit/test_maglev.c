/* SPDX-License-Identifier: BSD-2-Clause */
/* test_maglev.c - the Maglev table: filled, fair, stable, the same everywhere. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "model/maglev.h"
#include "model/service.h"

#define SLOTS 16381
#define BACKENDS 100

static struct backend backends[BACKENDS];

static struct address address_number(size_t number)
{
	return (struct address){
		{ [10] = 0xff, [11] = 0xff, 10, 1, (uint8_t)(number >> 8), (uint8_t)number }
	};
}

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < BACKENDS; i++)
		backends[i] = (struct backend){ address_number(i), 8080, 1, BACKEND_READY };
	return 0;
}

static void fill(const struct backend *from, size_t count, uint32_t *slots, uint32_t slot_count)
{
	memset(slots, 0xff, slot_count * sizeof(*slots));
	assert_int_equal(maglev_fill(from, count, slots, slot_count, NULL), 0);
}

static size_t slots_of(const uint32_t *slots, uint32_t slot_count, uint32_t backend)
{
	size_t count = 0;

	for (uint32_t slot = 0; slot < slot_count; slot++)
		count += slots[slot] == backend;
	return count;
}

static bool is_prime(uint32_t number)
{
	for (uint32_t divisor = 2; divisor * divisor <= number; divisor++)
		if (number % divisor == 0)
			return false;
	return number > 1;
}

static void the_ladder_is_of_primes_a_half_octave_apart(void **state)
{
	uint32_t previous = 0, slot_count;
	size_t steps = 0;

	(void)state;
	for (size_t count = 1; count <= 40000; count++) {
		slot_count = maglev_slot_count(count);
		if (slot_count == previous)
			continue;
		assert_true(is_prime(slot_count));
		if (previous) /* between 1.38 and 1.45 */
			assert_in_range(slot_count, previous * 138ULL / 100,
					previous * 145ULL / 100);
		previous = slot_count;
		steps++;
	}
	assert_int_equal(steps, 29);
	assert_int_equal(previous, 4194301);
}

static void a_backend_has_at_least_128_slots_of_the_smallest_table_that_does(void **state)
{
	(void)state;
	assert_int_equal(maglev_slot_count(0), 0);
	assert_int_equal(maglev_slot_count(1), 251);
	assert_int_equal(maglev_slot_count(2), 359);
	assert_int_equal(maglev_slot_count(3), 509);
	assert_int_equal(maglev_slot_count(4), 719);
	assert_int_equal(maglev_slot_count(511), 65521);
	assert_int_equal(maglev_slot_count(512), 92681);
	assert_int_equal(maglev_slot_count(1000), 131071);
	assert_int_equal(maglev_slot_count(32767), 4194301);
	assert_int_equal(maglev_slot_count(1000000), 4194301);
}

static void equal_backends_fill_every_slot_and_differ_by_one_at_most(void **state)
{
	static uint32_t slots[SLOTS];

	(void)state;
	fill(backends, BACKENDS, slots, SLOTS);
	for (uint32_t i = 0; i < BACKENDS; i++)
		assert_in_range(slots_of(slots, SLOTS, i), SLOTS / BACKENDS, SLOTS / BACKENDS + 1);
}

static void slots_follow_the_weights(void **state)
{
	static uint32_t slots[SLOTS];
	size_t total = 0, filled = 0;

	(void)state;
	for (size_t i = 0; i < BACKENDS; i++)
		total += backends[i].weight = (uint32_t)(i % 10 ? i : 100 * i);
	fill(backends, BACKENDS, slots, SLOTS);
	for (uint32_t i = 0; i < BACKENDS; i++) {
		size_t share = SLOTS * (size_t)backends[i].weight / total;
		size_t owned = slots_of(slots, SLOTS, i);

		assert_in_range(owned, share ? share - 1 : 0, share + 2);
		filled += owned;
	}
	assert_int_equal(filled, SLOTS);
	assert_int_equal(slots_of(slots, SLOTS, 0), 0); /* weight 0 */
}

static void only_the_ratio_of_weights_counts(void **state)
{
	static uint32_t slots[SLOTS], scaled[SLOTS];

	(void)state;
	for (uint32_t i = 0; i < BACKENDS; i++)
		backends[i].weight = 1 + i % 5;
	fill(backends, BACKENDS, slots, SLOTS);
	for (uint32_t i = 0; i < BACKENDS; i++)
		backends[i].weight *= 1000;
	fill(backends, BACKENDS, scaled, SLOTS);
	assert_memory_equal(slots, scaled, sizeof(slots));
}

static void extreme_weights_fill_the_table(void **state)
{
	static uint32_t slots[SLOTS];
	struct backend two[2] = { backends[0], backends[1] };

	(void)state;
	two[0].weight = UINT32_MAX;
	fill(two, 2, slots, SLOTS);
	assert_true(slots_of(slots, SLOTS, 0) >= SLOTS - 1);
}

static void one_backend_has_all_slots(void **state)
{
	uint32_t slots[251];

	(void)state;
	fill(backends, 1, slots, 251);
	assert_int_equal(slots_of(slots, 251, 0), 251);
}

static void as_many_backends_as_slots_have_one_each(void **state)
{
	uint32_t slots[97];

	(void)state;
	fill(backends, 97, slots, 97);
	for (uint32_t i = 0; i < 97; i++)
		assert_int_equal(slots_of(slots, 97, i), 1);
}

static void the_smallest_tables_work(void **state)
{
	uint32_t slots[3];

	(void)state;
	fill(backends, 2, slots, 2);
	assert_true(slots[0] != slots[1] && slots[0] < 2 && slots[1] < 2);
	fill(backends, 3, slots, 3);
	assert_int_equal(slots[0] + slots[1] + slots[2], 3);
}

static void a_backend_without_weight_changes_nothing_for_the_others(void **state)
{
	static uint32_t with[SLOTS], without[SLOTS];

	(void)state;
	backends[BACKENDS - 1].weight = 0;
	fill(backends, BACKENDS, with, SLOTS);
	fill(backends, BACKENDS - 1, without, SLOTS);
	assert_memory_equal(with, without, sizeof(with));
}

/* The table by address, whatever the order in which the backends were given. */
static void owners(const struct backend *from, size_t count, struct address *owner)
{
	static uint32_t slots[SLOTS];

	fill(from, count, slots, SLOTS);
	for (size_t slot = 0; slot < SLOTS; slot++)
		owner[slot] = from[slots[slot]].address;
}

static void the_order_of_backends_does_not_matter(void **state)
{
	static struct address sorted[SLOTS], shuffled[SLOTS];

	(void)state;
	srand(1);
	for (size_t i = 0; i < BACKENDS; i++)
		backends[i].weight = 1 + (uint32_t)i % 3;
	owners(backends, BACKENDS, sorted);
	for (size_t i = BACKENDS - 1; i > 0; i--) {
		size_t other = (size_t)rand() % (i + 1);
		struct backend kept = backends[i];

		backends[i] = backends[other];
		backends[other] = kept;
	}
	owners(backends, BACKENDS, shuffled);
	assert_memory_equal(sorted, shuffled, sizeof(sorted));
}

/* Slots that change although neither their old nor their new owner came or went. */
static size_t collateral(const uint32_t *more, const uint32_t *fewer, uint32_t gone)
{
	size_t count = 0;

	for (size_t slot = 0; slot < SLOTS; slot++)
		count += more[slot] != gone && more[slot] != fewer[slot];
	return count;
}

static void losing_a_backend_moves_few_slots_of_the_others(void **state)
{
	static uint32_t before[SLOTS], after[SLOTS];

	(void)state;
	fill(backends, BACKENDS, before, SLOTS);
	backends[42].weight = 0;
	fill(backends, BACKENDS, after, SLOTS);
	/* The paper's figure 12 and our own simulation: 1.4 % at this size. */
	assert_in_range(collateral(before, after, 42), 0, SLOTS * 3 / 100);
}

static void losing_a_weighted_backend_moves_few_slots_of_the_others(void **state)
{
	static uint32_t before[SLOTS], after[SLOTS];

	(void)state;
	for (uint32_t i = 0; i < BACKENDS; i++)
		backends[i].weight = 1 + i % 4;
	fill(backends, BACKENDS, before, SLOTS);
	backends[42].weight = 0;
	fill(backends, BACKENDS, after, SLOTS);
	assert_in_range(collateral(before, after, 42), 0, SLOTS * 4 / 100);
}

/*
 * Worked out by another program from the description in maglev.c. Gateways of two
 * versions must agree: when this test fails, the fix is not a new vector.
 */
static void tables_are_what_they_always_were(void **state)
{
	static const uint32_t plain[13] = { 1, 1, 0, 0, 1, 2, 1, 0, 2, 0, 0, 2, 2 };
	static const uint32_t weighted[13] = { 1, 2, 0, 0, 2, 2, 1, 0, 0, 0, 0, 0, 2 };
	struct backend three[3] = { { .port = 8080, .weight = 1 },
				    { .port = 8080, .weight = 1 },
				    { .port = 53, .weight = 1 } };
	uint32_t slots[13];

	(void)state;
	assert_int_equal(address_parse("10.0.0.1", &three[0].address, NULL), 0);
	assert_int_equal(address_parse("10.0.0.2", &three[1].address, NULL), 0);
	assert_int_equal(address_parse("2001:db8::1", &three[2].address, NULL), 0);
	fill(three, 3, slots, 13);
	assert_memory_equal(slots, plain, sizeof(slots));
	three[0].weight = 3;
	three[2].weight = 2;
	fill(three, 3, slots, 13);
	assert_memory_equal(slots, weighted, sizeof(slots));
}

static void the_port_is_part_of_a_backends_identity(void **state)
{
	static uint32_t slots[SLOTS], other[SLOTS];
	struct backend two[2] = { backends[0], backends[1] };

	(void)state;
	fill(two, 2, slots, SLOTS);
	two[0].port++;
	fill(two, 2, other, SLOTS);
	assert_memory_not_equal(slots, other, sizeof(slots));
}

static void bad_sizes_are_refused_and_leave_the_slots_alone(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 4, 89, 99, 100, 65535, 16777259 };
	uint32_t slot = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(maglev_fill(backends, BACKENDS, &slot, sizes[i], NULL), -EINVAL);
	assert_int_equal(slot, 42);
}

static void no_weight_at_all_is_an_error_of_its_own(void **state)
{
	struct error error = { 0 };
	uint32_t slot = 42;

	(void)state;
	for (size_t i = 0; i < BACKENDS; i++)
		backends[i].weight = 0;
	assert_int_equal(maglev_fill(backends, BACKENDS, &slot, 251, &error), -ENOENT);
	assert_string_equal(error.text, "maglev: no backend has a weight above 0");
	assert_int_equal(maglev_fill(NULL, 0, &slot, 251, NULL), -ENOENT);
	assert_int_equal(slot, 42);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_ladder_is_of_primes_a_half_octave_apart),
		TEST(a_backend_has_at_least_128_slots_of_the_smallest_table_that_does),
		TEST(equal_backends_fill_every_slot_and_differ_by_one_at_most),
		TEST(slots_follow_the_weights),
		TEST(only_the_ratio_of_weights_counts),
		TEST(extreme_weights_fill_the_table),
		TEST(one_backend_has_all_slots),
		TEST(as_many_backends_as_slots_have_one_each),
		TEST(the_smallest_tables_work),
		TEST(a_backend_without_weight_changes_nothing_for_the_others),
		TEST(the_order_of_backends_does_not_matter),
		TEST(losing_a_backend_moves_few_slots_of_the_others),
		TEST(losing_a_weighted_backend_moves_few_slots_of_the_others),
		TEST(tables_are_what_they_always_were),
		TEST(the_port_is_part_of_a_backends_identity),
		TEST(bad_sizes_are_refused_and_leave_the_slots_alone),
		TEST(no_weight_at_all_is_an_error_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

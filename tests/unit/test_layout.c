/* SPDX-License-Identifier: BSD-2-Clause */
/* test_layout.c - values of one BTF type become values of another. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <bpf/btf.h>

#include "datapath/layout.h"
#include "lib/error.h"

/* A BTF with integers of each width, arrays, and one struct. */
struct types {
	struct btf *btf;
	int number[9];  /* by bytes */
	int pair, four; /* arrays of two bytes' integers */
	int structure;
};

static struct types types_begin(uint32_t struct_size)
{
	struct types types = { .btf = btf__new_empty() };
	static const char *const names[] = { [1] = "u8", [2] = "u16", [4] = "u32", [8] = "u64" };

	assert_non_null(types.btf);
	for (int size = 1; size <= 8; size *= 2)
		types.number[size] = btf__add_int(types.btf, names[size], (size_t)size, 0);
	types.pair = btf__add_array(types.btf, types.number[4], types.number[2], 2);
	types.four = btf__add_array(types.btf, types.number[4], types.number[2], 4);
	types.structure = btf__add_struct(types.btf, "value", struct_size);
	assert_true(types.structure > 0);
	return types;
}

static void add_field(const struct types *types, const char *name, int type, uint32_t offset)
{
	assert_int_equal(btf__add_field(types->btf, name, type, offset * 8, 0), 0);
}

static void add_bits(const struct types *types, const char *name, uint32_t offset)
{
	assert_int_equal(btf__add_field(types->btf, name, types->number[4], offset * 8, 3), 0);
}

static struct layout layout_of(const struct types *types)
{
	return (struct layout){ types->btf, (uint32_t)types->structure };
}

static struct layout_plan plan(const struct types *from, const struct types *to)
{
	struct layout_plan ret;
	struct error error = { 0 };

	if (layout_plan_make(layout_of(from), layout_of(to), &ret, &error) < 0)
		fail_msg("%s", error.text);
	return ret;
}

static void assert_cannot(const struct types *from, const struct types *to, const char *why)
{
	struct layout_plan ret;
	struct error error = { 0 };

	assert_int_equal(layout_plan_make(layout_of(from), layout_of(to), &ret, &error), -EPROTO);
	assert_string_equal(error.text, why);
	layout_plan_free(&ret);
}

static void forget(struct types *from, struct types *to, struct layout_plan *made)
{
	if (made)
		layout_plan_free(made);
	btf__free(from->btf);
	btf__free(to->btf);
}

static void the_same_fields_are_a_copy(void **state)
{
	struct types from = types_begin(8), to = types_begin(8);
	struct layout_plan made;
	uint64_t old = 0x0102030405060708, value = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct types *types = i ? &to : &from;

		add_field(types, "first", types->number[4], 0);
		add_field(types, "second", types->number[2], 4);
		add_field(types, "third", types->number[2], 6);
	}
	made = plan(&from, &to);
	assert_true(layout_plan_is_copy(&made));
	assert_int_equal(layout_convert(&made, &old, &value), 0);
	assert_int_equal(value, old);
	forget(&from, &to, &made);
}

static void fields_go_where_their_name_stands_and_new_ones_are_zero(void **state)
{
	struct types from = types_begin(8), to = types_begin(12);
	struct layout_plan made;
	const uint32_t old[2] = { 1, 2 };
	uint32_t value[3] = { 7, 7, 7 };

	(void)state;
	add_field(&from, "first", from.number[4], 0);
	add_field(&from, "second", from.number[4], 4);
	add_field(&to, "second", to.number[4], 0);
	add_field(&to, "new", to.number[4], 4);
	add_field(&to, "first", to.number[4], 8);
	made = plan(&from, &to);
	assert_false(layout_plan_is_copy(&made));
	assert_int_equal(layout_convert(&made, old, value), 0);
	assert_int_equal(value[0], 2);
	assert_int_equal(value[1], 0);
	assert_int_equal(value[2], 1);
	forget(&from, &to, &made);
}

/* Of the same width and place: programs must not share such a map. */
static void a_field_of_another_name_is_no_copy(void **state)
{
	struct types from = types_begin(4), to = types_begin(4);
	struct layout_plan made;

	(void)state;
	add_field(&from, "port", from.number[4], 0);
	add_field(&to, "weight", to.number[4], 0);
	made = plan(&from, &to);
	assert_false(layout_plan_is_copy(&made));
	forget(&from, &to, &made);
}

static void numbers_grow_and_shrink_if_they_fit(void **state)
{
	struct types from = types_begin(6), to = types_begin(10);
	struct layout_plan made;
	struct {
		uint32_t grows;
		uint16_t shrinks;
	} __attribute__((packed)) old = { 0xfffffffe, 255 };
	struct {
		uint64_t grows;
		uint8_t shrinks, zero;
	} __attribute__((packed)) value;

	(void)state;
	add_field(&from, "grows", from.number[4], 0);
	add_field(&from, "shrinks", from.number[2], 4);
	add_field(&to, "grows", to.number[8], 0);
	add_field(&to, "shrinks", to.number[1], 8);
	made = plan(&from, &to);
	assert_int_equal(layout_convert(&made, &old, &value), 0);
	assert_int_equal(value.grows, 0xfffffffe);
	assert_int_equal(value.shrinks, 255);
	old.shrinks = 256;
	assert_int_equal(layout_convert(&made, &old, &value), -ERANGE);
	forget(&from, &to, &made);
}

static void arrays_may_grow_and_not_shrink(void **state)
{
	struct types from = types_begin(4), to = types_begin(8);
	struct layout_plan made;
	const uint16_t old[2] = { 3, 4 };
	uint16_t value[4];

	(void)state;
	add_field(&from, "mac", from.pair, 0);
	add_field(&to, "mac", to.four, 0);
	made = plan(&from, &to);
	assert_int_equal(layout_convert(&made, old, value), 0);
	assert_int_equal(value[1], 4);
	assert_int_equal(value[2], 0);
	assert_int_equal(value[3], 0);
	assert_cannot(&to, &from, "field mac: it became something else");
	forget(&from, &to, &made);
}

static void what_became_something_else_is_told_by_name(void **state)
{
	struct types from = types_begin(4), to = types_begin(4);

	(void)state;
	add_field(&from, "owner", from.number[4], 0);
	add_bits(&to, "owner", 0);
	assert_cannot(&from, &to, "field owner: bits cannot be moved");
	forget(&from, &to, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_fields_are_a_copy),
		cmocka_unit_test(fields_go_where_their_name_stands_and_new_ones_are_zero),
		cmocka_unit_test(a_field_of_another_name_is_no_copy),
		cmocka_unit_test(numbers_grow_and_shrink_if_they_fit),
		cmocka_unit_test(arrays_may_grow_and_not_shrink),
		cmocka_unit_test(what_became_something_else_is_told_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_table.c - the hash table of intrusive nodes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "lib/table.h"

#define ITEM_COUNT 1000

struct item {
	uint64_t value;
	struct table_node node;
};

static size_t destroyed;

static void count_destroyed(struct table_node *node)
{
	destroyed += TABLE_OWNER(node, struct item, node)->value;
}

static bool is_found(const struct table *table, const struct item *item, uint64_t hash)
{
	for (struct table_node *node = table_first(table, hash); node; node = table_next(node))
		if (TABLE_OWNER(node, struct item, node) == item)
			return true;
	return false;
}

static size_t count_with(const struct table *table, uint64_t hash)
{
	size_t count = 0;

	for (struct table_node *node = table_first(table, hash); node; node = table_next(node))
		count++;
	return count;
}

static void what_was_inserted_is_found_until_it_is_removed(void **state)
{
	static struct item items[ITEM_COUNT];
	struct table table = { 0 };

	(void)state;
	assert_null(table_first(&table, 1));
	for (size_t i = 0; i < ITEM_COUNT; i++)
		assert_int_equal(table_insert(&table, &items[i].node, i * 64), 0);
	for (size_t i = 0; i < ITEM_COUNT; i += 2)
		table_remove(&table, &items[i].node);
	for (size_t i = 0; i < ITEM_COUNT; i++)
		assert_int_equal(is_found(&table, &items[i], i * 64), i % 2);
	table_remove(&table, &items[0].node); /* in no table: nothing */
	assert_int_equal(table.node_count, ITEM_COUNT / 2);
	table_finish(&table, NULL);
}

static void many_nodes_may_share_one_hash(void **state)
{
	static struct item items[ITEM_COUNT];
	struct table table = { 0 };

	(void)state;
	for (size_t i = 0; i < ITEM_COUNT; i++)
		assert_int_equal(table_insert(&table, &items[i].node, i % 2), 0);
	assert_int_equal(count_with(&table, 0), ITEM_COUNT / 2);
	table_remove(&table, &items[500].node);
	assert_int_equal(count_with(&table, 0), ITEM_COUNT / 2 - 1);
	assert_int_equal(count_with(&table, 1), ITEM_COUNT / 2);
	assert_int_equal(count_with(&table, 2), 0);
	table_finish(&table, NULL);
}

static void finishing_destroys_every_node_once(void **state)
{
	struct item items[100];
	struct table table = { 0 };

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		items[i].value = i;
		assert_int_equal(table_insert(&table, &items[i].node, i % 7), 0);
	}
	destroyed = 0;
	table_finish(&table, count_destroyed);
	assert_int_equal(destroyed, 99 * 100 / 2);
	assert_null(table_first(&table, 0));
}

static void hashes_of_texts_know_where_a_text_ends(void **state)
{
	uint64_t ab_c = table_hash_text(table_hash_text(0, "ab"), "c");
	uint64_t a_bc = table_hash_text(table_hash_text(0, "a"), "bc");

	(void)state;
	assert_true(ab_c != a_bc);
	assert_true(table_hash_text(0, "") != table_hash_text(1, ""));
	assert_true(table_hash_text(0, "web") == table_hash_text(0, "web"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_inserted_is_found_until_it_is_removed),
		cmocka_unit_test(many_nodes_may_share_one_hash),
		cmocka_unit_test(finishing_destroys_every_node_once),
		cmocka_unit_test(hashes_of_texts_know_where_a_text_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* table.c - chained hash table, doubled when it has more nodes than buckets. */
#include "lib/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKET_COUNT 64

void table_finish(struct table *table, void (*destroy)(struct table_node *node))
{
	for (size_t i = 0; destroy && i < table->bucket_count; i++) {
		struct table_node *node = table->buckets[i];

		while (node) {
			struct table_node *next = node->next;

			destroy(node);
			node = next;
		}
	}
	free(table->buckets);
	*table = (struct table){ 0 };
}

static void put_in_front(struct table_node **bucket, struct table_node *node)
{
	node->next = *bucket;
	node->link = bucket;
	if (node->next)
		node->next->link = &node->next;
	*bucket = node;
}

static struct table_node **bucket_of(const struct table *table, uint64_t hash)
{
	return &table->buckets[hash & (table->bucket_count - 1)];
}

static bool grow(struct table *table)
{
	size_t count = table->bucket_count ? 2 * table->bucket_count : FIRST_BUCKET_COUNT;
	struct table grown = {
		.buckets = calloc(count, sizeof(*grown.buckets)),
		.bucket_count = count,
		.node_count = table->node_count,
	};

	if (!grown.buckets)
		return false;
	for (size_t i = 0; i < table->bucket_count; i++) {
		struct table_node *node = table->buckets[i];

		while (node) {
			struct table_node *next = node->next;

			put_in_front(bucket_of(&grown, node->hash), node);
			node = next;
		}
	}
	free(table->buckets);
	*table = grown;
	return true;
}

int table_insert(struct table *table, struct table_node *node, uint64_t hash)
{
	/* A table that cannot grow goes on with longer chains. */
	if (table->node_count >= table->bucket_count && !grow(table) && table->bucket_count == 0)
		return -ENOMEM;
	node->hash = hash;
	put_in_front(bucket_of(table, hash), node);
	table->node_count++;
	return 0;
}

void table_remove(struct table *table, struct table_node *node)
{
	if (!node->link)
		return;
	*node->link = node->next;
	if (node->next)
		node->next->link = node->link;
	node->link = NULL;
	table->node_count--;
}

static struct table_node *skip_others(struct table_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct table_node *table_first(const struct table *table, uint64_t hash)
{
	return table->bucket_count ? skip_others(*bucket_of(table, hash), hash) : NULL;
}

struct table_node *table_next(const struct table_node *node)
{
	return skip_others(node->next, node->hash);
}

uint64_t table_hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	/* FNV-1a, then mixed for the low bits. */
	hash ^= 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	return hash ^ hash >> 32;
}

uint64_t table_hash_text(uint64_t hash, const char *text)
{
	/* With the NUL, so that "ab","c" is not "a","bc". */
	return table_hash_bytes(hash, text, strlen(text) + 1);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h - a hash table of nodes that live inside their owner's structs.
 *
 * The caller makes the 64-bit hash and compares keys; many nodes may have one hash.
 * Insertion and removal take constant time however many share it.
 */
#ifndef LIB_TABLE_H
#define LIB_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next;
	struct table_node **link; /* what points here; NULL: in no table */
	uint64_t hash;
};

/* All zero is an empty table. */
struct table {
	struct table_node **buckets;
	size_t bucket_count; /* a power of two, or 0 */
	size_t node_count;
};

/* Frees the buckets, and gives each node to destroy, which may be NULL. */
void table_finish(struct table *table, void (*destroy)(struct table_node *node));

/* -ENOMEM; then node is in no table. */
int table_insert(struct table *table, struct table_node *node, uint64_t hash);
void table_remove(struct table *table, struct table_node *node); /* in no table: nothing */

/* The nodes with a hash, in no particular order; NULL when there are no more. */
struct table_node *table_first(const struct table *table, uint64_t hash);
struct table_node *table_next(const struct table_node *node);

/* The owner's struct of a node. */
#define TABLE_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* A hash of texts or bytes, one after the other: start with 0, pass each result on. */
uint64_t table_hash_bytes(uint64_t hash, const void *bytes, size_t size);
uint64_t table_hash_text(uint64_t hash, const char *text);

#endif

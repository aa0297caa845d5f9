/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * document_builder.h - a document while it is being built, for the files
 * document*.c alone. Failures fill the builder's error.
 */
#ifndef LIB_DOCUMENT_BUILDER_H
#define LIB_DOCUMENT_BUILDER_H

#include <yaml.h>

#include "lib/node_build.h"

#define DEPTH_LIMIT 64

struct anchor {
	struct anchor *next; /* the one before it: of two with one name the later counts */
	const char *name;
	const struct node *node;
	bool complete; /* an alias inside what it names would never end */
};

/* One key of an open mapping. */
struct key_mark {
	const char *key;
	struct node *value;    /* NULL: the merge key itself */
	uint32_t line, column; /* of the key */
	uint32_t rank;         /* 0: written here; else merged, the lowest counts */
};

struct builder {
	yaml_parser_t parser;
	const char *text;
	size_t length;
	uint32_t line_offset;
	struct arena *arena;
	struct error *error;
	size_t node_count, copied_count, anchor_count;
	struct anchor *anchors;
	struct key_mark *keys; /* of all open mappings, the innermost last */
	size_t key_count, key_capacity;
};

int builder_no_memory(struct builder *builder);
struct node builder_place(const struct builder *builder, const yaml_mark_t *mark);
int builder_add_node(struct builder *builder, const struct node *place, enum node_type type,
		     struct node **ret);

/* Remembers that name stands for node; the caller sets complete when node is. */
int builder_add_anchor(struct builder *builder, const yaml_char_t *name, const struct node *node,
		       struct anchor **ret);
/* A copy of what an alias stands for, depth levels below the root. */
int builder_copy_alias(struct builder *builder, const yaml_event_t *event, unsigned int depth,
		       struct node **ret);

int builder_push_key(struct builder *builder, const struct key_mark *mark);
/* Puts the keys of value, a mapping or a list of them, behind those of mapping. */
int builder_merge(struct builder *builder, struct node *mapping, struct node ***tail,
		  const struct node *value);
/* Refuses a key written twice, and drops merged ones that are overridden. */
int builder_settle_keys(struct builder *builder, struct node *mapping, size_t first_key);

#endif

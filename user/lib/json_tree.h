/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_tree.h - JSON as the tree that document.h makes of YAML, by a parser that is made
 * for JSON: many times as fast, and without places (line and column are 0).
 */
#ifndef LIB_JSON_TREE_H
#define LIB_JSON_TREE_H

#include <stddef.h>

struct arena;
struct error;
struct node;

/*
 * Parses one JSON value of length bytes at text; white space may stand around it. Strings are
 * quoted scalars; numbers, true and false plain ones with the text that JSON gives them; of a
 * key that stands twice the last counts. Lists named managedFields are left out: nobody reads
 * them and they are up to half of what an API server sends. Depth and values are limited as
 * those of a YAML document.
 *
 * The root in *ret_root, all of it in arena. -EINVAL or -ENOMEM with a sentence; that of what
 * is no JSON starts with "line:column: ".
 */
int json_tree_parse(struct arena *arena, const char *text, size_t length,
		    const struct node **ret_root, struct error *error);

#endif

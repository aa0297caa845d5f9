/* SPDX-License-Identifier: BSD-2-Clause */
/* node_build.h - a list or mapping while its parser fills it: for document*.c and json_tree.c. */
#ifndef LIB_NODE_BUILD_H
#define LIB_NODE_BUILD_H

#include "lib/document.h"

/* Puts child behind *tail, which moves on. */
void node_append(struct node *parent, struct node ***tail, struct node *child);
/* Takes out the children whose key the parser has made NULL: others of the key count. */
void node_drop_keyless(struct node *mapping);

#endif

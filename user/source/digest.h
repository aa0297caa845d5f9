/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * digest.h - 128 bits that stand for a text or a tree, to see that nothing changed.
 * Not against people who seek collisions: manifests are the operator's.
 */
#ifndef SOURCE_DIGEST_H
#define SOURCE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct node;

struct digest {
	uint64_t words[2];
};

struct digest digest_text(const char *text, size_t length);
/* Of what a tree says, wherever in a file it stands. */
struct digest digest_node(const struct node *node);
int digest_compare(const struct digest *a, const struct digest *b);

#endif

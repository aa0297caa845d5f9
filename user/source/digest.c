/* SPDX-License-Identifier: BSD-2-Clause */
/* digest.c - digests by XXH3, from the library's header alone. */
#include "source/digest.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/document.h"

static struct digest digest_of(XXH128_hash_t hash)
{
	return (struct digest){ .words = { hash.high64, hash.low64 } };
}

struct digest digest_text(const char *text, size_t length)
{
	return digest_of(XXH3_128bits(text, length));
}

/* Lengths go in first, so that no two trees give the same bytes. */
static void add_node(XXH3_state_t *state, const struct node *node)
{
	size_t head[] = {
		(size_t)node->type << 1 | node->quoted,
		node->key ? strlen(node->key) : 0,
		node->type == NODE_SCALAR ? node->length : node->count,
	};

	(void)XXH3_128bits_update(state, head, sizeof(head));
	if (node->key)
		(void)XXH3_128bits_update(state, node->key, head[1]);
	if (node->type == NODE_SCALAR)
		(void)XXH3_128bits_update(state, node->text, node->length);
	for (const struct node *child = node->first; child; child = child->next)
		add_node(state, child);
}

struct digest digest_node(const struct node *node)
{
	XXH3_state_t state;

	(void)XXH3_128bits_reset(&state);
	add_node(&state, node);
	return digest_of(XXH3_128bits_digest(&state));
}

int digest_compare(const struct digest *a, const struct digest *b)
{
	for (size_t i = 0; i < 2; i++)
		if (a->words[i] != b->words[i])
			return a->words[i] < b->words[i] ? -1 : 1;
	return 0;
}

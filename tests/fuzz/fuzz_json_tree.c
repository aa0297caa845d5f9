/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_json_tree.c - any bytes as JSON. Jansson is the judge: what it reads we read, and what
 * we read it reads, but for what it is known not to take.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/arena.h"
#include "lib/error.h"
#include "lib/json_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Halves of surrogates, and numbers beyond 64 bits. */
static int is_known(const json_error_t *problem)
{
	return strstr(problem->text, "Unicode") || strstr(problem->text, "overflow") ||
	       strstr(problem->text, "too big");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *text = (const char *)bytes;
	struct arena *arena = arena_create();
	const struct node *root;
	struct error error = { 0 };
	json_error_t problem;
	json_t *judge = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
	int r = json_tree_parse(arena, text, size, &root, &error);

	/* Jansson takes a NUL for the end. */
	if (judge && r < 0 && !memchr(text, '\0', size) && !strstr(error.text, "nested deeper"))
		abort();
	if (!judge && r == 0 && !is_known(&problem))
		abort();
	json_decref(judge);
	arena_destroy(arena);
	return 0;
}

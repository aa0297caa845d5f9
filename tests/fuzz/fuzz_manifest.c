/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_manifest.c - any bytes as a manifest: split, parsed, decoded, digested, and encoded again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"
#include "lib/json_tree.h"
#include "model/object.h"
#include "source/decode.h"
#include "source/digest.h"
#include "source/encode.h"
#include "../unit/object_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare_object(struct object *object, const struct node *node, void *owner)
{
	(void)node;
	if (!object_equal(object, owner))
		abort();
	object_destroy(object);
}

static void no_error(const struct error *error, void *owner)
{
	(void)error;
	(void)owner;
	abort();
}

/* As JSON it is the same object. */
static void check_encoding(struct object *object)
{
	const struct decode_sink sink = {
		.on_object = compare_object,
		.on_error = no_error,
		.owner = object,
	};
	struct arena *arena = arena_create();
	const struct node *root;
	struct error error;
	char *text;

	if (!arena || encode_object(object, &text) < 0)
		abort();
	if (json_tree_parse(arena, text, strlen(text), &root, &error) < 0 ||
	    document_parse(arena, text, strlen(text), 0, &root, &error) < 0)
		abort();
	decode_document(root, "again", &sink);
	free(text);
	arena_destroy(arena);
}

static void on_object(struct object *object, const struct node *node, void *owner)
{
	(void)digest_node(node);
	(void)owner;
	if (!object->name || !object->namespace || !object->origin)
		abort();
	check_encoding(object);
	object_destroy(object);
}

/* Every sentence starts with its place and is one printable line. */
static void check_sentence(const char *text)
{
	size_t line = strspn(text, "0123456789"), column;

	if (line == 0 || text[line] != ':')
		abort();
	column = strspn(text + line + 1, "0123456789");
	if (column == 0 || text[line + 1 + column] != ':' || strpbrk(text, "\n\r\t\x1b"))
		abort();
}

static void on_error(const struct error *error, void *owner)
{
	(void)owner;
	check_sentence(error->text);
}

static void on_skipped(const char *api_version, const char *kind, void *owner)
{
	(void)owner;
	if (strlen(api_version) + strlen(kind) == 0)
		abort();
}

static void read_document(const char *text, size_t length, uint32_t line)
{
	static const struct decode_sink sink = {
		.on_object = on_object,
		.on_error = on_error,
		.on_skipped = on_skipped,
	};
	struct arena *arena = arena_create();
	const struct node *root;
	struct error error;

	if (!arena)
		return;
	if (document_parse(arena, text, length, line, &root, &error) < 0)
		check_sentence(error.text);
	else
		decode_document(root, "fuzz", &sink);
	arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *piece;
	size_t at = 0, length, before = 0;
	uint32_t line = 0, lines_before;

	while (document_split(text, size, &at, &line, &piece, &length, &lines_before)) {
		if (at <= before || piece < text || piece + length > text + size || length == 0)
			abort();
		before = at;
		read_document(piece, length, lines_before);
	}
	if (at != size)
		abort();
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_file.c - one file: what it defined, and what it defines now. */
#include "source/manifest_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"
#include "source/decode.h"
#include "source/manifest_telling.h"

/* Of one file, so many problems are told. */
#define PROBLEM_LIMIT 100

struct problem {
	struct problem *next;
	char sentence[];
};

/* A document of the last time; slots are sorted by digest. */
struct slot {
	struct document *document;
	size_t used; /* in the first slot of a digest: how many of its slots are taken */
};

/* One taking in of a file. */
struct load {
	struct manifest_file *file;
	struct manifest_table *table;
	struct manifest_telling *telling;
	struct document **old; /* of the last time; those found again are in file, too */
	size_t old_count;
	struct slot *slots;
	size_t slot_count;
	size_t capacity;           /* of the file's documents */
	struct document *document; /* the one that is being read */
	uint32_t item;
	bool is_bad; /* any document is */
	bool is_cut; /* a problem was not told */
};

struct manifest_file *manifest_file_create(const char *path, unsigned long serial)
{
	struct manifest_file *file = calloc(1, sizeof(*file));
	const char *slash = strrchr(path, '/');

	if (!file)
		return NULL;
	file->path = strdup(path);
	if (!file->path) {
		free(file);
		return NULL;
	}
	file->name = file->path + (slash ? slash + 1 - path : 0);
	file->serial = serial;
	return file;
}

static void destroy_document(struct document *document, struct manifest_table *table)
{
	while (document->definitions) {
		struct definition *definition = document->definitions;

		document->definitions = definition->next;
		manifest_table_remove(table, definition);
		free(definition);
	}
	while (document->problems) {
		struct problem *problem = document->problems;

		document->problems = problem->next;
		free(problem);
	}
	free(document);
}

void manifest_file_destroy(struct manifest_file *file, struct manifest_table *table)
{
	if (!file)
		return;
	for (size_t i = 0; i < file->document_count; i++)
		destroy_document(file->documents[i], table);
	if (file->kept)
		destroy_document(file->kept, table);
	free(file->documents);
	free(file->failure);
	free(file->path);
	free(file);
}

static bool has_problem(const struct document *document, const char *sentence)
{
	for (const struct problem *problem = document->problems; problem; problem = problem->next)
		if (strcmp(problem->sentence, sentence) == 0)
			return true;
	return false;
}

static bool was_told(const struct load *load, const char *sentence)
{
	for (size_t i = 0; i < load->old_count && load->file->is_told_bad; i++)
		if (has_problem(load->old[i], sentence))
			return true;
	return false;
}

/* Notes that the document is bad, and says so unless the same was said of it before. */
static void add_problem(struct load *load, const char *text)
{
	size_t size = strlen(load->file->path) + strlen(text) + 2;
	struct problem *problem;

	load->document->is_bad = true;
	problem =
		load->file->problem_count < PROBLEM_LIMIT ? malloc(sizeof(*problem) + size) : NULL;
	if (!problem) {
		load->is_cut = true;
		return;
	}
	(void)snprintf(problem->sentence, size, "%s:%s", load->file->path, text);
	if (!was_told(load, problem->sentence))
		manifest_tell_problem(load->telling, problem->sentence);
	load->file->is_told_bad = true;
	load->file->problem_count++;
	problem->next = load->document->problems;
	load->document->problems = problem;
}

static void on_error(const struct error *error, void *owner)
{
	add_problem(owner, error->text);
}

static void on_skipped(const char *api_version, const char *kind, void *owner)
{
	struct load *load = owner;

	(void)api_version;
	manifest_tell_skipped(load->telling, load->file->path, kind);
}

static void on_object(struct object *object, const struct node *node, void *owner)
{
	struct load *load = owner;
	struct definition *definition = calloc(1, sizeof(*definition));

	if (definition) {
		definition->file = load->file;
		definition->document = load->document;
		definition->item = load->item++;
		definition->line = node->line;
		definition->column = node->column;
		definition->digest = digest_node(node);
		definition->object = object;
	}
	if (!definition || manifest_table_add(load->table, definition) < 0) {
		object_destroy(object);
		free(definition);
		add_problem(load, "1:1: no memory left to keep it, expected more");
		return;
	}
	definition->next = load->document->definitions;
	load->document->definitions = definition;
}

static void read_document(struct load *load, const char *text, size_t length, uint32_t line)
{
	const struct decode_sink sink = {
		.on_object = on_object,
		.on_error = on_error,
		.on_skipped = on_skipped,
		.owner = load,
	};
	struct arena *arena = arena_create();
	const struct node *root;
	struct error error;

	if (!arena)
		add_problem(load, "1:1: no memory left to read it, expected more");
	else if (document_parse(arena, text, length, line, &root, &error) < 0)
		add_problem(load, error.text);
	else
		decode_document(root, load->file->path, &sink);
	arena_destroy(arena);
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *left = a, *right = b;

	return digest_compare(&left->document->digest, &right->document->digest);
}

/* Without memory for slots every document is read anew: slower, not wrong. */
static void make_slots(struct load *load)
{
	load->slots = calloc(load->old_count ? load->old_count : 1, sizeof(*load->slots));
	for (size_t i = 0; i < load->old_count; i++) {
		load->old[i]->is_left = true;
		if (load->slots && !load->old[i]->is_stale)
			load->slots[load->slot_count++].document = load->old[i];
	}
	if (load->slot_count > 1)
		qsort(load->slots, load->slot_count, sizeof(*load->slots), compare_slots);
}

/* A document of the last time with this text, each only once. */
static struct document *find_old(struct load *load, const struct digest *digest)
{
	size_t low = 0, high = load->slot_count;
	struct document *found;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (digest_compare(&load->slots[middle].document->digest, digest) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == load->slot_count || low + load->slots[low].used >= load->slot_count)
		return NULL;
	found = load->slots[low + load->slots[low].used].document;
	if (digest_compare(&found->digest, digest) != 0)
		return NULL;
	load->slots[low].used++;
	return found;
}

static struct document *append_document(struct load *load, struct document *document)
{
	struct manifest_file *file = load->file;

	if (file->document_count == load->capacity) {
		size_t capacity = load->capacity ? load->capacity * 2 : 8;
		struct document **larger =
			reallocarray(file->documents, capacity, sizeof(struct document *));

		if (!larger)
			return NULL;
		file->documents = larger;
		load->capacity = capacity;
	}
	if (!document)
		document = calloc(1, sizeof(*document));
	if (!document)
		return NULL;
	document->ordinal = (uint32_t)file->document_count;
	file->documents[file->document_count++] = document;
	return document;
}

/* A document that did not change stays as it is, but for its place. */
static void keep_document(struct load *load, struct document *document)
{
	document->is_left = false;
	for (const struct problem *problem = document->problems; problem; problem = problem->next)
		load->file->problem_count++;
	for (struct definition *definition = document->definitions; definition;
	     definition = definition->next)
		manifest_table_touch(load->table, definition);
}

static void take_document(struct load *load, const char *text, size_t length, uint32_t line)
{
	struct digest digest = digest_text(text, length);
	struct document *old = find_old(load, &digest);
	struct document *document = append_document(load, old);

	if (!document) {
		load->is_bad = true;
		load->is_cut = true;
		return;
	}
	if (old) {
		keep_document(load, old);
	} else {
		document->digest = digest;
		load->document = document;
		load->item = 0;
		read_document(load, text, length, line);
	}
	load->is_bad = load->is_bad || document->is_bad;
}

/* What a document that is gone defined and nothing else in the file defines. */
static void rescue_definitions(struct load *load, struct document *gone)
{
	struct manifest_file *file = load->file;
	struct definition **at = &gone->definitions;

	if (!file->kept)
		file->kept = calloc(1, sizeof(*file->kept));
	if (!file->kept)
		return;
	file->kept->ordinal = UINT32_MAX;
	while (*at) {
		struct definition *definition = *at;

		if (manifest_table_is_defined_again(definition)) {
			at = &definition->next;
			continue;
		}
		*at = definition->next;
		definition->next = file->kept->definitions;
		file->kept->definitions = definition;
		definition->document = file->kept;
		manifest_table_touch(load->table, definition);
	}
}

static void drop_old(struct load *load, struct document *old_kept)
{
	for (size_t i = 0; i < load->old_count; i++) {
		if (!load->old[i]->is_left)
			continue;
		if (load->is_bad)
			rescue_definitions(load, load->old[i]);
		destroy_document(load->old[i], load->table);
	}
	if (!old_kept)
		return;
	if (load->is_bad)
		rescue_definitions(load, old_kept);
	destroy_document(old_kept, load->table);
}

/* Tells what is to be told of the file as a whole. */
static void conclude(struct load *load)
{
	struct manifest_file *file = load->file;
	char sentence[512];

	if (load->is_cut && !file->is_told_cut) {
		(void)snprintf(sentence, sizeof(sentence),
			       "%s:1:1: more than %d problems, expected none: the rest is not told",
			       file->path, PROBLEM_LIMIT);
		manifest_tell_problem(load->telling, sentence);
		file->is_told_bad = true;
	}
	file->is_told_cut = load->is_cut;
	if (load->is_bad)
		return;
	file->was_good = true;
	if (file->is_told_bad)
		manifest_tell_repaired(load->telling, file->path);
	file->is_told_bad = false;
}

void manifest_file_load(struct manifest_file *file, const char *text, size_t length,
			struct manifest_table *table, struct manifest_telling *telling)
{
	struct load load = {
		.file = file,
		.table = table,
		.telling = telling,
		.old = file->documents,
		.old_count = file->document_count,
	};
	struct document *old_kept = file->kept;
	const char *piece;
	size_t at = 0, piece_length;
	uint32_t line = 0, lines_before;

	/* What a command leaves whose output was to go there and that failed. */
	if (length == 0 && (file->document_count > 0 || file->kept)) {
		struct error error;

		(void)error_set(&error, -ENODATA,
				"%s:1:1: empty, expected a document; to remove what it defined, "
				"remove the file",
				file->path);
		manifest_file_fail(file, &error, telling);
		return;
	}
	file->documents = NULL;
	file->document_count = 0;
	file->kept = NULL;
	file->problem_count = 0;
	free(file->failure);
	file->failure = NULL;
	if (old_kept)
		old_kept->is_left = true;
	make_slots(&load);
	while (document_split(text, length, &at, &line, &piece, &piece_length, &lines_before))
		take_document(&load, piece, piece_length, lines_before);
	drop_old(&load, old_kept);
	free(load.slots);
	free(load.old);
	conclude(&load);
}

void manifest_file_fail(struct manifest_file *file, const struct error *error,
			struct manifest_telling *telling)
{
	if (file->failure && strcmp(file->failure, error->text) == 0)
		return;
	free(file->failure);
	file->failure = strdup(error->text);
	file->is_told_bad = true;
	manifest_tell_problem(telling, error->text);
}

void manifest_file_set_missing(struct manifest_file *file, bool is_missing,
			       struct manifest_table *table)
{
	if (file->is_missing == is_missing)
		return;
	file->is_missing = is_missing;
	/* Clashes are not told while it is missing. */
	for (size_t i = 0; i < file->document_count; i++)
		for (struct definition *definition = file->documents[i]->definitions; definition;
		     definition = definition->next)
			manifest_table_touch(table, definition);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest.c - the source: its roots, when they are looked at, and what is told then. */
#include "source/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/loop.h"
#include "source/manifest_file.h"
#include "source/manifest_root.h"
#include "source/manifest_table.h"
#include "source/manifest_telling.h"
#include "source/manifest_text.h"

/* Roots due so soon are looked at together: a move between them is told as one. */
#define TOGETHER_MS 10

struct manifest_source {
	struct manifest_telling telling;
	struct manifest_scan scan;
	struct manifest_root **roots;
	size_t root_count;
	struct loop_watch *reader, *timer; /* NULL when nothing is watched */
};

static void set_timer(struct manifest_source *source)
{
	uint64_t now_ms = loop_now_ms(), due_ms = UINT64_MAX;

	for (size_t i = 0; i < source->root_count; i++)
		if (source->roots[i]->due_ms < due_ms)
			due_ms = source->roots[i]->due_ms;
	loop_timer_set(source->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

static void on_change(int directory, const char *name, enum manifest_change change, void *owner)
{
	struct manifest_source *source = owner;
	uint64_t now_ms = loop_now_ms();

	for (size_t i = 0; i < source->root_count; i++)
		if (source->roots[i]->watched == directory)
			manifest_root_note_change(source->roots[i], name, change, now_ms);
	if (change == MANIFEST_LOST)
		manifest_watch_remove(source->scan.watch, directory);
}

static void on_overflow(void *owner)
{
	struct manifest_source *source = owner;

	for (size_t i = 0; i < source->root_count; i++)
		manifest_root_set_due(source->roots[i], loop_now_ms());
}

static void on_readable(void *owner)
{
	struct manifest_source *source = owner;

	manifest_watch_drain(source->scan.watch);
	set_timer(source);
}

/* An object whose other definition counts from now on may have to be read again. */
static void tell_differences(struct manifest_source *source)
{
	if (manifest_table_find_wanted(source->scan.table))
		for (size_t i = 0; i < source->root_count; i++)
			manifest_root_read_wanted(source->roots[i], &source->scan);
	manifest_table_settle(source->scan.table, &source->telling);
	manifest_tell_end(&source->telling);
}

/* Looks at all roots that are due until then. */
static int scan_roots(struct manifest_source *source, uint64_t until_ms)
{
	int result = 0;

	if (source->scan.watch)
		manifest_watch_drain(source->scan.watch);
	source->scan.now_ms = loop_now_ms();
	for (size_t i = 0; i < source->root_count; i++) {
		if (source->roots[i]->due_ms <= until_ms) {
			int r = manifest_root_scan(source->roots[i], &source->scan);

			result = r < 0 ? r : result;
		}
	}
	tell_differences(source);
	if (source->timer)
		set_timer(source);
	return result;
}

static void on_due(void *owner)
{
	struct manifest_source *source = owner;

	source->scan.at_once = false;
	(void)scan_roots(source, loop_now_ms() + TOGETHER_MS);
}

static bool has_root(const struct manifest_source *source, const char *path)
{
	for (size_t i = 0; i < source->root_count; i++)
		if (strcmp(source->roots[i]->path, path) == 0)
			return true;
	return false;
}

/* A path named twice is read once. */
static int add_root(struct manifest_source *source, const char *path, struct error *error)
{
	struct manifest_root *root;
	int r = manifest_root_create(path, &root, error);

	if (r < 0)
		return r;
	if (has_root(source, root->path)) {
		manifest_root_destroy(root, source->scan.table);
		return 0;
	}
	source->roots[source->root_count++] = root;
	return source->scan.watch ? manifest_root_watch(root, source->scan.watch, error) : 0;
}

static int start_watching(struct manifest_source *source, struct loop *loop, struct error *error)
{
	const struct manifest_watch_events events = {
		.on_change = on_change,
		.on_overflow = on_overflow,
		.owner = source,
	};
	int r = manifest_watch_create(&events, &source->scan.watch, error);

	if (r < 0)
		return r;
	source->reader =
		loop_add_reader(loop, manifest_watch_fd(source->scan.watch), on_readable, source);
	source->timer = loop_add_timer(loop, on_due, source);
	if (!source->reader || !source->timer)
		return error_set(error, -ENOMEM, "no memory left to watch manifests");
	return 0;
}

/* Without a loop nothing is watched. */
static int create_source(struct loop *loop, const char *const *paths, size_t path_count,
			 const struct source_events *events, struct manifest_source **ret,
			 struct error *error)
{
	struct manifest_source *source = calloc(1, sizeof(*source));
	int r = 0;

	if (!source)
		return error_set(error, -ENOMEM, "no memory left to read manifests");
	source->telling.events = *events;
	source->scan.telling = &source->telling;
	source->scan.table = manifest_table_create();
	source->roots = calloc(path_count + 1, sizeof(struct manifest_root *));
	if (!source->scan.table || !source->roots)
		r = error_set(error, -ENOMEM, "no memory left to read manifests");
	if (r == 0 && loop)
		r = start_watching(source, loop, error);
	for (size_t i = 0; r == 0 && i < path_count; i++)
		r = add_root(source, paths[i], error);
	if (r < 0)
		manifest_source_destroy(source);
	else
		*ret = source;
	return r;
}

int manifest_source_create(struct loop *loop, const char *const *paths, size_t path_count,
			   const struct source_events *events, struct manifest_source **ret,
			   struct error *error)
{
	return create_source(loop, paths, path_count, events, ret, error);
}

void manifest_source_destroy(struct manifest_source *source)
{
	if (!source)
		return;
	loop_remove(source->reader);
	loop_remove(source->timer);
	for (size_t i = 0; i < source->root_count; i++)
		manifest_root_destroy(source->roots[i], source->scan.table);
	free(source->roots);
	manifest_watch_destroy(source->scan.watch);
	manifest_table_destroy(source->scan.table);
	free(source);
}

int manifest_source_scan(struct manifest_source *source, struct error *error)
{
	int r;

	source->scan.at_once = true;
	r = scan_roots(source, UINT64_MAX);
	return r < 0 ? error_set(error, r, "no memory left to read manifests") : 0;
}

bool manifest_source_is_complete(const struct manifest_source *source)
{
	for (size_t i = 0; i < source->root_count; i++)
		if (!manifest_root_was_good(source->roots[i]))
			return false;
	return true;
}

static int read_stream(const struct source_events *events, struct error *error)
{
	struct manifest_telling telling = { .events = *events };
	struct manifest_table *table = manifest_table_create();
	struct manifest_file *file = manifest_file_create("stdin", 1);
	size_t length;
	char *text;
	int r;

	if (!table || !file)
		r = error_set(error, -ENOMEM, "stdin: no memory left to read it");
	else
		r = manifest_text_read_stream(STDIN_FILENO, "stdin", &text, &length, error);
	if (r == 0) {
		manifest_file_load(file, text, length, table, &telling);
		manifest_table_settle(table, &telling);
		manifest_tell_end(&telling);
		free(text);
	}
	manifest_file_destroy(file, table);
	manifest_table_destroy(table);
	return r < 0 ? r : telling.problem_count;
}

int manifest_read(const char *path, const struct source_events *events, struct error *error)
{
	struct manifest_source *source;
	int r;

	if (strcmp(path, "-") == 0)
		return read_stream(events, error);
	r = create_source(NULL, &path, 1, events, &source, error);
	if (r < 0)
		return r;
	r = manifest_source_scan(source, error);
	if (r == 0)
		r = source->telling.problem_count;
	manifest_source_destroy(source);
	return r;
}

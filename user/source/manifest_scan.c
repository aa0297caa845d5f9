/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_scan.c - looks at the files of a root, and decides which are read and when. */
#include "source/manifest_root.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "source/manifest_file.h"
#include "source/manifest_listing.h"
#include "source/manifest_telling.h"
#include "source/manifest_text.h"

#define SOON_MS 100     /* for a file that changed or went while it was read */
#define SETTLED_MS 1000 /* without a change, of a file that nobody was seen to write */
#define MISSING_MS 100  /* an editor's file is back by then */
#define BACK_MS 1000    /* a directory made anew is filled by then */
#define RETRY_MS 500    /* for a directory that is gone */
/* Symbolic links' targets and network file systems tell inotify nothing. */
#define PATROL_MS 10000

static bool is_being_written(const struct manifest_root *root, const struct manifest_file *file,
			     uint64_t now_ms)
{
	return manifest_root_written_until(root, file->name) > now_ms;
}

/* Nobody may have touched it while it was read, or half of it is what we have. */
static void read_file(struct manifest_root *root, struct manifest_scan *scan,
		      struct manifest_file *file)
{
	struct manifest_identity identity;
	struct error error;
	size_t length;
	char *text;
	int r;

	file->is_written = false;
	r = manifest_text_read(file->path, &text, &length, &identity, &error);
	if (scan->watch)
		manifest_watch_drain(scan->watch);
	if (r == -EAGAIN || r == -ENOENT) {
		file->is_written = true;
		manifest_root_set_due(root, scan->now_ms + SOON_MS);
	} else if (r < 0) {
		manifest_file_fail(file, &error, scan->telling);
	} else if (!file->is_written && !is_being_written(root, file, scan->now_ms)) {
		file->identity = identity;
		file->is_loaded = true;
		file->is_wanted = false;
		file->waiting_since_ms = 0;
		manifest_file_load(file, text, length, scan->table, scan->telling);
	}
	if (r == 0)
		free(text);
}

/* A change in place that no event explains may go on: waits until it has not for a while. */
static bool must_settle(struct manifest_root *root, const struct manifest_scan *scan,
			struct manifest_file *file, const struct manifest_identity *identity)
{
	if (scan->at_once || !scan->watch || !file->is_loaded || file->is_written ||
	    file->identity.device != identity->device || file->identity.inode != identity->inode)
		return false;
	/* It was being written, and is not any more. */
	if (manifest_root_written_until(root, file->name))
		return false;
	if (!file->waiting_since_ms ||
	    !manifest_identity_equal(&file->waiting_identity, identity)) {
		file->waiting_since_ms = scan->now_ms;
		file->waiting_identity = *identity;
	}
	if (scan->now_ms >= file->waiting_since_ms + SETTLED_MS)
		return false;
	manifest_root_set_due(root, file->waiting_since_ms + SETTLED_MS);
	return true;
}

static void scan_file(struct manifest_root *root, struct manifest_scan *scan,
		      struct manifest_file *file, const struct manifest_listed *listed)
{
	struct manifest_identity identity = manifest_identity_of(&listed->status);
	struct error error;

	if (file->is_missing) {
		file->is_written = true;
		file->waiting_since_ms = 0;
		manifest_file_set_missing(file, false, scan->table);
	}
	if (listed->code) {
		(void)error_set(&error, -listed->code,
				"%s:1:1: cannot be read: %s, expected a readable file", file->path,
				strerror(listed->code));
		manifest_file_fail(file, &error, scan->telling);
		return;
	}
	if (file->is_loaded && !file->is_written && !file->failure &&
	    manifest_identity_equal(&file->identity, &identity))
		return;
	if (is_being_written(root, file, scan->now_ms)) {
		manifest_root_set_due(root, manifest_root_written_until(root, file->name));
		return;
	}
	if (!must_settle(root, scan, file, &identity))
		read_file(root, scan, file);
}

/* True when a file that is not there is given up. */
static bool scan_missing(struct manifest_root *root, struct manifest_scan *scan,
			 struct manifest_file *file)
{
	uint64_t until_ms;

	if (!file->is_missing) {
		manifest_file_set_missing(file, true, scan->table);
		file->waiting_since_ms = scan->now_ms;
	}
	until_ms = file->waiting_since_ms + MISSING_MS;
	if (root->back_ms && root->back_ms + BACK_MS > until_ms)
		until_ms = root->back_ms + BACK_MS;
	if (!scan->at_once && scan->now_ms < until_ms) {
		manifest_root_set_due(root, until_ms);
		return false;
	}
	if (file->is_told_bad)
		manifest_tell_repaired(scan->telling, file->path);
	manifest_file_destroy(file, scan->table);
	return true;
}

static struct manifest_file *create_file(const struct manifest_root *root,
					 struct manifest_scan *scan, const char *name)
{
	const char *between = strcmp(root->path, "/") == 0 ? "" : "/";
	struct manifest_file *file;
	char *path;

	if (root->name)
		return manifest_file_create(root->path, ++scan->last_serial);
	if (asprintf(&path, "%s%s%s", root->path, between, name) < 0)
		return NULL;
	file = manifest_file_create(path, ++scan->last_serial);
	free(path);
	return file;
}

/*
 * Makes root's files those of the listing and those still waited for, in order. The
 * items of the listing that have a file are files_of, by index.
 */
static int merge_listing(struct manifest_root *root, struct manifest_scan *scan,
			 const struct manifest_listing *listing, struct manifest_file **files_of)
{
	struct manifest_file **files =
		calloc(root->file_count + listing->count + 1, sizeof(struct manifest_file *));
	size_t count = 0, old = 0, new = 0;
	int r = files ? 0 : -ENOMEM;

	while (r == 0 && (old < root->file_count || new < listing->count)) {
		struct manifest_file *file = old < root->file_count ? root->files[old] : NULL;
		const char *name = new < listing->count ? listing->items[new].name : NULL;
		int order = !file ? 1 : !name ? -1 : strcmp(file->name, name);

		if (order < 0 && scan_missing(root, scan, file))
			file = NULL;
		if (order > 0)
			file = create_file(root, scan, name);
		if (order > 0 && !file)
			r = -ENOMEM;
		old += order <= 0;
		if (order >= 0)
			files_of[new ++] = file;
		if (file)
			files[count++] = file;
	}
	/* Short of memory: what was not come to stays as it was. */
	while (files && old < root->file_count)
		files[count++] = root->files[old++];
	if (!files)
		return r;
	free(root->files);
	root->files = files;
	root->file_count = count;
	return r;
}

static void note_lost(struct manifest_root *root, struct manifest_scan *scan, int code)
{
	char sentence[512];

	manifest_root_set_due(root, scan->now_ms + RETRY_MS);
	if (root->is_lost)
		return;
	root->is_lost = true;
	(void)snprintf(sentence, sizeof(sentence),
		       "%s: %s, expected the directory: what it defined is kept", root->directory,
		       strerror(-code));
	manifest_tell_problem(scan->telling, sentence);
}

static void note_back(struct manifest_root *root, struct manifest_scan *scan)
{
	if (!root->is_lost)
		return;
	root->is_lost = false;
	root->back_ms = scan->now_ms;
	manifest_tell_repaired(scan->telling, root->directory);
}

static int scan_listing(struct manifest_root *root, struct manifest_scan *scan,
			const struct manifest_listing *listing)
{
	struct manifest_file **files_of =
		calloc(listing->count + 1, sizeof(struct manifest_file *));
	int r = files_of ? merge_listing(root, scan, listing, files_of) : -ENOMEM;

	for (size_t i = 0; files_of && i < listing->count; i++)
		if (files_of[i])
			scan_file(root, scan, files_of[i], &listing->items[i]);
	free(files_of);
	if (r == 0)
		root->is_seen = true;
	manifest_root_forget_writing(root, scan->now_ms);
	return r;
}

int manifest_root_scan(struct manifest_root *root, struct manifest_scan *scan)
{
	struct manifest_listing listing;
	int r = 0;

	root->due_ms = scan->now_ms + PATROL_MS;
	if (scan->watch)
		r = manifest_root_watch(root, scan->watch, NULL);
	if (r == 0)
		r = manifest_listing_read(root->directory, root->name, &listing);
	if (r == -ENOMEM) {
		manifest_root_set_due(root, scan->now_ms + RETRY_MS);
		return r;
	}
	if (r < 0) {
		note_lost(root, scan, r);
		return 0;
	}
	note_back(root, scan);
	r = scan_listing(root, scan, &listing);
	manifest_listing_finish(&listing);
	return r;
}

void manifest_root_read_wanted(struct manifest_root *root, struct manifest_scan *scan)
{
	for (size_t i = 0; i < root->file_count; i++) {
		struct manifest_file *file = root->files[i];

		if (file->is_wanted && !file->is_missing &&
		    !is_being_written(root, file, scan->now_ms))
			read_file(root, scan, file);
	}
}

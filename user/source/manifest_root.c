/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_root.c - a path the operator named, and what happens to it. */
#include "source/manifest_root.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "source/manifest_file.h"
#include "source/manifest_listing.h"

#define DEBOUNCE_MS 10
#define WRITING_MS 1000 /* after the last write of a file that nobody closes */

/* A file that somebody writes to. */
struct writing {
	struct writing *next;
	uint64_t until_ms;
	char name[];
};

/* A file is watched through its directory: it may be renamed over. */
static int split_path(struct manifest_root *root)
{
	char *slash = strrchr(root->path, '/');

	root->name = slash ? slash + 1 : root->path;
	if (!slash)
		root->directory = strdup(".");
	else
		root->directory =
			strndup(root->path, slash == root->path ? 1 : (size_t)(slash - root->path));
	return root->directory ? 0 : -ENOMEM;
}

static int init_root(struct manifest_root *root, const char *path)
{
	size_t length = strlen(path);
	struct stat status;

	root->watched = -1;
	while (length > 1 && path[length - 1] == '/')
		length--;
	root->path = strndup(path, length);
	if (!root->path)
		return -ENOMEM;
	if (stat(root->path, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode))
		return split_path(root);
	root->directory = strdup(root->path);
	return root->directory ? 0 : -ENOMEM;
}

int manifest_root_create(const char *path, struct manifest_root **ret, struct error *error)
{
	struct manifest_root *root = calloc(1, sizeof(*root));
	int r = root ? init_root(root, path) : -ENOMEM;

	if (r < 0) {
		manifest_root_destroy(root, NULL);
		return error_set(error, r, "%s: %s, expected a directory or a file", path,
				 strerror(-r));
	}
	*ret = root;
	return 0;
}

void manifest_root_destroy(struct manifest_root *root, struct manifest_table *table)
{
	if (!root)
		return;
	for (size_t i = 0; i < root->file_count; i++)
		manifest_file_destroy(root->files[i], table);
	manifest_root_forget_writing(root, UINT64_MAX);
	free(root->files);
	free(root->directory);
	free(root->path);
	free(root);
}

int manifest_root_watch(struct manifest_root *root, struct manifest_watch *watch,
			struct error *error)
{
	struct stat status;
	int r;

	if (stat(root->directory, &status) < 0)
		return error_set(error, -errno, "%s: %s, expected a directory", root->directory,
				 strerror(errno));
	if (root->watched >= 0 && root->device == status.st_dev && root->inode == status.st_ino)
		return 0;
	/* Another root of the same directory is told that it lost it, and comes here, too. */
	if (root->watched >= 0)
		manifest_watch_remove(watch, root->watched);
	root->watched = -1;
	r = manifest_watch_add(watch, root->directory, error);
	if (r < 0)
		return r;
	root->watched = r;
	root->device = status.st_dev;
	root->inode = status.st_ino;
	return 0;
}

void manifest_root_set_due(struct manifest_root *root, uint64_t time_ms)
{
	if (time_ms < root->due_ms)
		root->due_ms = time_ms;
}

static struct writing **find_writing(struct manifest_root *root, const char *name)
{
	struct writing **at = &root->writing;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

uint64_t manifest_root_written_until(const struct manifest_root *root, const char *name)
{
	for (const struct writing *writing = root->writing; writing; writing = writing->next)
		if (strcmp(writing->name, name) == 0)
			return writing->until_ms;
	return 0;
}

static void remove_writing(struct writing **at)
{
	struct writing *writing = *at;

	*at = writing->next;
	free(writing);
}

static void end_writing(struct manifest_root *root, const char *name)
{
	struct writing **at = find_writing(root, name);

	if (*at)
		remove_writing(at);
}

void manifest_root_forget_writing(struct manifest_root *root, uint64_t now_ms)
{
	struct writing **at = &root->writing;

	while (*at) {
		if ((*at)->until_ms <= now_ms)
			remove_writing(at);
		else
			at = &(*at)->next;
	}
}

/* Without memory for it the file is merely read too early. */
static void note_writing(struct manifest_root *root, const char *name, uint64_t until_ms)
{
	struct writing **at = find_writing(root, name);

	if (!*at) {
		*at = calloc(1, sizeof(**at) + strlen(name) + 1);
		if (*at)
			memcpy((*at)->name, name, strlen(name) + 1);
	}
	if (*at)
		(*at)->until_ms = until_ms;
	manifest_root_set_due(root, until_ms);
}

static int compare_name(const void *name, const void *file)
{
	return strcmp(name, (*(struct manifest_file *const *)file)->name);
}

static void note_written(struct manifest_root *root, const char *name)
{
	struct manifest_file **file = NULL;

	if (root->file_count > 0)
		file = bsearch(name, root->files, root->file_count, sizeof(*file), compare_name);
	if (file)
		(*file)->is_written = true;
}

/* A link is complete when it is made, and nobody closes it. */
static bool is_link(const struct manifest_root *root, const char *name)
{
	char path[4096];
	struct stat status;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", root->directory, name) >= sizeof(path) ||
	    lstat(path, &status) < 0)
		return false;
	return S_ISLNK(status.st_mode) || status.st_nlink > 1;
}

/* "..data" and the like: the links of a mounted ConfigMap lead through it. */
static bool is_config_map_part(const char *name)
{
	return name[0] == '.' && name[1] == '.';
}

void manifest_root_note_change(struct manifest_root *root, const char *name,
			       enum manifest_change change, uint64_t now_ms)
{
	bool is_ours =
		root->name ? strcmp(name, root->name) == 0 : manifest_listing_is_manifest(name);

	if (change == MANIFEST_LOST)
		root->watched = -1;
	else if (!is_ours && !is_config_map_part(name))
		return;
	if (is_ours && change == MANIFEST_CREATED && !is_link(root, name))
		change = MANIFEST_WRITING;
	if (change == MANIFEST_WRITING) {
		if (is_ours)
			note_writing(root, name, now_ms + WRITING_MS);
		return;
	}
	if (change != MANIFEST_TOUCHED)
		end_writing(root, name);
	if (change == MANIFEST_WRITTEN || change == MANIFEST_CREATED)
		note_written(root, name);
	manifest_root_set_due(root, now_ms + DEBOUNCE_MS);
}

bool manifest_root_was_good(const struct manifest_root *root)
{
	for (size_t i = 0; i < root->file_count; i++)
		if (!root->files[i]->was_good)
			return false;
	return root->is_seen;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_listing.c - the manifests of a directory. */
#include "source/manifest_listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

bool manifest_listing_is_manifest(const char *name)
{
	const char *extension = strrchr(name, '.');

	return name[0] != '.' && extension &&
	       (strcmp(extension, ".yaml") == 0 || strcmp(extension, ".yml") == 0 ||
		strcmp(extension, ".json") == 0);
}

static int add_listed(struct manifest_listing *listing, size_t *capacity, int directory,
		      const char *name)
{
	struct manifest_listed listed = { 0 };

	if (fstatat(directory, name, &listed.status, 0) < 0) {
		listed.code = errno;
		/* Gone since the directory was read, or a link that leads nowhere? */
		if (listed.code == ENOENT &&
		    fstatat(directory, name, &listed.status, AT_SYMLINK_NOFOLLOW) < 0)
			return 0;
	} else if (S_ISDIR(listed.status.st_mode)) {
		return 0;
	}
	if (listing->count == *capacity) {
		size_t larger = *capacity ? *capacity * 2 : 16;
		struct manifest_listed *items =
			reallocarray(listing->items, larger, sizeof(*items));

		if (!items)
			return -ENOMEM;
		listing->items = items;
		*capacity = larger;
	}
	listed.name = strdup(name);
	if (!listed.name)
		return -ENOMEM;
	listing->items[listing->count++] = listed;
	return 0;
}

static int read_names(DIR *directory, struct manifest_listing *listing)
{
	size_t capacity = 0;

	for (;;) {
		const struct dirent *entry;
		int r;

		errno = 0;
		entry = readdir(directory);
		if (!entry)
			return -errno;
		if (!manifest_listing_is_manifest(entry->d_name))
			continue;
		r = add_listed(listing, &capacity, dirfd(directory), entry->d_name);
		if (r < 0)
			return r;
	}
}

static int compare_listed(const void *a, const void *b)
{
	const struct manifest_listed *left = a, *right = b;

	return strcmp(left->name, right->name);
}

int manifest_listing_read(const char *directory, const char *only_name,
			  struct manifest_listing *ret)
{
	DIR *stream = opendir(directory);
	size_t capacity = 0;
	int r;

	if (!stream)
		return -errno;
	*ret = (struct manifest_listing){ 0 };
	r = only_name ? add_listed(ret, &capacity, dirfd(stream), only_name)
		      : read_names(stream, ret);
	(void)closedir(stream);
	if (r < 0)
		manifest_listing_finish(ret);
	else if (ret->count > 1)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_listed);
	return r;
}

void manifest_listing_finish(struct manifest_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->items[i].name);
	free(listing->items);
	*listing = (struct manifest_listing){ 0 };
}

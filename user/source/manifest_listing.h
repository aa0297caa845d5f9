/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_listing.h - the manifests of a directory and what stat says of each. */
#ifndef SOURCE_MANIFEST_LISTING_H
#define SOURCE_MANIFEST_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct manifest_listed {
	char *name;
	int code; /* errno of stat: a link that leads nowhere is listed, too */
	struct stat status;
};

struct manifest_listing {
	struct manifest_listed *items; /* sorted by name, without directories */
	size_t count;
};

/* *.yaml, *.yml and *.json that are not hidden. */
bool manifest_listing_is_manifest(const char *name);

/* Every manifest of directory, or, whatever its name, only one; negative errno. */
int manifest_listing_read(const char *directory, const char *only_name,
			  struct manifest_listing *ret);
void manifest_listing_finish(struct manifest_listing *listing);

#endif

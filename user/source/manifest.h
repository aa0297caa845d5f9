/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manifest.h - objects from files: YAML (several documents), JSON, lists and dumps.
 *
 * Watches directories and files by inotify (written in place, renamed over, the
 * `..data` swap of a mounted ConfigMap) and tells what changed. In a directory
 * the files *.yaml, *.yml and *.json count, not those whose name starts with a dot;
 * subdirectories are not entered.
 *
 * A file that cannot be read or has a bad document keeps what it last defined and
 * what its good documents define now. Of two files that define one object the
 * first by path wins. A file that is being written is not read, and one that vanished
 * is waited for 100 ms; manifest_source_scan does not wait for the latter.
 */
#ifndef SOURCE_MANIFEST_H
#define SOURCE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "source/events.h"

struct manifest_source;
struct loop;
struct error;

/*
 * Opens paths (directories or files) and starts to watch them. Nothing is told
 * before manifest_source_scan. -ENOENT, -EACCES, ... when a path is not there.
 */
int manifest_source_create(struct loop *loop, const char *const *paths, size_t path_count,
			   const struct source_events *events, struct manifest_source **ret,
			   struct error *error);
void manifest_source_destroy(struct manifest_source *source);

/* Reads whatever changed since the last scan, now; the first time everything. */
int manifest_source_scan(struct manifest_source *source, struct error *error);

/*
 * True when every file has been read without a problem at least once since the
 * start: only then is an object that nobody defined known to be gone.
 */
bool manifest_source_is_complete(const struct manifest_source *source);

/*
 * The same reading without watching, for `guideway validate`: tells each object,
 * problem and skipped kind of one path (file, directory, or "-" for standard input).
 * Returns the number of problems, or a negative errno when path cannot be opened.
 */
int manifest_read(const char *path, const struct source_events *events, struct error *error);

#endif

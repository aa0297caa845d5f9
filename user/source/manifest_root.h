/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manifest_root.h - one path the operator named: a directory of files, or a file.
 *
 * What follows from an event or a look is a time at which to look again: due_ms.
 * A file that is being written is left alone until it is closed, or a second after the last
 * write; one that vanished is waited for a moment, since editors rename the old file away
 * before they write the new one. So neither half a file nor none removes a Service.
 */
#ifndef SOURCE_MANIFEST_ROOT_H
#define SOURCE_MANIFEST_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "source/manifest_watch.h"

struct error;
struct manifest_file;
struct manifest_table;
struct manifest_telling;
struct writing;

struct manifest_root {
	char *path;       /* as given, without slashes at its end */
	char *directory;  /* the path, or where the file lies */
	const char *name; /* of the one file, within path; NULL: all of a directory */

	int watched; /* the watch's number of directory, -1: none */
	dev_t device;
	ino_t inode;
	bool is_seen;     /* its files were listed once */
	bool is_lost;     /* told that the directory is gone */
	uint64_t back_ms; /* when it came back */
	uint64_t due_ms;

	struct manifest_file **files; /* sorted by name */
	size_t file_count;
	struct writing *writing;
};

/* What the scans of a source share. */
struct manifest_scan {
	struct manifest_table *table;
	struct manifest_telling *telling;
	struct manifest_watch *watch; /* NULL: none, then everything is read at once */
	unsigned long last_serial;
	uint64_t now_ms;
	bool at_once; /* wait for nothing but who is writing */
};

/* -ENOENT, ... when path is not there. */
int manifest_root_create(const char *path, struct manifest_root **ret, struct error *error);
void manifest_root_destroy(struct manifest_root *root, struct manifest_table *table);

/* Starts to watch; anew when the directory is another one than before. */
int manifest_root_watch(struct manifest_root *root, struct manifest_watch *watch,
			struct error *error);
void manifest_root_note_change(struct manifest_root *root, const char *name,
			       enum manifest_change change, uint64_t now_ms);
/* Looks again at time_ms at the latest. */
void manifest_root_set_due(struct manifest_root *root, uint64_t time_ms);

/* Until when a file is being written: 0 when nobody is at it. */
uint64_t manifest_root_written_until(const struct manifest_root *root, const char *name);
/* Forgets who has not written since. */
void manifest_root_forget_writing(struct manifest_root *root, uint64_t now_ms);

/* Looks at every file and takes in those that changed. -ENOMEM. */
int manifest_root_scan(struct manifest_root *root, struct manifest_scan *scan);
/* Reads the files of which a document is wanted again. */
void manifest_root_read_wanted(struct manifest_root *root, struct manifest_scan *scan);

/* Whether every file was good once. */
bool manifest_root_was_good(const struct manifest_root *root);

#endif

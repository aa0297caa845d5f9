/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot_file.h - the file of a snapshot: a List, one object on each line.
 */
#ifndef AGENT_SNAPSHOT_FILE_H
#define AGENT_SNAPSHOT_FILE_H

#include <stddef.h>

struct error;
struct object;
struct snapshot_file; /* one that is being written, beside the one that counts */

int snapshot_file_create(const char *path, struct snapshot_file **ret, struct error *error);
/* What was written is thrown away. NULL is nothing. */
void snapshot_file_abandon(struct snapshot_file *snapshot);

int snapshot_file_add(struct snapshot_file *snapshot, const struct object *object,
		      struct error *error);
/* Asks for what was added to be brought to the disk, without waiting for it. */
void snapshot_file_push(struct snapshot_file *snapshot);
/* Ends the file, waits until the disk has it, and puts it in place. Frees snapshot in any case. */
int snapshot_file_commit(struct snapshot_file *snapshot, struct error *error);

/* See snapshot_load. */
int snapshot_file_read(const char *path, void (*on_object)(struct object *object, void *owner),
		       void *owner, size_t *ret_count, struct error *error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.h - the objects of a cluster on disk, for a gateway that starts while the API server
 * is away: state_dir/snapshot.json, a List that `guideway validate -f` reads.
 *
 *   start    snapshot_load tells what an earlier agent wrote
 *   then     snapshot_note_set and snapshot_note_removed follow what the cluster tells
 *   listed   snapshot_confirm, once: what was loaded and not told again is gone; from now on
 *            changes are written
 *   stop     snapshot_write
 *
 * The file is written in slices of a few milliseconds, of the objects as the model has them when
 * their turn comes, and replaces the old one as a whole.
 */
#ifndef AGENT_SNAPSHOT_H
#define AGENT_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "model/object.h"

struct error;
struct loop;
struct model;
struct snapshot;

#define SNAPSHOT_INTERVAL_MS 30000
#define SNAPSHOT_SETTLE_MS 1000

struct snapshot_settings {
	const char *state_dir;     /* copied */
	const struct model *model; /* borrowed: has every object that is noted */
	uint64_t interval_ms;      /* at the least, from one file to the next */
	uint64_t settle_ms;        /* for the disk to have most of a file before it is waited for */
};

int snapshot_create(struct loop *loop, const struct snapshot_settings *settings,
		    struct snapshot **ret, struct error *error);
/* Without writing. NULL is nothing. */
void snapshot_destroy(struct snapshot *snapshot);

/*
 * Tells every object of the file, which on_object takes; their number in *ret_count. No file is
 * none. -EINVAL with a sentence when the file is not whole, or holds what it should not: then
 * nothing was told, or what stands in front of it.
 */
int snapshot_load(struct snapshot *snapshot, void (*on_object)(struct object *object, void *owner),
		  void *owner, size_t *ret_count, struct error *error);

/* The cluster has told the object, or that it is gone. snapshot NULL: nothing. */
void snapshot_note_set(struct snapshot *snapshot, const struct object *object);
void snapshot_note_removed(struct snapshot *snapshot, enum object_kind kind, const char *namespace,
			   const char *name);

/* It is there, and cannot be read: what was loaded of it stays. */
void snapshot_note_kept(struct snapshot *snapshot, enum object_kind kind, const char *namespace,
			const char *name);

/*
 * The cluster has told all there is: on_removed hears of what was loaded and is not among it. Only
 * the first call does something.
 */
void snapshot_confirm(struct snapshot *snapshot,
		      void (*on_removed)(enum object_kind kind, const char *namespace,
					 const char *name, void *owner),
		      void *owner);

/* Writes at once what has changed since the last file. Nothing before snapshot_confirm. */
int snapshot_write(struct snapshot *snapshot, struct error *error);

#endif

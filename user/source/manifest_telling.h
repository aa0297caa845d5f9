/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_telling.h - the way to the listener, which remembers whether anything was told. */
#ifndef SOURCE_MANIFEST_TELLING_H
#define SOURCE_MANIFEST_TELLING_H

#include "source/manifest.h"

struct manifest_telling {
	struct source_events events;
	bool any;          /* since the last end of a batch */
	int problem_count; /* since the start */
};

void manifest_tell_object(struct manifest_telling *telling, struct object *object);
void manifest_tell_removed(struct manifest_telling *telling, enum object_kind kind,
			   const char *namespace, const char *name);
void manifest_tell_problem(struct manifest_telling *telling, const char *sentence);
void manifest_tell_repaired(struct manifest_telling *telling, const char *path);
void manifest_tell_skipped(struct manifest_telling *telling, const char *path, const char *kind);
/* Ends the batch, if anything was told. */
void manifest_tell_end(struct manifest_telling *telling);

#endif

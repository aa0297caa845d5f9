/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.h - what a source of objects tells, whether it reads files or follows a cluster.
 */
#ifndef SOURCE_EVENTS_H
#define SOURCE_EVENTS_H

#include "model/object.h"

struct source_events {
	/* Takes object: it is new or replaces the one of its kind, namespace and name. */
	void (*on_object)(struct object *object, void *owner);
	void (*on_removed)(enum object_kind kind, const char *namespace, const char *name,
			   void *owner);
	/*
	 * A sentence for the operator, "place: what, what was expected", as in
	 * "file:line:column: ..." and "Service 'namespace/name': ...". Each once.
	 */
	void (*on_problem)(const char *sentence, void *owner);
	/*
	 * A problem that was told is gone: the file or object with whose path or name the
	 * sentence began is good again, or no longer there. Not of two definitions of one
	 * object: that is told as a problem, but leaves the file good.
	 */
	void (*on_repaired)(const char *place, void *owner);
	/* Kinds that are not used; for debug output. May be NULL. */
	void (*on_skipped)(const char *path, const char *kind, void *owner);
	/* After every batch of the calls above, when all of it was told. */
	void (*on_batch_end)(void *owner);
	void *owner;
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_telling.c - the way to the listener. */
#include "source/manifest_telling.h"

void manifest_tell_object(struct manifest_telling *telling, struct object *object)
{
	telling->any = true;
	telling->events.on_object(object, telling->events.owner);
}

void manifest_tell_removed(struct manifest_telling *telling, enum object_kind kind,
			   const char *namespace, const char *name)
{
	telling->any = true;
	telling->events.on_removed(kind, namespace, name, telling->events.owner);
}

void manifest_tell_problem(struct manifest_telling *telling, const char *sentence)
{
	telling->any = true;
	telling->problem_count++;
	telling->events.on_problem(sentence, telling->events.owner);
}

void manifest_tell_repaired(struct manifest_telling *telling, const char *path)
{
	telling->any = true;
	telling->events.on_repaired(path, telling->events.owner);
}

void manifest_tell_skipped(struct manifest_telling *telling, const char *path, const char *kind)
{
	if (!telling->events.on_skipped)
		return;
	telling->any = true;
	telling->events.on_skipped(path, kind, telling->events.owner);
}

void manifest_tell_end(struct manifest_telling *telling)
{
	if (!telling->any)
		return;
	telling->any = false;
	telling->events.on_batch_end(telling->events.owner);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * configurations.h - every AgentConfiguration, of which one counts: the oldest, then the first
 * by namespace and name. Inside model/ only.
 */
#ifndef MODEL_CONFIGURATIONS_H
#define MODEL_CONFIGURATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/problem.h"

struct object;
struct pool;

/* All zero is none. */
struct configurations {
	struct object **items; /* the one that counts first */
	size_t count;
	struct problem problem; /* there is another one */
};

void configurations_finish(struct configurations *configurations); /* destroys the objects */

/*
 * Take object, also on failure, and replace the one of its name; or remove that. The pools of the
 * one that counts then are what pool has. -ENOMEM: nothing changed. configurations_remove: false
 * when there was none.
 */
int configurations_set(struct configurations *configurations, struct object *object,
		       struct pool *pool);
bool configurations_remove(struct configurations *configurations, const char *namespace,
			   const char *name, struct pool *pool);
const struct object *configurations_find(const struct configurations *configurations,
					 const char *namespace, const char *name);

#endif

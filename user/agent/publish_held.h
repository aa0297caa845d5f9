/* SPDX-License-Identifier: BSD-2-Clause */
/* publish_held.h - the Services of which we know that our finalizer holds them. */
#ifndef AGENT_PUBLISH_HELD_H
#define AGENT_PUBLISH_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/publish_patch.h"
#include "lib/table.h"

struct object;

/* What was asked of the API server last. */
enum held_step {
	HELD_WRITE,  /* sent says what */
	HELD_READ,   /* nobody tells of it any more: what became of it */
	HELD_LET_GO, /* to take our finalizer from it */
};

struct held {
	struct table_node node;
	struct held *next, **at; /* in a list of all */
	char *key;               /* "namespace/name" */
	char *namespace, *name, *uid;
	uint64_t seen; /* the pass that saw it in the model */
	enum held_step step;
	struct publish_difference sent;
	char *version;          /* that HELD_WRITE was made from; NULL: none yet */
	bool is_futile;         /* the server took it, and left that version as it was */
	struct object *fetched; /* by HELD_READ; NULL: not yet */
	bool is_let_go;         /* that worked: only the watch has not shown it yet */
};

/* All zero is empty. */
struct held_list {
	struct table table;
	struct held *first;
};

void held_list_clear(struct held_list *list);
struct held *held_find(const struct held_list *list, const char *key);
/* The one that is there, or a new one; with this uid now. NULL when there is no memory. */
struct held *held_provide(struct held_list *list, const char *namespace, const char *name,
			  const char *uid);
void held_remove(struct held_list *list, struct held *held); /* NULL is nothing */

#endif

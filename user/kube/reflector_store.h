/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reflector_store.h - what the listener of a reflector was told of: which objects, in which
 * version, and which of them could not be decoded.
 *
 * A list is staged object by object and told when it is whole, as a difference; until then, and
 * when it never gets whole, nothing changes. Objects in the version that is known are not
 * decoded again. The objects themselves are the listener's.
 */
#ifndef KUBE_REFLECTOR_STORE_H
#define KUBE_REFLECTOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/table.h"

struct error;
struct node;
struct stored;

/* What becomes of the objects; each is named by namespace ("" for none) and name. */
struct reflector_listener {
	/*
	 * Gives in *ret_item, for on_set, what node is decoded to; NULL when it is of no use. A
	 * node that cannot be decoded is -EINVAL with a sentence: what was good stays. -ENOMEM.
	 */
	int (*decode)(const struct node *node, void **ret_item, struct error *error, void *owner);
	void (*destroy)(void *item); /* one that was never told; NULL is nothing */
	/* Takes item: it is new, or replaces the one of its name. */
	void (*on_set)(void *item, void *owner);
	void (*on_removed)(const char *namespace, const char *name, void *owner);
	/* Once as long as it stays the same; on_repaired: good again, or gone. */
	void (*on_problem)(const char *namespace, const char *name, const char *sentence,
			   void *owner);
	void (*on_repaired)(const char *namespace, const char *name, void *owner);
	void *owner;
};

/* An object's metadata; borrowed. */
struct reflector_identity {
	const char *namespace; /* "" for none */
	const char *name;
	const char *uid; /* "" for none */
	const char *resource_version;
};

struct reflector_store {
	struct table table;
	TAILQ_HEAD(, stored) all;
	struct reflector_listener listener;
	uint64_t generation; /* of the list that is staged, or was told last */
	size_t count;        /* objects known */
	size_t staged_count; /* of the list that is staged */
	bool any_told;       /* since reflector_store_clear_told */
};

void reflector_store_init(struct reflector_store *store, const struct reflector_listener *listener);
void reflector_store_finish(struct reflector_store *store); /* tells nothing */

/* Reads metadata of an object. -EINVAL with a sentence when it has no version, or must have a
 * name and has none. */
int reflector_identity_read(const struct node *object, bool needs_name,
			    struct reflector_identity *ret, struct error *error);

/* A new list begins; what was staged is forgotten. */
void reflector_store_begin(struct reflector_store *store);
/* -ENOMEM with a sentence. */
int reflector_store_stage(struct reflector_store *store, const struct reflector_identity *identity,
			  const struct node *object, struct error *error);
/* The list that is staged will not have it, after all. */
void reflector_store_unstage(struct reflector_store *store, const char *namespace,
			     const char *name);
/* The list is whole: tells what is new, what is another version, and what is not in it. */
void reflector_store_commit(struct reflector_store *store);
/* The list will never be whole. */
void reflector_store_abort(struct reflector_store *store);

/* Of a watch. -ENOMEM with a sentence. */
int reflector_store_set(struct reflector_store *store, const struct reflector_identity *identity,
			const struct node *object, struct error *error);
void reflector_store_remove(struct reflector_store *store, const char *namespace, const char *name);

#endif

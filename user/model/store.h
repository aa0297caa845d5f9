/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - the objects that endpoints come from, found by name, by the Service
 * they belong to, and pods by their labels. Inside model/ only.
 */
#ifndef MODEL_STORE_H
#define MODEL_STORE_H

#include "lib/table.h"
#include "model/object.h"

/* All zero is an empty store. */
struct store {
	struct table by_name;
	struct table by_service; /* EndpointSlice, Endpoints */
	struct table by_label;   /* Pod */
};

/* Grows as objects are added; all zero is an empty list. */
struct object_list {
	const struct object **items;
	size_t count;
	size_t capacity;
};

void store_finish(struct store *store); /* destroys the objects */

/* Takes object, also on failure; destroys the one it replaces. -ENOMEM. */
int store_set(struct store *store, struct object *object);
void store_remove(struct store *store, enum object_kind kind, const char *namespace,
		  const char *name);
const struct object *store_find(const struct store *store, enum object_kind kind,
				const char *namespace, const char *name);

/* Add to list, in no particular order, what belongs to a Service. -ENOMEM. */
int store_list_endpoints(const struct store *store, enum object_kind kind, const char *namespace,
			 const char *service_name, struct object_list *list);
int store_list_pods(const struct store *store, const char *namespace, const struct labels *selector,
		    struct object_list *list);

/* The hash under which whoever has this label in this namespace is found. */
uint64_t store_label_hash(const char *namespace, const struct label *label);

#endif

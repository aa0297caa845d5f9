/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * entry_list.h - the entries of all Services, sorted by namespace, then name.
 * Inside model/ only.
 */
#ifndef MODEL_ENTRY_LIST_H
#define MODEL_ENTRY_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct entry;

/* All zero is an empty list. */
struct entry_list {
	struct entry **items;
	size_t count;
	size_t capacity;
};

void entry_list_finish(struct entry_list *list); /* destroys the entries */

/* NULL when there is none. */
struct entry *entry_list_find(const struct entry_list *list, const char *namespace,
			      const char *name);
/* The entry that is there, or a new one without an object; NULL when there is no memory. */
struct entry *entry_list_provide(struct entry_list *list, const char *namespace, const char *name);

/*
 * Ends an update: destroys the entries whose object is gone; the others are no longer dirty, but
 * for those that wait: true when any does.
 */
bool entry_list_sweep(struct entry_list *list);

#endif

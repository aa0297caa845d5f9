/* SPDX-License-Identifier: BSD-2-Clause */
/* entry_list.c - one entry for each Service, in an array sorted by namespace and name. */
#include "model/entry_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/entry.h"

static void entry_destroy(struct entry *entry)
{
	if (!entry)
		return;
	entry_clear_candidates(entry);
	backend_list_finish(&entry->expired);
	free(entry->vips.items);
	free(entry->external.items);
	object_destroy(entry->object);
	free(entry->namespace);
	free(entry->name);
	free(entry->owner);
	free(entry);
}

void entry_list_finish(struct entry_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		entry_destroy(list->items[i]);
	free(list->items);
	*list = (struct entry_list){ 0 };
}

static struct entry *entry_create(const char *namespace, const char *name)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	size_t owner_size = strlen(namespace) + strlen(name) + 2;

	if (!entry)
		return NULL;
	entry->namespace = strdup(namespace);
	entry->name = strdup(name);
	entry->owner = malloc(owner_size);
	if (!entry->namespace || !entry->name || !entry->owner) {
		entry_destroy(entry);
		return NULL;
	}
	(void)snprintf(entry->owner, owner_size, "%s/%s", namespace, name);
	return entry;
}

/* Where the entry stands, or would; true when it is there. */
static bool find_index(const struct entry_list *list, const char *namespace, const char *name,
		       size_t *ret_index)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct entry *entry = list->items[middle];
		int order = strcmp(entry->namespace, namespace);

		if (order == 0)
			order = strcmp(entry->name, name);
		if (order == 0) {
			*ret_index = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_index = low;
	return false;
}

struct entry *entry_list_find(const struct entry_list *list, const char *namespace,
			      const char *name)
{
	size_t index;

	return find_index(list, namespace, name, &index) ? list->items[index] : NULL;
}

static int reserve_room(struct entry_list *list)
{
	size_t capacity = list->capacity ? 2 * list->capacity : 64;
	struct entry **grown;

	if (list->count < list->capacity)
		return 0;
	grown = realloc(list->items, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	list->capacity = capacity;
	return 0;
}

struct entry *entry_list_provide(struct entry_list *list, const char *namespace, const char *name)
{
	struct entry *entry;
	size_t index;

	if (find_index(list, namespace, name, &index))
		return list->items[index];
	entry = entry_create(namespace, name);
	if (!entry || reserve_room(list) < 0) {
		entry_destroy(entry);
		return NULL;
	}
	memmove(list->items + index + 1, list->items + index,
		(list->count - index) * sizeof(struct entry *));
	list->items[index] = entry;
	list->count++;
	return entry;
}

bool entry_list_sweep(struct entry_list *list)
{
	bool any_waits = false;
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct entry *entry = list->items[i];

		entry->is_dirty = entry->is_dirty && entry_is_waiting(entry);
		entry->object_changed = false;
		any_waits |= entry->is_dirty;
		if (entry->object)
			list->items[count++] = entry;
		else
			entry_destroy(entry);
	}
	list->count = count;
	return any_waits;
}

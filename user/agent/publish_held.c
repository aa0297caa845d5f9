/* SPDX-License-Identifier: BSD-2-Clause */
/* publish_held.c - a table of names. */
#include "agent/publish_held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/object.h"

static void free_held(struct held *held)
{
	object_destroy(held->fetched);
	free(held->key);
	free(held->namespace);
	free(held->name);
	free(held->uid);
	free(held->version);
	free(held);
}

void held_remove(struct held_list *list, struct held *held)
{
	if (!held)
		return;
	table_remove(&list->table, &held->node);
	*held->at = held->next;
	if (held->next)
		held->next->at = held->at;
	free_held(held);
}

void held_list_clear(struct held_list *list)
{
	while (list->first)
		held_remove(list, list->first);
	table_finish(&list->table, NULL);
	*list = (struct held_list){ 0 };
}

struct held *held_find(const struct held_list *list, const char *key)
{
	struct table_node *node = table_first(&list->table, table_hash_text(0, key));

	for (; node; node = table_next(node)) {
		struct held *held = TABLE_OWNER(node, struct held, node);

		if (strcmp(held->key, key) == 0)
			return held;
	}
	return NULL;
}

static struct held *create(char *key, const char *namespace, const char *name)
{
	struct held *held = calloc(1, sizeof(*held));

	if (!held) {
		free(key);
		return NULL;
	}
	held->key = key;
	held->namespace = strdup(namespace);
	held->name = strdup(name);
	held->uid = strdup("");
	if (held->namespace && held->name && held->uid)
		return held;
	free_held(held);
	return NULL;
}

static struct held *add(struct held_list *list, char *key, const char *namespace, const char *name)
{
	uint64_t hash = table_hash_text(0, key);
	struct held *held = create(key, namespace, name);

	if (!held)
		return NULL;
	if (table_insert(&list->table, &held->node, hash) < 0) {
		free_held(held);
		return NULL;
	}
	held->next = list->first;
	held->at = &list->first;
	if (held->next)
		held->next->at = &held->next;
	list->first = held;
	return held;
}

static void set_uid(struct held *held, const char *uid)
{
	char *copy = strcmp(held->uid, uid) == 0 ? NULL : strdup(uid);

	if (!copy)
		return;
	free(held->uid);
	held->uid = copy;
}

struct held *held_provide(struct held_list *list, const char *namespace, const char *name,
			  const char *uid)
{
	struct held *held;
	char *key;

	if (asprintf(&key, "%s/%s", namespace, name) < 0)
		return NULL;
	held = held_find(list, key);
	if (held)
		free(key);
	else
		held = add(list, key, namespace, name);
	if (held)
		set_uid(held, uid);
	return held;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* store.c - EndpointSlices, Endpoints and Pods in three hash tables. */
#include "model/store.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct label_node {
	struct table_node node;
	struct record *record;
};

struct record {
	struct table_node by_name;
	struct table_node by_service;
	struct object *object;
	size_t label_count;
	struct label_node by_label[]; /* one for each label of a pod */
};

static uint64_t name_hash(enum object_kind kind, const char *namespace, const char *name)
{
	return table_hash_text(table_hash_text((uint64_t)kind, namespace), name);
}

uint64_t store_label_hash(const char *namespace, const struct label *label)
{
	return table_hash_text(table_hash_text(table_hash_text(0, namespace), label->key),
			       label->value);
}

static void destroy_record(struct table_node *node)
{
	struct record *record = TABLE_OWNER(node, struct record, by_name);

	object_destroy(record->object);
	free(record);
}

void store_finish(struct store *store)
{
	table_finish(&store->by_label, NULL);
	table_finish(&store->by_service, NULL);
	table_finish(&store->by_name, destroy_record);
}

static struct record *find_record(const struct store *store, enum object_kind kind,
				  const char *namespace, const char *name)
{
	struct table_node *node = table_first(&store->by_name, name_hash(kind, namespace, name));

	for (; node; node = table_next(node)) {
		struct record *record = TABLE_OWNER(node, struct record, by_name);
		const struct object *object = record->object;

		if (object->kind == kind && strcmp(object->name, name) == 0 &&
		    strcmp(object->namespace, namespace) == 0)
			return record;
	}
	return NULL;
}

const struct object *store_find(const struct store *store, enum object_kind kind,
				const char *namespace, const char *name)
{
	const struct record *record = find_record(store, kind, namespace, name);

	return record ? record->object : NULL;
}

static void drop(struct store *store, struct record *record)
{
	for (size_t i = 0; i < record->label_count; i++)
		table_remove(&store->by_label, &record->by_label[i].node);
	table_remove(&store->by_service, &record->by_service);
	table_remove(&store->by_name, &record->by_name);
	destroy_record(&record->by_name);
}

static int insert_by_label(struct store *store, struct record *record)
{
	const struct object *object = record->object;
	int r = 0;

	for (size_t i = 0; r == 0 && i < record->label_count; i++) {
		record->by_label[i].record = record;
		r = table_insert(&store->by_label, &record->by_label[i].node,
				 store_label_hash(object->namespace, &object->labels.items[i]));
	}
	return r;
}

static int insert(struct store *store, struct record *record)
{
	const struct object *object = record->object;
	const char *service_name;
	int r;

	r = table_insert(&store->by_name, &record->by_name,
			 name_hash(object->kind, object->namespace, object->name));
	if (r < 0)
		return r;
	if (object->kind == OBJECT_POD)
		return insert_by_label(store, record);
	service_name = object->endpoints.service_name;
	if (!service_name || service_name[0] == '\0')
		return 0;
	return table_insert(&store->by_service, &record->by_service,
			    name_hash(object->kind, object->namespace, service_name));
}

int store_set(struct store *store, struct object *object)
{
	struct record *before = find_record(store, object->kind, object->namespace, object->name);
	size_t label_count = object->kind == OBJECT_POD ? object->labels.count : 0;
	struct record *record;
	int r;

	record = calloc(1, sizeof(*record) + label_count * sizeof(record->by_label[0]));
	if (!record) {
		object_destroy(object);
		return -ENOMEM;
	}
	record->object = object;
	record->label_count = label_count;
	r = insert(store, record);
	if (r < 0)
		drop(store, record);
	else if (before)
		drop(store, before);
	return r;
}

void store_remove(struct store *store, enum object_kind kind, const char *namespace,
		  const char *name)
{
	struct record *record = find_record(store, kind, namespace, name);

	if (record)
		drop(store, record);
}

static int list_add(struct object_list *list, const struct object *object)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		const struct object **grown = realloc(list->items, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->items = grown;
		list->capacity = capacity;
	}
	list->items[list->count++] = object;
	return 0;
}

int store_list_endpoints(const struct store *store, enum object_kind kind, const char *namespace,
			 const char *service_name, struct object_list *list)
{
	struct table_node *node =
		table_first(&store->by_service, name_hash(kind, namespace, service_name));
	int r = 0;

	for (; r == 0 && node; node = table_next(node)) {
		const struct object *object = TABLE_OWNER(node, struct record, by_service)->object;

		if (object->kind == kind && strcmp(object->namespace, namespace) == 0 &&
		    strcmp(object->endpoints.service_name, service_name) == 0)
			r = list_add(list, object);
	}
	return r;
}

int store_list_pods(const struct store *store, const char *namespace, const struct labels *selector,
		    struct object_list *list)
{
	struct table_node *node;
	int r = 0;

	if (selector->count == 0)
		return 0;
	node = table_first(&store->by_label, store_label_hash(namespace, &selector->items[0]));
	for (; r == 0 && node; node = table_next(node)) {
		const struct record *record = TABLE_OWNER(node, struct label_node, node)->record;
		const struct object *pod = record->object;

		if (strcmp(pod->namespace, namespace) == 0 && labels_match(selector, &pod->labels))
			r = list_add(list, pod);
	}
	return r;
}

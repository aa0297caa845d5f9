/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_table.c - every definition of every object, in a tree by the object's key. */
#include "source/manifest_table.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/manifest_file.h"
#include "source/manifest_telling.h"

struct manifest_entry {
	enum object_kind kind;
	const char *namespace, *name; /* behind the struct */

	struct definition *definitions; /* the newest first */
	size_t definition_count;
	size_t clash_count; /* definition_count when it was told that they clash */

	bool is_told;
	struct digest told_digest;
	unsigned long told_serial; /* of the file */

	bool is_touched;
	struct manifest_entry *next_touched;
};

struct manifest_table {
	void *tree; /* of struct manifest_entry, by tsearch */
	struct manifest_entry *first_touched, **last_touched;
};

struct manifest_table *manifest_table_create(void)
{
	struct manifest_table *table = calloc(1, sizeof(*table));

	if (table)
		table->last_touched = &table->first_touched;
	return table;
}

void manifest_table_destroy(struct manifest_table *table)
{
	if (!table)
		return;
	tdestroy(table->tree, free);
	free(table);
}

static int compare_entries(const void *a, const void *b)
{
	const struct manifest_entry *left = a, *right = b;
	int order = (left->kind > right->kind) - (left->kind < right->kind);

	if (order == 0)
		order = strcmp(left->namespace, right->namespace);
	return order ? order : strcmp(left->name, right->name);
}

static struct manifest_entry *create_entry(const struct object *object)
{
	size_t namespace_size = strlen(object->namespace) + 1;
	size_t name_size = strlen(object->name) + 1;
	struct manifest_entry *entry = calloc(1, sizeof(*entry) + namespace_size + name_size);
	char *text;

	if (!entry)
		return NULL;
	text = (char *)(entry + 1);
	entry->kind = object->kind;
	entry->namespace = memcpy(text, object->namespace, namespace_size);
	entry->name = memcpy(text + namespace_size, object->name, name_size);
	return entry;
}

/* The entry of object's key, made when there is none. */
static struct manifest_entry *get_entry(struct manifest_table *table, const struct object *object)
{
	struct manifest_entry key = {
		.kind = object->kind,
		.namespace = object->namespace,
		.name = object->name,
	};
	struct manifest_entry **found = tfind(&key, &table->tree, compare_entries), *entry;

	if (found)
		return *found;
	entry = create_entry(object);
	if (entry && !tsearch(entry, &table->tree, compare_entries)) {
		free(entry);
		return NULL;
	}
	return entry;
}

static void touch(struct manifest_table *table, struct manifest_entry *entry)
{
	if (entry->is_touched)
		return;
	entry->is_touched = true;
	entry->next_touched = NULL;
	*table->last_touched = entry;
	table->last_touched = &entry->next_touched;
}

int manifest_table_add(struct manifest_table *table, struct definition *definition)
{
	struct manifest_entry *entry = get_entry(table, definition->object);

	if (!entry)
		return -ENOMEM;
	definition->entry = entry;
	definition->above = NULL;
	definition->below = entry->definitions;
	if (entry->definitions)
		entry->definitions->above = definition;
	entry->definitions = definition;
	entry->definition_count++;
	touch(table, entry);
	return 0;
}

void manifest_table_remove(struct manifest_table *table, struct definition *definition)
{
	struct manifest_entry *entry = definition->entry;

	if (definition->above)
		definition->above->below = definition->below;
	else
		entry->definitions = definition->below;
	if (definition->below)
		definition->below->above = definition->above;
	entry->definition_count--;
	object_destroy(definition->object);
	definition->object = NULL;
	touch(table, entry);
}

void manifest_table_touch(struct manifest_table *table, struct definition *definition)
{
	if (definition->entry->definition_count > 1)
		touch(table, definition->entry);
}

bool manifest_table_is_defined_again(const struct definition *definition)
{
	const struct definition *other = definition->entry->definitions;

	for (; other; other = other->below)
		if (other->file == definition->file && !other->document->is_left)
			return true;
	return false;
}

static bool comes_before(const struct definition *a, const struct definition *b)
{
	int order = a->file == b->file ? 0 : strcmp(a->file->path, b->file->path);

	if (order == 0)
		order = (a->document->ordinal > b->document->ordinal) -
			(a->document->ordinal < b->document->ordinal);
	return order ? order < 0 : a->item < b->item;
}

static struct definition *find_first(const struct manifest_entry *entry)
{
	struct definition *first = entry->definitions;

	for (struct definition *other = first; other; other = other->below)
		if (comes_before(other, first))
			first = other;
	return first;
}

/* A move to another file alone is worth telling for the origin, but not a reading. */
static bool must_tell(const struct manifest_entry *entry, const struct definition *first)
{
	if (!entry->is_told || digest_compare(&entry->told_digest, &first->digest) != 0)
		return true;
	return first->object && entry->told_serial != first->file->serial;
}

bool manifest_table_find_wanted(struct manifest_table *table)
{
	bool any = false;

	for (struct manifest_entry *entry = table->first_touched; entry;
	     entry = entry->next_touched) {
		struct definition *first = find_first(entry);

		if (!first || first->object || !must_tell(entry, first))
			continue;
		first->document->is_stale = true;
		first->file->is_wanted = true;
		any = true;
	}
	return any;
}

static bool is_any_missing(const struct manifest_entry *entry)
{
	for (const struct definition *other = entry->definitions; other; other = other->below)
		if (other->file->is_missing)
			return true;
	return false;
}

/* Once for as many definitions as there are; one whose file is just going does not count. */
static void tell_clash(struct manifest_entry *entry, const struct definition *first,
		       struct manifest_telling *telling)
{
	const struct definition *other = entry->definitions;
	char sentence[768], more[48] = "";

	if (entry->definition_count > entry->clash_count && is_any_missing(entry))
		return;
	if (entry->definition_count > entry->clash_count && entry->definition_count > 1) {
		if (other == first)
			other = other->below;
		if (entry->definition_count > 2)
			(void)snprintf(more, sizeof(more), " and in %zu more places",
				       entry->definition_count - 2);
		(void)snprintf(sentence, sizeof(sentence),
			       "%s:%u:%u: %s %s/%s defined again%s, expected once: "
			       "%s:%u:%u counts",
			       other->file->path, other->line, other->column,
			       object_kind_name(entry->kind), entry->namespace, entry->name, more,
			       first->file->path, first->line, first->column);
		manifest_tell_problem(telling, sentence);
	}
	entry->clash_count = entry->definition_count;
}

static void settle_entry(struct manifest_entry *entry, struct definition *first,
			 struct manifest_telling *telling)
{
	bool tells = must_tell(entry, first) && first->object;

	if (tells) {
		entry->is_told = true;
		entry->told_digest = first->digest;
		entry->told_serial = first->file->serial;
		manifest_tell_object(telling, first->object);
	} else {
		object_destroy(first->object);
	}
	first->object = NULL;
	tell_clash(entry, first, telling);
}

void manifest_table_settle(struct manifest_table *table, struct manifest_telling *telling)
{
	struct manifest_entry *entry = table->first_touched, *next;

	table->first_touched = NULL;
	table->last_touched = &table->first_touched;
	for (; entry; entry = next) {
		struct definition *first = find_first(entry);

		next = entry->next_touched;
		entry->is_touched = false;
		if (first) {
			settle_entry(entry, first, telling);
			continue;
		}
		if (entry->is_told)
			manifest_tell_removed(telling, entry->kind, entry->namespace, entry->name);
		(void)tdelete(entry, &table->tree, compare_entries);
		free(entry);
	}
}

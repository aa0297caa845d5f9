/* SPDX-License-Identifier: BSD-2-Clause */
/* reflector_store.c - a record for each object, with what a list that is not whole says of it. */
#include "kube/reflector_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/document.h"
#include "lib/error.h"

/* What is said of an object in one version. */
struct version {
	char *text;    /* "uid/resourceVersion" */
	char *problem; /* why it could not be decoded; NULL: it could */
	void *item;    /* until it was told; NULL: none, or told */
};

struct stored {
	struct table_node node;
	TAILQ_ENTRY(stored) link;
	bool is_known;         /* not only staged */
	bool is_told;          /* the listener may have an item of it */
	uint64_t generation;   /* the last list that had it */
	struct version known;  /* its item is always NULL */
	struct version staged; /* text NULL: nothing, or what is known */
	const char *name;
	char namespace[]; /* and the name behind it */
};

static uint64_t hash_of(const char *namespace, const char *name)
{
	return table_hash_text(table_hash_text(0, namespace), name);
}

static struct stored *find(const struct reflector_store *store, const char *namespace,
			   const char *name)
{
	struct table_node *node = table_first(&store->table, hash_of(namespace, name));

	for (; node; node = table_next(node)) {
		struct stored *stored = TABLE_OWNER(node, struct stored, node);

		if (strcmp(stored->name, name) == 0 && strcmp(stored->namespace, namespace) == 0)
			return stored;
	}
	return NULL;
}

static struct stored *add(struct reflector_store *store, const char *namespace, const char *name)
{
	size_t namespace_size = strlen(namespace) + 1, name_size = strlen(name) + 1;
	struct stored *stored = calloc(1, sizeof(*stored) + namespace_size + name_size);

	if (!stored)
		return NULL;
	memcpy(stored->namespace, namespace, namespace_size);
	memcpy(stored->namespace + namespace_size, name, name_size);
	stored->name = stored->namespace + namespace_size;
	if (table_insert(&store->table, &stored->node, hash_of(namespace, name)) < 0) {
		free(stored);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&store->all, stored, link);
	return stored;
}

static void clear_version(const struct reflector_store *store, struct version *version)
{
	if (version->item)
		store->listener.destroy(version->item);
	free(version->text);
	free(version->problem);
	*version = (struct version){ 0 };
}

static void drop(struct reflector_store *store, struct stored *stored)
{
	table_remove(&store->table, &stored->node);
	TAILQ_REMOVE(&store->all, stored, link);
	store->count -= stored->is_known;
	clear_version(store, &stored->known);
	clear_version(store, &stored->staged);
	free(stored);
}

void reflector_store_init(struct reflector_store *store, const struct reflector_listener *listener)
{
	*store = (struct reflector_store){ .listener = *listener };
	TAILQ_INIT(&store->all);
}

void reflector_store_finish(struct reflector_store *store)
{
	while (!TAILQ_EMPTY(&store->all))
		drop(store, TAILQ_FIRST(&store->all));
	table_finish(&store->table, NULL);
}

int reflector_identity_read(const struct node *object, bool needs_name,
			    struct reflector_identity *ret, struct error *error)
{
	const struct node *metadata = node_get(object, "metadata");
	struct reflector_identity identity = {
		.namespace = node_text(metadata, "namespace"),
		.name = node_text(metadata, "name"),
		.uid = node_text(metadata, "uid"),
		.resource_version = node_text(metadata, "resourceVersion"),
	};

	if (needs_name && !*identity.name)
		return error_set(error, -EINVAL, "an object without metadata.name");
	if (!*identity.resource_version)
		return error_set(error, -EINVAL, "'%s': metadata.resourceVersion: missing",
				 identity.name);
	*ret = identity;
	return 0;
}

static bool is_version(const char *text, const struct reflector_identity *identity)
{
	size_t length = strlen(identity->uid);

	return text && strncmp(text, identity->uid, length) == 0 && text[length] == '/' &&
	       strcmp(text + length + 1, identity->resource_version) == 0;
}

static char *version_text(const struct reflector_identity *identity)
{
	size_t uid_length = strlen(identity->uid);
	size_t size = uid_length + strlen(identity->resource_version) + 2;
	char *text = malloc(size);

	if (!text)
		return NULL;
	memcpy(text, identity->uid, uid_length);
	text[uid_length] = '/';
	memcpy(text + uid_length + 1, identity->resource_version, size - uid_length - 1);
	return text;
}

/* Decodes object into *ret. */
static int read_version(const struct reflector_store *store,
			const struct reflector_identity *identity, const struct node *object,
			struct version *ret, struct error *error)
{
	struct version version = { .text = version_text(identity) };
	struct error reason;
	int r = version.text ? 0 : -ENOMEM;

	if (r == 0)
		r = store->listener.decode(object, &version.item, &reason, store->listener.owner);
	if (r < 0 && r != -ENOMEM) {
		version.problem = strdup(reason.text);
		r = version.problem ? 0 : -ENOMEM;
	}
	if (r < 0) {
		clear_version(store, &version);
		return error_set(error, r, "no memory for '%s/%s'", identity->namespace,
				 identity->name);
	}
	*ret = version;
	return 0;
}

static void tell_problem(struct reflector_store *store, const struct stored *stored,
			 const char *before, const char *now)
{
	const struct reflector_listener *listener = &store->listener;

	if (now && before && strcmp(now, before) == 0)
		return;
	if (!now && !before)
		return;
	store->any_told = true;
	if (before)
		listener->on_repaired(stored->namespace, stored->name, listener->owner);
	if (now)
		listener->on_problem(stored->namespace, stored->name, now, listener->owner);
}

static void tell_removed(struct reflector_store *store, struct stored *stored)
{
	if (!stored->is_told)
		return;
	stored->is_told = false;
	store->any_told = true;
	store->listener.on_removed(stored->namespace, stored->name, store->listener.owner);
}

/* Makes version, which is taken, what is known of the object. */
static void accept(struct reflector_store *store, struct stored *stored, struct version *version)
{
	tell_problem(store, stored, stored->known.problem, version->problem);
	if (version->item) {
		store->any_told = true;
		stored->is_told = true;
		store->listener.on_set(version->item, store->listener.owner);
		version->item = NULL;
	} else if (!version->problem) {
		tell_removed(store, stored);
	} else {
		stored->is_told = true; /* if not by us, then by whoever was here before */
	}
	store->count += !stored->is_known;
	stored->is_known = true;
	clear_version(store, &stored->known);
	stored->known = *version;
	*version = (struct version){ 0 };
}

static void forget(struct reflector_store *store, struct stored *stored)
{
	tell_problem(store, stored, stored->known.problem, NULL);
	tell_removed(store, stored);
	drop(store, stored);
}

void reflector_store_begin(struct reflector_store *store)
{
	reflector_store_abort(store);
	store->generation++;
}

int reflector_store_stage(struct reflector_store *store, const struct reflector_identity *identity,
			  const struct node *object, struct error *error)
{
	struct stored *stored = find(store, identity->namespace, identity->name);
	struct version version;
	int r;

	if (!stored)
		stored = add(store, identity->namespace, identity->name);
	if (!stored)
		return error_set(error, -ENOMEM, "no memory for '%s/%s'", identity->namespace,
				 identity->name);
	store->staged_count += stored->generation != store->generation;
	stored->generation = store->generation;
	clear_version(store, &stored->staged);
	if (is_version(stored->known.text, identity))
		return 0;
	r = read_version(store, identity, object, &version, error);
	if (r == 0)
		stored->staged = version;
	return r;
}

void reflector_store_unstage(struct reflector_store *store, const char *namespace, const char *name)
{
	struct stored *stored = find(store, namespace, name);

	if (!stored || stored->generation != store->generation)
		return;
	store->staged_count--;
	stored->generation = 0;
	clear_version(store, &stored->staged);
}

void reflector_store_commit(struct reflector_store *store)
{
	struct stored *next;

	for (struct stored *stored = TAILQ_FIRST(&store->all); stored; stored = next) {
		next = TAILQ_NEXT(stored, link);
		if (stored->generation != store->generation)
			forget(store, stored);
		else if (stored->staged.text)
			accept(store, stored, &stored->staged);
	}
	store->staged_count = 0;
}

void reflector_store_abort(struct reflector_store *store)
{
	struct stored *next;

	for (struct stored *stored = TAILQ_FIRST(&store->all); stored; stored = next) {
		next = TAILQ_NEXT(stored, link);
		clear_version(store, &stored->staged);
		if (!stored->is_known)
			drop(store, stored);
	}
	store->staged_count = 0;
}

int reflector_store_set(struct reflector_store *store, const struct reflector_identity *identity,
			const struct node *object, struct error *error)
{
	struct stored *stored = find(store, identity->namespace, identity->name);
	struct version version;
	int r = read_version(store, identity, object, &version, error);

	if (r < 0)
		return r;
	if (!stored)
		stored = add(store, identity->namespace, identity->name);
	if (!stored) {
		clear_version(store, &version);
		return error_set(error, -ENOMEM, "no memory for '%s/%s'", identity->namespace,
				 identity->name);
	}
	accept(store, stored, &version);
	return 0;
}

void reflector_store_remove(struct reflector_store *store, const char *namespace, const char *name)
{
	struct stored *stored = find(store, namespace, name);

	if (stored && stored->is_known)
		forget(store, stored);
}

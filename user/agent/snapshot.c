/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.c - which objects the cluster has, and when they are written.
 *
 * Names stand in one list, in the order in which they came; a file that is being written has a
 * place in it. The objects themselves are the model's.
 */
#include "agent/snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "agent/snapshot_file.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/table.h"
#include "model/model.h"

#define FIRST_DELAY_MS 1000 /* from a change to a file, when the last one is long ago */
#define SLICE_NS 8000000
#define PAUSE_MS 12 /* between slices, for everything else */

struct known {
	TAILQ_ENTRY(known) link;
	struct table_node by_name;
	enum object_kind kind;
	bool is_loaded; /* and not told by the cluster yet */
	const char *namespace, *name;
};

enum phase {
	PHASE_IDLE,
	PHASE_DUE,      /* the timer says when to begin */
	PHASE_WRITING,  /* when to go on */
	PHASE_SETTLING, /* when to commit */
};

struct snapshot {
	const struct model *model;
	char *path;
	uint64_t interval_ms, settle_ms;
	struct loop_watch *timer;
	TAILQ_HEAD(, known) known;
	struct table by_name;
	bool is_confirmed;
	bool has_changed; /* since the file that was begun last */
	enum phase phase;
	struct snapshot_file *file;
	struct known *next;    /* to be written */
	uint64_t committed_ms; /* the last file; 0: none */
};

static void on_timer(void *owner);

int snapshot_create(struct loop *loop, const struct snapshot_settings *settings,
		    struct snapshot **ret, struct error *error)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return error_set(error, -ENOMEM, "no memory for a snapshot");
	TAILQ_INIT(&snapshot->known);
	snapshot->model = settings->model;
	snapshot->interval_ms = settings->interval_ms;
	snapshot->settle_ms = settings->settle_ms;
	if (asprintf(&snapshot->path, "%s/snapshot.json", settings->state_dir) < 0)
		snapshot->path = NULL;
	snapshot->timer = loop_add_timer(loop, on_timer, snapshot);
	if (!snapshot->path || !snapshot->timer) {
		snapshot_destroy(snapshot);
		return error_set(error, -ENOMEM, "no memory for a snapshot");
	}
	*ret = snapshot;
	return 0;
}

static void forget(struct snapshot *snapshot, struct known *known)
{
	if (snapshot->next == known)
		snapshot->next = TAILQ_NEXT(known, link);
	TAILQ_REMOVE(&snapshot->known, known, link);
	table_remove(&snapshot->by_name, &known->by_name);
	free(known);
}

void snapshot_destroy(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	while (!TAILQ_EMPTY(&snapshot->known))
		forget(snapshot, TAILQ_FIRST(&snapshot->known));
	table_finish(&snapshot->by_name, NULL);
	snapshot_file_abandon(snapshot->file);
	loop_remove(snapshot->timer);
	free(snapshot->path);
	free(snapshot);
}

static uint64_t name_hash(enum object_kind kind, const char *namespace, const char *name)
{
	return table_hash_text(table_hash_text((uint64_t)kind, namespace), name);
}

static struct known *find(const struct snapshot *snapshot, enum object_kind kind,
			  const char *namespace, const char *name)
{
	struct table_node *node = table_first(&snapshot->by_name, name_hash(kind, namespace, name));

	for (; node; node = table_next(node)) {
		struct known *known = TABLE_OWNER(node, struct known, by_name);

		if (known->kind == kind && strcmp(known->name, name) == 0 &&
		    strcmp(known->namespace, namespace) == 0)
			return known;
	}
	return NULL;
}

/* NULL: no memory; the object will be missing in the file. */
static struct known *add(struct snapshot *snapshot, const struct object *object)
{
	size_t namespace_size = strlen(object->namespace) + 1, name_size = strlen(object->name) + 1;
	struct known *known = calloc(1, sizeof(*known) + namespace_size + name_size);
	char *text;

	if (!known)
		return NULL;
	text = (char *)(known + 1);
	known->kind = object->kind;
	known->namespace = memcpy(text, object->namespace, namespace_size);
	known->name = memcpy(text + namespace_size, object->name, name_size);
	if (table_insert(&snapshot->by_name, &known->by_name,
			 name_hash(known->kind, known->namespace, known->name)) < 0) {
		free(known);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&snapshot->known, known, link);
	return known;
}

/* Something is to be written; not now, if a file is being written or is not old enough. */
static void schedule(struct snapshot *snapshot)
{
	uint64_t passed_ms = loop_now_ms() - snapshot->committed_ms, delay_ms = FIRST_DELAY_MS;

	if (!snapshot->is_confirmed || snapshot->phase != PHASE_IDLE)
		return;
	if (snapshot->committed_ms && passed_ms + delay_ms < snapshot->interval_ms)
		delay_ms = snapshot->interval_ms - passed_ms;
	if (delay_ms > snapshot->interval_ms)
		delay_ms = snapshot->interval_ms;
	snapshot->phase = PHASE_DUE;
	loop_timer_set(snapshot->timer, delay_ms);
}

static void note_change(struct snapshot *snapshot)
{
	snapshot->has_changed = true;
	schedule(snapshot);
}

void snapshot_note_set(struct snapshot *snapshot, const struct object *object)
{
	struct known *known;

	if (!snapshot)
		return;
	known = find(snapshot, object->kind, object->namespace, object->name);
	if (!known)
		known = add(snapshot, object);
	if (known)
		known->is_loaded = false;
	note_change(snapshot);
}

void snapshot_note_removed(struct snapshot *snapshot, enum object_kind kind, const char *namespace,
			   const char *name)
{
	struct known *known = snapshot ? find(snapshot, kind, namespace, name) : NULL;

	if (!known)
		return;
	forget(snapshot, known);
	note_change(snapshot);
}

void snapshot_note_kept(struct snapshot *snapshot, enum object_kind kind, const char *namespace,
			const char *name)
{
	struct known *known = snapshot ? find(snapshot, kind, namespace, name) : NULL;

	if (known)
		known->is_loaded = false;
}

void snapshot_confirm(struct snapshot *snapshot,
		      void (*on_removed)(enum object_kind kind, const char *namespace,
					 const char *name, void *owner),
		      void *owner)
{
	struct known *known, *next;

	if (!snapshot || snapshot->is_confirmed)
		return;
	snapshot->is_confirmed = true;
	for (known = TAILQ_FIRST(&snapshot->known); known; known = next) {
		next = TAILQ_NEXT(known, link);
		if (!known->is_loaded)
			continue;
		on_removed(known->kind, known->namespace, known->name, owner);
		forget(snapshot, known);
	}
	note_change(snapshot);
}

struct loading {
	struct snapshot *snapshot;
	void (*on_object)(struct object *object, void *owner);
	void *owner;
};

static void on_loaded(struct object *object, void *owner)
{
	struct loading *loading = owner;
	struct known *known =
		find(loading->snapshot, object->kind, object->namespace, object->name);

	if (!known)
		known = add(loading->snapshot, object);
	if (!known) {
		object_destroy(object); /* nobody would know that it is to go */
		return;
	}
	known->is_loaded = true;
	loading->on_object(object, loading->owner);
}

int snapshot_load(struct snapshot *snapshot, void (*on_object)(struct object *object, void *owner),
		  void *owner, size_t *ret_count, struct error *error)
{
	struct loading loading = { snapshot, on_object, owner };

	return snapshot_file_read(snapshot->path, on_loaded, &loading, ret_count, error);
}

static int begin(struct snapshot *snapshot, struct error *error)
{
	int r = snapshot_file_create(snapshot->path, &snapshot->file, error);

	if (r < 0)
		return r;
	snapshot->has_changed = false;
	snapshot->next = TAILQ_FIRST(&snapshot->known);
	return 0;
}

static int write_next(struct snapshot *snapshot, struct error *error)
{
	const struct known *known = snapshot->next;
	const struct object *object =
		model_find_object(snapshot->model, known->kind, known->namespace, known->name);

	snapshot->next = TAILQ_NEXT(known, link);
	return object ? snapshot_file_add(snapshot->file, object, error) : 0;
}

static int commit(struct snapshot *snapshot, struct error *error)
{
	struct snapshot_file *file = snapshot->file;

	snapshot->file = NULL;
	return snapshot_file_commit(file, error);
}

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int write_slice(struct snapshot *snapshot, struct error *error)
{
	int64_t until_ns = now_ns() + SLICE_NS;
	int r = 0;

	while (r == 0 && snapshot->next && now_ns() < until_ns)
		r = write_next(snapshot, error);
	if (r < 0)
		return r;
	snapshot_file_push(snapshot->file);
	if (!snapshot->next)
		snapshot->phase = PHASE_SETTLING;
	loop_timer_set(snapshot->timer, snapshot->next ? PAUSE_MS : snapshot->settle_ms);
	return 0;
}

/* A file is in place, or could not be written: then it is tried again after a while. */
static void end(struct snapshot *snapshot, int r, const struct error *error)
{
	if (r < 0) {
		log_warning("snapshot: %s", error->text);
		snapshot_file_abandon(snapshot->file);
		snapshot->file = NULL;
		snapshot->has_changed = true;
	}
	snapshot->next = NULL;
	snapshot->committed_ms = loop_now_ms();
	snapshot->phase = PHASE_IDLE;
	if (snapshot->has_changed)
		schedule(snapshot);
}

static void on_timer(void *owner)
{
	struct snapshot *snapshot = owner;
	struct error error = { 0 };
	int r = 0;

	if (snapshot->phase == PHASE_SETTLING) {
		end(snapshot, commit(snapshot, &error), &error);
		return;
	}
	if (snapshot->phase == PHASE_DUE)
		r = begin(snapshot, &error);
	if (r == 0) {
		snapshot->phase = PHASE_WRITING;
		r = write_slice(snapshot, &error);
	}
	if (r < 0)
		end(snapshot, r, &error);
}

int snapshot_write(struct snapshot *snapshot, struct error *error)
{
	int r = 0;

	if (!snapshot || !snapshot->is_confirmed ||
	    (!snapshot->has_changed && snapshot->phase == PHASE_IDLE))
		return 0;
	loop_timer_clear(snapshot->timer);
	snapshot_file_abandon(snapshot->file);
	snapshot->file = NULL;
	r = begin(snapshot, error);
	while (r == 0 && snapshot->next)
		r = write_next(snapshot, error);
	if (r == 0)
		r = commit(snapshot, error);
	snapshot->phase = PHASE_IDLE;
	if (r < 0) {
		snapshot_file_abandon(snapshot->file);
		snapshot->file = NULL;
		note_change(snapshot);
	}
	return r;
}

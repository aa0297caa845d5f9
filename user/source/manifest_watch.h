/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_watch.h - inotify: what happens to the files of directories. */
#ifndef SOURCE_MANIFEST_WATCH_H
#define SOURCE_MANIFEST_WATCH_H

struct manifest_watch;
struct error;

enum manifest_change {
	MANIFEST_WRITTEN, /* complete: closed by its writer, or renamed to its name */
	MANIFEST_WRITING, /* somebody is at it */
	MANIFEST_CREATED, /* complete when it is a link, else being written */
	MANIFEST_TOUCHED, /* gone, or something about it changed */
	MANIFEST_LOST,    /* the directory itself is gone or moved; name is "" */
};

struct manifest_watch_events {
	void (*on_change)(int directory, const char *name, enum manifest_change change,
			  void *owner);
	/* Events were lost: anything may have changed. */
	void (*on_overflow)(void *owner);
	void *owner;
};

int manifest_watch_create(const struct manifest_watch_events *events, struct manifest_watch **ret,
			  struct error *error);
void manifest_watch_destroy(struct manifest_watch *watch); /* NULL is nothing */

/* For the loop; can be read when there is something to drain. */
int manifest_watch_fd(const struct manifest_watch *watch);

/* The number of a directory, the same for the same directory; or a negative errno. */
int manifest_watch_add(struct manifest_watch *watch, const char *path, struct error *error);
void manifest_watch_remove(struct manifest_watch *watch, int directory);

/* Calls back for everything that happened until now. */
void manifest_watch_drain(struct manifest_watch *watch);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_watch.c - inotify's events in our words. */
#include "source/manifest_watch.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/error.h"

#define WATCHED                                                                                    \
	(IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |        \
	 IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define LOST (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)

struct manifest_watch {
	int fd;
	struct manifest_watch_events events;
};

int manifest_watch_create(const struct manifest_watch_events *events, struct manifest_watch **ret,
			  struct error *error)
{
	struct manifest_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return error_set(error, -ENOMEM, "no memory left to watch manifests");
	watch->events = *events;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		int code = errno;

		free(watch);
		return error_set(error, -code,
				 "inotify: %s, expected fs.inotify.max_user_instances to allow one",
				 strerror(code));
	}
	*ret = watch;
	return 0;
}

void manifest_watch_destroy(struct manifest_watch *watch)
{
	if (!watch)
		return;
	(void)close(watch->fd);
	free(watch);
}

int manifest_watch_fd(const struct manifest_watch *watch)
{
	return watch->fd;
}

int manifest_watch_add(struct manifest_watch *watch, const char *path, struct error *error)
{
	int directory = inotify_add_watch(watch->fd, path, WATCHED);

	if (directory >= 0)
		return directory;
	if (errno == ENOSPC)
		return error_set(error, -ENOSPC,
				 "%s: no inotify watch left, expected a higher "
				 "fs.inotify.max_user_watches",
				 path);
	return error_set(error, -errno, "%s: cannot be watched: %s, expected a readable directory",
			 path, strerror(errno));
}

void manifest_watch_remove(struct manifest_watch *watch, int directory)
{
	(void)inotify_rm_watch(watch->fd, directory);
}

static enum manifest_change change_of(uint32_t mask)
{
	if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
		return MANIFEST_WRITTEN;
	if (mask & IN_MODIFY)
		return MANIFEST_WRITING;
	if (mask & IN_CREATE)
		return MANIFEST_CREATED;
	return MANIFEST_TOUCHED;
}

static void tell(struct manifest_watch *watch, const struct inotify_event *event)
{
	void *owner = watch->events.owner;

	if (event->mask & IN_Q_OVERFLOW)
		watch->events.on_overflow(owner);
	else if (event->mask & LOST)
		watch->events.on_change(event->wd, "", MANIFEST_LOST, owner);
	else if (event->len > 0 && !(event->mask & IN_ISDIR))
		watch->events.on_change(event->wd, event->name, change_of(event->mask), owner);
}

void manifest_watch_drain(struct manifest_watch *watch)
{
	alignas(struct inotify_event) char buffer[16 * 1024];
	ssize_t length;

	while ((length = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		const char *at = buffer;

		while (at < buffer + length) {
			const struct inotify_event *event = (const void *)at;

			tell(watch, event);
			at += sizeof(*event) + event->len;
		}
	}
}

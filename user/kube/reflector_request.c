/* SPDX-License-Identifier: BSD-2-Clause */
/* reflector_request.c - the paths of lists and watches. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/reflector_internal.h"

struct path {
	FILE *stream;
	char separator; /* before the next parameter */
};

/* Everything but what RFC 3986 calls unreserved. */
static void write_escaped(FILE *stream, const char *text)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";

	for (; *text; text++)
		if (strchr(unreserved, *text))
			(void)fputc(*text, stream);
		else
			(void)fprintf(stream, "%%%02X", (unsigned char)*text);
}

static void add(struct path *path, const char *name, const char *value)
{
	(void)fprintf(path->stream, "%c%s=", path->separator, name);
	write_escaped(path->stream, value);
	path->separator = '&';
}

static void add_number(struct path *path, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	add(path, name, text);
}

static void add_selectors(struct path *path, const struct reflector *reflector)
{
	const struct reflector_settings *settings = &reflector->settings;

	if (settings->label_selector)
		add(path, "labelSelector", settings->label_selector);
	if (settings->field_selector && !reflector->no_field_selector)
		add(path, "fieldSelector", settings->field_selector);
}

/* Not older than what is known: behind another API server time must not run backwards. */
static void add_not_older(struct path *path, const struct reflector *reflector)
{
	if (!reflector->resource_version || reflector->from_newest)
		return;
	add(path, "resourceVersion", reflector->resource_version);
	add(path, "resourceVersionMatch", "NotOlderThan");
}

static void add_list(struct path *path, const struct reflector *reflector, enum reflector_step step)
{
	if (!reflector->is_unpaged)
		add_number(path, "limit", REFLECTOR_PAGE_SIZE);
	/* All pages are of the first one's version. */
	if (step == REFLECTOR_PAGE)
		add(path, "continue", reflector->continue_token);
	else
		add_not_older(path, reflector);
}

static void add_watch(struct path *path, const struct reflector *reflector, uint64_t timeout_s)
{
	add(path, "watch", "1");
	add(path, "allowWatchBookmarks", "true");
	add_number(path, "timeoutSeconds", timeout_s);
	if (reflector->step == REFLECTOR_WATCH)
		add(path, "resourceVersion", reflector->resource_version);
}

static void add_watch_list(struct path *path, const struct reflector *reflector)
{
	add(path, "sendInitialEvents", "true");
	add(path, "resourceVersionMatch", "NotOlderThan");
	if (reflector->resource_version && !reflector->from_newest)
		add(path, "resourceVersion", reflector->resource_version);
}

char *reflector_request_path(const struct reflector *reflector, enum reflector_step step,
			     uint64_t timeout_s)
{
	char *text = NULL;
	size_t size;
	struct path path = { .stream = open_memstream(&text, &size), .separator = '?' };

	if (!path.stream)
		return NULL;
	(void)fputs(reflector->settings.path, path.stream);
	add_selectors(&path, reflector);
	if (step == REFLECTOR_LIST || step == REFLECTOR_PAGE)
		add_list(&path, reflector, step);
	else
		add_watch(&path, reflector, timeout_s);
	if (step == REFLECTOR_WATCH_LIST)
		add_watch_list(&path, reflector);
	if (fclose(path.stream) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

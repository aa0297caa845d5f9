/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot_file.c - objects to lines and back. */
#include "agent/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/error.h"
#include "lib/json_tree.h"
#include "lib/whole_file.h"
#include "model/object.h"
#include "source/decode.h"
#include "source/encode.h"

#define FIRST_LINE "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":["
#define LAST_LINE "]}"

struct snapshot_file {
	struct whole_file *file;
	size_t count;
};

void snapshot_file_abandon(struct snapshot_file *snapshot)
{
	if (!snapshot)
		return;
	whole_file_abandon(snapshot->file);
	free(snapshot);
}

int snapshot_file_create(const char *path, struct snapshot_file **ret, struct error *error)
{
	struct snapshot_file *snapshot = calloc(1, sizeof(*snapshot));
	int r;

	if (!snapshot)
		return error_set(error, -ENOMEM, "%s: no memory to write it", path);
	r = whole_file_create(path, &snapshot->file, error);
	if (r == 0)
		r = whole_file_write(snapshot->file, FIRST_LINE "\n", error);
	if (r < 0)
		snapshot_file_abandon(snapshot);
	else
		*ret = snapshot;
	return r;
}

int snapshot_file_add(struct snapshot_file *snapshot, const struct object *object,
		      struct error *error)
{
	char *text;
	int r = encode_object(object, &text);

	if (r < 0)
		return whole_file_failed(snapshot->file, r, error);
	if (snapshot->count++ > 0)
		r = whole_file_write(snapshot->file, ",\n", error);
	if (r == 0)
		r = whole_file_write(snapshot->file, text, error);
	free(text);
	return r;
}

void snapshot_file_push(struct snapshot_file *snapshot)
{
	FILE *stream = whole_file_stream(snapshot->file);

	if (fflush(stream) == 0)
		(void)sync_file_range(fileno(stream), 0, 0, SYNC_FILE_RANGE_WRITE);
}

int snapshot_file_commit(struct snapshot_file *snapshot, struct error *error)
{
	int r = whole_file_write(snapshot->file, "\n" LAST_LINE "\n", error);

	if (r == 0) {
		r = whole_file_commit(snapshot->file, error);
		snapshot->file = NULL;
	}
	snapshot_file_abandon(snapshot);
	return r;
}

struct reading {
	const char *path;
	size_t line, count;
	void (*on_object)(struct object *object, void *owner);
	void *owner;
	struct error *error;
	int result;
};

static void on_object(struct object *object, const struct node *node, void *owner)
{
	struct reading *reading = owner;

	(void)node;
	reading->count++;
	reading->on_object(object, reading->owner);
}

static void on_error(const struct error *error, void *owner)
{
	struct reading *reading = owner;

	reading->result = error_set(reading->error, -EINVAL, "%s:%zu: %.400s", reading->path,
				    reading->line, error->text);
}

static void on_skipped(const char *api_version, const char *kind, void *owner)
{
	struct reading *reading = owner;

	reading->result = error_set(reading->error, -EINVAL,
				    "%s:%zu: kind '%.60s' of %.60s, expected one that is served",
				    reading->path, reading->line, kind, api_version);
}

static void read_line(struct reading *reading, const char *text, size_t length)
{
	const struct decode_sink sink = {
		.on_object = on_object,
		.on_error = on_error,
		.on_skipped = on_skipped,
		.from_api_server = true,
		.owner = reading,
	};
	struct arena *arena = arena_create();
	const struct node *root;
	struct error error;

	if (!arena)
		reading->result = error_set(reading->error, -ENOMEM, "%s: no memory to read it",
					    reading->path);
	else if (json_tree_parse(arena, text, length, &root, &error) < 0)
		on_error(&error, reading);
	else
		decode_document(root, reading->path, &sink);
	arena_destroy(arena);
}

/* Before anything of it is told. */
static bool is_whole(FILE *stream)
{
	char first[sizeof(FIRST_LINE)] = "", last[sizeof(LAST_LINE) + 1] = "";

	if (fread(first, 1, sizeof(first) - 1, stream) != sizeof(first) - 1 ||
	    strcmp(first, FIRST_LINE) != 0)
		return false;
	if (fseek(stream, -(long)(sizeof(LAST_LINE) + 1), SEEK_END) < 0 ||
	    fread(last, 1, sizeof(last), stream) != sizeof(last) ||
	    memcmp(last, "\n" LAST_LINE "\n", sizeof(last)) != 0)
		return false;
	rewind(stream);
	return true;
}

static void read_lines(struct reading *reading, FILE *stream)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while (reading->result == 0 && (length = getline(&line, &size, stream)) > 0) {
		if (reading->line++ == 0)
			continue; /* the first one: is_whole has seen it */
		while (length > 0 && strchr(",\n", line[length - 1]))
			length--;
		if (length > 0 && strncmp(line, LAST_LINE, sizeof(LAST_LINE) - 1) != 0)
			read_line(reading, line, (size_t)length);
	}
	free(line);
}

int snapshot_file_read(const char *path, void (*tell)(struct object *object, void *owner),
		       void *owner, size_t *ret_count, struct error *error)
{
	struct reading reading = {
		.path = path,
		.on_object = tell,
		.owner = owner,
		.error = error,
	};
	FILE *stream = fopen(path, "re");

	if (!stream && errno == ENOENT) {
		*ret_count = 0;
		return 0;
	}
	if (!stream)
		return error_set(error, -errno, "%s: cannot read it: %s", path, strerror(errno));
	if (is_whole(stream))
		read_lines(&reading, stream);
	else
		reading.result = error_set(error, -EINVAL, "%s: not a whole snapshot", path);
	(void)fclose(stream);
	if (reading.result == 0)
		*ret_count = reading.count;
	return reading.result;
}

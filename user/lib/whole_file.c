/* SPDX-License-Identifier: BSD-2-Clause */
/* whole_file.c - written beside its place, brought to the disk, then renamed. */
#include "lib/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"

struct whole_file {
	char *path;
	char *temporary;
	FILE *stream;
};

int whole_file_failed(const struct whole_file *file, int r, struct error *error)
{
	return error_set(error, r, "%s: cannot write it: %s", file->temporary, strerror(-r));
}

void whole_file_abandon(struct whole_file *file)
{
	if (!file)
		return;
	if (file->stream) {
		(void)fclose(file->stream);
		(void)unlink(file->temporary);
	}
	free(file->path);
	free(file->temporary);
	free(file);
}

static int open_stream(struct whole_file *file, struct error *error)
{
	int fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return whole_file_failed(file, -errno, error);
	file->stream = fdopen(fd, "w");
	if (!file->stream) {
		r = -errno;
		(void)close(fd);
		return whole_file_failed(file, r, error);
	}
	return 0;
}

int whole_file_create(const char *path, struct whole_file **ret, struct error *error)
{
	struct whole_file *file = calloc(1, sizeof(*file));
	int r = -ENOMEM;

	if (file)
		file->path = strdup(path);
	if (file && asprintf(&file->temporary, "%s.new", path) < 0)
		file->temporary = NULL;
	if (file && file->path && file->temporary)
		r = open_stream(file, error);
	else
		(void)error_set(error, r, "%s: no memory to write it", path);
	if (r < 0)
		whole_file_abandon(file);
	else
		*ret = file;
	return r;
}

int whole_file_write(struct whole_file *file, const char *text, struct error *error)
{
	if (fputs(text, file->stream) < 0)
		return whole_file_failed(file, errno ? -errno : -EIO, error);
	return 0;
}

FILE *whole_file_stream(struct whole_file *file)
{
	return file->stream;
}

/* The name is on the disk, too. */
static int sync_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, r;

	(void)snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		       slash ? path : ".");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

int whole_file_commit(struct whole_file *file, struct error *error)
{
	int r = 0;

	if (fflush(file->stream) != 0 || fsync(fileno(file->stream)) < 0 ||
	    rename(file->temporary, file->path) < 0)
		r = whole_file_failed(file, errno ? -errno : -EIO, error);
	if (r == 0) {
		(void)fclose(file->stream);
		file->stream = NULL; /* nothing to unlink */
		r = sync_directory(file->path);
		if (r < 0)
			(void)whole_file_failed(file, r, error);
	}
	whole_file_abandon(file);
	return r;
}

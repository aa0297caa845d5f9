/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_text.c - the bytes of a file. */
#include "source/manifest_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"

#define MEGABYTE ((size_t)1 << 20)
#define TEXT_LIMIT (64 * MEGABYTE)
#define STREAM_STEP (64 * 1024)

struct manifest_identity manifest_identity_of(const struct stat *status)
{
	return (struct manifest_identity){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = status->st_size,
		.changed = status->st_mtim,
	};
}

bool manifest_identity_equal(const struct manifest_identity *a, const struct manifest_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static int refuse_errno(const char *path, int code, struct error *error)
{
	return error_set(error, -code, "%s:1:1: cannot be read: %s, expected a readable file", path,
			 strerror(code));
}

static int refuse_size(const char *path, struct error *error)
{
	return error_set(error, -EFBIG,
			 "%s:1:1: a file of more than %zu MB, expected a smaller one", path,
			 TEXT_LIMIT / MEGABYTE);
}

/* Up to size bytes; fewer only at the end. */
static ssize_t read_fully(int fd, char *to, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, to + length, size - length);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			length += (size_t)n;
	}
	return (ssize_t)length;
}

static int read_regular(int fd, const char *path, const struct stat *status, char **ret_text,
			size_t *ret_length, struct error *error)
{
	size_t size = (size_t)status->st_size;
	ssize_t length;
	char *text;

	if (size > TEXT_LIMIT)
		return refuse_size(path, error);
	text = malloc(size + 1);
	if (!text)
		return refuse_errno(path, ENOMEM, error);
	/* One byte more than there should be shows that the file grew. */
	length = read_fully(fd, text, size + 1);
	if (length < 0 || (size_t)length != size) {
		free(text);
		return refuse_errno(path, length < 0 ? (int)-length : EAGAIN, error);
	}
	*ret_text = text;
	*ret_length = size;
	return 0;
}

int manifest_text_read(const char *path, char **ret_text, size_t *ret_length,
		       struct manifest_identity *ret_identity, struct error *error)
{
	/* Without O_NONBLOCK a named pipe would hold us until somebody writes to it. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	int r;

	if (fd < 0)
		return refuse_errno(path, errno, error);
	if (fstat(fd, &status) < 0)
		r = refuse_errno(path, errno, error);
	else if (!S_ISREG(status.st_mode))
		r = error_set(error, -EINVAL, "%s:1:1: no regular file, expected one", path);
	else
		r = read_regular(fd, path, &status, ret_text, ret_length, error);
	(void)close(fd);
	if (r == 0)
		*ret_identity = manifest_identity_of(&status);
	return r;
}

int manifest_text_read_stream(int fd, const char *path, char **ret_text, size_t *ret_length,
			      struct error *error)
{
	size_t length = 0, capacity = 0;
	char *text = NULL;
	ssize_t n;

	do {
		char *larger;

		capacity = capacity ? capacity * 2 : STREAM_STEP;
		larger = length > TEXT_LIMIT ? NULL : realloc(text, capacity);
		if (!larger) {
			free(text);
			return length > TEXT_LIMIT ? refuse_size(path, error)
						   : refuse_errno(path, ENOMEM, error);
		}
		text = larger;
		n = read_fully(fd, text + length, capacity - length);
		if (n < 0) {
			free(text);
			return refuse_errno(path, (int)-n, error);
		}
		length += (size_t)n;
	} while (length == capacity);
	*ret_text = text;
	*ret_length = length;
	return 0;
}

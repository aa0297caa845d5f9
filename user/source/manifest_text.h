/* SPDX-License-Identifier: BSD-2-Clause */
/* manifest_text.h - the bytes of a file, and by what to know that they are others. */
#ifndef SOURCE_MANIFEST_TEXT_H
#define SOURCE_MANIFEST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct error;

struct manifest_identity {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed; /* mtime */
};

struct manifest_identity manifest_identity_of(const struct stat *status);
bool manifest_identity_equal(const struct manifest_identity *a, const struct manifest_identity *b);

/*
 * Reads a regular file of at most 64 MB. *ret_text is freed by the caller. -EAGAIN when it
 * grew or shrank meanwhile; every failure with a sentence that starts with the path.
 */
int manifest_text_read(const char *path, char **ret_text, size_t *ret_length,
		       struct manifest_identity *ret_identity, struct error *error);
/* The same of a stream, called path in sentences. */
int manifest_text_read_stream(int fd, const char *path, char **ret_text, size_t *ret_length,
			      struct error *error);

#endif

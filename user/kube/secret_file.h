/* SPDX-License-Identifier: BSD-2-Clause */
/* secret_file.h - a token, certificate or key that rotates in its file. */
#ifndef KUBE_SECRET_FILE_H
#define KUBE_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "kube/access.h"

struct error;
struct secret_file;

enum secret_kind {
	SECRET_TOKEN,
	SECRET_CERTIFICATE, /* one or more, in PEM */
	SECRET_KEY,         /* PEM */
};

/*
 * NULL when secret can be used as kind, else what was expected. Of a token white space around
 * it is cut off first.
 */
const char *secret_check(enum secret_kind kind, struct kube_secret *secret);

/* Reads path (copied). -ENOENT, -EACCES, -EINVAL, ... with a sentence that begins with path. */
int secret_file_open(const char *path, enum secret_kind kind, struct secret_file **ret,
		     struct error *error);
void secret_file_destroy(struct secret_file *file); /* NULL is nothing */

/*
 * Reads it again if it seems to have changed, or with anyway. What cannot be read or used
 * leaves what was read before, and is a failure. *ret_changed: there is another text now.
 */
int secret_file_refresh(struct secret_file *file, bool anyway, bool *ret_changed,
			struct error *error);
/* Borrowed until the next secret_file_refresh. */
struct kube_secret secret_file_secret(const struct secret_file *file);

#endif

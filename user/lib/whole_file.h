/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * whole_file.h - a file that is replaced as a whole: whoever reads it, be it after a power cut,
 * sees the old one or the new one.
 */
#ifndef LIB_WHOLE_FILE_H
#define LIB_WHOLE_FILE_H

#include <stdio.h>

struct error;
struct whole_file; /* one that is being written, beside the one that counts */

/* Only the owner may read it. -errno of the file system, or -ENOMEM. */
int whole_file_create(const char *path, struct whole_file **ret, struct error *error);
/* What was written is thrown away. NULL is nothing. */
void whole_file_abandon(struct whole_file *file);
int whole_file_write(struct whole_file *file, const char *text, struct error *error);
/* For what else can be done with one; whoever cannot asks whole_file_failed for the sentence. */
FILE *whole_file_stream(struct whole_file *file);
/* Says in error that the file cannot be written, for the reason r, and returns that. */
int whole_file_failed(const struct whole_file *file, int r, struct error *error);
/* Waits until the disk has it, and puts it in place. Frees file in any case. */
int whole_file_commit(struct whole_file *file, struct error *error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manifest_file.h - one file: its documents, what they define, and what is wrong.
 *
 * Only documents whose text changed are read. While one of them is bad, objects
 * that vanished from the file are kept: they may be in the bad one.
 */
#ifndef SOURCE_MANIFEST_FILE_H
#define SOURCE_MANIFEST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/manifest_table.h"
#include "source/manifest_text.h"

struct error;

struct manifest_file {
	char *path;
	const char *name;     /* within path */
	unsigned long serial; /* another one for each file there ever was */

	/* What the last look found, for manifest_root.c. */
	struct manifest_identity identity;
	bool is_loaded;            /* identity is that of what was read */
	bool is_written;           /* somebody finished writing it since */
	bool is_missing;           /* not there now; it may come back */
	bool is_wanted;            /* read it again though it did not change */
	uint64_t waiting_since_ms; /* missing, or changed by nobody knows whom */
	struct manifest_identity waiting_identity;

	bool was_good; /* at least once without a problem */
	bool is_told_bad;
	bool is_told_cut; /* that there are more problems than are told */
	size_t problem_count;
	char *failure;               /* why it could not be read at all; NULL when it could */
	struct document **documents; /* in order */
	size_t document_count;
	struct document *kept; /* definitions whose document is gone; NULL when there are none */
};

/* NULL when there is no memory. */
struct manifest_file *manifest_file_create(const char *path, unsigned long serial);
/* Its definitions are taken out of table. */
void manifest_file_destroy(struct manifest_file *file, struct manifest_table *table);

/* Takes in what stands in the file now. One that defined something and is empty is a problem. */
void manifest_file_load(struct manifest_file *file, const char *text, size_t length,
			struct manifest_table *table, struct manifest_telling *telling);
/* It cannot be read: everything is kept. error's sentence starts with the path. */
void manifest_file_fail(struct manifest_file *file, const struct error *error,
			struct manifest_telling *telling);

/* The file is there again, or no longer. */
void manifest_file_set_missing(struct manifest_file *file, bool is_missing,
			       struct manifest_table *table);

#endif

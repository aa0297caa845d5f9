/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manifest_table.h - every definition of every object, and which of them counts.
 *
 * Of two definitions of one object that of the first file by path counts, then the
 * first in the file. A definition holds its object until that was told; the object
 * of one that does not count is kept for the day when it does.
 */
#ifndef SOURCE_MANIFEST_TABLE_H
#define SOURCE_MANIFEST_TABLE_H

#include "model/object.h"
#include "source/digest.h"

struct manifest_table;
struct manifest_telling;
struct manifest_file;
struct manifest_entry; /* one object, with all definitions of it */

/* One document of a file, for as long as its text stands there. */
struct document {
	struct digest digest; /* of its text */
	uint32_t ordinal;     /* its place in the file */
	bool is_bad;          /* has a problem */
	bool is_stale;        /* an object of it is wanted again: read it anew */
	bool is_left;         /* its text is gone from the file */
	struct problem *problems;
	struct definition *definitions;
};

struct definition {
	struct definition *next; /* of the document */
	struct manifest_file *file;
	struct document *document;
	uint32_t item, line, column;
	struct digest digest;  /* of its tree */
	struct object *object; /* NULL once it was told */

	struct manifest_entry *entry;
	struct definition *above, *below; /* of the entry */
};

struct manifest_table *manifest_table_create(void); /* NULL when there is no memory */
void manifest_table_destroy(
	struct manifest_table *table); /* without definitions; NULL is nothing */

/* Puts definition under the key of its object. -ENOMEM. */
int manifest_table_add(struct manifest_table *table, struct definition *definition);
/* Takes it out and destroys its object; the definition itself is the caller's. */
void manifest_table_remove(struct manifest_table *table, struct definition *definition);

/* Its place or file changed: looks again which definition of the object counts. */
void manifest_table_touch(struct manifest_table *table, struct definition *definition);

/* Whether the same file defines the object in another document that is not left. */
bool manifest_table_is_defined_again(const struct definition *definition);

/*
 * Marks the documents, and the files, that must be read anew because a definition of them
 * counts now and its object is not at hand. False when there are none.
 */
bool manifest_table_find_wanted(struct manifest_table *table);

/* Tells every difference since the last time. */
void manifest_table_settle(struct manifest_table *table, struct manifest_telling *telling);

#endif

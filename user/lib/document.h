/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * document.h - the tree of one YAML or JSON document, with line and column of
 * every node, in one arena.
 */
#ifndef LIB_DOCUMENT_H
#define LIB_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum node_type {
	NODE_NULL, /* null, ~ or nothing; also a key without a value */
	NODE_SCALAR,
	NODE_SEQUENCE,
	NODE_MAPPING,
};

/* Borrowed from the document's arena; never changed after parsing. */
struct node {
	enum node_type type;
	bool quoted;           /* scalar written in quotes or as a block: always a string */
	uint32_t line, column; /* from 1, of the whole file */
	const char *key;       /* within a mapping, else NULL */
	const char *text;      /* scalar: NUL-terminated, may hold NULs before length */
	size_t length;         /* scalar: bytes of text */
	struct node *first;    /* sequence, mapping: first child */
	struct node *next;     /* next sibling */
	size_t count;          /* sequence, mapping: number of children */
};

/* "nothing", "text", "a list" or "a mapping": for sentences. */
const char *node_type_name(enum node_type type);

/*
 * Parses one document of length bytes at text; line_offset lines of the same file
 * stand before it. JSON is read by the same parser. Aliases are copied, up to a
 * fixed number of nodes; merge keys (<<) are applied; a key given twice is an error.
 * In JSON a surrogate pair (\ud83d\ude00) is one character; columns behind it on its
 * line are then two too small.
 *
 * Gives the root in *ret_root (NODE_NULL for an empty document), all of it in arena.
 * On failure returns -EINVAL or -ENOMEM with a sentence that starts with
 * "line:column: ".
 */
int document_parse(struct arena *arena, const char *text, size_t length, uint32_t line_offset,
		   const struct node **ret_root, struct error *error);

/*
 * Cuts the next document off a stream ("---" or "..." at the start of a line
 * ends one). *at moves behind it and *line counts the lines passed; ret_text and
 * ret_length are the document, ret_line the number of lines before it.
 * False at the end of the stream. Documents of white space and comments are skipped.
 */
bool document_split(const char *text, size_t length, size_t *at, uint32_t *line,
		    const char **ret_text, size_t *ret_length, uint32_t *ret_line);

/* The child of a mapping by key; NULL when there is none, or it is null, or node is no mapping. */
const struct node *node_get(const struct node *node, const char *key);

/* The text of a scalar child; "" when there is none: for what is no error to be missing. */
const char *node_text(const struct node *node, const char *key);
/* Whether node is a list, and text one of its scalars. */
bool node_has_item(const struct node *node, const char *text);

/*
 * Scalars as the API's types; error's sentence starts with "line:column: path: ".
 * Plain scalars mean what kubectl takes them for (YAML 1.1): yes, no, on, off, y and n
 * are booleans besides true and false, and a plain number or boolean is no string.
 */
int node_string(const struct node *node, const char *path, const char **ret, struct error *error);
int node_bool(const struct node *node, const char *path, bool *ret, struct error *error);
int node_integer(const struct node *node, const char *path, int64_t low, int64_t high, int64_t *ret,
		 struct error *error);

/*
 * Sets -EINVAL and "line:column: " followed by the formatted sentence; that alone where the node
 * has no place.
 */
int node_error(const struct node *node, struct error *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.h - cuts what an API server sends into whole JSON objects, in whatever pieces it
 * comes: one after the other in a watch, the items of a list. So no more than one object is in
 * memory as text, however long the list.
 */
#ifndef KUBE_FRAME_H
#define KUBE_FRAME_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct frame;

/* A longer object is refused; the largest that an API server takes have 1.5 MB. */
#define FRAME_OBJECT_MAX (16 * 1024 * 1024)

enum frame_shape {
	FRAME_STREAM, /* objects, with or without white space between them */
	FRAME_LIST,   /* one object; those in its array "items" are what is cut */
};

struct frame *frame_create(enum frame_shape shape); /* NULL when there is no memory */
void frame_destroy(struct frame *frame);            /* NULL is nothing */

/*
 * Takes bytes from *data until an object is whole, and moves *data and *length behind them. 1
 * with an object, borrowed until the next call; 0 when all bytes are taken and there is none.
 * -EINVAL for what cannot be JSON, -EFBIG, -ENOMEM with a sentence: then frame is of no more
 * use. Whether the object is good JSON in all its parts is not looked at.
 */
int frame_next(struct frame *frame, const char **data, size_t *length, const char **ret_object,
	       size_t *ret_length, struct error *error);

/* Of a list that is whole what stands around its items, "items":[] included; else NULL. */
const char *frame_envelope(const struct frame *frame, size_t *ret_length);

#endif

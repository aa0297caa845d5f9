/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * encode.h - an object as the JSON of which decode_document makes the same object again, with
 * what the API server's defaults would add left out.
 */
#ifndef SOURCE_ENCODE_H
#define SOURCE_ENCODE_H

#include <stddef.h>

struct object;

/*
 * One line of ASCII without a newline at its end; the caller frees it. Everything but the origin
 * is in it. -ENOMEM.
 */
int encode_object(const struct object *object, char **ret_text);

#endif

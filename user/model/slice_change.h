/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slice_change.h - what became of the endpoints of an EndpointSlice. Inside model/ only.
 */
#ifndef MODEL_SLICE_CHANGE_H
#define MODEL_SLICE_CHANGE_H

#include "model/object.h"

/*
 * Whether fewer endpoints are ready, and one that was is no longer told of at all; after is NULL
 * when the slice is gone. Where another stands for it, as in a rolling update, nothing is amiss.
 * False of an object of another kind.
 */
bool slice_shrinks(const struct object *before, const struct object *after);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leaving.h - the backends of a Service that are drained or draining. Inside model/ only.
 */
#ifndef MODEL_LEAVING_H
#define MODEL_LEAVING_H

#include "model/service.h"

struct endpoint_set;

/* All zero is an empty list. */
struct backend_list {
	struct backend *items;
	size_t count, capacity;
};

void backend_list_finish(struct backend_list *list);
/* Replaces what it holds. -ENOMEM: it stays as it was. */
int backend_list_set(struct backend_list *list, const struct backend *backends, size_t count);
/* By address, then port, each once. */
void backend_list_sort(struct backend_list *list);

/* Adds the backends of set that are leaving. -ENOMEM. */
int leaving_collect(struct backend_list *list, const struct endpoint_set *set);
/* Takes those that are leaving and in expired, which is sorted, out of what is programmed. */
void leaving_drop_expired(struct endpoint_set *set, const struct backend_list *expired);

#endif

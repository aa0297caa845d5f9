/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * applied.h - the services as they were last programmed, by key.
 */
#ifndef AGENT_APPLIED_H
#define AGENT_APPLIED_H

#include "model/service.h"

struct applied {
	struct service **items; /* sorted by key; one reference each */
	size_t count;
};

void applied_finish(struct applied *applied);

/* NULL: nothing was programmed for the key since the start. */
struct service *applied_find(const struct applied *applied, const struct service_key *key);
bool applied_has_vip(const struct applied *applied, const struct address *vip);

/* Takes a reference. -ENOMEM: service is as if it had not been programmed. */
int applied_set(struct applied *applied, struct service *service);
void applied_remove(struct applied *applied, const struct service_key *key);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * local_set.h - how many endpoints a load balancer in front of this node would find here.
 * Inside model/ only.
 */
#ifndef MODEL_LOCAL_SET_H
#define MODEL_LOCAL_SET_H

#include <stddef.h>

struct address;
struct endpoint_set;

/* Addresses, over all ports and both families. All zero is an empty set. */
struct local_set {
	struct address *items;
	size_t count, capacity;
};

/* Adds who gets new flows and is not terminating. -ENOMEM. */
int local_set_add(struct local_set *local, const struct endpoint_set *set);
/* Each address once, and of a pod that has both families one: those of the larger family. */
size_t local_set_count(struct local_set *local);
void local_set_finish(struct local_set *local);

#endif

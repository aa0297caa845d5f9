/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_owners.h - gives back the addresses of Services that went while no agent ran.
 */
#ifndef AGENT_POOL_OWNERS_H
#define AGENT_POOL_OWNERS_H

struct error;
struct model;
struct pool;

/* Releases every owner in pool that is no Service of model. -ENOMEM: none is released. */
int pool_owners_prune(struct pool *pool, const struct model *model, struct error *error);

#endif

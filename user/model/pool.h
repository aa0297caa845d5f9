/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h - which Service gets which address.
 *
 * An address once given stays with its owner until it is released. A new owner
 * starts the search at a position derived from its name, so that gateways that
 * never spoke to each other mostly agree; the rest is kept in the state directory.
 */
#ifndef MODEL_POOL_H
#define MODEL_POOL_H

#include "model/address.h"

struct pool;
struct error;

struct pool *pool_create(void); /* NULL when there is no memory */
void pool_destroy(struct pool *pool);

/*
 * Adds "10.0.0.0/24", "10.0.0.5-10.0.0.20", "10.0.0.5" or the IPv6 forms. Of an IPv4
 * prefix shorter than /31 the first and last address are not given. -EINVAL, -ENOMEM.
 */
int pool_add_range(struct pool *pool, const char *text, struct error *error);
bool pool_has_family(const struct pool *pool, bool ipv4);

/*
 * The address of owner ("namespace/name") in one family: the one it has, else a
 * free one. -ENOSPC when all are taken, -ENOENT when no range has that family.
 */
int pool_assign(struct pool *pool, const char *owner, bool ipv4, struct address *ret,
		struct error *error);

/*
 * Reserves an address for owner (restored state, or an address that a Service
 * names and that lies in the pool). Outside every range: 0, nothing to do.
 * -EADDRINUSE when another owner has it. Does not make it what pool_assign
 * returns unless sticky.
 */
int pool_reserve(struct pool *pool, const char *owner, const struct address *address, bool sticky,
		 struct error *error);

/* Gives back whatever owner has. */
void pool_release(struct pool *pool, const char *owner);

/* Every sticky assignment, sorted by owner, then address. */
void pool_for_each(const struct pool *pool,
		   void (*on_assignment)(const char *owner, const struct address *address,
					 void *context),
		   void *context);

#endif

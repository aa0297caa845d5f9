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

#include "model/object.h"

struct pool;
struct error;

/* Who asks, and for what. */
struct pool_request {
	const char *owner;           /* "namespace/name" */
	const char *namespace;       /* of the Service */
	const struct labels *labels; /* of the Service; NULL: none */
	const char *pool_name;       /* NULL: any that assigns without being asked for */
	bool wants_both;             /* families: pools that have both come first */
};

struct pool *pool_create(void); /* NULL when there is no memory */
void pool_destroy(struct pool *pool);

/*
 * Adds to the pool "default", which is for every Service, what address_range_parse takes.
 * -EINVAL, -ENOMEM.
 */
int pool_add_range(struct pool *pool, const char *text, struct error *error);

/*
 * Other pools besides, instead of those set before; borrowed until set again. Their addresses
 * come before those of "default". Nobody loses an address by it.
 */
void pool_set_named(struct pool *pool, const struct address_pool *pools, size_t count);

/* Nowhere is there any range. */
bool pool_is_empty(const struct pool *pool);
/* Whether one can be assigned, if it is free. */
bool pool_has_family(const struct pool *pool, const struct pool_request *request, bool ipv4);
bool pool_contains(const struct pool *pool, const struct address *address);
/*
 * Whether the Service may have an address by name: -ENOENT, -EPERM with a sentence when it lies
 * in no pool, in another than the one asked for, or in one for others.
 */
int pool_check(const struct pool *pool, const struct pool_request *request,
	       const struct address *address, struct error *error);

/*
 * The address of an owner in one family: the one it has, else a free one; one that does not lie
 * in the pool asked for is exchanged, if that pool has a free one. -ENOSPC when all are taken,
 * -ENOENT when no pool for it has that family.
 */
int pool_assign(struct pool *pool, const struct pool_request *request, bool ipv4,
		struct address *ret, struct error *error);

/*
 * Reserves an address for owner (restored state, or an address that a Service names), in a pool
 * or not. -EADDRINUSE when another owner has it. Does not make it what pool_assign returns
 * unless sticky.
 */
int pool_reserve(struct pool *pool, const char *owner, const struct address *address, bool sticky,
		 struct error *error);

/*
 * The owner's status names the address: reserves it, sticky, also when it is assigned to
 * another whose status does not name it, which then loses it: true in *ret_evicted.
 * -EADDRINUSE, -ENOMEM.
 */
int pool_publish(struct pool *pool, const char *owner, const struct address *address,
		 bool *ret_evicted, struct error *error);
void pool_forget_published(struct pool *pool, const char *owner);

/* Owner has it, sticky. */
bool pool_is_assigned(const struct pool *pool, const char *owner, const struct address *address);

/* Gives back whatever owner has. */
void pool_release(struct pool *pool, const char *owner);

/* Every sticky assignment, sorted by owner, then address. */
void pool_for_each(const struct pool *pool,
		   void (*on_assignment)(const char *owner, const struct address *address,
					 void *context),
		   void *context);

#endif

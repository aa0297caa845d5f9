/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c - addresses to give, from pools with names, and who holds which.
 *
 * The addresses of one pool and family, range after range, form one line. A new owner's
 * search starts at the place on it that a hash of its name says and takes the
 * first address nobody holds.
 */
#include "model/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "model/holdings.h"

#define FLAGS_POOL_NAME "default"

struct pool {
	struct address_range *ranges; /* of flags, by pool_add_range */
	struct address_pool flags;    /* these */
	const struct address_pool *named;
	size_t named_count;
	struct holdings holdings;
};

struct pool *pool_create(void)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (pool)
		pool->flags = (struct address_pool){ .name = FLAGS_POOL_NAME, .auto_assign = true };
	return pool;
}

void pool_destroy(struct pool *pool)
{
	if (!pool)
		return;
	holdings_finish(&pool->holdings);
	free(pool->ranges);
	free(pool);
}

int pool_add_range(struct pool *pool, const char *text, struct error *error)
{
	struct address_range range;
	struct address_range *grown;

	if (address_range_parse(text, &range, error) < 0) {
		(void)error_prefix(error, "address pool \"%s\"", text);
		return -EINVAL;
	}
	grown = realloc(pool->ranges, (pool->flags.range_count + 1) * sizeof(*grown));
	if (!grown)
		return error_set(error, -ENOMEM, "address pool \"%s\": no memory", text);
	grown[pool->flags.range_count++] = range;
	pool->ranges = grown;
	pool->flags.ranges = grown;
	return 0;
}

void pool_set_named(struct pool *pool, const struct address_pool *pools, size_t count)
{
	pool->named = pools;
	pool->named_count = count;
}

/* Those with names first, that of the flags last; NULL behind it. */
static const struct address_pool *pool_at(const struct pool *pool, size_t index)
{
	if (index < pool->named_count)
		return &pool->named[index];
	return index == pool->named_count ? &pool->flags : NULL;
}

bool pool_is_empty(const struct pool *pool)
{
	const struct address_pool *one;

	for (size_t i = 0; (one = pool_at(pool, i)); i++)
		if (one->range_count > 0)
			return false;
	return true;
}

static bool has_family(const struct address_pool *one, bool ipv4)
{
	for (size_t i = 0; i < one->range_count; i++)
		if (address_range_is_ipv4(&one->ranges[i]) == ipv4)
			return true;
	return false;
}

static bool contains(const struct address_pool *one, const struct address *address)
{
	for (size_t i = 0; i < one->range_count; i++)
		if (address_range_contains(&one->ranges[i], address))
			return true;
	return false;
}

static bool has_name(const struct address_pool *one, const struct pool_request *request)
{
	return !request->pool_name || strcmp(one->name, request->pool_name) == 0;
}

static bool names_namespace(const struct address_pool *one, const char *namespace)
{
	for (size_t i = 0; i < one->namespace_count; i++)
		if (strcmp(one->namespaces[i], namespace) == 0)
			return true;
	return one->namespace_count == 0;
}

static bool is_for(const struct address_pool *one, const struct pool_request *request)
{
	static const struct labels none;

	return names_namespace(one, request->namespace) &&
	       labels_match(&one->selector, request->labels ? request->labels : &none);
}

/* May be assigned from without being asked for, or is asked for. */
static bool may_assign(const struct address_pool *one, const struct pool_request *request)
{
	return is_for(one, request) &&
	       (request->pool_name ? has_name(one, request) : one->auto_assign);
}

bool pool_has_family(const struct pool *pool, const struct pool_request *request, bool ipv4)
{
	const struct address_pool *one;

	for (size_t i = 0; (one = pool_at(pool, i)); i++)
		if (may_assign(one, request) && has_family(one, ipv4))
			return true;
	return false;
}

static const struct address_pool *find_containing(const struct pool *pool,
						  const struct pool_request *request,
						  const struct address *address)
{
	const struct address_pool *one;

	for (size_t i = 0; (one = pool_at(pool, i)); i++)
		if (contains(one, address) && (!request || has_name(one, request)))
			return one;
	return NULL;
}

bool pool_contains(const struct pool *pool, const struct address *address)
{
	return find_containing(pool, NULL, address);
}

int pool_check(const struct pool *pool, const struct pool_request *request,
	       const struct address *address, struct error *error)
{
	char text[ADDRESS_TEXT_SIZE];
	const struct address_pool *one;

	for (size_t i = 0; (one = pool_at(pool, i)); i++)
		if (contains(one, address) && has_name(one, request) && is_for(one, request))
			return 0;
	(void)address_format(address, text);
	if (!pool_contains(pool, address))
		return error_set(error, -ENOENT, "%s lies in no address pool", text);
	one = find_containing(pool, request, address);
	if (!one)
		return error_set(error, -ENOENT, "%s does not lie in address pool \"%s\"", text,
				 request->pool_name);
	return error_set(error, -EPERM,
			 "%s lies in address pool \"%s\", which is not for this Service", text,
			 one->name);
}

/* What was given to owner before; NULL when nothing of that family. */
static struct holding *assigned_to(const struct pool *pool, const char *owner, bool ipv4)
{
	struct holding *holding;

	for (size_t i = 0; (holding = holdings_of(&pool->holdings, owner, i)); i++)
		if (holding->is_sticky && address_is_ipv4(&holding->address) == ipv4)
			return holding;
	return NULL;
}

static uint64_t hash_name(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a, then mixed: its high bits are weak */

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3ULL;
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdULL;
	return hash ^ hash >> 33;
}

static uint64_t length_of_line(const struct address_pool *one, bool ipv4)
{
	uint64_t length = 0;

	for (size_t i = 0; i < one->range_count; i++)
		if (address_range_is_ipv4(&one->ranges[i]) == ipv4)
			length += address_range_size(&one->ranges[i]);
	return length;
}

static struct address address_on_line(const struct address_pool *one, bool ipv4, uint64_t place)
{
	struct address address = { 0 };

	for (size_t i = 0; i < one->range_count; i++) {
		uint64_t size = address_range_size(&one->ranges[i]);

		if (address_range_is_ipv4(&one->ranges[i]) != ipv4)
			continue;
		if (place < size) {
			address = address_range_at(&one->ranges[i], place);
			break;
		}
		place -= size;
	}
	return address;
}

/* Some old clients take an IPv4 address that ends so for one of a network or of a broadcast. */
static bool is_avoided(const struct address_pool *one, const struct address *address)
{
	return one->avoids_buggy && address_is_ipv4(address) &&
	       (address->bytes[15] == 0 || address->bytes[15] == 255);
}

/* The address on the line that owner gets; false when all are taken. */
static bool find_free(const struct pool *pool, const struct address_pool *one, const char *owner,
		      bool ipv4, struct address *ret)
{
	uint64_t length = length_of_line(one, ipv4);
	uint64_t start = length ? hash_name(owner) % length : 0;

	for (uint64_t tried = 0; tried < length; tried++) {
		struct address address = address_on_line(one, ipv4, (start + tried) % length);

		if (holdings_find(&pool->holdings, &address) || is_avoided(one, &address) ||
		    address_check_usable(&address, NULL) < 0)
			continue;
		*ret = address;
		return true;
	}
	return false;
}

/* Pools made for some Services come first, then those that have both families, if asked for. */
static int preference(const struct address_pool *one, const struct pool_request *request)
{
	bool is_special = one->namespace_count > 0 || one->selector.count > 0;
	bool has_both = request->wants_both && has_family(one, true) && has_family(one, false);

	return 2 * is_special + has_both;
}

static bool find_in_pools(const struct pool *pool, const struct pool_request *request, bool ipv4,
			  struct address *ret)
{
	const struct address_pool *one;

	for (int wanted = 3; wanted >= 0; wanted--)
		for (size_t i = 0; (one = pool_at(pool, i)); i++)
			if (may_assign(one, request) && preference(one, request) == wanted &&
			    find_free(pool, one, request->owner, ipv4, ret))
				return true;
	return false;
}

static bool has_pool_of_name(const struct pool *pool, const struct pool_request *request)
{
	const struct address_pool *one;

	for (size_t i = 0; (one = pool_at(pool, i)); i++)
		if (one->range_count > 0 && has_name(one, request))
			return true;
	return false;
}

/* Why nothing can be assigned. */
static int refuse(const struct pool *pool, const struct pool_request *request, bool ipv4,
		  struct error *error)
{
	const char *family = ipv4 ? "IPv4" : "IPv6", *name = request->pool_name;

	if (pool_has_family(pool, request, ipv4))
		return name ? error_set(error, -ENOSPC,
					"every %s address of address pool \"%s\" is taken", family,
					name)
			    : error_set(error, -ENOSPC, "every %s address of the pool is taken",
					family);
	if (name && !has_pool_of_name(pool, request))
		return error_set(error, -ENOENT, "there is no address pool \"%s\"", name);
	if (name)
		return error_set(error, -ENOENT,
				 "address pool \"%s\" has no %s addresses for this Service", name,
				 family);
	return error_set(error, -ENOENT, "no address pool has %s addresses%s", family,
			 pool->named_count > 0 ? " for this Service" : "");
}

int pool_assign(struct pool *pool, const struct pool_request *request, bool ipv4,
		struct address *ret, struct error *error)
{
	struct holding *before = assigned_to(pool, request->owner, ipv4);
	struct address address;

	if (before && (!request->pool_name || find_containing(pool, request, &before->address))) {
		*ret = before->address;
		return 0;
	}
	if (!find_in_pools(pool, request, ipv4, &address)) {
		if (!before)
			return refuse(pool, request, ipv4, error);
		*ret = before->address;
		return 0;
	}
	if (holdings_add(&pool->holdings, request->owner, &address, true) < 0)
		return error_set(error, -ENOMEM, "address pool: no memory for \"%s\"",
				 request->owner);
	if (before)
		holdings_remove(&pool->holdings, before);
	*ret = address;
	return 0;
}

int pool_reserve(struct pool *pool, const char *owner, const struct address *address, bool sticky,
		 struct error *error)
{
	struct holding *holding = holdings_find(&pool->holdings, address);
	char text[ADDRESS_TEXT_SIZE];

	if (!holding) {
		if (holdings_add(&pool->holdings, owner, address, sticky) < 0)
			return error_set(error, -ENOMEM, "address pool: no memory for \"%s\"",
					 owner);
		return 0;
	}
	if (strcmp(holding->owner, owner) != 0)
		return error_set(error, -EADDRINUSE, "%s of the pool is taken by \"%s\"",
				 address_format(address, text), holding->owner);
	holding->is_sticky |= sticky;
	return 0;
}

int pool_publish(struct pool *pool, const char *owner, const struct address *address,
		 bool *ret_evicted, struct error *error)
{
	struct holding *holding = holdings_find(&pool->holdings, address);
	bool evicts = holding && holding->is_sticky && !holding->is_published &&
		      strcmp(holding->owner, owner) != 0;
	int r;

	if (evicts)
		holdings_remove(&pool->holdings, holding);
	r = pool_reserve(pool, owner, address, true, error);
	*ret_evicted = evicts;
	if (r == 0)
		holdings_find(&pool->holdings, address)->is_published = true;
	return r;
}

void pool_forget_published(struct pool *pool, const char *owner)
{
	struct holding *holding;

	for (size_t i = 0; (holding = holdings_of(&pool->holdings, owner, i)); i++)
		holding->is_published = false;
}

bool pool_is_assigned(const struct pool *pool, const char *owner, const struct address *address)
{
	const struct holding *holding = holdings_find(&pool->holdings, address);

	return holding && holding->is_sticky && strcmp(holding->owner, owner) == 0;
}

void pool_release(struct pool *pool, const char *owner)
{
	struct holding *holding;

	while ((holding = holdings_of(&pool->holdings, owner, 0)))
		holdings_remove(&pool->holdings, holding);
}

void pool_for_each(const struct pool *pool,
		   void (*on_assignment)(const char *owner, const struct address *address,
					 void *context),
		   void *context)
{
	for (size_t i = 0; i < pool->holdings.count; i++) {
		const struct holding *holding = pool->holdings.by_owner[i];

		if (holding->is_sticky)
			on_assignment(holding->owner, &holding->address, context);
	}
}

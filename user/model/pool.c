/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c - addresses to give, and who holds which.
 *
 * The addresses of one family, range after range, form one line. A new owner's
 * search starts at the place on it that a hash of its name says and takes the
 * first address nobody holds. Of a range larger than 2^32 addresses the first
 * 2^32 are on the line.
 *
 * Holdings stand in two sorted arrays of pointers: by owner and by address.
 */
#include "model/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"

#define MOST_OF_A_RANGE (1ULL << 32)

struct range {
	struct address first, last;
	uint64_t size; /* addresses on the line */
	bool ipv4;
};

struct holding {
	struct address address;
	bool sticky;
	char owner[];
};

struct pool {
	struct range *ranges;
	size_t range_count;
	struct holding **by_owner; /* then by address */
	struct holding **by_address;
	size_t holding_count;
	size_t holding_capacity;
};

struct pool *pool_create(void)
{
	return calloc(1, sizeof(struct pool));
}

void pool_destroy(struct pool *pool)
{
	if (!pool)
		return;
	for (size_t i = 0; i < pool->holding_count; i++)
		free(pool->by_owner[i]);
	free(pool->by_owner);
	free(pool->by_address);
	free(pool->ranges);
	free(pool);
}

static void address_add(struct address *address, uint64_t count)
{
	for (size_t i = sizeof(address->bytes); i-- > 0 && count > 0;) {
		count += address->bytes[i];
		address->bytes[i] = (uint8_t)count;
		count >>= 8;
	}
}

/* How many addresses from first to last, at most MOST_OF_A_RANGE. */
static uint64_t count_addresses(const struct address *first, const struct address *last)
{
	uint64_t distance = 0;
	int borrow = 0;

	for (size_t i = sizeof(first->bytes); i-- > 0;) {
		int digit = last->bytes[i] - first->bytes[i] - borrow;

		borrow = digit < 0;
		if (i >= 12)
			distance |= (uint64_t)(uint8_t)digit << 8 * (15 - i);
		else if ((uint8_t)digit != 0)
			return MOST_OF_A_RANGE;
	}
	return distance + 1;
}

/* The first and last address of a prefix that are given. */
static void range_from_prefix(const struct prefix *prefix, struct range *range)
{
	range->first = prefix->address;
	range->last = prefix->address;
	for (size_t bit = prefix->length; bit < 128; bit++)
		range->last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	if (address_is_ipv4(&range->first) && prefix->length < 127) {
		address_add(&range->first, 1);
		range->last.bytes[15]--; /* was odd, so nothing to borrow */
	}
}

static int range_from_bounds(const char *text, const char *dash, struct range *range,
			     struct error *error)
{
	char first[ADDRESS_TEXT_SIZE];
	size_t length = (size_t)(dash - text);
	int r;

	if (length >= sizeof(first))
		return error_set(error, -EINVAL, "\"%s\" is not a range of addresses", text);
	memcpy(first, text, length);
	first[length] = '\0';
	r = address_parse(first, &range->first, error);
	if (r == 0)
		r = address_parse(dash + 1, &range->last, error);
	if (r < 0)
		return r;
	if (address_is_ipv4(&range->first) != address_is_ipv4(&range->last) ||
	    address_compare(&range->first, &range->last) > 0)
		return error_set(error, -EINVAL, "the range ends before its start");
	return 0;
}

static int parse_range(const char *text, struct range *range, struct error *error)
{
	const char *dash = strchr(text, '-');
	struct prefix prefix;
	int r;

	if (dash) {
		r = range_from_bounds(text, dash, range, error);
	} else if (strchr(text, '/')) {
		r = prefix_parse(text, &prefix, error);
		if (r == 0)
			range_from_prefix(&prefix, range);
	} else {
		r = address_parse(text, &range->first, error);
		range->last = range->first;
	}
	if (r == 0)
		r = address_check_usable(&range->first, error);
	if (r == 0)
		r = address_check_usable(&range->last, error);
	return r;
}

int pool_add_range(struct pool *pool, const char *text, struct error *error)
{
	struct range range = { 0 };
	struct range *grown;

	if (parse_range(text, &range, error) < 0) {
		(void)error_prefix(error, "address pool \"%s\"", text);
		return -EINVAL;
	}
	range.ipv4 = address_is_ipv4(&range.first);
	range.size = count_addresses(&range.first, &range.last);
	grown = realloc(pool->ranges, (pool->range_count + 1) * sizeof(*grown));
	if (!grown)
		return error_set(error, -ENOMEM, "address pool \"%s\": no memory", text);
	grown[pool->range_count++] = range;
	pool->ranges = grown;
	return 0;
}

bool pool_has_family(const struct pool *pool, bool ipv4)
{
	for (size_t i = 0; i < pool->range_count; i++)
		if (pool->ranges[i].ipv4 == ipv4)
			return true;
	return false;
}

static bool is_in_a_range(const struct pool *pool, const struct address *address)
{
	for (size_t i = 0; i < pool->range_count; i++)
		if (address_compare(&pool->ranges[i].first, address) <= 0 &&
		    address_compare(address, &pool->ranges[i].last) <= 0)
			return true;
	return false;
}

/* Where in by_owner the first holding of owner not below address stands, or would. */
static size_t find_by_owner(const struct pool *pool, const char *owner,
			    const struct address *address)
{
	size_t low = 0, high = pool->holding_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct holding *holding = pool->by_owner[middle];
		int order = strcmp(holding->owner, owner);

		if (order == 0)
			order = address_compare(&holding->address, address);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t find_by_address(const struct pool *pool, const struct address *address)
{
	size_t low = 0, high = pool->holding_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address_compare(&pool->by_address[middle]->address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct holding *holding_of(const struct pool *pool, const struct address *address)
{
	size_t index = find_by_address(pool, address);

	if (index == pool->holding_count ||
	    address_compare(&pool->by_address[index]->address, address) != 0)
		return NULL;
	return pool->by_address[index];
}

static int reserve_room(struct pool *pool)
{
	size_t capacity = pool->holding_capacity ? 2 * pool->holding_capacity : 16;
	struct holding **grown;

	if (pool->holding_count < pool->holding_capacity)
		return 0;
	grown = realloc(pool->by_owner, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	pool->by_owner = grown;
	grown = realloc(pool->by_address, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	pool->by_address = grown;
	pool->holding_capacity = capacity;
	return 0;
}

static void insert_at(struct holding **array, size_t count, size_t index, struct holding *holding)
{
	memmove(array + index + 1, array + index, (count - index) * sizeof(*array));
	array[index] = holding;
}

static void remove_at(struct holding **array, size_t count, size_t index)
{
	memmove(array + index, array + index + 1, (count - index - 1) * sizeof(*array));
}

static int hold(struct pool *pool, const char *owner, const struct address *address, bool sticky,
		struct error *error)
{
	size_t owner_size = strlen(owner) + 1;
	struct holding *holding = malloc(sizeof(*holding) + owner_size);

	if (!holding || reserve_room(pool) < 0) {
		free(holding);
		return error_set(error, -ENOMEM, "address pool: no memory for \"%s\"", owner);
	}
	holding->address = *address;
	holding->sticky = sticky;
	memcpy(holding->owner, owner, owner_size);
	insert_at(pool->by_owner, pool->holding_count, find_by_owner(pool, owner, address),
		  holding);
	insert_at(pool->by_address, pool->holding_count, find_by_address(pool, address), holding);
	pool->holding_count++;
	return 0;
}

/* What pool_assign gave owner before; NULL when nothing of that family. */
static const struct holding *assigned_to(const struct pool *pool, const char *owner, bool ipv4)
{
	const struct address lowest = { 0 };
	size_t i = find_by_owner(pool, owner, &lowest);

	for (; i < pool->holding_count && strcmp(pool->by_owner[i]->owner, owner) == 0; i++)
		if (pool->by_owner[i]->sticky &&
		    address_is_ipv4(&pool->by_owner[i]->address) == ipv4)
			return pool->by_owner[i];
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

static uint64_t length_of_line(const struct pool *pool, bool ipv4)
{
	uint64_t length = 0;

	for (size_t i = 0; i < pool->range_count; i++)
		if (pool->ranges[i].ipv4 == ipv4)
			length += pool->ranges[i].size;
	return length;
}

static struct address address_on_line(const struct pool *pool, bool ipv4, uint64_t place)
{
	struct address address = { 0 };

	for (size_t i = 0; i < pool->range_count; i++) {
		const struct range *range = &pool->ranges[i];

		if (range->ipv4 != ipv4)
			continue;
		if (place < range->size) {
			address = range->first;
			address_add(&address, place);
			break;
		}
		place -= range->size;
	}
	return address;
}

int pool_assign(struct pool *pool, const char *owner, bool ipv4, struct address *ret,
		struct error *error)
{
	const struct holding *before = assigned_to(pool, owner, ipv4);
	uint64_t length = length_of_line(pool, ipv4);
	uint64_t start;
	int r;

	if (before) {
		*ret = before->address;
		return 0;
	}
	if (length == 0)
		return error_set(error, -ENOENT, "no address pool has %s addresses",
				 ipv4 ? "IPv4" : "IPv6");
	start = hash_name(owner) % length;
	for (uint64_t tried = 0; tried < length; tried++) {
		struct address address = address_on_line(pool, ipv4, (start + tried) % length);

		if (holding_of(pool, &address) || address_check_usable(&address, NULL) < 0)
			continue;
		r = hold(pool, owner, &address, true, error);
		if (r == 0)
			*ret = address;
		return r;
	}
	return error_set(error, -ENOSPC, "every %s address of the pool is taken",
			 ipv4 ? "IPv4" : "IPv6");
}

int pool_reserve(struct pool *pool, const char *owner, const struct address *address, bool sticky,
		 struct error *error)
{
	struct holding *holding;
	char text[ADDRESS_TEXT_SIZE];

	if (!is_in_a_range(pool, address))
		return 0;
	holding = holding_of(pool, address);
	if (!holding)
		return hold(pool, owner, address, sticky, error);
	if (strcmp(holding->owner, owner) != 0)
		return error_set(error, -EADDRINUSE, "%s of the pool is taken by \"%s\"",
				 address_format(address, text), holding->owner);
	holding->sticky |= sticky;
	return 0;
}

void pool_release(struct pool *pool, const char *owner)
{
	const struct address lowest = { 0 };
	size_t i = find_by_owner(pool, owner, &lowest);

	while (i < pool->holding_count && strcmp(pool->by_owner[i]->owner, owner) == 0) {
		struct holding *holding = pool->by_owner[i];

		remove_at(pool->by_address, pool->holding_count,
			  find_by_address(pool, &holding->address));
		remove_at(pool->by_owner, pool->holding_count, i);
		pool->holding_count--;
		free(holding);
	}
}

void pool_for_each(const struct pool *pool,
		   void (*on_assignment)(const char *owner, const struct address *address,
					 void *context),
		   void *context)
{
	for (size_t i = 0; i < pool->holding_count; i++)
		if (pool->by_owner[i]->sticky)
			on_assignment(pool->by_owner[i]->owner, &pool->by_owner[i]->address,
				      context);
}

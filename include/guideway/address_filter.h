/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * address_filter.h - the cell of an address in address_filter: a Bloom filter of one
 * hash. Most traffic that is not ours is known by one load from it.
 */
#ifndef GUIDEWAY_ADDRESS_FILTER_H
#define GUIDEWAY_ADDRESS_FILTER_H

#include <guideway/abi.h>

/* Multiplicative hashing; collisions cost a lookup more, so it needs no secret. */
static inline __attribute__((always_inline)) __u32 gw_filter_cell(const struct gw_addr *address)
{
	__u64 h = address->word[3] * 0x9e3779b97f4a7c15ULL +
		  address->word[2] * 0xc2b2ae3d27d4eb4fULL +
		  address->word[1] * 0x165667b19e3779f9ULL +
		  address->word[0] * 0x27d4eb2f165667c5ULL;

	return h >> (64 - 18);
}

_Static_assert(GW_FILTER_CELLS == 1U << 18, "a cell is 18 bits of the hash");

#endif

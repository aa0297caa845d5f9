/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sorted.h - where something stands in a sorted array, or would stand: bsearch(3) does
 * not tell the latter.
 */
#ifndef LIB_SORTED_H
#define LIB_SORTED_H

#include <stddef.h>

/*
 * The index of the first of count items, each of size bytes, that compare does not put
 * before key; count when all are. compare gets the key first, then an item.
 */
size_t sorted_position(const void *key, const void *items, size_t count, size_t size,
		       int (*compare)(const void *key, const void *item));

#endif

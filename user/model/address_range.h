/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address_range.h - addresses of one family from a first to a last.
 */
#ifndef MODEL_ADDRESS_RANGE_H
#define MODEL_ADDRESS_RANGE_H

#include <stdint.h>

#include "model/address.h"

/* Of a larger range the first so many addresses are counted and reached by their place. */
#define ADDRESS_RANGE_SIZE_MAX (1ULL << 32)

struct address_range {
	struct address first, last; /* of one family, first <= last */
};

/*
 * "10.0.0.0/24", "10.0.0.5-10.0.0.20", "10.0.0.5" or the IPv6 forms, all of it usable. An IPv4
 * prefix shorter than /31 is without its first and last address. -EINVAL with a sentence.
 */
int address_range_parse(const char *text, struct address_range *ret, struct error *error);

/* "10.0.0.5-10.0.0.20", or the one address, and returns buffer. */
#define ADDRESS_RANGE_TEXT_SIZE (2 * ADDRESS_TEXT_SIZE)
const char *address_range_format(const struct address_range *range,
				 char buffer[static ADDRESS_RANGE_TEXT_SIZE]);

bool address_range_is_ipv4(const struct address_range *range);
bool address_range_contains(const struct address_range *range, const struct address *address);
bool address_range_overlaps(const struct address_range *a, const struct address_range *b);

/* How many, and the one at a place below that. */
uint64_t address_range_size(const struct address_range *range);
struct address address_range_at(const struct address_range *range, uint64_t place);

#endif

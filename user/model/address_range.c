/* SPDX-License-Identifier: BSD-2-Clause */
/* address_range.c - ranges of addresses: from text, and where in one an address stands. */
#include "model/address_range.h"

#include <errno.h>
#include <string.h>

#include "lib/error.h"

static void address_add(struct address *address, uint64_t count)
{
	for (size_t i = sizeof(address->bytes); i-- > 0 && count > 0;) {
		count += address->bytes[i];
		address->bytes[i] = (uint8_t)count;
		count >>= 8;
	}
}

/* The first and last address of a prefix that are given. */
static void range_from_prefix(const struct prefix *prefix, struct address_range *range)
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

static int range_from_bounds(const char *text, const char *dash, struct address_range *range,
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

int address_range_parse(const char *text, struct address_range *ret, struct error *error)
{
	const char *dash = strchr(text, '-');
	struct address_range range;
	struct prefix prefix;
	int r;

	if (dash) {
		r = range_from_bounds(text, dash, &range, error);
	} else if (strchr(text, '/')) {
		r = prefix_parse(text, &prefix, error);
		if (r == 0)
			range_from_prefix(&prefix, &range);
	} else {
		r = address_parse(text, &range.first, error);
		range.last = range.first;
	}
	if (r == 0)
		r = address_check_usable(&range.first, error);
	if (r == 0)
		r = address_check_usable(&range.last, error);
	if (r == 0)
		*ret = range;
	return r;
}

uint64_t address_range_size(const struct address_range *range)
{
	const struct address *first = &range->first, *last = &range->last;
	uint64_t distance = 0;
	int borrow = 0;

	for (size_t i = sizeof(first->bytes); i-- > 0;) {
		int digit = last->bytes[i] - first->bytes[i] - borrow;

		borrow = digit < 0;
		if (i >= 12)
			distance |= (uint64_t)(uint8_t)digit << 8 * (15 - i);
		else if ((uint8_t)digit != 0)
			return ADDRESS_RANGE_SIZE_MAX;
	}
	return distance + 1;
}

struct address address_range_at(const struct address_range *range, uint64_t place)
{
	struct address address = range->first;

	address_add(&address, place);
	return address;
}

bool address_range_is_ipv4(const struct address_range *range)
{
	return address_is_ipv4(&range->first);
}

bool address_range_contains(const struct address_range *range, const struct address *address)
{
	return address_compare(&range->first, address) <= 0 &&
	       address_compare(address, &range->last) <= 0;
}

bool address_range_overlaps(const struct address_range *a, const struct address_range *b)
{
	return address_compare(&a->first, &b->last) <= 0 &&
	       address_compare(&b->first, &a->last) <= 0;
}

const char *address_range_format(const struct address_range *range,
				 char buffer[static ADDRESS_RANGE_TEXT_SIZE])
{
	size_t length = strlen(address_format(&range->first, buffer));

	if (address_compare(&range->first, &range->last) == 0)
		return buffer;
	buffer[length] = '-';
	(void)address_format(&range->last, buffer + length + 1);
	return buffer;
}

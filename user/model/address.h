/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address.h - the one address type: IPv6, or IPv4 mapped into it.
 */
#ifndef MODEL_ADDRESS_H
#define MODEL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct address {
	uint8_t bytes[16]; /* network order; IPv4 as ::ffff:a.b.c.d */
};

struct prefix {
	struct address address; /* bits behind length are zero */
	uint8_t length;         /* of the mapped form: an IPv4 /24 is 120 */
};

struct prefix_list {
	const struct prefix *items;
	size_t count;
};

#define ADDRESS_TEXT_SIZE 48

/*
 * Reads one address. IPv4 takes four decimal numbers without leading zeros;
 * an IPv4-mapped IPv6 address is the IPv4 address. -EINVAL with a sentence.
 */
int address_parse(const char *text, struct address *ret, struct error *error);

/*
 * Copies text, which begins with an IPv4 address, without the leading zeros of its four numbers,
 * as decimals: "010.0.0.1/8" is "10.0.0.1/8". What is something else, or does not fit, is copied
 * as it is. Returns buffer.
 */
#define ADDRESS_PLAIN_SIZE (ADDRESS_TEXT_SIZE + 8)
const char *address_drop_zeros(const char *text, char buffer[static ADDRESS_PLAIN_SIZE]);

/* Writes the canonical text (RFC 5952; IPv4 dotted) and returns buffer. */
const char *address_format(const struct address *address, char buffer[static ADDRESS_TEXT_SIZE]);

bool address_is_ipv4(const struct address *address);

/* The order of bytes: all of IPv4 stands together. */
int address_compare(const struct address *a, const struct address *b);

/* The same for qsort, bsearch and sorted_position: of addresses, or of structs that begin with one.
 */
int address_compare_first(const void *a, const void *b);

/*
 * Whether the address can be a backend or a VIP: not unspecified, loopback,
 * link-local or multicast. -EINVAL with a sentence that says which.
 */
int address_check_usable(const struct address *address, struct error *error);

/*
 * "10.0.0.0/8" or "2001:db8::/32"; white space around it is ignored. Bits behind the length
 * are cleared, as the API server does with those that it lets pass.
 */
int prefix_parse(const char *text, struct prefix *ret, struct error *error);
bool prefix_is_ipv4(const struct prefix *prefix);
bool prefix_contains(const struct prefix *prefix, const struct address *address);
/* By address, then by length: a prefix stands in front of those within it. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

#endif

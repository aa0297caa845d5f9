/* SPDX-License-Identifier: BSD-2-Clause */
/* address.c - addresses and prefixes: text to bytes and back. */
#include "model/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"

#define MAPPED_BYTES 12
#define MAPPED_BITS 96

static const uint8_t mapped_prefix[MAPPED_BYTES] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool parse_bytes(const char *text, struct address *ret)
{
	struct address address;

	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, address.bytes) != 1)
			return false;
	} else {
		memcpy(address.bytes, mapped_prefix, MAPPED_BYTES);
		if (inet_pton(AF_INET, text, address.bytes + MAPPED_BYTES) != 1)
			return false;
	}
	*ret = address;
	return true;
}

/* "010.0.0.1": octal to some programs, decimal to others. */
static bool has_leading_zero(const char *text)
{
	if (strchr(text, ':') || text[strspn(text, "0123456789.")] != '\0')
		return false;
	for (const char *c = text; *c; c++)
		if (*c == '0' && isdigit((unsigned char)c[1]) && (c == text || c[-1] == '.'))
			return true;
	return false;
}

const char *address_drop_zeros(const char *text, char buffer[static ADDRESS_PLAIN_SIZE])
{
	bool is_ipv4 = !strchr(text, ':');
	bool at_start = true, in_address = true;
	size_t used = 0;

	for (; *text && used < ADDRESS_PLAIN_SIZE - 1; text++) {
		if (is_ipv4 && in_address && at_start && *text == '0' &&
		    isdigit((unsigned char)text[1]))
			continue;
		at_start = *text == '.' || isspace((unsigned char)*text);
		in_address &= *text != '/';
		buffer[used++] = *text;
	}
	buffer[used] = '\0';
	return buffer;
}

int address_parse(const char *text, struct address *ret, struct error *error)
{
	if (parse_bytes(text, ret))
		return 0;
	if (has_leading_zero(text))
		return error_set(error, -EINVAL,
				 "\"%s\" has a number with a leading zero, expected plain decimals",
				 text);
	return error_set(error, -EINVAL, "\"%s\" is not an IP address", text);
}

const char *address_format(const struct address *address, char buffer[static ADDRESS_TEXT_SIZE])
{
	if (address_is_ipv4(address))
		(void)inet_ntop(AF_INET, address->bytes + MAPPED_BYTES, buffer, ADDRESS_TEXT_SIZE);
	else
		(void)inet_ntop(AF_INET6, address->bytes, buffer, ADDRESS_TEXT_SIZE);
	return buffer;
}

bool address_is_ipv4(const struct address *address)
{
	return memcmp(address->bytes, mapped_prefix, MAPPED_BYTES) == 0;
}

int address_compare(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int address_compare_first(const void *a, const void *b)
{
	return address_compare(a, b);
}

/* NULL when there is nothing against an IPv4 address. */
static const char *ipv4_fault(const uint8_t *bytes)
{
	static const uint8_t zero[4], broadcast[4] = { 255, 255, 255, 255 };

	if (memcmp(bytes, zero, 4) == 0)
		return "the unspecified address";
	if (memcmp(bytes, broadcast, 4) == 0)
		return "the broadcast address";
	if (bytes[0] == 127)
		return "a loopback address";
	if (bytes[0] == 169 && bytes[1] == 254)
		return "a link-local address";
	if (bytes[0] >= 224 && bytes[0] <= 239)
		return "a multicast address";
	return NULL;
}

static const char *ipv6_fault(const uint8_t *bytes)
{
	static const uint8_t zero[16], loopback[16] = { [15] = 1 };

	if (memcmp(bytes, zero, 16) == 0)
		return "the unspecified address";
	if (memcmp(bytes, loopback, 16) == 0)
		return "a loopback address";
	if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80)
		return "a link-local address";
	if (bytes[0] == 0xff)
		return "a multicast address";
	return NULL;
}

int address_check_usable(const struct address *address, struct error *error)
{
	const char *fault = address_is_ipv4(address) ? ipv4_fault(address->bytes + MAPPED_BYTES)
						     : ipv6_fault(address->bytes);
	char text[ADDRESS_TEXT_SIZE];

	if (!fault)
		return 0;
	return error_set(error, -EINVAL, "%s is %s, expected a unicast address",
			 address_format(address, text), fault);
}

/* Copies text without the white space around it; false when it does not fit. */
static bool copy_trimmed(const char *text, char *buffer, size_t size)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	if (length >= size)
		return false;
	memcpy(buffer, text, length);
	buffer[length] = '\0';
	return true;
}

/* Decimal without sign or leading zero, at most limit; -1 when it is something else. */
static int parse_length(const char *text, int limit)
{
	int length = 0;

	if (!isdigit((unsigned char)*text) || (text[0] == '0' && text[1] != '\0'))
		return -1;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		length = length * 10 + (*text - '0');
		if (length > limit)
			return -1;
	}
	return length;
}

static void clear_host_bits(struct prefix *prefix)
{
	size_t whole = prefix->length / 8;

	if (whole == sizeof(prefix->address.bytes))
		return;
	prefix->address.bytes[whole] &= (uint8_t)(0xff00 >> prefix->length % 8);
	memset(prefix->address.bytes + whole + 1, 0, sizeof(prefix->address.bytes) - whole - 1);
}

int prefix_parse(const char *text, struct prefix *ret, struct error *error)
{
	char copy[ADDRESS_TEXT_SIZE + 8];
	struct address address;
	struct prefix prefix;
	bool dotted;
	char *slash;
	int length;
	int r;

	slash = copy_trimmed(text, copy, sizeof(copy)) ? strchr(copy, '/') : NULL;
	if (!slash)
		return error_set(error, -EINVAL, "\"%s\" is not a prefix, expected ADDRESS/LENGTH",
				 text);
	*slash = '\0';
	r = address_parse(copy, &address, error);
	if (r < 0)
		return r;
	dotted = !strchr(copy, ':');
	length = parse_length(slash + 1, dotted ? 32 : 128);
	if (length < 0)
		return error_set(error, -EINVAL, "\"%s/%s\" has a bad length, expected 0 to %d",
				 copy, slash + 1, dotted ? 32 : 128);

	prefix.address = address;
	prefix.length = (uint8_t)(dotted ? length + MAPPED_BITS : length);
	clear_host_bits(&prefix);
	*ret = prefix;
	return 0;
}

bool prefix_is_ipv4(const struct prefix *prefix)
{
	return prefix->length >= MAPPED_BITS && address_is_ipv4(&prefix->address);
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	struct prefix other = { .address = *address, .length = prefix->length };

	/* ::/0 is all of IPv6, not of IPv4 mapped into it. */
	if (prefix_is_ipv4(prefix) != address_is_ipv4(address))
		return false;
	clear_host_bits(&other);
	return address_compare(&other.address, &prefix->address) == 0;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = address_compare(&a->address, &b->address);

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

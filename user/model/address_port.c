/* SPDX-License-Identifier: BSD-2-Clause */
/* address_port.c - reads an address that a port may follow. */
#include "model/address_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"

/* The colon before the port; NULL when text is an address alone. */
static const char *find_port(const char *text)
{
	const char *colon = strchr(text, ':');
	const char *bracket;

	if (text[0] != '[')
		return colon && !strchr(colon + 1, ':') ? colon : NULL;
	bracket = strchr(text, ']');
	return bracket && bracket[1] == ':' ? bracket + 1 : NULL;
}

static int parse_port(const char *text, const char *digits, uint16_t *ret, struct error *error)
{
	size_t length = strlen(digits);
	unsigned long port = 0;

	if (length >= 1 && length <= 5 && strspn(digits, "0123456789") == length)
		port = strtoul(digits, NULL, 10);
	if (port == 0 || port > UINT16_MAX)
		return error_set(error, -EINVAL, "'%.80s': port '%.20s', expected 1 to 65535", text,
				 digits);
	*ret = (uint16_t)port;
	return 0;
}

int address_port_parse(const char *text, struct address *ret_address, uint16_t *ret_port,
		       struct error *error)
{
	const char *colon = find_port(text);
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	char buffer[ADDRESS_TEXT_SIZE + 2];
	struct address address;
	uint16_t port = 0;
	int r;

	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= sizeof(buffer))
		return error_set(error, -EINVAL, "'%.80s', expected ADDRESS or ADDRESS:PORT", text);
	memcpy(buffer, text, length);
	buffer[length] = '\0';
	r = address_parse(buffer, &address, error);
	if (r == 0 && colon)
		r = parse_port(text, colon + 1, &port, error);
	if (r < 0)
		return r;
	*ret_address = address;
	*ret_port = port;
	return 0;
}

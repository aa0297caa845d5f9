/* SPDX-License-Identifier: BSD-2-Clause */
/* own_address.c - the addresses of the host itself: read anew at every change, they are few. */
#include "net/own_address.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "model/address.h"
#include "net/netlink.h"

static bool is_left_out(const struct address *address)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	const uint8_t *bytes = address->bytes;

	if (address_is_ipv4(address))
		return bytes[12] == 127 || (bytes[12] == 169 && bytes[13] == 254);
	return memcmp(bytes, loopback, sizeof(loopback)) == 0 ||
	       (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

static int append(struct own_addresses *own, const struct address *address)
{
	if (own->count == own->capacity) {
		size_t capacity = own->capacity ? own->capacity * 2 : 16;
		struct address *addresses = realloc(own->addresses, capacity * sizeof(*addresses));

		if (!addresses)
			return -ENOMEM;
		own->addresses = addresses;
		own->capacity = capacity;
	}
	own->addresses[own->count++] = *address;
	return 0;
}

static int load_one(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attributes[IFA_LOCAL + 1];
	struct address address;

	netlink_parse(message, sizeof(struct ifaddrmsg), attributes, IFA_LOCAL + 1);
	/* With a point-to-point address IFA_ADDRESS is the other end's. */
	if (!netlink_get_address(attributes[IFA_LOCAL], &address) &&
	    !netlink_get_address(attributes[IFA_ADDRESS], &address))
		return 0;
	return is_left_out(&address) ? 0 : append(context, &address);
}

static void sort(struct own_addresses *own)
{
	size_t kept = 0;

	if (own->count == 0)
		return;
	qsort(own->addresses, own->count, sizeof(own->addresses[0]), address_compare_first);
	for (size_t i = 1; i < own->count; i++)
		if (address_compare(&own->addresses[i], &own->addresses[kept]) != 0)
			own->addresses[++kept] = own->addresses[i];
	own->count = kept + 1;
}

static bool are_equal(const struct own_addresses *a, const struct own_addresses *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (address_compare(&a->addresses[i], &b->addresses[i]) != 0)
			return false;
	return true;
}

int own_addresses_load(struct own_addresses *own, struct netlink *netlink)
{
	struct own_addresses loaded = { 0 };
	int r = netlink_dump(netlink, RTM_GETADDR, load_one, &loaded);

	sort(&loaded);
	if (r < 0 || are_equal(own, &loaded)) {
		own_addresses_finish(&loaded);
		return r;
	}
	own_addresses_finish(own);
	*own = loaded;
	return 1;
}

void own_addresses_finish(struct own_addresses *own)
{
	free(own->addresses);
	memset(own, 0, sizeof(*own));
}

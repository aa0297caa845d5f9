/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * own_address.h - the addresses of the host itself, on any of its devices.
 */
#ifndef NET_OWN_ADDRESS_H
#define NET_OWN_ADDRESS_H

#include <stddef.h>

struct address;
struct netlink;

/* Sorted, each once, without loopback and link-local addresses. */
struct own_addresses {
	struct address *addresses;
	size_t count;
	size_t capacity;
};

/* Reads them from the kernel: 1 when they are others than before, 0, or a negative errno. */
int own_addresses_load(struct own_addresses *own, struct netlink *netlink);
void own_addresses_finish(struct own_addresses *own);

#endif

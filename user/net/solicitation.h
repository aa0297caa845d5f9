/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * solicitation.h - asks an address for its MAC address: an ARP request, or a neighbour
 * solicitation. The answer goes to the kernel, which notes it as one to a question of its own.
 */
#ifndef NET_SOLICITATION_H
#define NET_SOLICITATION_H

#include <stdint.h>

#include "model/address.h"

struct error;

struct solicitation {
	struct address target;
	struct address source;  /* of this host, of target's family */
	uint32_t ifindex;       /* a VLAN device's tag and a bond's slave are the kernel's matter */
	uint8_t src_mac[6];     /* of that device */
	const uint8_t *dst_mac; /* NULL: everybody is asked */
};

/* A socket to send them; the caller's to close. Needs CAP_NET_RAW. */
int solicitation_open(int *ret_fd, struct error *error);

/* Nothing is said of failures: one that is lost is repeated. */
void solicitation_send(int fd, const struct solicitation *solicitation);

#endif

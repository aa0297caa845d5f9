/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - the tables that the packets meet: services of every kind, both families, and the
 * clients that use them.
 */
#ifndef TESTS_BPF_REFERENCE_WORLD_H
#define TESTS_BPF_REFERENCE_WORLD_H

#include "reference/random.h"
#include "reference/tables.h"

enum {
	DEVICE_CLIENTS = 10,
	DEVICE_BACKENDS = 11,
	DEVICE_FOREIGN = 12, /* without our program */
	DEVICE_HOST = 13,    /* where the kernel forwards nothing */

	CLIENTS_PER_NET = 6,
	CLIENT_NETS = 8,
	CLIENTS = CLIENTS_PER_NET * CLIENT_NETS + 4,
	PORTS = 12, /* of each client */
};

struct world {
	struct tables tables;
	struct gw_addr clients[2][CLIENTS]; /* of IPv4, of IPv6 */
	uint16_t client_ports[PORTS];
};

/* All from random; answers says whether anything is answered. */
void world_make(struct world *world, struct random *random, bool answers);

#endif

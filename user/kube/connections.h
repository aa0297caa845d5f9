/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connections.h - connections by age: what is renewed serves those who use it to their end, and
 * others get new ones.
 *
 * So a connection that took a watch's bytes and never answered is not used again, though it
 * seems well to the kernel: a proxy between us and the server may have lost the server.
 */
#ifndef KUBE_CONNECTIONS_H
#define KUBE_CONNECTIONS_H

#include "kube/transfers.h"

struct connections;

/* As transfers_create. */
int connections_create(struct loop *loop, void (*on_over)(CURL *easy, CURLcode result, void *owner),
		       void *owner, struct connections **ret, struct error *error);
/* All must have been given back. NULL is nothing. */
void connections_destroy(struct connections *connections);

/* Those that are there take no further transfers, and are closed when they have none. */
void connections_renew(struct connections *connections);

/* For one transfer. -ENOMEM. */
int connections_take(struct connections *connections, struct transfers **ret, struct error *error);
/* The transfer is over or removed. From within on_over, too. */
void connections_give_back(struct connections *connections, struct transfers *transfers);

#endif

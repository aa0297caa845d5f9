/* SPDX-License-Identifier: BSD-2-Clause */
/* socket.h - the UDP socket between gateways: one for both families. */
#ifndef PEER_SOCKET_H
#define PEER_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "model/address.h"

struct error;

struct peer_address {
	struct address address; /* all zero bytes: any of the host's */
	uint16_t port;
};

/* A socket that never waits; the caller's to close. */
int peer_socket_open(const struct peer_address *listen, int *ret_fd, struct error *error);
int peer_socket_send(int fd, const struct peer_address *to, const uint8_t *bytes, size_t length);
/* A datagram's length, cut to size; -EAGAIN when there is none. */
int peer_socket_receive(int fd, uint8_t *bytes, size_t size, struct address *ret_from);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_socket.h - the listening socket in the file system, and who calls on it.
 */
#ifndef AGENT_CONTROL_SOCKET_H
#define AGENT_CONTROL_SOCKET_H

#include <stdbool.h>

struct error;

/* A bound, non-blocking socket that only the owner may connect to; the caller's to close. */
int control_socket_open(const char *path, int *ret_fd, struct error *error);

/* The process at the other end of fd is root's or our own user's. */
bool control_socket_is_trusted(int fd);

#endif

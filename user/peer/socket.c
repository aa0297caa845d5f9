/* SPDX-License-Identifier: BSD-2-Clause */
/* socket.c - an IPv6 socket, which takes and sends IPv4 as mapped addresses. */
#include "peer/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/error.h"

static struct sockaddr_in6 to_socket(const struct peer_address *address)
{
	struct sockaddr_in6 ret = { .sin6_family = AF_INET6, .sin6_port = htons(address->port) };

	memcpy(&ret.sin6_addr, address->address.bytes, sizeof(ret.sin6_addr));
	return ret;
}

static int listen_on(int fd, const struct peer_address *listen)
{
	const struct sockaddr_in6 address = to_socket(listen);
	int off = 0;

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

int peer_socket_open(const struct peer_address *listen, int *ret_fd, struct error *error)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char text[ADDRESS_TEXT_SIZE];
	int r;

	if (fd < 0)
		return error_set(error, -errno, "cannot open a UDP socket: %s", strerror(errno));
	r = listen_on(fd, listen);
	if (r < 0) {
		(void)close(fd);
		return error_set(error, r, "cannot listen on %s, UDP port %u: %s",
				 address_format(&listen->address, text), listen->port,
				 strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}

int peer_socket_send(int fd, const struct peer_address *to, const uint8_t *bytes, size_t length)
{
	const struct sockaddr_in6 address = to_socket(to);

	if (sendto(fd, bytes, length, MSG_DONTWAIT, (const struct sockaddr *)&address,
		   sizeof(address)) < 0)
		return -errno;
	return 0;
}

int peer_socket_receive(int fd, uint8_t *bytes, size_t size, struct address *ret_from)
{
	struct sockaddr_in6 from = { 0 };
	socklen_t from_size = sizeof(from);
	ssize_t length =
		recvfrom(fd, bytes, size, MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);

	if (length < 0)
		return -errno;
	memcpy(ret_from->bytes, &from.sin6_addr, sizeof(ret_from->bytes));
	return (int)length;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic_serve.h - the server: TCP and UDP echo that says its name. */
#ifndef TRAFFIC_SERVE_H
#define TRAFFIC_SERVE_H

#include <signal.h>
#include <sys/signalfd.h>

#include "traffic_common.h"

#define SERVE_BATCH 64
#define SERVE_BUFFER_BYTES 65536
#define SOCKET_BUFFER_BYTES (16 * 1024 * 1024)
#define ACCEPTS_PER_EVENT 64

struct client {
	int fd;
	bool is_checked; /* sends the pattern of seed */
	bool is_corrupt;
	uint32_t seed;
	uint64_t received;
	uint8_t *pending; /* read and not yet written; NULL: nothing */
	size_t pending_size, pending_sent;
	struct client *previous, *next;
};

struct udp_batch {
	struct mmsghdr headers[SERVE_BATCH];
	struct iovec vectors[SERVE_BATCH];
	union endpoint from[SERVE_BATCH];
	_Alignas(struct cmsghdr)
		uint8_t control[SERVE_BATCH][CMSG_SPACE(sizeof(struct in6_pktinfo))];
	uint8_t bytes[SERVE_BATCH][2048];
	char answers[SERVE_BATCH][NAME_SIZE + 1 + DATAGRAM_ID_BYTES];
};

struct server {
	const struct options *options;
	char greeting[NAME_SIZE + 1]; /* the name and a newline */
	size_t greeting_length;
	int epoll, listener, udp, signals;
	bool is_over;
	unsigned long tcp_count, udp_count, corrupt_count;
	struct client *clients;
	struct udp_batch batch;
	uint8_t buffer[SERVE_BUFFER_BYTES];
};

static void client_destroy(struct server *server, struct client *client)
{
	if (client->previous)
		client->previous->next = client->next;
	else
		server->clients = client->next;
	if (client->next)
		client->next->previous = client->previous;
	(void)close(client->fd);
	free(client->pending);
	free(client);
}

static void client_check(struct server *server, struct client *client, const uint8_t *bytes,
			 size_t count)
{
	if (client->received == 0)
		client->is_checked = pattern_recognise(bytes, count, &client->seed);
	if (client->is_checked && !client->is_corrupt &&
	    !pattern_matches(client->seed, client->received, bytes, count)) {
		client->is_corrupt = true;
		server->corrupt_count++;
	}
	client->received += count;
}

/* Writes what it can of bytes; how much, or -1. */
static ssize_t client_write(struct client *client, const uint8_t *bytes, size_t count)
{
	size_t written = 0;

	while (written < count) {
		ssize_t sent = send(client->fd, bytes + written, count - written, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN ? (ssize_t)written : -1;
		written += (size_t)sent;
	}
	return (ssize_t)written;
}

static void client_wait_for(struct server *server, struct client *client, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = client };

	if (epoll_ctl(server->epoll, EPOLL_CTL_MOD, client->fd, &event) < 0)
		die("epoll: %s", strerror(errno));
}

/* False when the connection is at its end. */
static bool client_echo(struct server *server, struct client *client, size_t count)
{
	ssize_t written = client_write(client, server->buffer, count);

	if (written < 0)
		return false;
	if ((size_t)written == count)
		return true;
	client->pending_size = count - (size_t)written;
	client->pending_sent = 0;
	client->pending = allocate(client->pending_size, 1);
	memcpy(client->pending, server->buffer + written, client->pending_size);
	client_wait_for(server, client, EPOLLOUT);
	return true;
}

static bool client_flush(struct server *server, struct client *client)
{
	ssize_t written = client_write(client, client->pending + client->pending_sent,
				       client->pending_size - client->pending_sent);

	if (written < 0)
		return false;
	client->pending_sent += (size_t)written;
	if (client->pending_sent < client->pending_size)
		return true;
	free(client->pending);
	client->pending = NULL;
	client_wait_for(server, client, EPOLLIN);
	return true;
}

static bool client_read(struct server *server, struct client *client)
{
	ssize_t count = recv(client->fd, server->buffer, sizeof(server->buffer), 0);

	if (count < 0)
		return errno == EAGAIN;
	if (count == 0)
		return false;
	client_check(server, client, server->buffer, (size_t)count);
	return client_echo(server, client, (size_t)count);
}

static void serve_client(struct server *server, struct client *client)
{
	bool is_alive =
		client->pending ? client_flush(server, client) : client_read(server, client);

	if (!is_alive)
		client_destroy(server, client);
}

static void serve_accept(struct server *server)
{
	int on = 1;

	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct client *client;

		if (fd < 0)
			return;
		client = allocate(1, sizeof(*client));
		client->fd = fd;
		client->next = server->clients;
		if (client->next)
			client->next->previous = client;
		server->clients = client;
		server->tcp_count++;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		epoll_watch(server->epoll, fd, EPOLLIN, client);
		if (send(fd, server->greeting, server->greeting_length, MSG_NOSIGNAL) < 0)
			client_destroy(server, client);
	}
}

/* The answer leaves from the address that was asked, whichever route the kernel would take. */
static void clear_interface(struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			info.ipi6_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
}

static void check_datagram(struct server *server, const uint8_t *bytes, size_t count)
{
	uint8_t expected[2048];
	uint64_t sequence;
	uint32_t flow;

	if (!datagram_read_id(bytes, count, &flow, &sequence))
		return;
	datagram_write(flow, sequence, expected, count);
	server->corrupt_count += memcmp(bytes, expected, count) != 0;
}

/* Turns datagram i of the batch into its answer. */
static void make_answer(struct server *server, size_t i)
{
	struct udp_batch *batch = &server->batch;
	size_t count = batch->headers[i].msg_len;
	size_t id_bytes = count < DATAGRAM_ID_BYTES ? count : DATAGRAM_ID_BYTES;
	char *answer = batch->answers[i];

	check_datagram(server, batch->bytes[i], count);
	memcpy(answer, server->greeting, server->greeting_length);
	answer[server->greeting_length - 1] = ' ';
	memcpy(answer + server->greeting_length, batch->bytes[i], id_bytes);
	batch->vectors[i].iov_base = answer;
	batch->vectors[i].iov_len = server->greeting_length + id_bytes;
	clear_interface(&batch->headers[i].msg_hdr);
}

static void serve_datagrams(struct server *server)
{
	struct udp_batch *batch = &server->batch;
	int count, sent;

	for (size_t i = 0; i < SERVE_BATCH; i++) {
		batch->vectors[i].iov_base = batch->bytes[i];
		batch->vectors[i].iov_len = sizeof(batch->bytes[i]);
		batch->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i],
			.msg_namelen = sizeof(batch->from[i]),
			.msg_iov = &batch->vectors[i],
			.msg_iovlen = 1,
			.msg_control = batch->control[i],
			.msg_controllen = sizeof(batch->control[i]),
		};
	}
	count = recvmmsg(server->udp, batch->headers, SERVE_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		make_answer(server, (size_t)i);
	/* One that cannot be sent (no route back) must not hold up those behind it. */
	for (int done = 0; done<count; done += sent> 0 ? sent : 1)
		sent = sendmmsg(server->udp, batch->headers + done, (unsigned int)(count - done),
				0);
	if (count > 0)
		server->udp_count += (unsigned long)count;
}

static int open_server_socket(const struct options *options, int type)
{
	int on = 1, off = 0, bytes = SOCKET_BUFFER_BYTES;
	union endpoint endpoint;
	int fd;

	if (!endpoint_parse(options->bind, options->port, &endpoint))
		die("--bind %s: not an IP address", options->bind);
	fd = socket(endpoint.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (type == SOCK_DGRAM) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	}
	if (bind(fd, &endpoint.any, endpoint_size(&endpoint)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 65535) < 0))
		die("port %lu of %s: %s", options->port, options->bind, strerror(errno));
	return fd;
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		die("signalfd: %s", strerror(errno));
	return fd;
}

static void serve_start(struct server *server)
{
	server->epoll = create_epoll();
	server->signals = open_signals();
	server->listener = open_server_socket(server->options, SOCK_STREAM);
	server->udp = open_server_socket(server->options, SOCK_DGRAM);
	epoll_watch(server->epoll, server->signals, EPOLLIN, &server->signals);
	epoll_watch(server->epoll, server->listener, EPOLLIN, &server->listener);
	epoll_watch(server->epoll, server->udp, EPOLLIN, &server->udp);
	(void)fprintf(stderr, "traffic: %s serves port %lu\n", server->options->name,
		      server->options->port);
}

static void serve_event(struct server *server, void *owner)
{
	if (owner == &server->signals)
		server->is_over = true;
	else if (owner == &server->listener)
		serve_accept(server);
	else if (owner == &server->udp)
		serve_datagrams(server);
	else
		serve_client(server, owner);
}

static void serve_loop(struct server *server)
{
	uint64_t end_ns = now_ns() + server->options->timeout_s * NS_PER_S;
	struct epoll_event events[EVENT_COUNT];

	while (!server->is_over && now_ns() < end_ns) {
		int count = epoll_wait(server->epoll, events, EVENT_COUNT, 1000);

		for (int i = 0; i < count; i++)
			serve_event(server, events[i].data.ptr);
	}
}

static int command_serve(const struct options *options)
{
	struct server *server = allocate(1, sizeof(*server));
	bool was_told;

	server->options = options;
	server->greeting_length =
		(size_t)snprintf(server->greeting, sizeof(server->greeting), "%s\n", options->name);
	serve_start(server);
	serve_loop(server);
	while (server->clients)
		client_destroy(server, server->clients);
	(void)close(server->listener);
	(void)close(server->udp);
	(void)close(server->signals);
	(void)close(server->epoll);
	(void)printf("served %s tcp=%lu udp=%lu corrupt=%lu\n", options->name, server->tcp_count,
		     server->udp_count, server->corrupt_count);
	was_told = server->is_over;
	free(server);
	return was_told ? 0 : 1;
}

#endif

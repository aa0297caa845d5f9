/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script_server.h - an HTTP server on the test's own loop that answers its n-th request with
 * the n-th text, whatever that is. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_SCRIPT_SERVER_H
#define TESTS_UNIT_SCRIPT_SERVER_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#define REQUEST_MAX 16

struct answer {
	const char *text;
	size_t length; /* 0: of text as a string */
	bool closes;   /* the connection behind it */
};

static struct {
	struct evconnlistener *listener;
	struct bufferevent *connections[REQUEST_MAX];
	size_t connection_count;
	unsigned int port;
	const struct answer *answers;
	size_t answer_count; /* requests beyond get none */
	char *requests[REQUEST_MAX];
	struct bufferevent *asked_on[REQUEST_MAX]; /* which connection each came on */
	size_t request_count;
} server;

static void server_close(struct bufferevent *connection)
{
	for (size_t i = 0; i < server.connection_count; i++)
		if (server.connections[i] == connection)
			server.connections[i] = NULL;
	bufferevent_free(connection);
}

static void server_sent(struct bufferevent *connection, void *owner)
{
	(void)owner;
	server_close(connection);
}

static void server_say(struct bufferevent *connection, const struct answer *answer)
{
	bufferevent_write(connection, answer->text,
			  answer->length ? answer->length : strlen(answer->text));
	if (answer->closes)
		bufferevent_setcb(connection, NULL, server_sent, NULL, NULL);
}

static void server_read(struct bufferevent *connection, void *owner)
{
	struct evbuffer *input = bufferevent_get_input(connection);
	size_t length = evbuffer_get_length(input), n = server.request_count;
	const char *text = (const char *)evbuffer_pullup(input, -1), *body, *said;
	char *request = strndup(text, length);

	(void)owner;
	body = strstr(request, "\r\n\r\n");
	said = strcasestr(request, "Content-Length: ");
	if (!body || (said && strlen(body + 4) < (size_t)atoi(said + 16))) {
		free(request);
		return;
	}
	evbuffer_drain(input, length);
	assert_true(n < REQUEST_MAX);
	server.requests[n] = request;
	server.asked_on[n] = connection;
	server.request_count++;
	if (n < server.answer_count)
		server_say(connection, &server.answers[n]);
}

static void server_event(struct bufferevent *connection, short what, void *owner)
{
	(void)owner;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		server_close(connection);
}

static void server_accept(struct evconnlistener *listener, evutil_socket_t fd,
			  struct sockaddr *address, int length, void *owner)
{
	struct bufferevent *connection = bufferevent_socket_new(evconnlistener_get_base(listener),
								fd, BEV_OPT_CLOSE_ON_FREE);

	(void)address, (void)length, (void)owner;
	assert_non_null(connection);
	assert_true(server.connection_count < REQUEST_MAX);
	server.connections[server.connection_count++] = connection;
	bufferevent_setcb(connection, server_read, NULL, server_event, NULL);
	bufferevent_enable(connection, EV_READ | EV_WRITE);
}

static void server_start(struct event_base *base)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	socklen_t length = sizeof(any);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(&server, 0, sizeof(server));
	server.listener = evconnlistener_new_bind(base, server_accept, NULL, LEV_OPT_CLOSE_ON_FREE,
						  -1, (struct sockaddr *)&any, sizeof(any));
	assert_non_null(server.listener);
	getsockname(evconnlistener_get_fd(server.listener), (struct sockaddr *)&any, &length);
	server.port = ntohs(any.sin_port);
}

static void server_stop(void)
{
	if (server.listener)
		evconnlistener_free(server.listener);
	server.listener = NULL;
	for (size_t i = 0; i < server.connection_count; i++)
		if (server.connections[i])
			bufferevent_free(server.connections[i]);
	server.connection_count = 0;
	for (size_t i = 0; i < server.request_count; i++)
		free(server.requests[i]);
	server.request_count = 0;
}

#endif

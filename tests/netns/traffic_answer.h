/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic_answer.h - a backend that can be told to stop: SIGTERM closes its connections in an
 * orderly way, as a pod's server does when the pod terminates.
 */
#ifndef TRAFFIC_ANSWER_H
#define TRAFFIC_ANSWER_H

#include "traffic_message.h"
#include "traffic_serve.h"

#define LINGER_NS (2 * NS_PER_S)

struct caller {
	int fd;
	uint32_t count;
	struct message_input input;
	struct caller *previous, *next;
};

struct answerer {
	const struct options *options;
	int epoll, listener, signals;
	bool is_stopping;
	uint64_t end_ns;
	unsigned long connection_count, message_count;
	struct caller *callers;
};

static void caller_destroy(struct answerer *answerer, struct caller *caller)
{
	if (caller->previous)
		caller->previous->next = caller->next;
	else
		answerer->callers = caller->next;
	if (caller->next)
		caller->next->previous = caller->previous;
	(void)close(caller->fd);
	free(caller);
}

static void answer_accept(struct answerer *answerer)
{
	int on = 1;

	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		int fd = accept4(answerer->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct caller *caller;

		if (fd < 0)
			return;
		caller = allocate(1, sizeof(*caller));
		caller->fd = fd;
		caller->next = answerer->callers;
		if (caller->next)
			caller->next->previous = caller;
		answerer->callers = caller;
		answerer->connection_count++;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		epoll_watch(answerer->epoll, fd, EPOLLIN, caller);
	}
}

/* What still comes after our end is shut is read, or close() would reset the connection. */
static bool answer_message(struct answerer *answerer, struct caller *caller)
{
	struct message *message = &caller->input.message;

	if (message->magic != NUMBERED_MAGIC)
		return false;
	answerer->message_count++;
	message->count = ++caller->count;
	(void)snprintf(message->name, sizeof(message->name), "%s", answerer->options->name);
	return answerer->is_stopping || message_write(caller->fd, message);
}

static void answer_caller(struct answerer *answerer, struct caller *caller)
{
	enum message_result result = message_read(caller->fd, &caller->input);
	bool is_alive = result == MESSAGE_WAIT || result == MESSAGE_PART;

	if (result == MESSAGE_WHOLE)
		is_alive = answer_message(answerer, caller);
	if (!is_alive)
		caller_destroy(answerer, caller);
}

static void answer_stop(struct answerer *answerer)
{
	if (answerer->is_stopping)
		return;
	answerer->is_stopping = true;
	answerer->end_ns = now_ns() + LINGER_NS;
	(void)close(answerer->listener);
	for (struct caller *caller = answerer->callers; caller; caller = caller->next)
		(void)shutdown(caller->fd, SHUT_WR);
}

static void answer_loop(struct answerer *answerer)
{
	struct epoll_event events[EVENT_COUNT];

	while (now_ns() < answerer->end_ns && (!answerer->is_stopping || answerer->callers)) {
		int count = epoll_wait(answerer->epoll, events, EVENT_COUNT, 100);

		for (int i = 0; i < count; i++) {
			void *owner = events[i].data.ptr;

			if (owner == &answerer->signals)
				answer_stop(answerer);
			else if (owner != &answerer->listener)
				answer_caller(answerer, owner);
			else if (!answerer->is_stopping)
				answer_accept(answerer);
		}
	}
}

static int command_answer(const struct options *options)
{
	struct answerer answerer = { .options = options };

	answerer.end_ns = now_ns() + options->timeout_s * NS_PER_S;
	answerer.epoll = create_epoll();
	answerer.signals = open_signals();
	answerer.listener = open_server_socket(options, SOCK_STREAM);
	epoll_watch(answerer.epoll, answerer.signals, EPOLLIN, &answerer.signals);
	epoll_watch(answerer.epoll, answerer.listener, EPOLLIN, &answerer.listener);
	answer_loop(&answerer);
	while (answerer.callers)
		caller_destroy(&answerer, answerer.callers);
	(void)close(answerer.signals);
	(void)close(answerer.epoll);
	(void)printf("answered %s connections=%lu messages=%lu\n", options->name,
		     answerer.connection_count, answerer.message_count);
	return answerer.is_stopping ? 0 : 1;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* loop.c - the event loop over libevent. */
#include "lib/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

struct loop {
	struct event_base *base;
};

struct loop_watch {
	struct event *event;
	void (*on_event)(void *owner);
	void *owner;
};

struct loop *loop_create(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->base = event_base_new();
	if (!loop->base) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	event_base_free(loop->base);
	free(loop);
}

int loop_run(struct loop *loop)
{
	return event_base_dispatch(loop->base) < 0 ? -EIO : 0;
}

void loop_stop(struct loop *loop)
{
	(void)event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

static void dispatch(evutil_socket_t fd, short what, void *argument)
{
	struct loop_watch *watch = argument;

	(void)fd, (void)what;
	watch->on_event(watch->owner);
}

static struct loop_watch *add(struct loop *loop, int fd, short what, void (*on_event)(void *owner),
			      void *owner)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->on_event = on_event;
	watch->owner = owner;
	watch->event = event_new(loop->base, fd, what, dispatch, watch);
	if (!watch->event || ((what & EV_PERSIST) && event_add(watch->event, NULL) < 0)) {
		loop_remove(watch);
		return NULL;
	}
	return watch;
}

struct loop_watch *loop_add_reader(struct loop *loop, int fd, void (*on_readable)(void *owner),
				   void *owner)
{
	return add(loop, fd, EV_READ | EV_PERSIST, on_readable, owner);
}

struct loop_watch *loop_add_signal(struct loop *loop, int signal, void (*on_signal)(void *owner),
				   void *owner)
{
	return add(loop, signal, EV_SIGNAL | EV_PERSIST, on_signal, owner);
}

struct loop_watch *loop_add_timer(struct loop *loop, void (*on_due)(void *owner), void *owner)
{
	return add(loop, -1, 0, on_due, owner);
}

void loop_timer_set(struct loop_watch *timer, uint64_t delay_ms)
{
	struct timeval delay = {
		.tv_sec = (time_t)(delay_ms / 1000),
		.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000),
	};

	(void)event_add(timer->event, &delay);
}

void loop_timer_clear(struct loop_watch *timer)
{
	(void)event_del(timer->event);
}

void loop_remove(struct loop_watch *watch)
{
	if (!watch)
		return;
	if (watch->event)
		event_free(watch->event);
	free(watch);
}

uint64_t loop_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

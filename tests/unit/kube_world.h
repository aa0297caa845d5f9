/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kube_world.h - a loop whose clock stands until it is moved, and an API server that says what
 * the test wants: the functions of lib/loop.h and kube/http.h that kube/ needs.
 */
#ifndef TESTS_KUBE_WORLD_H
#define TESTS_KUBE_WORLD_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kube/http.h"
#include "lib/error.h"
#include "lib/loop.h"

#define WORLD_MAX 16

struct loop_watch {
	void (*on_due)(void *owner);
	void *owner;
	bool is_set;
	uint64_t due_ms, wait_ms;
};

struct kube_call {
	struct kube_events events;
	struct kube_request request;
	char path[1024];
	char body[4096];
};

static struct {
	uint64_t now_ms;
	struct loop_watch *timers[WORLD_MAX];
	struct kube_call *calls[WORLD_MAX];
	size_t started, cancelled;
	bool must_refuse; /* kube_http_start fails */
} world;

static uint64_t world_began(void)
{
	memset(&world, 0, sizeof(world));
	return world.now_ms = 1000000;
}

/* For a test's end: -1 when a call or a timer is left. */
static inline int world_ended(void)
{
	for (size_t i = 0; i < WORLD_MAX; i++)
		if (world.calls[i] || world.timers[i])
			return -1;
	return 0;
}

/* Of a test that writes what it is told to the text told: what it was since the last time. */
#define expect_told(expected)                                                                      \
	do {                                                                                       \
		assert_string_equal(told, expected);                                               \
		told[0] = '\0';                                                                    \
	} while (0)

uint64_t loop_now_ms(void)
{
	return world.now_ms;
}

struct loop_watch *loop_add_timer(struct loop *loop, void (*on_due)(void *owner), void *owner)
{
	struct loop_watch *timer = calloc(1, sizeof(*timer));
	size_t i = 0;

	(void)loop;
	while (world.timers[i])
		i++;
	assert_true(i < WORLD_MAX);
	timer->on_due = on_due;
	timer->owner = owner;
	return world.timers[i] = timer;
}

void loop_timer_set(struct loop_watch *timer, uint64_t delay_ms)
{
	timer->is_set = true;
	timer->wait_ms = delay_ms;
	timer->due_ms = world.now_ms + delay_ms;
}

void loop_timer_clear(struct loop_watch *timer)
{
	timer->is_set = false;
}

void loop_remove(struct loop_watch *watch)
{
	for (size_t i = 0; watch && i < WORLD_MAX; i++)
		if (world.timers[i] == watch)
			world.timers[i] = NULL;
	free(watch);
}

int kube_http_start(struct kube_http *http, const struct kube_request *request,
		    const struct kube_events *events, struct kube_call **ret, struct error *error)
{
	struct kube_call *call = calloc(1, sizeof(*call));
	size_t i = 0;

	(void)http;
	if (world.must_refuse) {
		free(call);
		return error_set(error, -5, "no credentials");
	}
	while (world.calls[i])
		i++;
	assert_true(i < WORLD_MAX && strlen(request->path) < sizeof(call->path));
	call->events = *events;
	call->request = *request;
	strcpy(call->path, request->path);
	assert_true(request->body_length < sizeof(call->body));
	if (request->body)
		memcpy(call->body, request->body, request->body_length);
	world.started++;
	*ret = world.calls[i] = call;
	return 0;
}

static void forget_call(struct kube_call *call)
{
	for (size_t i = 0; i < WORLD_MAX; i++)
		if (world.calls[i] == call)
			world.calls[i] = NULL;
	free(call);
}

void kube_http_cancel(struct kube_call *call)
{
	world.cancelled += call != NULL;
	forget_call(call);
}

/* The timer that is due first; NULL when none is set. */
static struct loop_watch *world_timer(void)
{
	struct loop_watch *first = NULL;

	for (size_t i = 0; i < WORLD_MAX; i++)
		if (world.timers[i] && world.timers[i]->is_set &&
		    (!first || world.timers[i]->due_ms < first->due_ms))
			first = world.timers[i];
	return first;
}

/* Lets all timers pass that are due until then. */
static void world_pass(uint64_t ms)
{
	uint64_t end_ms = world.now_ms + ms;

	for (struct loop_watch *timer = world_timer(); timer && timer->due_ms <= end_ms;
	     timer = world_timer()) {
		if (timer->due_ms > world.now_ms)
			world.now_ms = timer->due_ms;
		timer->is_set = false;
		timer->on_due(timer->owner);
	}
	world.now_ms = end_ms;
}

/* Moves on to the next timer; how long that took. */
static inline uint64_t world_wait(void)
{
	struct loop_watch *timer = world_timer();
	uint64_t before_ms = world.now_ms;

	assert_non_null(timer);
	world_pass(timer->due_ms > world.now_ms ? timer->due_ms - world.now_ms : 0);
	return world.now_ms - before_ms;
}

/* The call whose path begins so; NULL when there is none. */
static struct kube_call *world_call(const char *path)
{
	for (size_t i = 0; i < WORLD_MAX; i++)
		if (world.calls[i] && strncmp(world.calls[i]->path, path, strlen(path)) == 0)
			return world.calls[i];
	return NULL;
}

/* The head of its answer, with status 200. */
static inline void world_open(const char *path)
{
	struct kube_call *call = world_call(path);

	assert_non_null(call);
	call->events.on_open(call->events.owner);
}

/* Bytes of its answer. */
static inline void world_say(const char *path, const char *text)
{
	struct kube_call *call = world_call(path);

	assert_non_null(call);
	call->events.on_data(text, strlen(text), call->events.owner);
}

/* Its end; body is that of a refusal. */
static void world_end(const char *path, int status, const char *body, bool is_complete)
{
	struct kube_call *call = world_call(path);
	const struct error broken = { .text = "connection reset" };
	struct kube_response response = {
		.status = status,
		.retry_after_s = -1,
		.body = body,
		.body_length = strlen(body),
		.is_complete = is_complete,
		.error = is_complete ? NULL : &broken,
	};

	assert_non_null(call);
	call->events.on_done(&response, call->events.owner);
	forget_call(call);
}

/* No answer, for that reason. */
static inline void world_refuse(const char *path, const char *reason)
{
	struct kube_call *call = world_call(path);
	struct error error;
	const struct kube_response response = {
		.retry_after_s = -1,
		.body = "",
		.error = &error,
	};

	assert_non_null(call);
	(void)error_set(&error, -5, "%s", reason);
	call->events.on_done(&response, call->events.owner);
	forget_call(call);
}

static inline void world_end_later(const char *path, int status, int64_t retry_after_s)
{
	struct kube_call *call = world_call(path);
	struct kube_response response = {
		.status = status,
		.retry_after_s = retry_after_s,
		.body = "",
		.is_complete = true,
	};

	assert_non_null(call);
	call->events.on_done(&response, call->events.owner);
	forget_call(call);
}

/* A whole answer with status 200. */
static inline void world_answer(const char *path, const char *text)
{
	world_say(path, text);
	world_end(path, 200, "", true);
}

#endif

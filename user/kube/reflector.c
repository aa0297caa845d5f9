/* SPDX-License-Identifier: BSD-2-Clause */
/* reflector.c - the calls one after the other, and what they bring. */
#include "kube/reflector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/http.h"
#include "kube/reflector_internal.h"
#include "kube/refusal.h"
#include "lib/arena.h"
#include "lib/error.h"
#include "lib/loop.h"

/* A watch is asked to end after that; so others that are as old do not end together. */
#define WATCH_MIN_S 300
#define WATCH_MAX_S 600
/* And what has not ended so long after it is dead. */
#define WATCH_GRACE_S 30
#define LIST_TIMEOUT_MS 600000
#define LIST_IDLE_MS 60000
/* The initial events of a watch that is a list should have come by then. */
#define INITIAL_EVENTS_MS 10000

bool reflector_is_list(const struct reflector *reflector)
{
	return reflector->step == REFLECTOR_LIST || reflector->step == REFLECTOR_PAGE;
}

void reflector_schedule(struct reflector *reflector, enum reflector_step step, uint64_t wait_ms)
{
	reflector->step = step;
	loop_timer_set(reflector->timer, wait_ms);
}

void reflector_forget_call(struct reflector *reflector)
{
	loop_timer_clear(reflector->timer);
	frame_destroy(reflector->frame);
	reflector->frame = NULL;
	reflector->call = NULL;
}

void reflector_cancel_call(struct reflector *reflector)
{
	kube_http_cancel(reflector->call);
	reflector_forget_call(reflector);
}

static void end_batch(struct reflector *reflector)
{
	if (!reflector->store.any_told)
		return;
	reflector->store.any_told = false;
	reflector->events.on_batch_end(reflector->events.owner);
}

/* That it took 3 ms longer this time is no news. */
static bool differ_beyond_numbers(const char *a, const char *b)
{
	while (*a || *b) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b)
			return true;
		if (*a)
			a++, b++;
	}
	return false;
}

/* Keeps the sentence, in ASCII whatever the server wrote; tells it when it is news. */
void reflector_note_trouble(struct reflector *reflector, int code, const char *sentence,
			    const char *hint, bool must_tell)
{
	char text[sizeof(reflector->trouble)];
	bool is_news;

	(void)snprintf(text, sizeof(text), "%s: %s: %s%s%s", reflector->settings.resource,
		       reflector_is_list(reflector) || reflector->step == REFLECTOR_WATCH_LIST
			       ? "list"
			       : "watch",
		       sentence, hint ? "; " : "", hint ? hint : "");
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	is_news = !reflector->is_in_trouble || code != reflector->trouble_code ||
		  differ_beyond_numbers(text, reflector->trouble);
	reflector->trouble_code = code;
	memcpy(reflector->trouble, text, sizeof(text));
	reflector->trouble_ms = loop_now_ms();
	if (!must_tell || !is_news)
		return;
	reflector->is_in_trouble = true;
	reflector->events.on_trouble(reflector->trouble, reflector->events.owner);
}

void reflector_note_success(struct reflector *reflector)
{
	if (reflector->is_in_trouble)
		reflector->events.on_recovered(reflector->events.owner);
	reflector->is_in_trouble = false;
}

void reflector_fail(struct reflector *reflector, const struct reflector_failure *failure)
{
	struct reflector_decision decision = reflector_decide(reflector, failure, loop_now_ms());

	end_batch(reflector);
	reflector->failures++;
	reflector->is_refused = failure->http_status >= 400;
	reflector_note_trouble(reflector,
			       failure->is_in_stream ? failure->status.code : failure->http_status,
			       failure->sentence, decision.hint, decision.wait_ms > 0);
	reflector_schedule(reflector, decision.step, decision.wait_ms);
}

/* Of an answer that is not, or not wholly, what it should be. */
void reflector_fail_answer(struct reflector *reflector, const struct error *error)
{
	const struct reflector_failure failure = {
		.status.retry_after_s = -1,
		.retry_after_s = -1,
		.sentence = error->text,
	};

	reflector_fail(reflector, &failure);
}

/* The server said that it will not. */
static void fail_refused(struct reflector *reflector, const struct kube_response *response)
{
	struct reflector_failure failure = {
		.http_status = response->status,
		.retry_after_s = response->retry_after_s,
	};
	char sentence[REFUSAL_TEXT_SIZE];

	answer_read_status_text(response->body, response->body_length, &failure.status);
	failure.sentence = refusal_write(response, &failure.status, NULL, sentence);
	reflector_fail(reflector, &failure);
}

int reflector_set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static void on_done(const struct kube_response *response, void *owner)
{
	struct reflector *reflector = owner;

	reflector->call = NULL;
	if (!kube_status_is_good(response->status)) {
		reflector_forget_call(reflector);
		fail_refused(reflector, response);
		return;
	}
	reflector->contact_ms = loop_now_ms();
	reflector->forbidden_since_ms = 0;
	if (reflector_is_list(reflector))
		reflector_page_done(reflector, response);
	else
		reflector_watch_done(reflector, response);
}

static int take_object(struct reflector *reflector, const char *text, size_t length,
		       struct error *error)
{
	struct arena *arena = arena_create();
	int r;

	if (!arena)
		return error_set(error, -ENOMEM, "no memory for an object");
	if (reflector_is_list(reflector))
		r = reflector_take_item(reflector, arena, text, length, error);
	else
		r = reflector_take_event(reflector, arena, text, length, error);
	arena_destroy(arena);
	return r;
}

static void on_data(const char *data, size_t length, void *owner)
{
	struct reflector *reflector = owner;
	size_t object_length;
	const char *object;
	struct error error;
	int r;

	reflector->contact_ms = loop_now_ms();
	do {
		r = frame_next(reflector->frame, &data, &length, &object, &object_length, &error);
		if (r <= 0)
			break;
		r = take_object(reflector, object, object_length, &error);
	} while (r == 0);
	if (r == REFLECTOR_CALL_IS_OVER)
		return;
	if (r < 0) {
		reflector_cancel_call(reflector);
		reflector_fail_answer(reflector, &error);
		return;
	}
	end_batch(reflector);
}

/* A watch may be silent for minutes: that it is answered, and lasts, is good news. */
static void on_open(void *owner)
{
	struct reflector *reflector = owner;

	reflector->contact_ms = loop_now_ms();
	reflector->forbidden_since_ms = 0;
	if (reflector->step == REFLECTOR_WATCH)
		loop_timer_set(reflector->timer, REFLECTOR_SHORT_WATCH_MS);
}

/* What a new list begins with. */
static void prepare_step(struct reflector *reflector)
{
	if (reflector->step != REFLECTOR_LIST && reflector->step != REFLECTOR_WATCH_LIST)
		return;
	reflector_store_begin(&reflector->store);
	reflector->page_tries = 0;
	free(reflector->continue_token);
	reflector->continue_token = NULL;
}

static int start_call(struct reflector *reflector, struct error *error)
{
	const struct kube_events events = {
		.on_open = on_open,
		.on_data = on_data,
		.on_done = on_done,
		.owner = reflector,
	};
	uint64_t timeout_s = backoff_random(WATCH_MIN_S, WATCH_MAX_S);
	uint64_t timeout_ms = (timeout_s + WATCH_GRACE_S) * 1000;
	struct kube_request request = {
		.method = "GET",
		.timeout_ms = reflector_is_list(reflector) ? LIST_TIMEOUT_MS : timeout_ms,
		.idle_timeout_ms = reflector_is_list(reflector) ? LIST_IDLE_MS : timeout_ms,
	};
	char *path = reflector_request_path(reflector, reflector->step, timeout_s);
	int r;

	reflector->frame = frame_create(reflector_is_list(reflector) ? FRAME_LIST : FRAME_STREAM);
	request.path = path;
	if (!path || !reflector->frame)
		r = error_set(error, -ENOMEM, "no memory for a call");
	else
		r = kube_http_start(reflector->http, &request, &events, &reflector->call, error);
	free(path);
	return r;
}

static void start_step(struct reflector *reflector)
{
	struct error error;

	prepare_step(reflector);
	reflector->call_events = 0;
	reflector->call_started_ms = loop_now_ms();
	if (start_call(reflector, &error) < 0) {
		reflector_forget_call(reflector);
		reflector_fail_answer(reflector, &error);
		return;
	}
	reflector->watches += !reflector_is_list(reflector);
	if (reflector->step == REFLECTOR_WATCH_LIST)
		loop_timer_set(reflector->timer, INITIAL_EVENTS_MS);
}

static void on_due(void *owner)
{
	struct reflector *reflector = owner;

	if (!reflector->call)
		start_step(reflector);
	else if (reflector->step == REFLECTOR_WATCH)
		reflector_note_success(reflector);
	else
		reflector_note_trouble(reflector, 0,
				       "the server does not say that it has sent everything", NULL,
				       true);
}

int reflector_create(struct loop *loop, struct kube_http *http,
		     const struct reflector_settings *settings,
		     const struct reflector_events *events, struct reflector **ret,
		     struct error *error)
{
	struct reflector *reflector = calloc(1, sizeof(*reflector));

	if (!reflector)
		return error_set(error, -ENOMEM, "no memory to follow %s", settings->resource);
	reflector->settings = *settings;
	reflector->events = *events;
	reflector->loop = loop;
	reflector->http = http;
	reflector_store_init(&reflector->store, &events->listener);
	reflector->timer = loop_add_timer(loop, on_due, reflector);
	if (!reflector->timer) {
		reflector_destroy(reflector);
		return error_set(error, -ENOMEM, "no memory to follow %s", settings->resource);
	}
	reflector_schedule(reflector, reflector_first_step(reflector), 0);
	*ret = reflector;
	return 0;
}

void reflector_destroy(struct reflector *reflector)
{
	if (!reflector)
		return;
	kube_http_cancel(reflector->call);
	frame_destroy(reflector->frame);
	loop_remove(reflector->timer);
	reflector_store_finish(&reflector->store);
	free(reflector->resource_version);
	free(reflector->continue_token);
	free(reflector);
}

void reflector_read_status(const struct reflector *reflector, struct reflector_status *ret)
{
	*ret = (struct reflector_status){
		.resource = reflector->settings.resource,
		.is_synced = reflector->is_synced,
		.is_refused = reflector->is_refused,
		.count = reflector->store.count,
		.lists = reflector->lists,
		.watches = reflector->watches,
		.failures = reflector->failures,
		.contact_ms = reflector->contact_ms,
		.trouble = reflector->trouble,
		.trouble_ms = reflector->trouble_ms,
		.is_in_trouble = reflector->is_in_trouble,
	};
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* reflector.c - the calls one after the other, and what they bring. */
#include "kube/reflector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/http.h"
#include "kube/reflector_internal.h"
#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"
#include "lib/json_tree.h"
#include "lib/loop.h"

/* A watch is asked to end after that; so others that are as old do not end together. */
#define WATCH_MIN_S 300
#define WATCH_MAX_S 600
/* And what has not ended so long after it is dead. */
#define WATCH_GRACE_S 30
#define LIST_TIMEOUT_MS 600000
#define LIST_IDLE_MS 60000
/* A watch that ends sooner, without an event, did not work. */
#define SHORT_WATCH_MS 1000
/* The initial events of a watch that is a list should have come by then. */
#define INITIAL_EVENTS_MS 10000

/* What was taken from a piece that came. */
#define CALL_IS_OVER 1

static bool is_list(const struct reflector *reflector)
{
	return reflector->step == REFLECTOR_LIST || reflector->step == REFLECTOR_PAGE;
}

static bool is_good(int http_status)
{
	return http_status >= 200 && http_status < 300;
}

static void schedule(struct reflector *reflector, enum reflector_step step, uint64_t wait_ms)
{
	reflector->step = step;
	loop_timer_set(reflector->timer, wait_ms);
}

static void forget_call(struct reflector *reflector)
{
	loop_timer_clear(reflector->timer);
	frame_destroy(reflector->frame);
	reflector->frame = NULL;
	reflector->call = NULL;
}

static void cancel_call(struct reflector *reflector)
{
	kube_http_cancel(reflector->call);
	forget_call(reflector);
}

static void end_batch(struct reflector *reflector)
{
	if (!reflector->store.any_told)
		return;
	reflector->store.any_told = false;
	reflector->events.on_batch_end(reflector->events.owner);
}

/* Keeps the sentence, in ASCII whatever the server wrote; tells it when it is news. */
static void note_trouble(struct reflector *reflector, const char *sentence, const char *hint,
			 bool must_tell)
{
	char text[sizeof(reflector->trouble)];
	bool is_news;

	(void)snprintf(text, sizeof(text), "%s: %s: %s%s%s", reflector->settings.resource,
		       is_list(reflector) || reflector->step == REFLECTOR_WATCH_LIST ? "list"
										     : "watch",
		       sentence, hint ? "; " : "", hint ? hint : "");
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	is_news = !reflector->is_in_trouble || strcmp(text, reflector->trouble) != 0;
	memcpy(reflector->trouble, text, sizeof(text));
	reflector->trouble_ms = loop_now_ms();
	if (!must_tell || !is_news)
		return;
	reflector->is_in_trouble = true;
	reflector->events.on_trouble(reflector->trouble, reflector->events.owner);
}

static void note_success(struct reflector *reflector)
{
	if (reflector->is_in_trouble)
		reflector->events.on_recovered(reflector->events.owner);
	reflector->is_in_trouble = false;
}

static void fail(struct reflector *reflector, const struct reflector_failure *failure)
{
	struct reflector_decision decision = reflector_decide(reflector, failure, loop_now_ms());

	end_batch(reflector);
	reflector->failures++;
	reflector->is_refused = failure->http_status >= 400;
	note_trouble(reflector, failure->sentence, decision.hint, decision.wait_ms > 0);
	schedule(reflector, decision.step, decision.wait_ms);
}

/* Of an answer that is not, or not wholly, what it should be. */
static void fail_answer(struct reflector *reflector, const struct error *error)
{
	const struct reflector_failure failure = {
		.status.retry_after_s = -1,
		.retry_after_s = -1,
		.sentence = error->text,
	};

	fail(reflector, &failure);
}

/* The server said that it will not. */
static void fail_refused(struct reflector *reflector, const struct kube_response *response)
{
	struct reflector_failure failure = {
		.http_status = response->status,
		.retry_after_s = response->retry_after_s,
	};
	struct error error;

	answer_read_status_text(response->body, response->body_length, &failure.status);
	if (response->status == 0 && response->error)
		(void)error_set(&error, -EIO, "%s", response->error->text);
	else
		(void)error_set(&error, -EIO, "HTTP status %d%s%s", response->status,
				*failure.status.message ? ": " : "", failure.status.message);
	failure.sentence = error.text;
	fail(reflector, &failure);
}

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* What is staged is all there is at this version. */
static int tell_list(struct reflector *reflector, const char *resource_version, struct error *error)
{
	if (set_text(&reflector->resource_version, resource_version) < 0)
		return error_set(error, -ENOMEM, "no memory for a resource version");
	reflector_store_commit(&reflector->store);
	reflector->store.any_told = false;
	reflector->from_newest = false;
	reflector->is_unpaged = false;
	reflector->empty_is_sure = false;
	reflector->is_synced = true;
	reflector->is_refused = false;
	reflector->failing_since_ms = 0;
	reflector->listed_ms = loop_now_ms();
	note_success(reflector);
	reflector->events.on_batch_end(reflector->events.owner);
	return 0;
}

/* A server that lost its objects, or has not got them yet, is asked twice. */
static bool must_confirm(struct reflector *reflector)
{
	if (reflector->store.staged_count > 0 || reflector->store.count == 0 ||
	    reflector->empty_is_sure)
		return false;
	reflector->empty_is_sure = true;
	reflector->from_newest = true;
	return true;
}

static void end_list(struct reflector *reflector, const char *resource_version)
{
	struct error error;

	reflector->lists++;
	if (must_confirm(reflector))
		schedule(reflector, REFLECTOR_LIST, 0);
	else if (tell_list(reflector, resource_version, &error) < 0)
		fail_answer(reflector, &error);
	else
		schedule(reflector, REFLECTOR_WATCH, 0);
}

/* Time runs backwards: an API server that has not caught up, or whose storage is an old one's. */
static bool is_stale(const struct reflector *reflector, const char *resource_version)
{
	return reflector->resource_version && !reflector->from_newest &&
	       answer_is_older_version(resource_version, reflector->resource_version);
}

static void end_page(struct reflector *reflector, const struct answer_list *list)
{
	if (is_stale(reflector, list->resource_version)) {
		const struct reflector_failure failure = {
			.status = { .is_too_large = true, .retry_after_s = -1 },
			.retry_after_s = -1,
			.sentence = "older than what the server said before",
		};

		fail(reflector, &failure);
		return;
	}
	reflector->page_tries = 0;
	if (!*list->continue_token) {
		end_list(reflector, list->resource_version);
	} else if (set_text(&reflector->continue_token, list->continue_token) < 0) {
		const struct error error = { .text = "no memory for a continue token" };

		fail_answer(reflector, &error);
	} else {
		schedule(reflector, REFLECTOR_PAGE, 0);
	}
}

static int read_page(const struct reflector *reflector, const struct kube_response *response,
		     struct arena *arena, struct answer_list *ret, struct error *error)
{
	size_t length = 0;
	const char *envelope = frame_envelope(reflector->frame, &length);

	if (!response->is_complete)
		return error_set(error, -EIO, "the answer broke off: %s",
				 response->error ? response->error->text : "no reason known");
	if (!envelope)
		return error_set(error, -EINVAL, "the answer is no whole JSON object");
	if (!arena)
		return error_set(error, -ENOMEM, "no memory for a list");
	return answer_read_list(arena, envelope, length, reflector->settings.api_version,
				reflector->settings.kind, ret, error);
}

static void page_done(struct reflector *reflector, const struct kube_response *response)
{
	struct arena *arena = arena_create();
	struct answer_list list;
	struct error error;
	int r = read_page(reflector, response, arena, &list, &error);

	forget_call(reflector);
	if (r < 0)
		fail_answer(reflector, &error);
	else
		end_page(reflector, &list);
	arena_destroy(arena);
}

static void watch_done(struct reflector *reflector, const struct kube_response *response)
{
	uint64_t lasted_ms = loop_now_ms() - reflector->call_started_ms;
	bool was_list = reflector->step == REFLECTOR_WATCH_LIST;
	struct error error;

	(void)error_set(&error, -EIO, "%s after %llu ms with %llu events%s%s",
			response->is_complete ? "ended" : "broke off",
			(unsigned long long)lasted_ms, (unsigned long long)reflector->call_events,
			response->error ? ": " : "", response->error ? response->error->text : "");
	forget_call(reflector);
	if (was_list || (reflector->call_events == 0 && lasted_ms < SHORT_WATCH_MS)) {
		fail_answer(reflector, &error);
		return;
	}
	if (!response->is_complete)
		note_trouble(reflector, error.text, NULL, false);
	schedule(reflector, REFLECTOR_WATCH, 0);
}

static void on_done(const struct kube_response *response, void *owner)
{
	struct reflector *reflector = owner;

	reflector->call = NULL;
	if (!is_good(response->status)) {
		forget_call(reflector);
		fail_refused(reflector, response);
		return;
	}
	reflector->contact_ms = loop_now_ms();
	if (is_list(reflector))
		page_done(reflector, response);
	else
		watch_done(reflector, response);
}

static int take_item(struct reflector *reflector, struct arena *arena, const char *text,
		     size_t length, struct error *error)
{
	const struct reflector_settings *settings = &reflector->settings;
	struct reflector_identity identity;
	const struct node *object;
	int r = json_tree_parse(arena, text, length, &object, error);

	if (r == 0 && !answer_is_kind(object, settings->api_version, settings->kind))
		return 0;
	if (r == 0)
		r = reflector_identity_read(object, true, &identity, error);
	return r < 0 ? r : reflector_store_stage(&reflector->store, &identity, object, error);
}

/* An ERROR is the last that a watch says. */
static int take_error(struct reflector *reflector, const struct node *object)
{
	struct reflector_failure failure = { .retry_after_s = -1, .is_in_stream = true };
	struct error error;

	answer_read_status(object, &failure.status);
	(void)error_set(&error, -EIO, "error %d in the stream%s%s", failure.status.code,
			*failure.status.message ? ": " : "", failure.status.message);
	failure.sentence = error.text;
	cancel_call(reflector);
	fail(reflector, &failure);
	return CALL_IS_OVER;
}

static int take_bookmark(struct reflector *reflector, const struct answer_event *event,
			 const struct reflector_identity *identity, struct error *error)
{
	if (reflector->step == REFLECTOR_WATCH)
		return set_text(&reflector->resource_version, identity->resource_version);
	/* Before that one the versions of a list that comes as events are in no order. */
	if (!event->is_initial_end)
		return 0;
	reflector->lists++;
	if (must_confirm(reflector)) {
		cancel_call(reflector);
		schedule(reflector, REFLECTOR_LIST, 0);
		return CALL_IS_OVER;
	}
	loop_timer_clear(reflector->timer);
	reflector->step = REFLECTOR_WATCH;
	return tell_list(reflector, identity->resource_version, error);
}

static int take_change(struct reflector *reflector, const struct answer_event *event,
		       const struct reflector_identity *identity, struct error *error)
{
	struct reflector_store *store = &reflector->store;
	bool is_initial = reflector->step == REFLECTOR_WATCH_LIST;
	int r = 0;

	if (event->type == ANSWER_EVENT_DELETED && is_initial)
		reflector_store_unstage(store, identity->namespace, identity->name);
	else if (event->type == ANSWER_EVENT_DELETED)
		reflector_store_remove(store, identity->namespace, identity->name);
	else if (is_initial)
		r = reflector_store_stage(store, identity, event->object, error);
	else
		r = reflector_store_set(store, identity, event->object, error);
	if (r == 0 && !is_initial &&
	    set_text(&reflector->resource_version, identity->resource_version) < 0)
		r = error_set(error, -ENOMEM, "no memory for a resource version");
	return r;
}

static int take_event(struct reflector *reflector, struct arena *arena, const char *text,
		      size_t length, struct error *error)
{
	const struct reflector_settings *settings = &reflector->settings;
	struct reflector_identity identity;
	struct answer_event event;
	int r = answer_read_event(arena, text, length, &event, error);

	if (r < 0)
		return r;
	reflector->call_events++;
	if (event.type == ANSWER_EVENT_ERROR)
		return take_error(reflector, event.object);
	reflector->failing_since_ms = 0;
	/* What nobody asked for, a Table say, is passed over. */
	if (event.type == ANSWER_EVENT_UNKNOWN ||
	    !answer_is_kind(event.object, settings->api_version, settings->kind))
		return 0;
	r = reflector_identity_read(event.object, event.type != ANSWER_EVENT_BOOKMARK, &identity,
				    error);
	if (r < 0)
		return r;
	if (reflector->step == REFLECTOR_WATCH)
		note_success(reflector);
	if (event.type == ANSWER_EVENT_BOOKMARK)
		return take_bookmark(reflector, &event, &identity, error);
	return take_change(reflector, &event, &identity, error);
}

static int take_object(struct reflector *reflector, const char *text, size_t length,
		       struct error *error)
{
	struct arena *arena = arena_create();
	int r;

	if (!arena)
		return error_set(error, -ENOMEM, "no memory for an object");
	if (is_list(reflector))
		r = take_item(reflector, arena, text, length, error);
	else
		r = take_event(reflector, arena, text, length, error);
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
	if (r == CALL_IS_OVER)
		return;
	if (r < 0) {
		cancel_call(reflector);
		fail_answer(reflector, &error);
		return;
	}
	end_batch(reflector);
}

/* A watch may be silent for minutes: that it is answered, and lasts, is good news. */
static void on_open(void *owner)
{
	struct reflector *reflector = owner;

	reflector->contact_ms = loop_now_ms();
	if (reflector->step == REFLECTOR_WATCH)
		loop_timer_set(reflector->timer, SHORT_WATCH_MS);
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
		.timeout_ms = is_list(reflector) ? LIST_TIMEOUT_MS : timeout_ms,
		.idle_timeout_ms = is_list(reflector) ? LIST_IDLE_MS : timeout_ms,
	};
	char *path = reflector_request_path(reflector, reflector->step, timeout_s);
	int r;

	reflector->frame = frame_create(is_list(reflector) ? FRAME_LIST : FRAME_STREAM);
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
		forget_call(reflector);
		fail_answer(reflector, &error);
		return;
	}
	reflector->watches += !is_list(reflector);
	if (reflector->step == REFLECTOR_WATCH_LIST)
		loop_timer_set(reflector->timer, INITIAL_EVENTS_MS);
}

static void on_due(void *owner)
{
	struct reflector *reflector = owner;

	if (!reflector->call)
		start_step(reflector);
	else if (reflector->step == REFLECTOR_WATCH)
		note_success(reflector);
	else
		note_trouble(reflector, "the server does not say that it has sent everything", NULL,
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
	schedule(reflector, reflector_first_step(reflector), 0);
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

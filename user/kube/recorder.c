/* SPDX-License-Identifier: BSD-2-Clause */
/* recorder.c - Events that wait to be written, and those that may come again. */
#include "kube/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "kube/backoff.h"
#include "kube/http.h"
#include "kube/json_text.h"
#include "kube/limiter.h"
#include "kube/micro_time.h"
#include "kube/refusal.h"
#include "lib/error.h"
#include "lib/loop.h"

#define EVENTS "/apis/events.k8s.io/v1/namespaces"
#define CALL_MS 30000
#define NOTE_MAX 1024 /* the API takes no more */
#define HINT "the account may not: its ClusterRole must allow create and patch of events"

/* One Event; texts are in the JSON. */
struct told {
	TAILQ_ENTRY(told) link;
	json_t *object;  /* as it is posted */
	uint64_t count;  /* how often it happened */
	uint64_t sent;   /* the count that was written; 0: it is not there yet */
	uint64_t due_ms; /* to be written then, if count is not what was sent */
	uint64_t last_ms;
};

struct recorder {
	struct kube_http *http;
	struct limiter *limiter;
	struct loop_watch *timer;
	char *identity;
	void (*on_trouble)(const char *sentence, void *owner);
	void *owner;
	TAILQ_HEAD(, told) all; /* oldest first */
	size_t count;
	struct kube_call *call;
	struct told *running;
	uint64_t running_count; /* its count, as it is being sent */
	uint64_t written, failed, dropped;
	bool is_in_trouble;
};

static void forget(struct recorder *recorder, struct told *told)
{
	TAILQ_REMOVE(&recorder->all, told, link);
	recorder->count--;
	json_decref(told->object);
	free(told);
}

static bool is_due(const struct told *told)
{
	return told->count != told->sent;
}

static void set_timer(struct recorder *recorder)
{
	uint64_t now_ms = loop_now_ms(), next_ms = UINT64_MAX;
	uint64_t free_ms = now_ms + limiter_wait_ms(recorder->limiter, now_ms);
	const struct told *told;

	loop_timer_clear(recorder->timer);
	if (recorder->call)
		return;
	TAILQ_FOREACH(told, &recorder->all, link)
	{
		if (is_due(told) && told->due_ms < next_ms)
			next_ms = told->due_ms;
	}
	if (next_ms == UINT64_MAX)
		return;
	if (next_ms < free_ms)
		next_ms = free_ms;
	loop_timer_set(recorder->timer, next_ms - now_ms);
}

static bool is_same(const struct told *told, const struct recorder_event *event)
{
	const json_t *regarding = json_object_get(told->object, "regarding");

	return strcmp(json_text(regarding, "uid"), event->uid) == 0 &&
	       strcmp(json_text(regarding, "name"), event->name) == 0 &&
	       strcmp(json_text(regarding, "namespace"), event->namespace) == 0 &&
	       strcmp(json_text(told->object, "reason"), event->reason) == 0 &&
	       strncmp(json_text(told->object, "note"), event->note, NOTE_MAX) == 0;
}

static struct told *find(struct recorder *recorder, const struct recorder_event *event)
{
	uint64_t now_ms = loop_now_ms();
	struct told *told;

	TAILQ_FOREACH(told, &recorder->all, link)
	{
		if (now_ms - told->last_ms < RECORDER_SERIES_MS && is_same(told, event))
			return told;
	}
	return NULL;
}

/* How much of note may be sent: at most NOTE_MAX bytes, and whole characters. */
static size_t note_length(const char *note)
{
	size_t length = strlen(note);

	if (length <= NOTE_MAX)
		return length;
	length = NOTE_MAX;
	while (length > 0 && ((unsigned char)note[length] & 0xc0) == 0x80)
		length--;
	return length;
}

/* The name is made of the Service's and of a number that nobody else has. */
static json_t *make_object(const struct recorder *recorder, const struct recorder_event *event)
{
	char now[MICRO_TIME_SIZE], name[320];

	micro_time_now(now);
	(void)snprintf(name, sizeof(name), "%.200s.%016" PRIx64, event->name,
		       backoff_random(0, UINT64_MAX));
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, s:s%, "
			 "s:{s:s, s:s, s:s, s:s, s:s, s:s}}",
			 "apiVersion", "events.k8s.io/v1", "kind", "Event", "metadata", "name",
			 name, "namespace", event->namespace, "eventTime", now,
			 "reportingController", "guideway.dev/agent", "reportingInstance",
			 recorder->identity, "action", "Publish", "type",
			 event->is_warning ? "Warning" : "Normal", "reason", event->reason, "note",
			 event->note, note_length(event->note), "regarding", "kind", "Service",
			 "apiVersion", "v1", "namespace", event->namespace, "name", event->name,
			 "uid", event->uid, "resourceVersion", event->version);
}

static struct told *add(struct recorder *recorder, const struct recorder_event *event)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return NULL;
	told->object = make_object(recorder, event);
	if (!told->object) {
		free(told);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&recorder->all, told, link);
	recorder->count++;
	return told;
}

/* The oldest that was written, else the oldest. */
static void make_room(struct recorder *recorder)
{
	struct told *told;

	if (recorder->count < RECORDER_MAX)
		return;
	TAILQ_FOREACH(told, &recorder->all, link)
	{
		if (!is_due(told) && told != recorder->running)
			break;
	}
	if (!told) {
		told = TAILQ_FIRST(&recorder->all);
		if (told == recorder->running)
			told = TAILQ_NEXT(told, link);
		recorder->dropped++;
	}
	forget(recorder, told);
}

void recorder_tell(struct recorder *recorder, const struct recorder_event *event)
{
	uint64_t now_ms = loop_now_ms();
	struct told *told = find(recorder, event);

	if (!told) {
		make_room(recorder);
		told = add(recorder, event);
	}
	if (!told) {
		recorder->dropped++;
		return;
	}
	told->count++;
	told->last_ms = now_ms;
	set_timer(recorder);
}

static void finish_call(struct recorder *recorder, const struct kube_response *response)
{
	struct told *told = recorder->running;
	char reason[REFUSAL_TEXT_SIZE];

	recorder->call = NULL;
	recorder->running = NULL;
	told->sent = recorder->running_count;
	told->due_ms = loop_now_ms() + RECORDER_REPEAT_MS;
	if (kube_status_is_good(response->status)) {
		recorder->written++;
		recorder->is_in_trouble = false;
		return;
	}
	recorder->failed++;
	if (!recorder->is_in_trouble)
		recorder->on_trouble(refusal_explain(response, HINT, reason), recorder->owner);
	recorder->is_in_trouble = true;
	/* The next of it is an Event of its own. */
	forget(recorder, told);
}

static void on_done(const struct kube_response *response, void *owner)
{
	struct recorder *recorder = owner;

	finish_call(recorder, response);
	set_timer(recorder);
}

static char *write_series(uint64_t count)
{
	char now[MICRO_TIME_SIZE];
	json_t *patch;
	char *text;

	micro_time_now(now);
	patch = json_pack("{s:{s:I, s:s}}", "series", "count", (json_int_t)count,
			  "lastObservedTime", now);
	text = patch ? json_dumps(patch, JSON_COMPACT) : NULL;
	json_decref(patch);
	return text;
}

static int start_call(struct recorder *recorder, const struct told *told, struct error *error)
{
	const json_t *metadata = json_object_get(told->object, "metadata");
	const struct kube_events events = { .on_done = on_done, .owner = recorder };
	bool is_first = told->sent == 0;
	char path[700];
	char *body = is_first ? json_dumps(told->object, JSON_COMPACT) : write_series(told->count);
	const struct kube_request request = {
		.method = is_first ? "POST" : "PATCH",
		.path = path,
		.content_type = is_first ? "application/json" : "application/merge-patch+json",
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.timeout_ms = CALL_MS,
	};
	int r;

	(void)snprintf(path, sizeof(path), EVENTS "/%s/events%s%s",
		       json_text(metadata, "namespace"), is_first ? "" : "/",
		       is_first ? "" : json_text(metadata, "name"));
	if (!body)
		return error_set(error, -ENOMEM, "no memory for an Event");
	r = kube_http_start(recorder->http, &request, &events, &recorder->call, error);
	free(body);
	return r;
}

static void on_timer(void *owner)
{
	struct recorder *recorder = owner;
	struct error error = { 0 };
	const struct kube_response none = { .retry_after_s = -1, .body = "", .error = &error };
	uint64_t now_ms = loop_now_ms();
	struct told *told;

	TAILQ_FOREACH(told, &recorder->all, link)
	{
		if (is_due(told) && told->due_ms <= now_ms)
			break;
	}
	if (told && !recorder->call && limiter_take(recorder->limiter, now_ms)) {
		recorder->running = told;
		recorder->running_count = told->sent == 0 ? 1 : told->count;
		if (start_call(recorder, told, &error) < 0)
			finish_call(recorder, &none);
	}
	set_timer(recorder);
}

int recorder_create(struct loop *loop, struct kube_http *http, struct limiter *limiter,
		    const char *identity, void (*on_trouble)(const char *sentence, void *owner),
		    void *owner, struct recorder **ret, struct error *error)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return error_set(error, -ENOMEM, "no memory for Events");
	TAILQ_INIT(&recorder->all);
	recorder->http = http;
	recorder->limiter = limiter;
	recorder->on_trouble = on_trouble;
	recorder->owner = owner;
	recorder->identity = strdup(identity);
	recorder->timer = loop_add_timer(loop, on_timer, recorder);
	if (!recorder->identity || !recorder->timer) {
		recorder_destroy(recorder);
		return error_set(error, -ENOMEM, "no memory for Events");
	}
	*ret = recorder;
	return 0;
}

void recorder_stop(struct recorder *recorder)
{
	kube_http_cancel(recorder->call);
	recorder->call = NULL;
	recorder->running = NULL;
	while (!TAILQ_EMPTY(&recorder->all))
		forget(recorder, TAILQ_FIRST(&recorder->all));
	if (recorder->timer)
		loop_timer_clear(recorder->timer);
}

void recorder_destroy(struct recorder *recorder)
{
	if (!recorder)
		return;
	recorder_stop(recorder);
	loop_remove(recorder->timer);
	free(recorder->identity);
	free(recorder);
}

void recorder_read_status(const struct recorder *recorder, struct recorder_status *ret)
{
	const struct told *told;

	*ret = (struct recorder_status){
		.written = recorder->written,
		.failed = recorder->failed,
		.dropped = recorder->dropped,
	};
	TAILQ_FOREACH(told, &recorder->all, link)
	{
		ret->queued += is_due(told);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* writer.c - who waits, who is being written, and of whom only an old version is known. */
#include "kube/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "kube/backoff.h"
#include "kube/http.h"
#include "kube/limiter.h"
#include "lib/error.h"
#include "lib/loop.h"
#include "lib/table.h"

#define CALL_MS 30000
#define CALLS_MAX 4

enum wish_state {
	WISH_WAITING, /* until due_ms, and for its turn */
	WISH_RUNNING,
	WISH_STALE, /* until another version is seen, or due_ms */
};

/* One object. */
struct wish {
	struct table_node node;
	TAILQ_ENTRY(wish) link;
	struct writer *writer;
	char *key;
	char *version;     /* that it is made from */
	char *new_version; /* seen while it runs; NULL: none */
	enum wish_state state;
	uint64_t due_ms;
	uint64_t backoff_ms; /* of the last failure; 0: it was none */
	struct kube_call *call;
};

struct writer {
	struct kube_http *http;
	struct limiter *limiter;
	const char *hint;
	struct writer_events events;
	struct loop_watch *timer;
	struct table table;
	TAILQ_HEAD(, wish) wishes; /* who came first stands first */
	size_t running;
	uint64_t paused_until_ms; /* the server said so */
	uint64_t done, conflicts, failed;
	int told_status;
	bool is_in_trouble;
	uint64_t trouble_ms;
	char trouble[REFUSAL_TEXT_SIZE + 400];
};

static struct wish *find_wish(const struct writer *writer, const char *key)
{
	struct table_node *node = table_first(&writer->table, table_hash_text(0, key));

	for (; node; node = table_next(node)) {
		struct wish *wish = TABLE_OWNER(node, struct wish, node);

		if (strcmp(wish->key, key) == 0)
			return wish;
	}
	return NULL;
}

static void free_wish(struct wish *wish)
{
	free(wish->key);
	free(wish->version);
	free(wish->new_version);
	free(wish);
}

static void forget_wish(struct wish *wish)
{
	struct writer *writer = wish->writer;

	kube_http_cancel(wish->call);
	writer->running -= wish->state == WISH_RUNNING;
	table_remove(&writer->table, &wish->node);
	TAILQ_REMOVE(&writer->wishes, wish, link);
	free_wish(wish);
}

static struct wish *add_wish(struct writer *writer, const char *key)
{
	struct wish *wish = calloc(1, sizeof(*wish));

	if (!wish)
		return NULL;
	wish->writer = writer;
	wish->key = strdup(key);
	if (!wish->key || table_insert(&writer->table, &wish->node, table_hash_text(0, key)) < 0) {
		free_wish(wish);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&writer->wishes, wish, link);
	return wish;
}

/* When the timer is next of use. */
static void set_timer(struct writer *writer)
{
	uint64_t now_ms = loop_now_ms(), next_ms = UINT64_MAX;
	uint64_t free_ms = now_ms + limiter_wait_ms(writer->limiter, now_ms);
	const struct wish *wish;

	if (writer->paused_until_ms > free_ms)
		free_ms = writer->paused_until_ms;
	TAILQ_FOREACH(wish, &writer->wishes, link)
	{
		uint64_t due_ms = wish->due_ms;

		if (wish->state == WISH_WAITING && due_ms < free_ms)
			due_ms = free_ms;
		if (wish->state == WISH_RUNNING ||
		    (wish->state == WISH_WAITING && writer->running >= CALLS_MAX))
			continue;
		if (due_ms < next_ms)
			next_ms = due_ms;
	}
	if (next_ms == UINT64_MAX)
		loop_timer_clear(writer->timer);
	else
		loop_timer_set(writer->timer, next_ms > now_ms ? next_ms - now_ms : 0);
}

static void wait_for(struct wish *wish, enum wish_state state, uint64_t wait_ms)
{
	wish->state = state;
	wish->due_ms = loop_now_ms() + wait_ms;
}

static uint64_t next_backoff_ms(struct wish *wish)
{
	wish->backoff_ms = backoff_double_ms(wish->backoff_ms, WRITER_FIRST_MS, WRITER_CAP_MS);
	return backoff_random(wish->backoff_ms, wish->backoff_ms + wish->backoff_ms / 2);
}

static void tell_trouble(struct writer *writer, const struct wish *wish,
			 const struct kube_response *response)
{
	char reason[REFUSAL_TEXT_SIZE];
	bool is_told = writer->is_in_trouble && writer->told_status == response->status;

	writer->is_in_trouble = true;
	writer->told_status = response->status;
	writer->trouble_ms = loop_now_ms();
	(void)snprintf(writer->trouble, sizeof(writer->trouble), "Service '%s': %s", wish->key,
		       refusal_explain(response, writer->hint, reason));
	if (!is_told)
		writer->events.on_trouble(writer->trouble, writer->events.owner);
}

static void on_failed(struct wish *wish, const struct kube_response *response)
{
	struct writer *writer = wish->writer;
	uint64_t wait_ms = next_backoff_ms(wish), said_ms = refusal_retry_after_ms(response);

	if (said_ms > 0) {
		writer->paused_until_ms = loop_now_ms() + said_ms;
		wait_ms = said_ms;
	}
	writer->failed++;
	wait_for(wish, WISH_WAITING, wait_ms);
	tell_trouble(writer, wish, response);
}

static void on_success(struct wish *wish, const struct kube_response *response)
{
	struct writer *writer = wish->writer;
	bool has_more = writer->events.on_done(wish->key, response, writer->events.owner);

	writer->done++;
	wish->backoff_ms = 0;
	wait_for(wish, has_more ? WISH_WAITING : WISH_STALE, has_more ? 0 : WRITER_STALE_MS);
	if (!writer->is_in_trouble)
		return;
	writer->is_in_trouble = false;
	writer->events.on_recovered(writer->events.owner);
}

/* What was seen in the meantime counts as seen now. */
static void look_at_newer(struct wish *wish)
{
	if (!wish->new_version)
		return;
	free(wish->version);
	wish->version = wish->new_version;
	wish->new_version = NULL;
	if (wish->state == WISH_STALE)
		wait_for(wish, WISH_WAITING, 0);
}

static void on_done(const struct kube_response *response, void *owner)
{
	struct wish *wish = owner;
	struct writer *writer = wish->writer;

	wish->call = NULL;
	writer->running--;
	wish->state = WISH_WAITING;
	if (kube_status_is_good(response->status) || response->status == 404) {
		on_success(wish, response);
	} else if (response->status == 409) {
		writer->conflicts++;
		wait_for(wish, WISH_STALE, next_backoff_ms(wish));
	} else {
		on_failed(wish, response);
	}
	look_at_newer(wish);
	set_timer(writer);
}

static int start_call(struct wish *wish, struct writer_request *made, struct error *error)
{
	const struct kube_events events = { .on_done = on_done, .owner = wish };
	const struct kube_request request = {
		.method = made->method,
		.path = made->path,
		.content_type = made->content_type,
		.body = made->body,
		.body_length = made->body ? strlen(made->body) : 0,
		.timeout_ms = CALL_MS,
	};
	int r = kube_http_start(wish->writer->http, &request, &events, &wish->call, error);

	free(made->path);
	free(made->body);
	return r;
}

/* That it is made from; without memory the older one does, for something too much may be asked. */
static void keep_version(struct wish *wish, const char *version)
{
	char *copy = strdup(version);

	if (!copy)
		return;
	free(wish->version);
	wish->version = copy;
}

static void run(struct wish *wish)
{
	struct writer *writer = wish->writer;
	struct writer_request made = { 0 };
	struct error error = { 0 };
	const struct kube_response none = { .retry_after_s = -1, .body = "", .error = &error };

	if (!writer->events.make(wish->key, &made, writer->events.owner)) {
		forget_wish(wish);
		return;
	}
	keep_version(wish, made.version);
	(void)limiter_take(writer->limiter, loop_now_ms());
	if (start_call(wish, &made, &error) < 0) {
		on_failed(wish, &none);
		return;
	}
	wish->state = WISH_RUNNING;
	writer->running++;
}

static void on_timer(void *owner)
{
	struct writer *writer = owner;
	struct wish *wish = TAILQ_FIRST(&writer->wishes), *next;
	uint64_t now_ms = loop_now_ms();

	for (; wish; wish = next) {
		next = TAILQ_NEXT(wish, link);
		if (wish->due_ms > now_ms || wish->state == WISH_RUNNING)
			continue;
		if (wish->state == WISH_STALE)
			forget_wish(wish);
		else if (writer->running < CALLS_MAX && writer->paused_until_ms <= now_ms &&
			 limiter_wait_ms(writer->limiter, now_ms) == 0)
			run(wish);
	}
	set_timer(writer);
}

int writer_create(struct loop *loop, struct kube_http *http, struct limiter *limiter,
		  const char *hint, const struct writer_events *events, struct writer **ret,
		  struct error *error)
{
	struct writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return error_set(error, -ENOMEM, "no memory to write to the API server");
	TAILQ_INIT(&writer->wishes);
	writer->http = http;
	writer->limiter = limiter;
	writer->hint = hint;
	writer->events = *events;
	writer->timer = loop_add_timer(loop, on_timer, writer);
	if (!writer->timer) {
		free(writer);
		return error_set(error, -ENOMEM, "no memory to write to the API server");
	}
	*ret = writer;
	return 0;
}

void writer_stop(struct writer *writer)
{
	while (!TAILQ_EMPTY(&writer->wishes))
		forget_wish(TAILQ_FIRST(&writer->wishes));
	loop_timer_clear(writer->timer);
}

void writer_destroy(struct writer *writer)
{
	if (!writer)
		return;
	writer_stop(writer);
	table_finish(&writer->table, NULL);
	loop_remove(writer->timer);
	free(writer);
}

/* Whether there is something to do now that this version is seen. */
static bool is_news(const struct wish *wish, const char *version)
{
	return !wish->version || strcmp(wish->version, version) != 0;
}

int writer_want(struct writer *writer, const char *key, const char *version)
{
	struct wish *wish = find_wish(writer, key);
	char *copy;

	if (wish && !is_news(wish, version))
		return 0;
	if (!wish)
		wish = add_wish(writer, key);
	copy = wish ? strdup(version) : NULL;
	if (!copy)
		return -ENOMEM;
	if (wish->state == WISH_RUNNING) {
		free(wish->new_version);
		wish->new_version = copy;
		return 0;
	}
	free(wish->version);
	wish->version = copy;
	/* Who failed still waits for his time. */
	if (wish->state == WISH_STALE)
		wait_for(wish, WISH_WAITING, 0);
	/* Which finds out when it is to come again. */
	loop_timer_set(writer->timer, 0);
	return 0;
}

void writer_read_status(const struct writer *writer, struct writer_status *ret)
{
	const struct wish *wish;

	*ret = (struct writer_status){
		.done = writer->done,
		.conflicts = writer->conflicts,
		.failed = writer->failed,
		.trouble = writer->trouble,
		.trouble_ms = writer->trouble_ms,
		.is_in_trouble = writer->is_in_trouble,
	};
	TAILQ_FOREACH(wish, &writer->wishes, link)
	{
		if (wish->state != WISH_STALE)
			ret->queued++;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_reflector.c - any bytes as the answers of an API server, one behind the other with 0xff
 * between them. The first byte of each says how it ends and in what pieces it comes. Nothing may
 * be taken away but by a whole list, or by an event that says so.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kube/http.h"
#include "kube/reflector.h"
#include "lib/error.h"
#include "lib/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct kube_call {
	struct kube_events events;
	bool is_watch;
};

/* The one call that is under way; NULL: none. */
static struct kube_call *call;
static bool may_remove;

/* Whoever waits has waited long enough when the next answer comes. */
struct loop_watch {
	void (*on_due)(void *owner);
	void *owner;
	bool is_set;
	uint64_t wait_ms;
};

static struct loop_watch timer;
static uint64_t now_ms;

uint64_t loop_now_ms(void)
{
	return now_ms;
}

struct loop_watch *loop_add_timer(struct loop *loop, void (*on_due)(void *owner), void *owner)
{
	(void)loop;
	timer = (struct loop_watch){ .on_due = on_due, .owner = owner };
	return &timer;
}

struct loop_watch *loop_add_reader(struct loop *loop, int fd, void (*on_readable)(void *owner),
				   void *owner)
{
	(void)loop, (void)fd, (void)on_readable, (void)owner;
	return NULL;
}

void loop_timer_set(struct loop_watch *watch, uint64_t delay_ms)
{
	watch->is_set = true;
	watch->wait_ms = delay_ms;
}

void loop_timer_clear(struct loop_watch *watch)
{
	watch->is_set = false;
}

void loop_remove(struct loop_watch *watch)
{
	(void)watch;
}

static void wait_for_timer(void)
{
	if (!timer.is_set)
		abort();
	timer.is_set = false;
	now_ms += timer.wait_ms;
	timer.on_due(timer.owner);
}

int kube_http_start(struct kube_http *http, const struct kube_request *request,
		    const struct kube_events *events, struct kube_call **ret, struct error *error)
{
	(void)http, (void)error;
	if (call)
		abort();
	call = calloc(1, sizeof(*call));
	if (!call)
		abort();
	call->events = *events;
	call->is_watch = strstr(request->path, "watch=1") != NULL;
	*ret = call;
	return 0;
}

void kube_http_cancel(struct kube_call *cancelled)
{
	if (cancelled && cancelled != call)
		abort();
	free(cancelled);
	call = NULL;
}

static int decode(const struct node *node, void **ret_item, struct error *error, void *owner)
{
	(void)node, (void)owner;
	*ret_item = malloc(1);
	return *ret_item ? 0 : error_set(error, -12, "no memory");
}

static void on_set(void *item, void *owner)
{
	(void)owner;
	free(item);
}

static void on_removed(const char *namespace, const char *name, void *owner)
{
	(void)namespace, (void)name, (void)owner;
	if (!may_remove)
		abort();
}

static void on_problem(const char *namespace, const char *name, const char *sentence, void *owner)
{
	(void)namespace, (void)name, (void)sentence, (void)owner;
}

static void on_repaired(const char *namespace, const char *name, void *owner)
{
	(void)namespace, (void)name, (void)owner;
}

static void on_trouble(const char *sentence, void *owner)
{
	(void)owner;
	for (const char *c = sentence; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			abort();
}

static void on_nothing(void *owner)
{
	(void)owner;
}

static void end(int status, bool is_complete, const char *body, size_t length)
{
	const struct error broken = { .text = "broken" };
	const struct kube_response response = {
		.status = status,
		.retry_after_s = -1,
		.body = status == 200 ? "" : body,
		.body_length = status == 200 ? 0 : length,
		.is_complete = is_complete,
		.error = is_complete ? NULL : &broken,
	};
	struct kube_call *ended = call;

	call = NULL;
	ended->events.on_done(&response, ended->events.owner);
	free(ended);
}

static void answer(uint8_t how, const char *body, size_t length)
{
	static const int statuses[] = { 200, 200, 200, 200, 410, 500, 400, 0 };
	int status = statuses[how % 8];
	bool is_complete = how % 4 != 3;
	size_t piece = (size_t)(how / 8) + 1;

	if (call->is_watch)
		may_remove = memmem(body, length, "DELETED", 7) != NULL;
	else
		may_remove = status == 200 && is_complete;
	for (size_t at = 0; status == 200 && call && at < length; at += piece)
		call->events.on_data(body + at, length - at < piece ? length - at : piece,
				     call->events.owner);
	if (call)
		end(status, is_complete, body, length);
	may_remove = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct reflector_settings settings = {
		.resource = "services",
		.path = "/api/v1/services",
		.api_version = "v1",
		.kind = "Service",
		.field_selector = "a=b",
		.field_selector_is_optional = true,
		.try_watch_list = size > 0 && data[0] % 2 == 1,
	};
	const struct reflector_events events = {
		.listener = { decode, free, on_set, on_removed, on_problem, on_repaired, NULL },
		.on_batch_end = on_nothing,
		.on_trouble = on_trouble,
		.on_recovered = on_nothing,
	};
	char *copy = malloc(size + 1);
	struct reflector *reflector = NULL;

	now_ms = 1000000;
	if (!copy || reflector_create(NULL, NULL, &settings, &events, &reflector, NULL) < 0)
		abort();
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (size_t at = 0; at < size;) {
		size_t length = strcspn(copy + at + 1, "\xff");

		length = at + 1 + length > size ? size - at - 1 : length;
		/* There is always something that will be asked for. */
		if (!call)
			wait_for_timer();
		now_ms += data[at] % 16 * 100;
		copy[at + 1 + length] = '\0';
		answer(data[at], copy + at + 1, length);
		at += length + 2;
	}
	reflector_destroy(reflector);
	free(copy);
	return 0;
}

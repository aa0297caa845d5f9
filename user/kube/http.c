/* SPDX-License-Identifier: BSD-2-Clause */
/* http.c - calls: when they begin, what is heard of them, and how they end. */
#include "kube/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kube/access.h"
#include "kube/call.h"
#include "kube/connections.h"
#include "lib/error.h"
#include "lib/loop.h"

struct kube_http {
	struct loop *loop;
	struct kube_access *access;
	struct connections *connections;
	uint64_t connection_version; /* of the credentials that they were made with */
	struct loop_watch *soon;     /* begins what waits, and removes what was cancelled */
	struct kube_call *calls;
	bool is_delivering; /* on_data is being called: libcurl must not be spoken to */
};

static void add_to_list(struct kube_http *http, struct kube_call *call)
{
	call->http = http;
	call->next = http->calls;
	call->at = &http->calls;
	if (call->next)
		call->next->at = &call->next;
	http->calls = call;
}

static void remove_from_list(struct kube_call *call)
{
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
}

/* Takes its transfer from libcurl, which may be over already. */
static void stop_transfer(struct kube_call *call)
{
	if (!call->transfers)
		return;
	transfers_remove(call->transfers, call->easy);
	connections_give_back(call->http->connections, call->transfers);
	call->transfers = NULL;
}

static void remove_call(struct kube_call *call)
{
	stop_transfer(call);
	remove_from_list(call);
	call_destroy(call);
}

/* Tells its owner. */
static void end_call(struct kube_call *call, CURLcode result)
{
	struct kube_response response;
	struct error error = { 0 };

	stop_transfer(call);
	call->state = CALL_OVER;
	call_conclude(call, result, &error, &response);
	call->events.on_done(&response, call->events.owner);
	remove_call(call);
}

/* Ends it for a reason of ours. */
static void break_off(struct kube_call *call, const struct error *reason)
{
	call->reason = *reason;
	end_call(call, CURLE_OK);
}

/* Whatever holds the answer up, others shall not wait behind it. */
static void break_off_late(struct kube_call *call, const struct error *reason)
{
	connections_renew(call->http->connections);
	break_off(call, reason);
}

static void on_deadline(void *owner)
{
	struct kube_call *call = owner;
	struct error reason;

	call_complain(call, -ETIMEDOUT, &reason, "not done within %llu ms",
		      (unsigned long long)call->request.timeout_ms);
	break_off_late(call, &reason);
}

static void on_silence(void *owner)
{
	struct kube_call *call = owner;
	struct error reason;

	call_complain(call, -ETIMEDOUT, &reason, "nothing came for %llu ms",
		      (unsigned long long)call->request.idle_timeout_ms);
	break_off_late(call, &reason);
}

static void heard_of(struct kube_call *call)
{
	if (call->request.idle_timeout_ms && !call->is_cancelled)
		loop_timer_set(call->silence, call->request.idle_timeout_ms);
}

static size_t on_header(char *data, size_t size, size_t count, void *owner)
{
	struct kube_call *call = owner;
	size_t length = size * count;

	heard_of(call);
	/* An empty line ends the head. */
	if (length == 2 && memcmp(data, "\r\n", 2) == 0 && call_is_success(call) &&
	    call->events.on_open && !call->is_cancelled)
		call->events.on_open(call->events.owner);
	return length;
}

static bool deliver(struct kube_call *call, const char *data, size_t length)
{
	struct kube_http *http = call->http;

	http->is_delivering = true;
	call->events.on_data(data, length, call->events.owner);
	http->is_delivering = false;
	return !call->is_cancelled;
}

static size_t on_body(char *data, size_t size, size_t count, void *owner)
{
	struct kube_call *call = owner;
	size_t length = size * count;
	bool good = !call->is_cancelled && call_count(call, length);

	heard_of(call);
	if (good && call->events.on_data && call_is_success(call))
		good = deliver(call, data, length);
	else if (good)
		good = call_collect(call, data, length);
	return good ? length : CURL_WRITEFUNC_ERROR;
}

static int set_callbacks(struct kube_call *call)
{
	CURLcode r = CURLE_OK;

	r |= curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	r |= curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_header);
	r |= curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
	r |= curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
	r |= curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	return r == CURLE_OK ? 0 : -ENOMEM;
}

static int begin_transfer(struct kube_call *call, struct error *error)
{
	struct kube_http *http = call->http;
	const struct kube_credentials *credentials = kube_access_credentials(http->access);
	int r = call_prepare(call, credentials, error);

	if (r < 0)
		return r;
	if (http->connection_version != credentials->connection_version)
		connections_renew(http->connections);
	http->connection_version = credentials->connection_version;
	r = connections_take(http->connections, &call->transfers, error);
	if (r < 0)
		return r;
	r = set_callbacks(call);
	if (r == 0)
		r = transfers_add(call->transfers, call->easy);
	if (r < 0)
		call_complain(call, r, error, "no memory left to begin");
	return r;
}

static void begin_call(struct kube_call *call)
{
	struct error error;

	if (begin_transfer(call, &error) < 0) {
		break_off(call, &error);
		return;
	}
	call->state = CALL_RUNNING;
	heard_of(call);
}

/* A call that waits or was cancelled; NULL when there is none. */
static struct kube_call *find_call(const struct kube_http *http, bool cancelled)
{
	struct kube_call *found = NULL;

	/* The list begins with the youngest. */
	for (struct kube_call *call = http->calls; call; call = call->next)
		if (cancelled ? call->is_cancelled : call->state == CALL_WAITING)
			found = call;
	return found;
}

static void on_soon(void *owner)
{
	struct kube_http *http = owner;
	struct kube_call *call;
	struct error error;
	int r;

	while ((call = find_call(http, true)))
		remove_call(call);
	call = find_call(http, false);
	if (!call)
		return;
	r = kube_access_refresh(http->access, loop_now_ms(), false, &error);
	if (r == -EAGAIN) {
		loop_timer_set(http->soon, KUBE_ACCESS_AGAIN_MS);
		return;
	}
	for (; call; call = find_call(http, false)) {
		if (r < 0)
			break_off(call, &error);
		else
			begin_call(call);
	}
}

/* Whether it waits for other credentials now. */
static bool try_again(struct kube_call *call)
{
	struct kube_http *http = call->http;
	const struct kube_credentials *credentials = kube_access_credentials(http->access);
	int r;

	if (call_status(call) != 401 || call->was_rejected)
		return false;
	/* Another call may have been refused before, and new ones are there. */
	r = kube_access_refresh(http->access, loop_now_ms(), call->version == credentials->version,
				NULL);
	if (r < 0 && r != -EAGAIN)
		return false;
	stop_transfer(call);
	call->was_rejected = true;
	call->state = CALL_WAITING;
	loop_timer_clear(call->silence);
	call_reset(call);
	loop_timer_set(http->soon, r == -EAGAIN ? KUBE_ACCESS_AGAIN_MS : 0);
	return true;
}

static void on_over(CURL *easy, CURLcode result, void *owner)
{
	struct kube_call *call = NULL;

	(void)owner;
	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
	if (!call)
		return;
	call->state = CALL_OVER;
	if (call->is_cancelled)
		remove_call(call);
	else if (!try_again(call))
		end_call(call, result);
}

int kube_http_create(struct loop *loop, struct kube_access *access, struct kube_http **ret,
		     struct error *error)
{
	struct kube_http *http = calloc(1, sizeof(*http));
	int r = -ENOMEM;

	if (!http)
		return error_set(error, r, "no memory left for calls to the API server");
	http->loop = loop;
	http->access = access;
	http->soon = loop_add_timer(loop, on_soon, http);
	if (http->soon)
		r = connections_create(loop, on_over, http, &http->connections, error);
	else
		(void)error_set(error, r, "no memory left for calls to the API server");
	if (r < 0) {
		kube_http_destroy(http);
		return r;
	}
	*ret = http;
	return 0;
}

void kube_http_destroy(struct kube_http *http)
{
	if (!http)
		return;
	while (http->calls)
		remove_call(http->calls);
	connections_destroy(http->connections);
	loop_remove(http->soon);
	free(http);
}

static struct kube_call *create_call(struct kube_http *http, const struct kube_request *request,
				     const struct kube_events *events)
{
	struct kube_call *call = call_create(request, events);

	if (!call)
		return NULL;
	call->deadline = loop_add_timer(http->loop, on_deadline, call);
	call->silence = loop_add_timer(http->loop, on_silence, call);
	if (call->deadline && call->silence)
		return call;
	call_destroy(call);
	return NULL;
}

int kube_http_start(struct kube_http *http, const struct kube_request *request,
		    const struct kube_events *events, struct kube_call **ret, struct error *error)
{
	struct kube_call *call;
	int r = kube_access_refresh(http->access, loop_now_ms(), false, error);

	if (r < 0 && r != -EAGAIN)
		return r;
	call = create_call(http, request, events);
	if (!call)
		return error_set(error, -ENOMEM, "%s %s: no memory left to ask", request->method,
				 request->path);
	add_to_list(http, call);
	if (request->timeout_ms)
		loop_timer_set(call->deadline, request->timeout_ms);
	loop_timer_set(http->soon, r == -EAGAIN ? KUBE_ACCESS_AGAIN_MS : 0);
	*ret = call;
	return 0;
}

void kube_http_cancel(struct kube_call *call)
{
	if (!call || call->state == CALL_OVER)
		return;
	if (!call->http->is_delivering) {
		remove_call(call);
		return;
	}
	call->is_cancelled = true;
	loop_timer_clear(call->deadline);
	loop_timer_clear(call->silence);
	loop_timer_set(call->http->soon, 0);
}

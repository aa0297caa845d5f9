/* SPDX-License-Identifier: BSD-2-Clause */
/* call.c - a call, and what came of it. */
#include "kube/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/loop.h"

#define MEGABYTE ((size_t)1 << 20)
#define BODY_LIMIT (16 * MEGABYTE)
#define PROBLEM_LIMIT ((size_t)64 * 1024) /* of a body that tells of a problem */
#define INFLATED_LIMIT (256 * MEGABYTE)

static bool copy_texts(struct kube_call *call, const struct kube_request *request)
{
	call->request = *request;
	call->request.method = strdup(request->method);
	call->request.path = strdup(request->path);
	call->request.content_type = request->content_type ? strdup(request->content_type) : NULL;
	call->request.body = NULL;
	if (request->body) {
		char *body = malloc(request->body_length + 1);

		if (!body)
			return false;
		memcpy(body, request->body, request->body_length);
		call->request.body = body;
	}
	return call->request.method && call->request.path &&
	       !call->request.content_type == !request->content_type;
}

struct kube_call *call_create(const struct kube_request *request, const struct kube_events *events)
{
	struct kube_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->events = *events;
	if (copy_texts(call, request))
		return call;
	call_destroy(call);
	return NULL;
}

void call_reset(struct kube_call *call)
{
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->connect_to);
	free(call->body);
	call->easy = NULL;
	call->headers = call->connect_to = NULL;
	call->body = NULL;
	call->body_length = call->body_capacity = 0;
	call->received = 0;
	call->problem[0] = '\0';
	call->reason = (struct error){ 0 };
}

void call_destroy(struct kube_call *call)
{
	if (!call)
		return;
	call_reset(call);
	loop_remove(call->deadline);
	loop_remove(call->silence);
	free((void *)(uintptr_t)call->request.method);
	free((void *)(uintptr_t)call->request.path);
	free((void *)(uintptr_t)call->request.content_type);
	free((void *)(uintptr_t)call->request.body);
	free(call);
}

int call_status(const struct kube_call *call)
{
	long status = 0;

	if (call->easy)
		(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

bool call_is_success(const struct kube_call *call)
{
	return kube_status_is_good(call_status(call));
}

static const char *header(const struct kube_call *call, const char *name)
{
	struct curl_header *found;

	if (!call->easy ||
	    curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return NULL;
	return found->value;
}

/* Seconds; a date, which the API server never sends, is nothing. */
static int64_t retry_after_s(const struct kube_call *call)
{
	const char *text = header(call, "Retry-After");
	size_t length = text ? strlen(text) : 0;

	if (length == 0 || length > 9 || strspn(text, "0123456789") != length)
		return -1;
	return strtol(text, NULL, 10);
}

void call_complain(const struct kube_call *call, int code, struct error *ret, const char *format,
		   ...)
{
	const char *url = NULL;
	char sentence[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	if (call->easy)
		(void)curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (!url || !*url)
		url = call->request.path;
	(void)error_set(ret, code, "%s %.*s: %s", call->request.method, (int)strcspn(url, "?"), url,
			sentence);
}

static int code_of(CURLcode result)
{
	switch (result) {
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return -EKEYREJECTED;
	default:
		return -ECONNRESET;
	}
}

void call_explain(const struct kube_call *call, CURLcode result, struct error *ret)
{
	const char *said = *call->problem ? call->problem : curl_easy_strerror(result);

	call_complain(call, code_of(result), ret, "%s", said);
}

bool call_count(struct kube_call *call, size_t length)
{
	const char *encoding = header(call, "Content-Encoding");

	call->received += length;
	if (!encoding || call->received <= INFLATED_LIMIT)
		return true;
	call_complain(call, -EMSGSIZE, &call->reason, "more than %zu MiB when inflated",
		      INFLATED_LIMIT / MEGABYTE);
	return false;
}

static bool make_room(struct kube_call *call, size_t length)
{
	size_t capacity = call->body_capacity ? call->body_capacity : 4096;
	char *larger;

	while (capacity - call->body_length <= length)
		capacity *= 2;
	if (capacity == call->body_capacity)
		return true;
	larger = realloc(call->body, capacity);
	if (!larger)
		return false;
	call->body = larger;
	call->body_capacity = capacity;
	return true;
}

bool call_collect(struct kube_call *call, const char *data, size_t length)
{
	size_t limit = call_is_success(call) ? BODY_LIMIT : PROBLEM_LIMIT;

	if (call->received > BODY_LIMIT) {
		call_complain(call, -EMSGSIZE, &call->reason,
			      "a body of more than %zu MiB, expected a shorter one",
			      BODY_LIMIT / MEGABYTE);
		return false;
	}
	if (length > limit - call->body_length)
		length = limit - call->body_length;
	if (!make_room(call, length)) {
		call_complain(call, -ENOMEM, &call->reason, "no memory left for its body");
		return false;
	}
	memcpy(call->body + call->body_length, data, length);
	call->body_length += length;
	call->body[call->body_length] = '\0';
	return true;
}

void call_conclude(struct kube_call *call, CURLcode result, struct error *error,
		   struct kube_response *ret)
{
	bool failed = result != CURLE_OK || call->reason.code;

	*ret = (struct kube_response){
		.status = call_status(call),
		.retry_after_s = retry_after_s(call),
		.body = call->body ? call->body : "",
		.body_length = call->body_length,
		.is_complete = !failed,
	};
	if (!failed)
		return;
	if (call->reason.code)
		*error = call->reason;
	else
		call_explain(call, result, error);
	ret->error = error;
	/* What is known of a refusal stays known. */
	if (kube_status_is_good(ret->status)) {
		ret->status = 0;
		ret->body = "";
		ret->body_length = 0;
	}
}

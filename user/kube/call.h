/* SPDX-License-Identifier: BSD-2-Clause */
/* call.h - one call while it lasts, for the files http.c and call*.c alone. */
#ifndef KUBE_CALL_H
#define KUBE_CALL_H

#include <curl/curl.h>

#include "kube/access.h"
#include "kube/http.h"
#include "lib/error.h"

struct loop_watch;
struct transfers;

enum call_state {
	CALL_WAITING, /* for its turn, or for credentials */
	CALL_RUNNING, /* libcurl has its easy handle */
	CALL_OVER,    /* its owner is being told */
};

struct kube_call {
	struct kube_http *http;
	struct kube_call *next, **at; /* in the list of its http */
	struct kube_request request;  /* texts are the call's own */
	struct kube_events events;
	enum call_state state;
	bool is_cancelled; /* from within on_data: it goes as soon as libcurl lets it */
	bool was_rejected; /* a 401 came, and it is tried again */
	uint64_t version;  /* of the credentials that it was sent with */

	struct transfers *transfers; /* where it runs; NULL: it does not */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char problem[CURL_ERROR_SIZE];
	struct loop_watch *deadline, *silence; /* timers */

	/* The answer. */
	char *body;
	size_t body_length, body_capacity;
	uint64_t received;   /* bytes of the body, inflated */
	struct error reason; /* why we broke it off; code 0: we did not */
};

/* A copy of request; not in any list. NULL when there is no memory. */
struct kube_call *call_create(const struct kube_request *request, const struct kube_events *events);
/* Its easy handle must have been removed from libcurl. */
void call_destroy(struct kube_call *call);

/* A new easy handle for it, with these credentials. -ENOMEM, -EINVAL. */
int call_prepare(struct kube_call *call, const struct kube_credentials *credentials,
		 struct error *error);
/* Forgets the handle and what was received. */
void call_reset(struct kube_call *call);

/* 0 while there is no answer. */
int call_status(const struct kube_call *call);
bool call_is_success(const struct kube_call *call);
/*
 * Takes a piece of the body that its owner does not want as it comes. False, and reason is
 * set, when it is too long.
 */
bool call_collect(struct kube_call *call, const char *data, size_t length);
/* Counts what came. False, and reason is set, when it inflated to more than is sensible. */
bool call_count(struct kube_call *call, size_t length);
/* "GET https://192.0.2.1:6443/api/v1/services: ..." of how libcurl's transfer ended. */
void call_explain(const struct kube_call *call, CURLcode result, struct error *ret);
/* The same of what we know ourselves. */
void call_complain(const struct kube_call *call, int code, struct error *ret, const char *format,
		   ...) __attribute__((format(printf, 4, 5)));
/* result: of libcurl's transfer. The rest of ret is call's. error is used when something failed. */
void call_conclude(struct kube_call *call, CURLcode result, struct error *error,
		   struct kube_response *ret);

#endif

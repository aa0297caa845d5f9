/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h - calls to one API server: libcurl on the agent's event loop.
 *
 * Nothing here knows what is asked for. A call never blocks; its owner hears of it by
 * on_data and, exactly once, by on_done, unless it cancels the call. Neither is called
 * from within kube_http_start.
 */
#ifndef KUBE_HTTP_H
#define KUBE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kube_access;
struct kube_call;
struct kube_http;
struct error;
struct loop;

struct kube_request {
	const char *method;       /* "GET", "PATCH", ... */
	const char *path;         /* from the server's root: "/api/v1/services?limit=500" */
	const char *content_type; /* of body; NULL without one */
	const char *body;         /* copied; NULL: none */
	size_t body_length;
	uint64_t timeout_ms;      /* for the whole call; 0: no limit */
	uint64_t idle_timeout_ms; /* without a byte from the server; 0: no limit */
};

struct kube_response {
	/*
	 * 0: no answer came, or one of 2xx broke off. Of another that broke off the status, with
	 * is_complete false.
	 */
	int status;
	int64_t retry_after_s; /* of the header; -1: none */
	/*
	 * Of a status that is not 2xx the body, as far as it was short (64 KiB); of 2xx "" when
	 * the call has on_data. NUL-terminated, borrowed until on_done returns.
	 */
	const char *body;
	size_t body_length;
	bool is_complete;          /* the server ended the body as HTTP wants it */
	const struct error *error; /* why status is 0, or is_complete false; else NULL */
};

/* 2xx: the server did what was asked. */
static inline bool kube_status_is_good(int status)
{
	return status / 100 == 2;
}

struct kube_events {
	/* The head of a 2xx answer came. Must not cancel the call. NULL: nobody wants to know. */
	void (*on_open)(void *owner);
	/*
	 * A piece of the body of a 2xx answer, as it comes; may cancel the call. NULL: the body is
	 * collected for on_done, up to 16 MiB.
	 */
	void (*on_data)(const char *data, size_t length, void *owner);
	/* The call is over, and gone when this returns. */
	void (*on_done)(const struct kube_response *response, void *owner);
	void *owner;
};

/* loop and access are borrowed, and live longer. */
int kube_http_create(struct loop *loop, struct kube_access *access, struct kube_http **ret,
		     struct error *error);
/* Cancels what is under way. Not from within on_data or on_done. NULL is nothing. */
void kube_http_destroy(struct kube_http *http);

/*
 * Starts a call with the credentials that access has now. A 401 makes it read them anew, once,
 * and try again, before anybody hears of it. While the program of a kubeconfig's user runs for
 * new ones, calls wait. -ENOMEM, or what access says when there are no credentials; with 0,
 * error is what kube_access_refresh says.
 */
int kube_http_start(struct kube_http *http, const struct kube_request *request,
		    const struct kube_events *events, struct kube_call **ret, struct error *error);
/* Nothing more is heard of it; from within any on_data or on_done, too. NULL is nothing. */
void kube_http_cancel(struct kube_call *call);

#endif

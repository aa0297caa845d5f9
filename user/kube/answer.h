/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answer.h - what the API server says beside objects: the head of a list, an event of a watch,
 * a Status.
 */
#ifndef KUBE_ANSWER_H
#define KUBE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct node;

/* Borrowed from the arena they were read into. */
struct answer_list {
	const char *resource_version;
	const char *continue_token; /* "" on the last page */
};

/*
 * Reads a list whose items were cut out (frame_envelope): of this kind ("Service") and
 * version ("v1"). -EINVAL with a sentence when it is anything else; -ENOMEM.
 */
int answer_read_list(struct arena *arena, const char *text, size_t length, const char *api_version,
		     const char *kind, struct answer_list *ret, struct error *error);

enum answer_event_type {
	ANSWER_EVENT_SET, /* ADDED, MODIFIED */
	ANSWER_EVENT_DELETED,
	ANSWER_EVENT_BOOKMARK,
	ANSWER_EVENT_ERROR,
	ANSWER_EVENT_UNKNOWN,
};

struct answer_event {
	enum answer_event_type type;
	const struct node *object;
	bool is_initial_end; /* of a bookmark: the last of the initial events was sent */
};

int answer_read_event(struct arena *arena, const char *text, size_t length,
		      struct answer_event *ret, struct error *error);

/* Whether an object says that it is of this kind and version, or nothing of it. */
bool answer_is_kind(const struct node *object, const char *api_version, const char *kind);

/* What kind Status says; of anything else all is 0 or "". */
struct answer_status {
	int code;
	bool is_expired;       /* the resource version or the continue token is too old */
	bool is_too_large;     /* the server does not know the resource version yet */
	int64_t retry_after_s; /* -1: not said */
	char message[256];
};

/* node may be NULL. */
void answer_read_status(const struct node *node, struct answer_status *ret);
/* The same of the body of an answer, JSON or not. */
void answer_read_status_text(const char *text, size_t length, struct answer_status *ret);

/*
 * How long the server says to wait: in the header Retry-After (-1: it has none), else in status;
 * at most 5 minutes. 0: it says nothing of that.
 */
uint64_t answer_retry_after_ms(int64_t header_s, const struct answer_status *status);

/*
 * Whether resource version a is older than b. False also when they cannot be compared: they
 * are opaque where they are not decimals.
 */
bool answer_is_older_version(const char *a, const char *b);

#endif

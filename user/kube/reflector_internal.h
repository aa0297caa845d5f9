/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reflector_internal.h - what the files reflector*.c share.
 *
 *   reflector.c          calls, and when the next one is made
 *   reflector_list.c     the pages of a list, and when it is believed
 *   reflector_watch.c    the events of a watch, and how it ends
 *   reflector_request.c  the paths that are asked for
 *   reflector_failure.c  what a failure means for the next call
 */
#ifndef KUBE_REFLECTOR_INTERNAL_H
#define KUBE_REFLECTOR_INTERNAL_H

#include "kube/answer.h"
#include "kube/backoff.h"
#include "kube/frame.h"
#include "kube/reflector.h"

struct arena;
struct kube_call;
struct kube_response;
struct loop_watch;

enum reflector_step {
	REFLECTOR_LIST,       /* from its first page */
	REFLECTOR_PAGE,       /* the page that continue_token names, again or for the first time */
	REFLECTOR_WATCH_LIST, /* a watch that begins with all there is */
	REFLECTOR_WATCH,
};

struct reflector {
	struct reflector_settings settings;
	struct reflector_events events;
	struct loop *loop;
	struct kube_http *http;
	struct loop_watch *timer;
	struct reflector_store store;
	struct backoff backoff;

	/* The call that is under way, or that the timer waits to make. */
	enum reflector_step step;
	struct kube_call *call; /* NULL: the timer runs */
	struct frame *frame;
	uint64_t call_started_ms;
	uint64_t call_events; /* of a watch */

	/* Where the list or watch is. */
	char *resource_version; /* the last that is known; NULL: none */
	char *continue_token;   /* of the next page; NULL: none */
	bool from_newest;       /* list what is newest, whatever was known */
	bool is_unpaged;        /* in one piece: a token had died */
	bool empty_is_sure;     /* an empty list was asked for twice */
	unsigned page_tries;    /* of one page, failed */
	bool no_field_selector; /* refused: for the life of the process */
	bool no_watch_list;

	uint64_t listed_ms;        /* the last whole list */
	uint64_t failing_since_ms; /* watches that a server refused, in a row; 0: none */

	bool is_synced, is_refused, is_in_trouble;
	uint64_t lists, watches, failures, contact_ms, trouble_ms;
	char trouble[512];
	int trouble_code;
};

bool reflector_is_list(const struct reflector *reflector);

/* The next call, in so many milliseconds. */
void reflector_schedule(struct reflector *reflector, enum reflector_step step, uint64_t wait_ms);
/* Of the call that is under way: it ended, or shall end. */
void reflector_forget_call(struct reflector *reflector);
void reflector_cancel_call(struct reflector *reflector);

/*
 * Keeps the sentence; tells it when it must be told and is news. code: the server's, 0 for none;
 * hint may be NULL.
 */
void reflector_note_trouble(struct reflector *reflector, int code, const char *sentence,
			    const char *hint, bool must_tell);
void reflector_note_success(struct reflector *reflector);

/* Replaces *text, from malloc. -ENOMEM. */
int reflector_set_text(char **text, const char *value);

/* Of reflector_list.c: */
void reflector_page_done(struct reflector *reflector, const struct kube_response *response);
int reflector_take_item(struct reflector *reflector, struct arena *arena, const char *text,
			size_t length, struct error *error);
/* Whether what is staged, nothing, must be asked for once more before it is believed. */
bool reflector_must_confirm(struct reflector *reflector);
/* What is staged is all there is at this version. -ENOMEM with a sentence. */
int reflector_tell_list(struct reflector *reflector, const char *resource_version,
			struct error *error);

/* Of reflector_watch.c: */
#define REFLECTOR_SHORT_WATCH_MS 1000 /* one that ends sooner, without an event, did not work */
#define REFLECTOR_CALL_IS_OVER 1      /* and what comes next is decided */
void reflector_watch_done(struct reflector *reflector, const struct kube_response *response);
/* 0, REFLECTOR_CALL_IS_OVER, or a negative errno with a sentence. */
int reflector_take_event(struct reflector *reflector, struct arena *arena, const char *text,
			 size_t length, struct error *error);

/* The path of a step, the caller's to free; NULL when there is no memory. */
char *reflector_request_path(const struct reflector *reflector, enum reflector_step step,
			     uint64_t timeout_s);

#define REFLECTOR_PAGE_SIZE 500

/* How a call ended that did not do what it should. */
struct reflector_failure {
	int http_status; /* 0: no answer, or 2xx that broke off or made no sense */
	struct answer_status status;
	int64_t retry_after_s; /* -1: not said */
	bool is_in_stream;     /* an ERROR in a watch that had begun */
	const char *sentence;  /* what happened, for people */
};

/* Decides what comes next, and tells. */
void reflector_fail(struct reflector *reflector, const struct reflector_failure *failure);
/* The same of an answer that is not, or not wholly, what it should be. */
void reflector_fail_answer(struct reflector *reflector, const struct error *error);

/* What comes next, and in how many milliseconds. */
struct reflector_decision {
	enum reflector_step step;
	uint64_t wait_ms;
	const char *hint; /* what somebody must change; NULL: nothing */
};

/* The step that brings everything. */
enum reflector_step reflector_first_step(const struct reflector *reflector);

/* Also changes what the next request asks for. */
struct reflector_decision reflector_decide(struct reflector *reflector,
					   const struct reflector_failure *failure,
					   uint64_t now_ms);

#endif

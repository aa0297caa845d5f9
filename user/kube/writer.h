/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer.h - a queue of objects that are to be written, by "namespace/name".
 *
 * What is written is made when its turn comes, so the newest wish is the one that is sent. Of
 * one object there is one call at a time. A version that was written, or met a newer one (409), is
 * known to be old: nothing more is made of it until the watch shows another.
 */
#ifndef KUBE_WRITER_H
#define KUBE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/refusal.h"

struct error;
struct kube_http;
struct kube_response;
struct limiter;
struct loop;
struct writer;

/* Of one object, after a failure: doubled each time, and half as much again by dice. */
#define WRITER_FIRST_MS 5000
#define WRITER_CAP_MS 300000
/* A version known to be old is tried again after that, should the watch show no other. */
#define WRITER_STALE_MS 30000

struct writer_request {
	const char *method;
	const char *content_type; /* NULL without a body */
	char *path, *body;        /* freed by the writer; body NULL: none */
	const char *version;      /* of the object that this was made from; "" without one */
};

struct writer_events {
	/* What to ask now; false: nothing any more. */
	bool (*make)(const char *key, struct writer_request *ret, void *owner);
	/* 2xx, or 404. True: there is more to ask of the same object. */
	bool (*on_done)(const char *key, const struct kube_response *response, void *owner);
	/* Once until something is written, or it is something else. */
	void (*on_trouble)(const char *sentence, void *owner);
	void (*on_recovered)(void *owner);
	void *owner;
};

struct writer_status {
	uint64_t done, conflicts, failed; /* calls so far */
	size_t queued;                    /* objects that wait, or are under way */
	const char *trouble; /* the last one, whether it still holds or not; "" for none */
	uint64_t trouble_ms; /* when, by loop_now_ms */
	bool is_in_trouble;
};

/*
 * loop, http and limiter are borrowed. hint: what to say of a 403; lives as long. -ENOMEM.
 */
int writer_create(struct loop *loop, struct kube_http *http, struct limiter *limiter,
		  const char *hint, const struct writer_events *events, struct writer **ret,
		  struct error *error);
void writer_destroy(struct writer *writer); /* NULL is nothing */

/*
 * The object is to be written; version: of the object that this is seen from, "" when there is
 * none. -ENOMEM.
 */
int writer_want(struct writer *writer, const char *key, const char *version);
/* Breaks off what is under way, and forgets what waits. */
void writer_stop(struct writer *writer);

void writer_read_status(const struct writer *writer, struct writer_status *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recorder.h - Events (events.k8s.io/v1) about Services, for kubectl describe. The same again
 * within RECORDER_SERIES_MS is not another Event, but the same one's count.
 *
 * They are told for people: one that cannot be written is counted, and forgotten.
 */
#ifndef KUBE_RECORDER_H
#define KUBE_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct kube_http;
struct limiter;
struct loop;
struct recorder;

#define RECORDER_SERIES_MS 360000
/* A series is written so long after it was written before. */
#define RECORDER_REPEAT_MS 60000
#define RECORDER_MAX 256 /* Events that are known; more are forgotten, the oldest first */

struct recorder_event {
	const char *namespace, *name, *uid, *version; /* of the Service */
	bool is_warning;
	const char *reason; /* "EnsuredLoadBalancer" */
	const char *note;   /* a sentence; cut behind 1024 bytes */
};

struct recorder_status {
	uint64_t written, failed, dropped;
	size_t queued;
};

/*
 * identity: who tells; copied. on_trouble: an Event could not be written, once until one could.
 * The rest is borrowed. -ENOMEM.
 */
int recorder_create(struct loop *loop, struct kube_http *http, struct limiter *limiter,
		    const char *identity, void (*on_trouble)(const char *sentence, void *owner),
		    void *owner, struct recorder **ret, struct error *error);
void recorder_destroy(struct recorder *recorder); /* NULL is nothing */

/* Never waits; what there is no room for is dropped and counted. */
void recorder_tell(struct recorder *recorder, const struct recorder_event *event);
/* Breaks off, and forgets all. */
void recorder_stop(struct recorder *recorder);

void recorder_read_status(const struct recorder *recorder, struct recorder_status *ret);

#endif

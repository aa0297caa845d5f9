/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep.h - one look at all Services, for those that have a finalizer: also those that are not
 * followed, since their type or labels are others now.
 */
#ifndef KUBE_SWEEP_H
#define KUBE_SWEEP_H

struct error;
struct kube_http;
struct loop;
struct sweep;

struct sweep_events {
	/* Borrowed. */
	void (*on_found)(const char *namespace, const char *name, const char *uid, void *owner);
	/* All were looked at; then it is idle. May not destroy the sweep. */
	void (*on_end)(void *owner);
	void *owner;
};

/* Starts at once, and tries until it works. loop and http are borrowed, finalizer too. -ENOMEM. */
int sweep_create(struct loop *loop, struct kube_http *http, const char *finalizer,
		 const struct sweep_events *events, struct sweep **ret, struct error *error);
void sweep_destroy(struct sweep *sweep); /* NULL is nothing */

#endif

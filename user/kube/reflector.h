/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reflector.h - one resource of a cluster, followed: listed, then watched, for ever.
 *
 * Only a complete list, or an event that says so, takes an object away. While the server
 * is away, refuses, or sends what cannot be understood, nothing is told but the trouble.
 */
#ifndef KUBE_REFLECTOR_H
#define KUBE_REFLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/reflector_store.h"

struct error;
struct kube_http;
struct loop;
struct reflector;

/* Every string is borrowed, and lives longer. */
struct reflector_settings {
	const char *resource;       /* "services", as RBAC calls it */
	const char *path;           /* "/api/v1/services" */
	const char *api_version;    /* "v1" */
	const char *kind;           /* "Service" */
	const char *label_selector; /* NULL: none */
	const char *field_selector; /* NULL: none */
	/* The field selector only saves work: it is left off where the server does not know it. */
	bool field_selector_is_optional;
	bool try_watch_list; /* asks for the list as a stream first; else, and if refused, in pages
			      */
};

struct reflector_events {
	struct reflector_listener listener;
	/* Of what was told some is complete: after a whole list, and each piece of a watch. */
	void (*on_batch_end)(void *owner);
	/*
	 * Something does not work: a sentence that starts with the resource. Once as long as it
	 * stays the same. on_recovered: the server serves again what was in trouble.
	 */
	void (*on_trouble)(const char *sentence, void *owner);
	void (*on_recovered)(void *owner);
	void *owner; /* not the listener's */
};

/* Starts at once; what there is is told by the loop. loop and http are borrowed. -ENOMEM. */
int reflector_create(struct loop *loop, struct kube_http *http,
		     const struct reflector_settings *settings,
		     const struct reflector_events *events, struct reflector **ret,
		     struct error *error);
void reflector_destroy(struct reflector *reflector); /* NULL is nothing; tells nothing */

struct reflector_status {
	const char *resource;
	bool is_synced;   /* a whole list was told */
	bool is_refused;  /* since then the server answered, but with an error */
	size_t count;     /* objects */
	uint64_t lists;   /* whole ones, also those that confirm an empty one */
	uint64_t watches; /* begun */
	uint64_t failures;
	uint64_t contact_ms; /* loop_now_ms when the server last sent something good; 0: never */
	const char *trouble; /* the last one, borrowed; "" when there was none */
	uint64_t trouble_ms; /* when it was last met */
	bool is_in_trouble;  /* still */
};

void reflector_read_status(const struct reflector *reflector, struct reflector_status *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.h - objects from a cluster: its Services of type LoadBalancer and EndpointSlices, and
 * the zone of our own Node.
 *
 * What other programs than a balancer look after (the labels service-proxy-name and headless)
 * is not asked for. An object that cannot be decoded keeps what it last was.
 */
#ifndef KUBE_SOURCE_H
#define KUBE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "source/events.h"

struct error;
struct kube_http;
struct kube_source;
struct loop;
struct reflector_status;

struct kube_source_settings {
	const char *zone_of_node; /* the Node whose zone is wanted; NULL: none is. Copied. */
	bool try_watch_list;      /* see reflector.h */
	bool any_type;            /* Services of other types than LoadBalancer, too */
	bool any_proxy;           /* what has the label service-proxy-name, too */
};

struct kube_source_events {
	/*
	 * on_batch_end comes not before Services and slices were listed once; under load one ends
	 * many changes. on_skipped is not used.
	 */
	struct source_events objects;
	/* It is there, and cannot be decoded: what is known of it from before stays. */
	void (*on_kept)(enum object_kind kind, const char *namespace, const char *name,
			void *owner);
	/* Borrowed; NULL: the Node has none. */
	void (*on_zone)(const char *zone, void *owner);
	/* See reflector.h; resource is its name. */
	void (*on_trouble)(const char *sentence, void *owner);
	void (*on_recovered)(const char *resource, void *owner);
	void *owner; /* of these four */
};

/* Starts at once. loop and http are borrowed. -ENOMEM. */
int kube_source_create(struct loop *loop, struct kube_http *http,
		       const struct kube_source_settings *settings,
		       const struct kube_source_events *events, struct kube_source **ret,
		       struct error *error);
void kube_source_destroy(struct kube_source *source); /* NULL is nothing */

/*
 * True when Services and slices have been listed once, for ever then: only then is an object
 * that nobody told known not to be there. Of the Node it is enough that the server answered.
 */
bool kube_source_is_complete(const struct kube_source *source);

/* In the order services, endpointslices, nodes. */
void kube_source_for_each_resource(const struct kube_source *source,
				   void (*on_resource)(const struct reflector_status *status,
						       void *context),
				   void *context);

#endif

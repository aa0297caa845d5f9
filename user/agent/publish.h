/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * publish.h - what the gateways write to the API server: addresses, condition and finalizer of
 * the Services they serve, and Events about them.
 *
 * One gateway writes, the holder of a Lease; all of them, that one too, serve an address of a
 * pool when the Service's status names it, and not before (model_settings.awaits_status). So what
 * a gateway's own pool would give is a proposal that counts on the one that writes, the
 * status is the truth that all follow, and gateways that allocate at once cannot differ in what
 * they serve. What a Service asks for by name they serve at once: the Service says so itself.
 *
 * Nothing that is programmed depends on a write, but for the first address of a Service. The
 * finalizer comes with the first address, in the same write, and goes when no entry of the Service
 * is programmed here any more.
 */
#ifndef AGENT_PUBLISH_H
#define AGENT_PUBLISH_H

#include <jansson.h>
#include <stdbool.h>

struct error;
struct kube_http;
struct loop;
struct model;
struct publish;
struct reconciler;

/* All borrowed, and alive longer. */
struct publish_settings {
	struct kube_http *http;
	const struct model *model;
	const struct reconciler *reconciler;
	const char *lease_namespace, *lease_name;
	void (*on_released)(void *owner); /* see publish_release */
	void *owner;
};

int publish_create(struct loop *loop, const struct publish_settings *settings, struct publish **ret,
		   struct error *error);
void publish_destroy(struct publish *publish); /* NULL is nothing */

/* Objects changed: nothing is written before model and datapath follow. NULL is nothing. */
void publish_hold(struct publish *publish);
/* They do: looks soon for what is to be written. NULL is nothing. */
void publish_follow(struct publish *publish);

/*
 * Before an orderly stop: gives the Lease back. False: nothing is to be waited for, else
 * on_released follows, or was called already. NULL is nothing.
 */
bool publish_release(struct publish *publish);

/* For status; a new reference. NULL is null. */
json_t *publish_json(const struct publish *publish);

#endif

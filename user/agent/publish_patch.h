/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * publish_patch.h - what of a Service is not as we want it, and the patch that makes it so.
 *
 * A strategic merge patch of services/status, in which the finalizer goes along: of the lists
 * it names one item each, so what others wrote there stays.
 */
#ifndef AGENT_PUBLISH_PATCH_H
#define AGENT_PUBLISH_PATCH_H

#include <stdbool.h>

struct object;
struct service_status;

#define PUBLISH_PATCH_TYPE "application/strategic-merge-patch+json"

struct publish_difference {
	bool finalizer;  /* is missing */
	bool ingress;    /* is another */
	bool condition;  /* is another, or says something else */
	bool programmed; /* the condition is to be True */
};

/* Of a Service that we serve as a LoadBalancer. */
struct publish_difference publish_compare(const struct service_status *status);
bool publish_differs(const struct publish_difference *difference);

/* Freed by the caller; NULL when there is no memory. */
char *publish_patch_served(const struct service_status *status,
			   const struct publish_difference *difference);
/*
 * Of one that is not ours any more (model_abandons): addresses, condition and finalizer go, in one.
 */
char *publish_patch_abandoned(const struct object *service);

#endif

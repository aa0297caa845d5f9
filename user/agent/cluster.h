/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cluster.h - the cluster that the agent follows, instead of manifests: how it is reached, what
 * it tells, and how that goes.
 */
#ifndef AGENT_CLUSTER_H
#define AGENT_CLUSTER_H

#include <jansson.h>
#include <stdbool.h>

#include "source/events.h"

struct agent_config;
struct cluster;
struct error;
struct kube_http;
struct loop;

struct cluster_events {
	struct source_events objects;
	/* See kube/source.h. */
	void (*on_kept)(enum object_kind kind, const char *namespace, const char *name,
			void *owner);
	void (*on_zone)(const char *zone, void *owner); /* of our Node; NULL: it has none */
	void *owner;
};

/*
 * Reads how to reach the server, and starts to follow it; a server that is away is no error. What
 * does not work is logged.
 */
int cluster_create(struct loop *loop, const struct agent_config *config,
		   const struct cluster_events *events, struct cluster **ret, struct error *error);
void cluster_destroy(struct cluster *cluster); /* NULL is nothing */

/* Everything was listed once. */
bool cluster_is_complete(const struct cluster *cluster);

/* For other calls to the same server; borrowed. */
struct kube_http *cluster_http(const struct cluster *cluster);
/* Of the pod, or the kubeconfig's context. */
const char *cluster_namespace(const struct cluster *cluster);

/* For status; a new reference. */
json_t *cluster_json(const struct cluster *cluster);

#endif

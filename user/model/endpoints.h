/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * endpoints.h - which endpoints of a Service may be used for one port and family.
 * A pure function of the objects they come from. Inside model/ only.
 */
#ifndef MODEL_ENDPOINTS_H
#define MODEL_ENDPOINTS_H

#include "model/drain.h"
#include "model/service.h"

struct endpoint_query {
	const struct object *service;
	const struct service_port *port;
	bool ipv4;
	bool local_only;       /* endpoints on node_name only */
	const char *node_name; /* NULL: unknown */
	const char *zone;      /* NULL: unknown */
	const struct drain_list *drains;
};

/* From worse to better. */
enum candidate_rank {
	CANDIDATE_UNUSABLE,
	CANDIDATE_SERVING, /* terminating, but still answers: for new flows when nobody is ready */
	CANDIDATE_READY,
};

/* An address and port that one object says is an endpoint. */
struct candidate {
	struct backend backend;
	enum candidate_rank rank;
	const char *node_name;           /* NULL: not local to anyone */
	const char *uid;                 /* of the pod behind it, NULL: unknown */
	const struct object *source;     /* who says so */
	size_t position;                 /* within source */
	const struct endpoint *endpoint; /* NULL for a pod */
};

/* All zero is an empty set; one is used again and again. */
struct endpoint_set {
	struct candidate *candidates; /* the first usable_count are the backends, sorted */
	size_t capacity;
	size_t known_count;  /* all, each address and port once */
	size_t usable_count; /* those to be programmed */
	size_t ready_count;  /* of these, those that get new flows */
	enum service_fallback fallback;
};

/* sources are all EndpointSlices, all Endpoints or all Pods. -ENOMEM. */
int endpoints_select(const struct endpoint_query *query, const struct object *const *sources,
		     size_t source_count, struct endpoint_set *set);
void endpoint_set_finish(struct endpoint_set *set);

#endif

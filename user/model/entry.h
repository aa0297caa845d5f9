/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * entry.h - what the model knows about one Kubernetes Service. Inside model/ only.
 */
#ifndef MODEL_ENTRY_H
#define MODEL_ENTRY_H

#include "model/endpoints.h"
#include "model/leaving.h"
#include "model/model.h"
#include "model/problem.h"
#include "model/store.h"
#include "model/vips.h"

struct entry {
	char *namespace, *name;
	char *owner;                   /* "namespace/name" */
	struct object *object;         /* NULL once removed, until the next model_update */
	struct table_node by_selector; /* under the selector's first label */

	bool is_dirty;       /* to be rebuilt by the next model_update */
	bool object_changed; /* dirty, and its addresses have to be decided again */
	bool uses_pods;      /* as last built: it has neither slices nor Endpoints */
	/* Dirty, but an endpoint may be about to turn up in another slice: ticks left. */
	unsigned int move_ticks;

	struct vips vips;        /* as a LoadBalancer */
	struct vips external;    /* spec.externalIPs that are served */
	struct problem problem;  /* found in the object itself */
	struct problem clash;    /* with another Service */
	struct problem mismatch; /* of its endpoints with it, as last built */

	/* One for each VIP and port, sorted by key; those that clash with an older one too. */
	struct service **candidates;
	size_t candidate_count;
	size_t ready_count, endpoint_count;
	size_t local_count; /* see struct service_status */

	struct backend_list leaving; /* drained or draining, over all ports; also the expired */
	struct backend_list expired; /* as the agent says: no backends while they are leaving */
};

/* A LoadBalancer that is ours by its class, or of another type, which has no class. */
bool entry_is_of_class(const struct object *object, const struct model_settings *settings);
/* Of type LoadBalancer, and ours by its class and labels. */
bool entry_is_object_ours(const struct object *object, const struct model_settings *settings);
bool entry_is_load_balancer(const struct entry *entry, const struct model_settings *settings);
/* Ours by its labels, with an external IP that may be served. */
bool entry_has_external_ips(const struct entry *entry, const struct model_settings *settings);
/* Its addresses are served when its status names them, and not before. */
bool entry_awaits_status(const struct entry *entry, const struct model_settings *settings);
bool entry_status_names(const struct object *object, const struct address *address);
/* One or the other. */
bool entry_is_served(const struct entry *entry, const struct model_settings *settings);

/* It is dirty, but is not to be rebuilt yet. A change of its own object is not waited with. */
bool entry_is_waiting(const struct entry *entry);

/* clusterIP None, which type LoadBalancer does not allow: it gets no address. */
bool entry_is_headless(const struct entry *entry);

/* Adds to entry->problem what cannot be done as the object says; its VIPs are decided. */
void entry_find_problems(struct entry *entry, const struct model_settings *settings);

/*
 * Builds the candidates of a Service anew; one that came out the same stays the same
 * pointer. set and list are used as scratch memory. -ENOMEM; then nothing changed.
 */
int entry_build(struct entry *entry, const struct model_settings *settings,
		const struct drain_list *drains, const struct store *store,
		struct endpoint_set *set, struct object_list *list);
void entry_clear_candidates(struct entry *entry);

/*
 * The services to program: of each key the candidate of the oldest Service; the
 * others are told by their clash. Gives *ret_services, sorted, without references
 * of its own; freed by the caller. -ENOMEM.
 */
int claims_settle(struct entry *const *entries, size_t entry_count, struct service ***ret_services,
		  size_t *ret_count);

#endif

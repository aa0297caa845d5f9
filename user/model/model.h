/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - from objects to services with their usable backends. Pure: no I/O, no clock.
 *
 * Holds every object a source has told, by kind, namespace and name. model_update
 * rebuilds the Services that a change may have touched, each as a whole; the
 * same objects give the same services, byte for byte, in any order of arrival.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "model/object.h"

struct drain_list;
struct model;
struct pool;
struct backend;
struct service;
struct error;

enum local_policy {
	LOCAL_POLICY_AUTO, /* node when node_name is known, else any */
	LOCAL_POLICY_NODE, /* Local means: endpoints on this node only */
	LOCAL_POLICY_ANY,  /* Local means: the client's address is kept; any endpoint */
};

struct model_settings {
	const char *load_balancer_class; /* served class */
	bool serve_unclassed;            /* also Services without a class */
	enum forwarding_mode forwarding_mode;
	const char *node_name; /* NULL: unknown */
	const char *zone;      /* NULL: unknown */
	enum local_policy local_policy;
	const char *proxy_name; /* of label service-proxy-name: served too; NULL: none is */
	/* spec.externalIPs within one of these are served, of any Service; without any, none. */
	struct prefix_list external_ranges;
	/*
	 * A ready endpoint that vanishes from its slice may be on its way to another: its
	 * Service stays as it is for MODEL_MOVE_TICKS calls of model_tick.
	 */
	bool awaits_moves;
	/*
	 * What the pool gives a Service is served when its status names it, and not before: so do
	 * all gateways that see the status, whatever their own pools would have given.
	 */
	bool awaits_status;
	struct pool *pool; /* borrowed; may have no range */
};

#define MODEL_MOVE_TICKS 2
#define MODEL_TICK_MS 75 /* how often model_tick is to be called while a Service waits */

/* What settings point to is copied, but for the pool. NULL when there is no memory. */
struct model *model_create(const struct model_settings *settings);
void model_destroy(struct model *model);

/* Takes object, also on failure; replaces the one of the same kind, namespace, name. -ENOMEM. */
int model_set_object(struct model *model, struct object *object);
void model_remove_object(struct model *model, enum object_kind kind, const char *namespace,
			 const char *name);

/* NULL when no source has told it. Borrowed until the next change. */
const struct object *model_find_object(const struct model *model, enum object_kind kind,
				       const char *namespace, const char *name);

/* What is wrong with the AgentConfigurations, a sentence; NULL: nothing. */
const char *model_problem(const struct model *model);
/* Where this node is from now on; NULL: unknown. Copied. -ENOMEM. */
int model_set_zone(struct model *model, const char *zone);

/* Backends at these addresses get no new flows from any service. Copied. -ENOMEM. */
int model_set_drains(struct model *model, const struct drain_list *drains);

/*
 * Of this Kubernetes Service the backends that have been leaving for longer than its drain
 * deadline, instead of those told before: they are none of its backends as long as they are
 * leaving. Copied; sorted by backend_compare. -ENOMEM; -ENOENT when there is no such Service.
 */
int model_set_expired(struct model *model, const char *namespace, const char *name,
		      const struct backend *backends, size_t count);

/*
 * Calls on_leaving for each Kubernetes Service with backends that are leaving (see
 * backend_is_leaving), sorted by namespace, then name. The backends, also those that
 * expired, are sorted and stand once for all ports; what it is given is borrowed.
 */
void model_for_each_leaving(const struct model *model,
			    void (*on_leaving)(const struct object *service,
					       const struct backend *backends, size_t count,
					       void *context),
			    void *context);

/* Whether a Service waits for endpoints that move: after model_update, model_tick is due. */
bool model_is_waiting(const struct model *model);
/* A MODEL_TICK_MS later; who has waited long enough is rebuilt by the next model_update. */
void model_tick(struct model *model);

/* Brings the services up to date with the objects; true in *ret_changed when any changed. */
int model_update(struct model *model, bool *ret_changed, struct error *error);

/*
 * Every service to program, sorted by key. Borrowed until the next model_update; take a
 * reference to keep one. A service that did not change stays the same pointer.
 */
struct service *const *model_services(const struct model *model, size_t *ret_count);

/* How a Kubernetes Service is doing that we serve as a LoadBalancer or by its externalIPs. */
struct service_status {
	const struct object *object;
	bool is_load_balancer; /* of that type, and ours by its class */
	const struct address
		*vips; /* as a LoadBalancer; sorted; served or, see awaits_status, to be */
	size_t vip_count;
	bool is_given_by_us; /* the addresses; else somebody else writes them to the status */
	bool is_from_pool;   /* and nobody asked for these */
	bool awaits_status;  /* see model_settings: served are those that the object's status names
			      */
	const struct address *external_ips; /* those that are served; sorted */
	size_t external_ip_count;
	/* Addresses of ready endpoints that externalTrafficPolicy Local allows, the larger family.
	 */
	size_t local_count;
	size_t ready_count;    /* endpoints usable for new flows, over all ports */
	size_t endpoint_count; /* all that are known */
	const char *problem; /* NULL, or a sentence: no address, clash with another Service, ... */
};

/* Whether one of vips is served already. */
bool service_status_serves(const struct service_status *status, const struct address *vip);

/* Calls on_status for each, sorted by namespace, then name; what it is given is borrowed. */
void model_for_each_status(const struct model *model,
			   void (*on_status)(const struct service_status *status, void *context),
			   void *context);
/* The same for one; false when it is none of these. */
bool model_tell_status(const struct model *model, const char *namespace, const char *name,
		       void (*on_status)(const struct service_status *status, void *context),
		       void *context);

/*
 * Whether a Service, told or not, has OBJECT_FINALIZER but is not ours to serve as a LoadBalancer
 * any more: it is being deleted, of another type, or its labels leave it to others. Never one
 * of another class.
 */
bool model_abandons(const struct model *model, const struct object *service);
void model_for_each_abandoned(const struct model *model,
			      void (*on_abandoned)(const struct object *service, void *context),
			      void *context);

#endif

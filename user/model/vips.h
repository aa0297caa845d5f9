/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vips.h - which addresses a Service has. Inside model/ only.
 *
 * Those it asks for by name, if a pool has them; else those of its status, if no pool has
 * them: somebody else's; else from a pool, where those of its status are its own already.
 * Without any pool status counts first, then what it asks for.
 *
 * Addresses that objects name are held in the pool under their own text, so that
 * several Services may name one and nobody gets it assigned; what the pool
 * assigns is held under the Service's name and shared with nobody.
 */
#ifndef MODEL_VIPS_H
#define MODEL_VIPS_H

#include "lib/table.h"
#include "model/object.h"

struct error;
struct pool;
struct problem;

struct vip_ledger {
	struct pool *pool;  /* borrowed */
	struct table named; /* the addresses that objects name, with their number of users */
	bool freed;         /* something was given back: who got nothing should try again */
	bool evicted;       /* somebody lost what the pool had assigned: see vips_are_lost */
};

enum vip_origin {
	VIP_ORIGIN_NONE,
	VIP_ORIGIN_STATUS,  /* named by status.loadBalancer.ingress, and none of a pool's */
	VIP_ORIGIN_REQUEST, /* named by spec.loadBalancerIP or annotation guideway.dev/addresses */
	VIP_ORIGIN_POOL,
	VIP_ORIGIN_EXTERNAL, /* named by spec.externalIPs */
};

/* All zero is none. */
struct vips {
	enum vip_origin origin;
	struct address *items; /* sorted, each once */
	size_t count;
	bool starved; /* some address was taken by others */
};

void vip_ledger_finish(struct vip_ledger *ledger);
/* One more user. -EADDRINUSE, with a sentence, when a pool assigned the address; -ENOMEM. */
int vip_ledger_add(struct vip_ledger *ledger, const struct address *address, struct error *error);
void vip_ledger_remove(struct vip_ledger *ledger, const struct address *address);

void vips_forget(struct vips *vips); /* frees the items */
bool vips_contain(const struct vips *vips, const struct address *address);
void vips_sort(struct vips *vips);
/* Of any origin but the pool. */
void vips_give_back_named(struct vip_ledger *ledger, struct vips *vips);

/*
 * For every Service whose object changed, in this order and each step for all
 * before the next: give back what is no longer wanted, take what its status says the pool gave
 * it, what is named, what the pool gives. Then who names an address has it, whatever the order.
 * service is NULL when the Service gets no address; owner is "namespace/name". -ENOMEM.
 */
int vips_give_back(struct vip_ledger *ledger, const char *owner, const struct object *service,
		   struct vips *vips);
int vips_take_published(struct vip_ledger *ledger, const char *owner, const struct object *service,
			struct vips *vips, struct problem *problem);
int vips_take_named(struct vip_ledger *ledger, const char *owner, const struct object *service,
		    struct vips *vips, struct problem *problem);
int vips_take_from_pool(struct vip_ledger *ledger, const char *owner, const struct object *service,
			struct vips *vips, struct problem *problem);

/* What the pool had assigned went to another by its status: to be taken from the pool again. */
bool vips_are_lost(const struct vip_ledger *ledger, const char *owner, const struct vips *vips);

/*
 * The same with spec.externalIPs, in the step of what is named: those that lie in one of the
 * ranges, all of them allowed by the operator. Given back by vips_give_back_named.
 */
bool vips_may_be_external(const struct address *address, const struct prefix_list *ranges);
int vips_take_external(struct vip_ledger *ledger, const char *owner,
		       const struct service_object *service, const struct prefix_list *ranges,
		       struct vips *vips, struct problem *problem);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vips.h - which addresses a Service has: those its object names, else from the pool.
 * Inside model/ only.
 *
 * Addresses that objects name are held in the pool under their own text, so that
 * several Services may name one and nobody gets it assigned; what the pool
 * assigns is held under the Service's name and shared with nobody.
 */
#ifndef MODEL_VIPS_H
#define MODEL_VIPS_H

#include "lib/table.h"
#include "model/object.h"

struct pool;
struct problem;

struct vip_ledger {
	struct pool *pool;  /* borrowed */
	struct table named; /* the addresses that objects name, with their number of users */
	bool freed;         /* something was given back: who got nothing should try again */
};

enum vip_origin {
	VIP_ORIGIN_NONE,
	VIP_ORIGIN_NAMED,
	VIP_ORIGIN_POOL,
};

/* All zero is none. */
struct vips {
	enum vip_origin origin;
	struct address *items; /* sorted, each once */
	size_t count;
	bool starved; /* some address was taken by others */
};

void vip_ledger_finish(struct vip_ledger *ledger);

/*
 * For every Service whose object changed, in this order and each step for all
 * before the next: give back what is no longer wanted, take what is named, take
 * from the pool. Then who names an address has it, whatever the order. service is
 * NULL when the Service gets no address; owner is "namespace/name". -ENOMEM.
 */
int vips_give_back(struct vip_ledger *ledger, const char *owner,
		   const struct service_object *service, struct vips *vips);
int vips_take_named(struct vip_ledger *ledger, const struct service_object *service,
		    struct vips *vips, struct problem *problem);
int vips_take_from_pool(struct vip_ledger *ledger, const char *owner,
			const struct service_object *service, struct vips *vips,
			struct problem *problem);

#endif

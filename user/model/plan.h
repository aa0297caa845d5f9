/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.h - what differs between the services that are wanted and those that are
 * programmed, as steps in an order that is safe to stop after any of them:
 * set services, add VIPs, remove VIPs, remove services.
 */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include "model/service.h"

struct error;

enum plan_step_kind {
	PLAN_SET_SERVICE,
	PLAN_ADD_VIP,
	PLAN_REMOVE_VIP,
	PLAN_REMOVE_SERVICE,
};

struct plan_step {
	enum plan_step_kind kind;
	struct service *service; /* SET_SERVICE: what is wanted, borrowed; else NULL */
	struct service_key key;  /* SET_SERVICE, REMOVE_SERVICE */
	struct address vip;      /* ADD_VIP, REMOVE_VIP */
};

/* What the datapath holds for a key; service is NULL when its contents are unknown (adopted). */
struct plan_programmed {
	struct service_key key;
	struct service *service;
};

struct plan {
	struct plan_step *steps;
	size_t step_count;
};

/*
 * wanted and programmed are sorted by key, vips (those programmed) by address. With prune
 * false what was adopted, and VIPs that only adopted services have, are not removed: who
 * wants them may be unreadable. Gives *ret_plan, freed by plan_destroy. -ENOMEM.
 */
int plan_create(struct service *const *wanted, size_t wanted_count,
		const struct plan_programmed *programmed, size_t programmed_count,
		const struct address *vips, size_t vip_count, bool prune, struct plan **ret_plan,
		struct error *error);
void plan_destroy(struct plan *plan); /* NULL is nothing */

#endif

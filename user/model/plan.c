/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.c - the difference between wanted and programmed, by walking sorted lists.
 *
 * The order makes every prefix safe: a VIP is announced to the datapath after all
 * its services are there, and is withdrawn before any of them goes.
 */
#include "model/plan.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/error.h"

struct inputs {
	struct service *const *wanted;
	size_t wanted_count;
	const struct plan_programmed *programmed;
	size_t programmed_count;
	const struct address *vips;
	size_t vip_count;
	bool prune;
};

static struct plan_step *add_step(struct plan *plan, enum plan_step_kind kind)
{
	struct plan_step *step = &plan->steps[plan->step_count++];

	step->kind = kind;
	return step;
}

static void set_services(struct plan *plan, const struct inputs *in)
{
	size_t p = 0;

	for (size_t w = 0; w < in->wanted_count; w++) {
		struct service *service = in->wanted[w];
		const struct service *before = NULL;
		struct plan_step *step;
		int order = 1;

		while (p < in->programmed_count) {
			order = service_key_compare(&in->programmed[p].key, &service->key);
			if (order >= 0)
				break;
			p++;
		}
		if (p < in->programmed_count && order == 0)
			before = in->programmed[p].service;
		if (before && service_equal(before, service))
			continue;
		step = add_step(plan, PLAN_SET_SERVICE);
		step->service = service;
		step->key = service->key;
	}
}

/* An earlier agent's: without prune nobody can say that it is not wanted. */
static bool is_kept(const struct inputs *in, const struct plan_programmed *programmed)
{
	return !in->prune && !programmed->service;
}

static bool vip_is_kept(const struct inputs *in, const struct address *vip)
{
	bool is_ours = in->prune;

	for (size_t p = 0; p < in->programmed_count; p++) {
		if (address_compare(&in->programmed[p].key.vip, vip) != 0)
			continue;
		if (is_kept(in, &in->programmed[p]))
			return true;
		is_ours = true;
	}
	return !is_ours;
}

/* wanted is sorted by key, so equal VIPs stand together and in order. */
static void change_vips(struct plan *plan, const struct inputs *in, enum plan_step_kind kind)
{
	size_t w = 0, v = 0;

	while (w < in->wanted_count || v < in->vip_count) {
		const struct address *wanted =
			w < in->wanted_count ? &in->wanted[w]->key.vip : NULL;
		const struct address *there = v < in->vip_count ? &in->vips[v] : NULL;
		int order = !wanted ? 1 : !there ? -1 : address_compare(wanted, there);

		if (order < 0 && kind == PLAN_ADD_VIP)
			add_step(plan, kind)->vip = *wanted;
		if (order > 0 && kind == PLAN_REMOVE_VIP && !vip_is_kept(in, there))
			add_step(plan, kind)->vip = *there;
		if (order >= 0)
			v++;
		if (order <= 0)
			do
				w++;
			while (w < in->wanted_count &&
			       address_compare(&in->wanted[w]->key.vip, wanted) == 0);
	}
}

static void remove_services(struct plan *plan, const struct inputs *in)
{
	size_t w = 0;

	for (size_t p = 0; p < in->programmed_count; p++) {
		const struct service_key *key = &in->programmed[p].key;

		while (w < in->wanted_count && service_key_compare(&in->wanted[w]->key, key) < 0)
			w++;
		if (is_kept(in, &in->programmed[p]))
			continue;
		if (w == in->wanted_count || service_key_compare(&in->wanted[w]->key, key) != 0)
			add_step(plan, PLAN_REMOVE_SERVICE)->key = *key;
	}
}

int plan_create(struct service *const *wanted, size_t wanted_count,
		const struct plan_programmed *programmed, size_t programmed_count,
		const struct address *vips, size_t vip_count, bool prune, struct plan **ret_plan,
		struct error *error)
{
	const struct inputs in = { wanted, wanted_count, programmed, programmed_count,
				   vips,   vip_count,    prune };
	/* At most: every wanted service set and its VIP added, all that is there removed. */
	size_t most_steps = 2 * wanted_count + programmed_count + vip_count;
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan)
		plan->steps = calloc(most_steps + 1, sizeof(*plan->steps));
	if (!plan || !plan->steps) {
		plan_destroy(plan);
		return error_set(error, -ENOMEM, "plan: no memory for %zu steps", most_steps);
	}
	set_services(plan, &in);
	change_vips(plan, &in, PLAN_ADD_VIP);
	change_vips(plan, &in, PLAN_REMOVE_VIP);
	remove_services(plan, &in);
	*ret_plan = plan;
	return 0;
}

void plan_destroy(struct plan *plan)
{
	if (!plan)
		return;
	free(plan->steps);
	free(plan);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* reconcile.c - owns what was last programmed, and the list of watched addresses. */
#include "agent/reconcile.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "agent/applied.h"
#include "agent/kernel_routing.h"
#include "agent/tending.h"
#include "agent/watched.h"
#include "datapath/datapath.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "model/model.h"
#include "model/plan.h"
#include "net/net.h"

/* An ARP or ND answer takes a few ms; who has not answered by then is programmed all the same. */
#define NEXT_HOP_PATIENCE_MS 200
#define RETRY_MS 1000
#define UNREACHABLE_LINES 5
#define TOLD_LINES 20

struct reconciler {
	struct model *model;
	struct net *net;
	struct datapath *datapath;
	void (*on_settled)(void *owner);
	void *owner;
	struct loop_watch *retry;
	struct tending *tending;
	bool prune;

	struct applied applied;

	struct watched_list watched;
	bool must_watch; /* net has not been told of all of them */

	size_t waiting_count;      /* services held back in the last run */
	uint64_t waiting_since_ms; /* first of the runs in a row that held something back */
	size_t failed_count;
	char last_failure[sizeof(((struct error *)0)->text)];
	bool kept_told;
	size_t unreachable_told;  /* in this batch of next hops */
	uint32_t foreign_ifindex; /* the last interface that was warned of */
	uint32_t own_ifindex;     /* the last device that is among ours */
	struct kernel_routing routing;
	bool is_settled;   /* everything was programmed once */
	size_t told_count; /* services told of in this run */
};

static void on_retry(void *owner)
{
	struct reconciler *reconciler = owner;

	reconciler_run(reconciler, reconciler->prune);
}

struct reconciler *reconciler_create(struct loop *loop, struct model *model, struct net *net,
				     struct datapath *datapath, void (*on_settled)(void *owner),
				     void *owner)
{
	struct reconciler *reconciler = calloc(1, sizeof(*reconciler));

	if (!reconciler)
		return NULL;
	*reconciler = (struct reconciler){
		.model = model,
		.net = net,
		.datapath = datapath,
		.on_settled = on_settled,
		.owner = owner,
		.retry = loop_add_timer(loop, on_retry, reconciler),
		.tending = tending_create(loop, datapath),
	};
	if (reconciler->retry && reconciler->tending)
		return reconciler;
	reconciler_destroy(reconciler);
	return NULL;
}

void reconciler_destroy(struct reconciler *reconciler)
{
	if (!reconciler)
		return;
	loop_remove(reconciler->retry);
	tending_destroy(reconciler->tending);
	applied_finish(&reconciler->applied);
	watched_finish(&reconciler->watched);
	free(reconciler);
}

static void note_failure(struct reconciler *reconciler, const struct error *error)
{
	reconciler->failed_count++;
	/* Told once, not at each retry. */
	if (strcmp(reconciler->last_failure, error->text) == 0)
		return;
	memcpy(reconciler->last_failure, error->text, sizeof(reconciler->last_failure));
	log_error("%s; what is programmed stays as it was", error->text);
}

/* Replies that arrive where no program is are lost. Told once for an interface. */
static void check_interface(struct reconciler *reconciler, const struct address *address,
			    const struct next_hop *next_hop)
{
	char text[ADDRESS_TEXT_SIZE], interface[IF_NAMESIZE];

	if (next_hop->ifindex == reconciler->own_ifindex ||
	    next_hop->interface == reconciler->foreign_ifindex)
		return;
	if (datapath_has_interface(reconciler->datapath, next_hop->ifindex)) {
		reconciler->own_ifindex = next_hop->ifindex;
		return;
	}
	reconciler->foreign_ifindex = next_hop->interface;
	log_warning("backend %s: reached through interface '%s', which is not among --interface: "
		    "in modes snat and dnat its replies will not be translated",
		    address_format(address, text),
		    if_indextoname(next_hop->interface, interface) ? interface : "?");
}

static void program_next_hop(struct reconciler *reconciler, struct watched *watched,
			     const struct next_hop *next_hop)
{
	struct error error = { 0 };
	char text[ADDRESS_TEXT_SIZE];

	if (next_hop->state == NEXT_HOP_UNREACHABLE && watched->state != NEXT_HOP_UNREACHABLE &&
	    ++reconciler->unreachable_told <= UNREACHABLE_LINES)
		log_warning("backend %s: no way to it (no route, or its neighbour is silent); its "
			    "packets are dropped and counted as no_next_hop",
			    address_format(&watched->address, text));
	if (next_hop->state == NEXT_HOP_RESOLVED)
		check_interface(reconciler, &watched->address, next_hop);
	watched->state = next_hop->state;
	watched->is_programmed = datapath_set_next_hop(reconciler->datapath, &watched->address,
						       next_hop, &error) == 0;
	if (!watched->is_programmed)
		note_failure(reconciler, &error);
}

/* Ends a batch of next hops. */
static void tell_more_unreachable(struct reconciler *reconciler)
{
	if (reconciler->unreachable_told > UNREACHABLE_LINES)
		log_warning("%zu more backends: no way to them",
			    reconciler->unreachable_told - UNREACHABLE_LINES);
	reconciler->unreachable_told = 0;
}

static int watch(struct reconciler *reconciler, struct error *error)
{
	struct address *addresses = watched_addresses(&reconciler->watched);
	int r;

	if (!addresses)
		return error_set(error, -ENOMEM, "no memory for the backends' addresses");
	r = net_watch(reconciler->net, addresses, reconciler->watched.count, error);
	free(addresses);
	return r;
}

/* Watches the backends' addresses, and programs those that are new. */
static void program_watched(struct reconciler *reconciler)
{
	struct error error = { 0 };

	if (reconciler->must_watch) {
		reconciler->must_watch = watch(reconciler, &error) < 0;
		if (reconciler->must_watch)
			note_failure(reconciler, &error);
	}
	for (size_t i = 0; i < reconciler->watched.count; i++) {
		struct watched *watched = &reconciler->watched.items[i];
		struct next_hop next_hop;

		if (!watched->is_programmed &&
		    net_next_hop(reconciler->net, &watched->address, &next_hop) == 0)
			program_next_hop(reconciler, watched, &next_hop);
	}
	tell_more_unreachable(reconciler);
}

/* -ENOMEM. */
static int follow_backends(struct reconciler *reconciler, struct address **ret_left,
			   size_t *ret_left_count)
{
	size_t count;
	struct service *const *services = model_services(reconciler->model, &count);
	bool changed;
	int r = watched_follow(&reconciler->watched, services, count, loop_now_ms(), &changed,
			       ret_left, ret_left_count);

	if (r == 0 && changed)
		reconciler->must_watch = true;
	return r;
}

static int compare_backends(const void *a, const void *b)
{
	return backend_compare(a, b);
}

static bool has_backend(const struct service *service, const struct backend *backend)
{
	return service->backend_count && bsearch(backend, service->backends, service->backend_count,
						 sizeof(*backend), compare_backends);
}

/* Whether a backend that is new to the service is still being asked for its MAC address. */
static bool must_wait(const struct reconciler *reconciler, const struct service *service)
{
	const struct service *applied = applied_find(&reconciler->applied, &service->key);
	uint64_t now = loop_now_ms();

	/* New backends one after the other must not hold a service back for ever. */
	if (reconciler->waiting_since_ms &&
	    now - reconciler->waiting_since_ms >= NEXT_HOP_PATIENCE_MS)
		return false;
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct watched *watched =
			watched_find(&reconciler->watched, &service->backends[i].address);

		if (!watched || watched->state != NEXT_HOP_UNRESOLVED ||
		    now - watched->since_ms >= NEXT_HOP_PATIENCE_MS)
			continue;
		if (!applied || !has_backend(applied, &service->backends[i]))
			return true;
	}
	return false;
}

/* Who comes and goes is news; the first state, and a flood of changes, are not. */
static void tell_service(struct reconciler *reconciler, const char *what,
			 const struct service *service, bool is_news)
{
	char text[SERVICE_KEY_TEXT_SIZE];

	(void)service_key_format(&service->key, text);
	if (is_news && reconciler->is_settled && ++reconciler->told_count <= TOLD_LINES)
		log_info("service '%s/%s' %s: %s, %zu backends", service->namespace, service->name,
			 text, what, service->backend_count);
	else
		log_debug("service '%s/%s' %s: %s, %zu backends", service->namespace, service->name,
			  text, what, service->backend_count);
}

static int set_service(struct reconciler *reconciler, const struct plan_step *step,
		       struct error *error)
{
	bool is_new = !applied_find(&reconciler->applied, &step->key);
	int r = datapath_set_service(reconciler->datapath, step->service, error);

	if (r < 0)
		return r;
	/* Without memory it is set again next time, which the datapath finds to be no change. */
	(void)applied_set(&reconciler->applied, step->service);
	if (step->service->mode == FORWARDING_MODE_DNAT)
		kernel_routing_check(&reconciler->routing, address_is_ipv4(&step->key.vip));
	tell_service(reconciler, is_new ? "served" : "changed", step->service, is_new);
	return 0;
}

static int remove_service(struct reconciler *reconciler, const struct plan_step *step,
			  struct error *error)
{
	const struct service *applied = applied_find(&reconciler->applied, &step->key);
	int r = datapath_remove_service(reconciler->datapath, &step->key, error);
	char text[SERVICE_KEY_TEXT_SIZE];

	if (r < 0)
		return r;
	if (applied)
		tell_service(reconciler, "no longer served", applied, true);
	else
		log_info("service %s of an earlier run: removed",
			 service_key_format(&step->key, text));
	applied_remove(&reconciler->applied, &step->key);
	return 0;
}

static int apply_step(struct reconciler *reconciler, const struct plan_step *step,
		      struct error *error)
{
	switch (step->kind) {
	case PLAN_SET_SERVICE:
		return set_service(reconciler, step, error);
	case PLAN_ADD_VIP:
		return datapath_add_vip(reconciler->datapath, &step->vip, error);
	case PLAN_REMOVE_VIP:
		return datapath_remove_vip(reconciler->datapath, &step->vip, error);
	case PLAN_REMOVE_SERVICE:
		return remove_service(reconciler, step, error);
	}
	return error_set(error, -EINVAL, "plan step of unknown kind %d", step->kind);
}

static bool step_is_due(struct reconciler *reconciler, const struct plan_step *step)
{
	switch (step->kind) {
	case PLAN_SET_SERVICE:
		if (!must_wait(reconciler, step->service))
			return true;
		reconciler->waiting_count++;
		return false;
	case PLAN_ADD_VIP:
		/* A VIP whose services all wait is not shown yet. */
		return reconciler->waiting_count == 0 ||
		       applied_has_vip(&reconciler->applied, &step->vip);
	default:
		return true;
	}
}

static void apply_plan(struct reconciler *reconciler, const struct plan *plan)
{
	reconciler->told_count = 0;
	for (size_t i = 0; i < plan->step_count; i++) {
		struct error error = { 0 };

		if (step_is_due(reconciler, &plan->steps[i]) &&
		    apply_step(reconciler, &plan->steps[i], &error) < 0)
			note_failure(reconciler, &error);
	}
	if (reconciler->told_count > TOLD_LINES)
		log_info("%zu more services came or went", reconciler->told_count - TOLD_LINES);
}

static int make_plan(struct reconciler *reconciler, struct plan **ret_plan, struct error *error)
{
	const struct service_key *keys;
	const struct address *vips;
	size_t key_count = datapath_services(reconciler->datapath, &keys);
	size_t vip_count = datapath_vips(reconciler->datapath, &vips);
	size_t wanted_count;
	struct service *const *wanted = model_services(reconciler->model, &wanted_count);
	struct plan_programmed *programmed = calloc(key_count + 1, sizeof(*programmed));
	int r;

	if (!programmed)
		return error_set(error, -ENOMEM, "no memory for a plan");
	for (size_t i = 0; i < key_count; i++)
		programmed[i] =
			(struct plan_programmed){ keys[i],
						  applied_find(&reconciler->applied, &keys[i]) };
	r = plan_create(wanted, wanted_count, programmed, key_count, vips, vip_count,
			reconciler->prune, ret_plan, error);
	free(programmed);
	return r;
}

size_t reconciler_kept_count(const struct reconciler *reconciler)
{
	const struct service_key *keys;
	size_t count = datapath_services(reconciler->datapath, &keys);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		kept += !reconciler->prune && !applied_find(&reconciler->applied, &keys[i]);
	return kept;
}

bool reconciler_has_leftovers(const struct reconciler *reconciler)
{
	const struct service_key *keys;
	size_t count = datapath_services(reconciler->datapath, &keys), wanted_count, j = 0;
	struct service *const *wanted = model_services(reconciler->model, &wanted_count);

	/* Both are sorted. */
	for (size_t i = 0; i < count; i++) {
		while (j < wanted_count && service_key_compare(&wanted[j]->key, &keys[i]) < 0)
			j++;
		if (j == wanted_count || service_key_compare(&wanted[j]->key, &keys[i]) != 0)
			return true;
	}
	return false;
}

static void tell_kept(struct reconciler *reconciler)
{
	size_t kept = reconciler_kept_count(reconciler);

	if (kept == 0 || reconciler->waiting_count || reconciler->kept_told)
		return;
	reconciler->kept_told = true;
	log_warning("%zu services of an earlier run are in no manifest that can be read: they are "
		    "served as they were until every manifest is good",
		    kept);
}

void reconciler_run(struct reconciler *reconciler, bool prune)
{
	struct error error = { 0 };
	struct address *left;
	size_t left_count;
	struct plan *plan = NULL;

	reconciler->prune = prune;
	reconciler->waiting_count = 0;
	reconciler->failed_count = 0;
	loop_timer_clear(reconciler->retry);
	if (follow_backends(reconciler, &left, &left_count) < 0) {
		(void)error_set(&error, -ENOMEM, "no memory for the backends' addresses");
		note_failure(reconciler, &error);
		loop_timer_set(reconciler->retry, RETRY_MS);
		return;
	}
	program_watched(reconciler);
	if (make_plan(reconciler, &plan, &error) < 0)
		note_failure(reconciler, &error);
	else
		apply_plan(reconciler, plan);
	tending_wake(reconciler->tending);
	plan_destroy(plan);
	for (size_t i = 0; i < left_count; i++)
		datapath_forget_next_hop(reconciler->datapath, &left[i]);
	free(left);
	tell_kept(reconciler);
	if (reconciler->failed_count)
		loop_timer_set(reconciler->retry, RETRY_MS);
	else
		reconciler->last_failure[0] = '\0';
	if (reconciler->waiting_count) {
		if (!reconciler->waiting_since_ms)
			reconciler->waiting_since_ms = loop_now_ms();
		loop_timer_set(reconciler->retry, NEXT_HOP_PATIENCE_MS);
		return;
	}
	reconciler->waiting_since_ms = 0;
	reconciler->is_settled = true;
	reconciler->on_settled(reconciler->owner);
}

void reconciler_flows_heard(struct reconciler *reconciler)
{
	tending_wake(reconciler->tending);
}

static void on_changed(const struct address *address, const struct next_hop *next_hop,
		       void *context)
{
	struct reconciler *reconciler = context;
	struct watched *watched = watched_find(&reconciler->watched, address);

	if (watched)
		program_next_hop(reconciler, watched, next_hop);
}

void reconciler_next_hops_changed(struct reconciler *reconciler)
{
	reconciler->failed_count = 0;
	net_take_changed(reconciler->net, on_changed, reconciler);
	tell_more_unreachable(reconciler);
	if (reconciler->failed_count)
		loop_timer_set(reconciler->retry, RETRY_MS);
	if (reconciler->waiting_count)
		reconciler_run(reconciler, reconciler->prune);
}

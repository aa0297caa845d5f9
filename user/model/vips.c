/* SPDX-License-Identifier: BSD-2-Clause */
/* vips.c - the addresses of a Service, step by step. */
#include "model/vips.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "model/pool.h"
#include "model/problem.h"

/* What an object names, and the field that does. */
struct named_list {
	const struct address *items;
	size_t count;
	const char *field;
};

struct families {
	bool ipv4, ipv6;
	bool both_or_none;
};

static struct named_list requested_by(const struct service_object *service)
{
	if (service->has_load_balancer_ip)
		return (struct named_list){ &service->load_balancer_ip, 1, "spec.loadBalancerIP" };
	return (struct named_list){ service->requested, service->requested_count,
				    "annotation guideway.dev/addresses" };
}

static struct named_list published_by(const struct service_object *service)
{
	return (struct named_list){ service->ingress, service->ingress_count,
				    "status.loadBalancer.ingress" };
}

static bool all_in_pools(const struct vip_ledger *ledger, const struct named_list *named)
{
	for (size_t i = 0; i < named->count; i++)
		if (!pool_contains(ledger->pool, &named->items[i]))
			return false;
	return named->count > 0;
}

/* The status says what a pool gave, also when the pool has become smaller since. */
static bool is_given_by_us(const struct vip_ledger *ledger, const char *owner,
			   const struct named_list *published)
{
	for (size_t i = 0; i < published->count; i++)
		if (!pool_contains(ledger->pool, &published->items[i]) &&
		    !pool_is_assigned(ledger->pool, owner, &published->items[i]))
			return false;
	return true;
}

static enum vip_origin choose_origin(const struct vip_ledger *ledger, const char *owner,
				     const struct service_object *service)
{
	const struct named_list requested = requested_by(service);
	const struct named_list published = published_by(service);

	if (all_in_pools(ledger, &requested))
		return VIP_ORIGIN_REQUEST;
	/* What the status says was published by us, for an earlier request. */
	if (requested.count > 0 && service->marks.has_finalizer && pool_is_empty(ledger->pool))
		return VIP_ORIGIN_REQUEST;
	if (published.count > 0 && !is_given_by_us(ledger, owner, &published))
		return VIP_ORIGIN_STATUS;
	return requested.count > 0 ? VIP_ORIGIN_REQUEST : VIP_ORIGIN_POOL;
}

static struct pool_request request_of(const char *owner, const struct object *object)
{
	return (struct pool_request){
		.owner = owner,
		.namespace = object->namespace,
		.labels = &object->labels,
		.pool_name = object->service.pool_name,
	};
}

/* The families a Service wants from the pool. */
static struct families wanted_families(const struct vip_ledger *ledger, const char *owner,
				       const struct object *object)
{
	const struct service_object *service = &object->service;
	struct pool_request request = request_of(owner, object);
	bool ipv4 = service->family_ipv4, ipv6 = service->family_ipv6;
	bool listed = ipv4 || ipv6;

	/* The API server lists both for RequireDualStack, and requires both when both are listed.
	 */
	if (service->require_dual_stack || (ipv4 && ipv6 && !service->prefer_dual_stack))
		return (struct families){ true, true, true };
	if (service->prefer_dual_stack)
		return (struct families){ ipv4 || !listed, ipv6 || !listed, false };
	if (!listed) {
		ipv4 = pool_has_family(ledger->pool, &request, true) ||
		       !pool_has_family(ledger->pool, &request, false);
		ipv6 = !ipv4;
	}
	return (struct families){ ipv4, ipv6, false };
}

static bool holds_unwanted(const struct vips *vips, struct families wanted)
{
	for (size_t i = 0; i < vips->count; i++)
		if (!(address_is_ipv4(&vips->items[i]) ? wanted.ipv4 : wanted.ipv6))
			return true;
	return false;
}

/* The pool releases all of an owner at once, so what stays is reserved again. */
static int give_back_unwanted(struct vip_ledger *ledger, const char *owner, struct vips *vips,
			      struct families wanted)
{
	size_t count = 0;
	int r = 0;

	pool_release(ledger->pool, owner);
	ledger->freed = true;
	for (size_t i = 0; i < vips->count; i++) {
		const struct address vip = vips->items[i];

		if (!(address_is_ipv4(&vip) ? wanted.ipv4 : wanted.ipv6))
			continue;
		if (pool_reserve(ledger->pool, owner, &vip, true, NULL) < 0)
			r = -ENOMEM;
		else
			vips->items[count++] = vip;
	}
	vips->count = count;
	return r;
}

int vips_give_back(struct vip_ledger *ledger, const char *owner, const struct object *service,
		   struct vips *vips)
{
	enum vip_origin origin =
		service ? choose_origin(ledger, owner, &service->service) : VIP_ORIGIN_NONE;
	struct families wanted;
	int r = 0;

	if (vips->origin == VIP_ORIGIN_STATUS || vips->origin == VIP_ORIGIN_REQUEST)
		vips_give_back_named(ledger, vips);
	pool_forget_published(ledger->pool, owner);
	if (origin != VIP_ORIGIN_POOL) {
		/* Also what an earlier run of the agent was assigned. */
		pool_release(ledger->pool, owner);
		ledger->freed = true;
		vips_forget(vips);
	} else if (vips->origin == VIP_ORIGIN_POOL) {
		wanted = wanted_families(ledger, owner, service);
		if (holds_unwanted(vips, wanted))
			r = give_back_unwanted(ledger, owner, vips, wanted);
	}
	vips->origin = origin;
	vips->starved = false;
	return r;
}

int vips_take_published(struct vip_ledger *ledger, const char *owner, const struct object *service,
			struct vips *vips, struct problem *problem)
{
	const struct named_list named = published_by(&service->service);
	struct families wanted;

	if (vips->origin != VIP_ORIGIN_POOL)
		return 0;
	wanted = wanted_families(ledger, owner, service);
	for (size_t i = 0; i < named.count; i++) {
		struct error error = { 0 };
		bool evicted;
		int r;

		if (!(address_is_ipv4(&named.items[i]) ? wanted.ipv4 : wanted.ipv6))
			continue;
		r = pool_publish(ledger->pool, owner, &named.items[i], &evicted, &error);
		if (r == -ENOMEM)
			return r;
		ledger->evicted |= evicted;
		if (r < 0)
			problem_add(problem, "%s: %s", named.field, error.text);
	}
	return 0;
}

bool vips_are_lost(const struct vip_ledger *ledger, const char *owner, const struct vips *vips)
{
	if (vips->origin != VIP_ORIGIN_POOL)
		return false;
	for (size_t i = 0; i < vips->count; i++)
		if (!pool_is_assigned(ledger->pool, owner, &vips->items[i]))
			return true;
	return false;
}

static bool family_is_listed(const struct service_object *service, bool ipv4)
{
	if (!service->family_ipv4 && !service->family_ipv6)
		return true;
	return ipv4 ? service->family_ipv4 : service->family_ipv6;
}

/* A request is honoured from the pools, if there are any. */
static int check_named(const struct vip_ledger *ledger, const char *owner,
		       const struct object *service, const struct vips *vips,
		       const struct address *address, struct error *error)
{
	const struct pool_request request = request_of(owner, service);
	bool ipv4 = address_is_ipv4(address);
	char text[ADDRESS_TEXT_SIZE];
	int r = address_check_usable(address, error);

	if (r == 0 && !family_is_listed(&service->service, ipv4))
		r = error_set(error, -EAFNOSUPPORT, "%s is %s, which spec.ipFamilies has not",
			      address_format(address, text), ipv4 ? "IPv4" : "IPv6");
	if (r == 0 && vips->origin == VIP_ORIGIN_REQUEST && !pool_is_empty(ledger->pool))
		r = pool_check(ledger->pool, &request, address, error);
	return r;
}

static int take_named(struct vip_ledger *ledger, const char *owner, const struct object *service,
		      const struct address *address, struct vips *vips, struct error *error)
{
	int r = check_named(ledger, owner, service, vips, address, error);

	if (r == 0)
		r = vip_ledger_add(ledger, address, error);
	if (r == 0)
		vips->items[vips->count++] = *address;
	return r;
}

static bool has_family(const struct vips *vips, bool ipv4)
{
	for (size_t i = 0; i < vips->count; i++)
		if (address_is_ipv4(&vips->items[i]) == ipv4)
			return true;
	return false;
}

/* What somebody else has published is served as it is. */
static bool lacks_a_family(const struct service_object *service, const struct vips *vips)
{
	return service->require_dual_stack && vips->origin == VIP_ORIGIN_REQUEST &&
	       vips->count > 0 && !(has_family(vips, true) && has_family(vips, false));
}

int vips_take_named(struct vip_ledger *ledger, const char *owner, const struct object *service,
		    struct vips *vips, struct problem *problem)
{
	struct named_list named = vips->origin == VIP_ORIGIN_STATUS
					  ? published_by(&service->service)
					  : requested_by(&service->service);

	if (vips->origin != VIP_ORIGIN_STATUS && vips->origin != VIP_ORIGIN_REQUEST)
		return 0;
	vips->items = calloc(named.count, sizeof(*vips->items));
	if (!vips->items)
		return -ENOMEM;
	for (size_t i = 0; i < named.count; i++) {
		struct error error = { 0 };
		int r;

		if (vips_contain(vips, &named.items[i]))
			continue;
		r = take_named(ledger, owner, service, &named.items[i], vips, &error);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			problem_add(problem, "%s: %s", named.field, error.text);
		vips->starved |= r == -EADDRINUSE;
	}
	if (lacks_a_family(&service->service, vips)) {
		problem_add(problem,
			    "%s: %s only, expected an IPv4 and an IPv6 address: "
			    "spec.ipFamilyPolicy is RequireDualStack",
			    named.field, has_family(vips, true) ? "IPv4" : "IPv6");
		for (size_t i = 0; i < vips->count; i++)
			vip_ledger_remove(ledger, &vips->items[i]);
		vips->count = 0;
	}
	vips_sort(vips);
	return 0;
}

static int assign_family(struct vip_ledger *ledger, const struct pool_request *request, bool ipv4,
			 struct vips *vips, struct error *error)
{
	int r = pool_assign(ledger->pool, request, ipv4, &vips->items[vips->count], error);

	if (r == 0)
		vips->count++;
	return r;
}

static int assign_wanted(struct vip_ledger *ledger, const struct pool_request *request,
			 struct families wanted, struct vips *vips, struct error *error)
{
	int ipv4 = 0, ipv6 = 0;

	vips->count = 0;
	if (wanted.ipv4)
		ipv4 = assign_family(ledger, request, true, vips, error);
	if (wanted.ipv6 && ipv4 != -ENOMEM)
		ipv6 = assign_family(ledger, request, false, vips, error);
	if (ipv4 == -ENOMEM || ipv6 == -ENOMEM)
		return -ENOMEM;
	vips->starved = ipv4 == -ENOSPC || ipv6 == -ENOSPC;
	if (wanted.both_or_none && vips->count < 2) {
		pool_release(ledger->pool, request->owner);
		ledger->freed |= vips->count > 0;
		vips->count = 0;
	}
	return 0;
}

/* Pools may have changed since: what was given stays. */
static void tell_kept(const struct vip_ledger *ledger, const struct pool_request *request,
		      const struct vips *vips, struct problem *problem)
{
	for (size_t i = 0; i < vips->count; i++) {
		struct error error = { 0 };

		if (pool_check(ledger->pool, request, &vips->items[i], &error) < 0)
			problem_add(problem, "%s: kept", error.text);
	}
}

int vips_take_from_pool(struct vip_ledger *ledger, const char *owner, const struct object *service,
			struct vips *vips, struct problem *problem)
{
	struct pool_request request = request_of(owner, service);
	struct families wanted;
	struct error error = { 0 };
	int r;

	if (vips->origin != VIP_ORIGIN_POOL)
		return 0;
	if (!vips->items)
		vips->items = calloc(2, sizeof(*vips->items));
	if (!vips->items)
		return -ENOMEM;
	wanted = wanted_families(ledger, owner, service);
	request.wants_both = wanted.ipv4 && wanted.ipv6;
	r = assign_wanted(ledger, &request, wanted, vips, &error);
	if (r < 0)
		return r;
	/* PreferDualStack is content with the family that the pool has. */
	if (vips->count == 0 || vips->starved)
		problem_add(problem, "no %saddress: %s",
			    wanted.both_or_none ? "pair of IPv4 and IPv6 "
			    : vips->count > 0   ? "second "
						: "",
			    error.text);
	tell_kept(ledger, &request, vips, problem);
	vips_sort(vips);
	return 0;
}

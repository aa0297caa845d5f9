/* SPDX-License-Identifier: BSD-2-Clause */
/* vips.c - the addresses of a Service, and the ledger of those that objects name. */
#include "model/vips.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "model/pool.h"
#include "model/problem.h"

struct named_address {
	struct table_node node;
	struct address address;
	size_t user_count;
};

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

static void destroy_named(struct table_node *node)
{
	free(TABLE_OWNER(node, struct named_address, node));
}

void vip_ledger_finish(struct vip_ledger *ledger)
{
	table_finish(&ledger->named, destroy_named);
}

static struct named_address *find_named(const struct vip_ledger *ledger,
					const struct address *address, uint64_t hash)
{
	struct table_node *node = table_first(&ledger->named, hash);

	for (; node; node = table_next(node)) {
		struct named_address *named = TABLE_OWNER(node, struct named_address, node);

		if (address_compare(&named->address, address) == 0)
			return named;
	}
	return NULL;
}

/* -EADDRINUSE, with a sentence, when the pool has assigned the address to a Service. */
static int ledger_add(struct vip_ledger *ledger, const struct address *address, struct error *error)
{
	char text[ADDRESS_TEXT_SIZE];
	uint64_t hash = table_hash_text(0, address_format(address, text));
	struct named_address *named = find_named(ledger, address, hash);
	int r;

	if (named) {
		named->user_count++;
		return 0;
	}
	r = pool_reserve(ledger->pool, text, address, false, error);
	if (r < 0)
		return r;
	named = calloc(1, sizeof(*named));
	if (!named || table_insert(&ledger->named, &named->node, hash) < 0) {
		pool_release(ledger->pool, text);
		free(named);
		return -ENOMEM;
	}
	named->address = *address;
	named->user_count = 1;
	return 0;
}

static void ledger_remove(struct vip_ledger *ledger, const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];
	uint64_t hash = table_hash_text(0, address_format(address, text));
	struct named_address *named = find_named(ledger, address, hash);

	if (!named || --named->user_count > 0)
		return;
	pool_release(ledger->pool, text);
	table_remove(&ledger->named, &named->node);
	free(named);
	ledger->freed = true;
}

static struct named_list named_by(const struct service_object *service)
{
	if (service->ingress_count > 0)
		return (struct named_list){ service->ingress, service->ingress_count,
					    "status.loadBalancer.ingress" };
	if (service->has_load_balancer_ip)
		return (struct named_list){ &service->load_balancer_ip, 1, "spec.loadBalancerIP" };
	return (struct named_list){ service->requested, service->requested_count,
				    "annotation guideway.dev/addresses" };
}

/* The families a Service wants from the pool. */
static struct families wanted_families(const struct vip_ledger *ledger,
				       const struct service_object *service)
{
	bool ipv4 = service->family_ipv4, ipv6 = service->family_ipv6;
	bool listed = ipv4 || ipv6;

	/* The API server lists both for RequireDualStack, and requires both when both are listed.
	 */
	if (service->require_dual_stack || (ipv4 && ipv6 && !service->prefer_dual_stack))
		return (struct families){ true, true, true };
	if (service->prefer_dual_stack)
		return (struct families){ ipv4 || !listed, ipv6 || !listed, false };
	if (!listed) {
		ipv4 = pool_has_family(ledger->pool, true) || !pool_has_family(ledger->pool, false);
		ipv6 = !ipv4;
	}
	return (struct families){ ipv4, ipv6, false };
}

static void forget(struct vips *vips)
{
	free(vips->items);
	*vips = (struct vips){ 0 };
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

int vips_give_back(struct vip_ledger *ledger, const char *owner,
		   const struct service_object *service, struct vips *vips)
{
	bool wants_pool = service && named_by(service).count == 0;
	struct families wanted;

	vips->starved = false;
	if (vips->origin == VIP_ORIGIN_NAMED) {
		for (size_t i = 0; i < vips->count; i++)
			ledger_remove(ledger, &vips->items[i]);
		forget(vips);
	}
	if (!wants_pool) {
		/* Also what an earlier run of the agent was assigned. */
		pool_release(ledger->pool, owner);
		ledger->freed = true;
		forget(vips);
		return 0;
	}
	wanted = wanted_families(ledger, service);
	if (vips->origin == VIP_ORIGIN_POOL && holds_unwanted(vips, wanted))
		return give_back_unwanted(ledger, owner, vips, wanted);
	return 0;
}

static bool family_is_listed(const struct service_object *service, bool ipv4)
{
	if (!service->family_ipv4 && !service->family_ipv6)
		return true;
	return ipv4 ? service->family_ipv4 : service->family_ipv6;
}

static bool contains(const struct vips *vips, const struct address *address)
{
	for (size_t i = 0; i < vips->count; i++)
		if (address_compare(&vips->items[i], address) == 0)
			return true;
	return false;
}

static int take_named(struct vip_ledger *ledger, const struct service_object *service,
		      const struct address *address, struct vips *vips, struct error *error)
{
	bool ipv4 = address_is_ipv4(address);
	char text[ADDRESS_TEXT_SIZE];
	int r;

	r = address_check_usable(address, error);
	if (r < 0)
		return r;
	if (!family_is_listed(service, ipv4))
		return error_set(error, -EAFNOSUPPORT, "%s is %s, which spec.ipFamilies has not",
				 address_format(address, text), ipv4 ? "IPv4" : "IPv6");
	r = ledger_add(ledger, address, error);
	if (r == 0)
		vips->items[vips->count++] = *address;
	return r;
}

int vips_take_named(struct vip_ledger *ledger, const struct service_object *service,
		    struct vips *vips, struct problem *problem)
{
	struct named_list named = named_by(service);

	if (named.count == 0)
		return 0;
	vips->items = calloc(named.count, sizeof(*vips->items));
	if (!vips->items)
		return -ENOMEM;
	vips->origin = VIP_ORIGIN_NAMED;
	for (size_t i = 0; i < named.count; i++) {
		struct error error = { 0 };
		int r;

		if (contains(vips, &named.items[i]))
			continue;
		r = take_named(ledger, service, &named.items[i], vips, &error);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			problem_add(problem, "%s: %s", named.field, error.text);
		vips->starved |= r == -EADDRINUSE;
	}
	qsort(vips->items, vips->count, sizeof(*vips->items), address_compare_first);
	return 0;
}

static int assign_family(struct vip_ledger *ledger, const char *owner, bool ipv4, struct vips *vips,
			 struct error *error)
{
	int r = pool_assign(ledger->pool, owner, ipv4, &vips->items[vips->count], error);

	if (r == 0)
		vips->count++;
	return r;
}

static int assign_wanted(struct vip_ledger *ledger, const char *owner, struct families wanted,
			 struct vips *vips, struct error *error)
{
	int ipv4 = 0, ipv6 = 0;

	vips->count = 0;
	if (wanted.ipv4)
		ipv4 = assign_family(ledger, owner, true, vips, error);
	if (wanted.ipv6 && ipv4 != -ENOMEM)
		ipv6 = assign_family(ledger, owner, false, vips, error);
	if (ipv4 == -ENOMEM || ipv6 == -ENOMEM)
		return -ENOMEM;
	vips->starved = ipv4 == -ENOSPC || ipv6 == -ENOSPC;
	if (wanted.both_or_none && vips->count < 2) {
		pool_release(ledger->pool, owner);
		ledger->freed |= vips->count > 0;
		vips->count = 0;
	}
	return 0;
}

int vips_take_from_pool(struct vip_ledger *ledger, const char *owner,
			const struct service_object *service, struct vips *vips,
			struct problem *problem)
{
	struct families wanted = wanted_families(ledger, service);
	struct error error = { 0 };
	int r;

	if (named_by(service).count > 0)
		return 0;
	if (!vips->items)
		vips->items = calloc(2, sizeof(*vips->items));
	if (!vips->items)
		return -ENOMEM;
	vips->origin = VIP_ORIGIN_POOL;
	r = assign_wanted(ledger, owner, wanted, vips, &error);
	if (r < 0)
		return r;
	/* PreferDualStack is content with the family that the pool has. */
	if (vips->count == 0 || vips->starved)
		problem_add(problem, "no %saddress: %s",
			    wanted.both_or_none ? "pair of IPv4 and IPv6 "
			    : vips->count > 0   ? "second "
						: "",
			    error.text);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* vips_external.c - the addresses that a Service says are routed to it, if the operator agrees. */
#include <errno.h>
#include <stdlib.h>

#include "lib/error.h"
#include "model/pool.h"
#include "model/problem.h"
#include "model/vips.h"

bool vips_may_be_external(const struct address *address, const struct prefix_list *ranges)
{
	for (size_t i = 0; i < ranges->count; i++)
		if (prefix_contains(&ranges->items[i], address))
			return true;
	return false;
}

/* One that a pool gave this very Service is served already. */
static int take_external(struct vip_ledger *ledger, const char *owner,
			 const struct prefix_list *ranges, const struct address *address,
			 struct vips *vips, struct error *error)
{
	char text[ADDRESS_TEXT_SIZE];
	int r;

	if (vips_contain(vips, address) || pool_is_assigned(ledger->pool, owner, address))
		return 0;
	if (!vips_may_be_external(address, ranges))
		return error_set(error, -EPERM, "%s lies in no --external-ip-range",
				 address_format(address, text));
	r = vip_ledger_add(ledger, address, error);
	if (r == 0)
		vips->items[vips->count++] = *address;
	return r;
}

int vips_take_external(struct vip_ledger *ledger, const char *owner,
		       const struct service_object *service, const struct prefix_list *ranges,
		       struct vips *vips, struct problem *problem)
{
	vips->origin = VIP_ORIGIN_EXTERNAL;
	vips->items = calloc(service->external_ip_count, sizeof(*vips->items));
	if (!vips->items)
		return -ENOMEM;
	for (size_t i = 0; i < service->external_ip_count; i++) {
		struct error error = { 0 };
		int r = take_external(ledger, owner, ranges, &service->external_ips[i], vips,
				      &error);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			problem_add(problem, "spec.externalIPs[%zu]: %s", i, error.text);
		vips->starved |= r == -EADDRINUSE;
	}
	vips_sort(vips);
	return 0;
}

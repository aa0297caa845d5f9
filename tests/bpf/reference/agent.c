// SPDX-License-Identifier: BSD-2-Clause
/*
 * agent.c - what changes between packets: owners of slots, and backends that die, drain and come
 * back. Nothing here keeps flows where they are, as the real agent would: only that model and
 * program do the same is asked.
 */
#include "reference/agent.h"

static struct gw_service *changing_service(struct tables *tables, struct random *random)
{
	struct gw_service *service;

	do
		service = &tables->services[random_below(random, tables->service_count)].service;
	while (service->base_offset == service->slot_offset);
	return service;
}

static uint32_t some_slot(const struct gw_service *service, struct random *random, bool of_base)
{
	if (of_base)
		return service->base_offset + random_below(random, service->base_count);
	return service->slot_offset + random_below(random, service->slot_count);
}

/* One that some slot names. */
static uint32_t some_backend(const struct tables *tables, const struct gw_service *service,
			     struct random *random)
{
	bool of_base = random_below(random, 2);

	return tables->slots[some_slot(service, random, of_base)].owner & ~GW_SLOT_TRACK;
}

static void change_owner(struct tables *tables, struct kernel *kernel,
			 const struct gw_service *service, struct random *random)
{
	bool of_base = random_below(random, 2);
	uint32_t index = some_slot(service, random, of_base);
	struct gw_slot *slot = &tables->slots[index];

	slot->owner = (slot->owner & GW_SLOT_TRACK) | some_backend(tables, service, random);
	kernel_set_slot(kernel, tables, index);
}

static void change_backend(struct tables *tables, struct kernel *kernel,
			   const struct gw_service *service, struct random *random)
{
	uint32_t id = some_backend(tables, service, random);
	struct gw_backend *backend = &tables->backends[id];

	if (id == GW_NONE)
		return;
	if (random_below(random, 2))
		backend->flags ^= GW_BACKEND_DRAINING;
	else
		backend->service = backend->service ? 0 : service->id;
	kernel_set_backend(kernel, tables, id);
}

void agent_act(struct tables *tables, struct kernel *kernel, struct random *random)
{
	const struct gw_service *service = changing_service(tables, random);

	if (random_below(random, 2))
		change_owner(tables, kernel, service, random);
	else
		change_backend(tables, kernel, service, random);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.c - owns the map address_filter: a cell has the flags of every address that falls
 * into it, at any moment. One flag too many costs a lookup; one too few loses packets.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <guideway/address_filter.h>

#include "guideway.skel.h"
#include "lib/error.h"

int filter_map(struct datapath *datapath, struct error *error)
{
	datapath->filter = map_whole(datapath->skeleton->maps.address_filter);
	if (!datapath->filter)
		return error_set(error, -errno, "map address_filter: cannot map it: %s",
				 strerror(errno));
	return 0;
}

void filter_unmap(struct datapath *datapath)
{
	if (datapath->filter)
		(void)munmap(datapath->filter, sizeof(*datapath->filter));
}

static uint32_t cell_of(const struct address *address)
{
	struct gw_addr key;

	abi_address(address, &key);
	return gw_filter_cell(&key);
}

static void set_cell(struct datapath *datapath, uint32_t cell, uint8_t flags)
{
	uint8_t *stored = &datapath->filter->flags[cell];

	if (*stored != flags)
		__atomic_store_n(stored, flags, __ATOMIC_RELEASE);
}

void filter_add(struct datapath *datapath, const struct address *address, uint32_t flags)
{
	uint32_t cell = cell_of(address);

	set_cell(datapath, cell, datapath->filter->flags[cell] | (uint8_t)flags);
}

void filter_recompute(struct datapath *datapath, const struct address *address)
{
	uint32_t cell = cell_of(address), flags = 0;

	for (size_t i = 0; i < datapath->address_count; i++)
		if (cell_of(&datapath->addresses[i].address) == cell)
			flags |= datapath->addresses[i].flags;
	set_cell(datapath, cell, (uint8_t)flags);
}

int filter_rebuild(struct datapath *datapath, struct error *error)
{
	uint8_t *wanted = calloc(1, GW_FILTER_CELLS);

	if (!wanted)
		return error_set(error, -ENOMEM, "no memory for the address filter");
	for (size_t i = 0; i < datapath->address_count; i++)
		wanted[cell_of(&datapath->addresses[i].address)] |=
			(uint8_t)datapath->addresses[i].flags;
	for (uint32_t cell = 0; cell < GW_FILTER_CELLS; cell++)
		set_cell(datapath, cell, wanted[cell]);
	free(wanted);
	return 0;
}

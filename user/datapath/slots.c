/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots.c - tables in the slots map. The kernel puts every page of a mapping in place
 * at once, so only the window of one table is mapped, and only while it is used.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "guideway.skel.h"
#include "lib/error.h"

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int window_map(const struct datapath *datapath, uint32_t offset, uint32_t count,
		      int protection, struct gw_slot **ret, struct error *error)
{
	size_t first = (size_t)offset * sizeof(struct gw_slot);
	size_t start = first & ~(page_bytes() - 1);
	size_t length = first - start + (size_t)count * sizeof(struct gw_slot);
	char *window = mmap(NULL, length, protection, MAP_SHARED,
			    bpf_map__fd(datapath->skeleton->maps.slots), (off_t)start);

	if (window == MAP_FAILED)
		return error_set(error, -errno, "slots %u to %u: cannot map them: %s", offset,
				 offset + count, strerror(errno));
	*ret = (struct gw_slot *)(window + (first - start));
	return 0;
}

static void window_unmap(const struct gw_slot *slots, uint32_t count)
{
	uintptr_t first = (uintptr_t)slots;
	uintptr_t start = first & ~(uintptr_t)(page_bytes() - 1);

	(void)munmap((void *)start, first - start + (size_t)count * sizeof(*slots));
}

int slots_open(const struct datapath *datapath, uint32_t offset, uint32_t count,
	       struct slot_table *ret, struct error *error)
{
	int r = 0;

	*ret = (struct slot_table){ .count = count };
	if (count)
		r = window_map(datapath, offset, count, PROT_READ | PROT_WRITE, &ret->slots, error);
	return r;
}

void slots_close(struct slot_table table)
{
	if (table.slots)
		window_unmap(table.slots, table.count);
}

void slots_count(struct datapath *datapath, struct slot_table table)
{
	for (uint32_t slot = 0; slot < table.count; slot++) {
		uint32_t owner = slot_owner_id(table.slots[slot]);

		if (owner < GW_BACKEND_MAX)
			datapath->slot_counts[owner]++;
	}
}

uint32_t slots_take_count(struct datapath *datapath, uint32_t backend_id)
{
	uint32_t count = datapath->slot_counts[backend_id];

	datapath->slot_counts[backend_id] = 0;
	return count;
}

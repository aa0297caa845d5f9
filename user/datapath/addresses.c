/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addresses.c - owns the map addresses: VIPs, the source addresses of snat and the backends
 * of dnat.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "guideway.skel.h"
#include "lib/error.h"
#include "lib/sorted.h"

static size_t position(const struct datapath *datapath, const struct address *address)
{
	return sorted_position(address, datapath->addresses, datapath->address_count,
			       sizeof(*datapath->addresses), address_compare_first);
}

static bool stands_at(const struct datapath *datapath, const struct address *address, size_t at)
{
	return at < datapath->address_count &&
	       address_compare(&datapath->addresses[at].address, address) == 0;
}

static int insert(struct datapath *datapath, size_t at, const struct address *address)
{
	if (array_reserve((void **)&datapath->addresses, &datapath->address_room,
			  datapath->address_count + 1, sizeof(*datapath->addresses)) < 0)
		return -ENOMEM;
	memmove(&datapath->addresses[at + 1], &datapath->addresses[at],
		(datapath->address_count - at) * sizeof(*datapath->addresses));
	datapath->addresses[at] = (struct placed_address){ .address = *address };
	datapath->address_count++;
	return 0;
}

static void erase(struct datapath *datapath, size_t at)
{
	datapath->address_count--;
	memmove(&datapath->addresses[at], &datapath->addresses[at + 1],
		(datapath->address_count - at) * sizeof(*datapath->addresses));
}

static bool is_own(const struct datapath *datapath, const struct address *address)
{
	return datapath->own_address_count &&
	       bsearch(address, datapath->own_addresses, datapath->own_address_count,
		       sizeof(*address), address_compare_first);
}

/* Makes the map say what placed says. */
static int store(struct datapath *datapath, const struct placed_address *placed,
		 struct error *error)
{
	struct bpf_map *map = datapath->skeleton->maps.addresses;
	struct gw_addr key;
	uint32_t flags = placed->flags;
	char text[ADDRESS_TEXT_SIZE];
	int r;

	abi_address(&placed->address, &key);
	if ((flags & GW_ADDRESS_VIP) && is_own(datapath, &placed->address))
		flags |= GW_ADDRESS_LOCAL;
	if (flags)
		r = bpf_map__update_elem(map, &key, sizeof(key), &flags, sizeof(flags), BPF_ANY);
	else
		r = bpf_map__delete_elem(map, &key, sizeof(key), 0);
	if (r == -E2BIG)
		return error_set(error, -ENOSPC, "map addresses: %u entries, the most there can be",
				 GW_ADDRESS_MAX);
	if (r < 0 && r != -ENOENT)
		return error_set(error, r, "map addresses: cannot write %s: %s",
				 address_format(&placed->address, text), strerror(-r));
	return 0;
}

int addresses_set_flags(struct datapath *datapath, const struct address *address, uint32_t add,
			uint32_t remove, struct error *error)
{
	size_t at = position(datapath, address);
	struct placed_address changed = { .address = *address };
	bool known = stands_at(datapath, address, at);
	int r;

	if (known)
		changed = datapath->addresses[at];
	changed.flags = (changed.flags | add) & ~remove;
	if (!known && insert(datapath, at, address) < 0)
		return error_set(error, -ENOMEM, "no memory for an address");
	/* The filter knows before the map does, and for as long. */
	filter_add(datapath, address, changed.flags);
	r = store(datapath, &changed, error);
	if (r == 0)
		datapath->addresses[at] = changed;
	if (datapath->addresses[at].flags == 0)
		erase(datapath, at);
	if (remove || r < 0)
		filter_recompute(datapath, address);
	return r;
}

int addresses_add_reply(struct datapath *datapath, const struct address *address,
			struct error *error)
{
	size_t at = position(datapath, address);
	int r;

	if (!stands_at(datapath, address, at) ||
	    !(datapath->addresses[at].flags & GW_ADDRESS_BACKEND)) {
		r = addresses_set_flags(datapath, address, GW_ADDRESS_BACKEND, 0, error);
		if (r < 0)
			return r;
	}
	datapath->addresses[at].reply_count++;
	return 0;
}

void addresses_remove_reply(struct datapath *datapath, const struct address *address)
{
	size_t at = position(datapath, address);

	/* One flag too many costs a lookup, so a failure does no harm. */
	if (stands_at(datapath, address, at) && --datapath->addresses[at].reply_count == 0)
		(void)addresses_set_flags(datapath, address, 0, GW_ADDRESS_BACKEND, NULL);
}

void addresses_drop_unused(struct datapath *datapath)
{
	size_t at = datapath->address_count;

	while (at-- > 0) {
		const struct placed_address placed = datapath->addresses[at];

		if (placed.flags & GW_ADDRESS_BACKEND && placed.reply_count == 0)
			(void)addresses_set_flags(datapath, &placed.address, 0, GW_ADDRESS_BACKEND,
						  NULL);
	}
}

int addresses_adopt(struct datapath *datapath, struct error *error)
{
	struct bpf_map *map = datapath->skeleton->maps.addresses;
	struct gw_addr key, next = { 0 };
	const struct gw_addr *previous = NULL;

	while (bpf_map__get_next_key(map, previous, &next, sizeof(next)) == 0) {
		struct address address;
		uint32_t flags = 0;
		size_t at;

		key = next;
		previous = &key;
		if (bpf_map__lookup_elem(map, &key, sizeof(key), &flags, sizeof(flags), 0) < 0)
			continue;
		address_from_abi(&key, &address);
		at = position(datapath, &address);
		if (insert(datapath, at, &address) < 0)
			return error_set(error, -ENOMEM, "no memory for an address");
		datapath->addresses[at].flags = flags & ~(uint32_t)GW_ADDRESS_LOCAL;
	}
	return filter_rebuild(datapath, error);
}

void addresses_free(struct datapath *datapath)
{
	free(datapath->addresses);
	free(datapath->own_addresses);
	free(datapath->vips);
}

int datapath_add_vip(struct datapath *datapath, const struct address *vip, struct error *error)
{
	return addresses_set_flags(datapath, vip, GW_ADDRESS_VIP, 0, error);
}

int datapath_remove_vip(struct datapath *datapath, const struct address *vip, struct error *error)
{
	return addresses_set_flags(datapath, vip, 0, GW_ADDRESS_VIP, error);
}

int datapath_set_own_addresses(struct datapath *datapath, const struct address *addresses,
			       size_t count, struct error *error)
{
	struct address *copy = calloc(count + 1, sizeof(*copy));

	if (!copy)
		return error_set(error, -ENOMEM, "no memory for the host's own addresses");
	if (count)
		memcpy(copy, addresses, count * sizeof(*copy));
	free(datapath->own_addresses);
	datapath->own_addresses = copy;
	datapath->own_address_count = count;
	for (size_t i = 0; i < datapath->address_count; i++) {
		int r;

		if (!(datapath->addresses[i].flags & GW_ADDRESS_VIP))
			continue;
		r = store(datapath, &datapath->addresses[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

size_t datapath_vips(struct datapath *datapath, const struct address **ret_vips)
{
	struct address *vips =
		realloc(datapath->vips, (datapath->address_count + 1) * sizeof(*vips));
	size_t count = 0;

	*ret_vips = datapath->vips;
	if (!vips)
		return 0;
	datapath->vips = vips;
	for (size_t i = 0; i < datapath->address_count; i++)
		if (datapath->addresses[i].flags & GW_ADDRESS_VIP)
			vips[count++] = datapath->addresses[i].address;
	*ret_vips = vips;
	return count;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gateways.c - owns the map gateways: source addresses for snat. Only appended to while
 * anything is pinned, so that replies to an address that is no longer used still find
 * their clients. The flows themselves look for their port anew in another set of addresses.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "guideway.skel.h"
#include "lib/error.h"

int gateways_adopt(struct datapath *datapath, struct error *error)
{
	static const struct address none;

	for (uint32_t i = 0; i < GW_GATEWAY_MAX; i++) {
		struct gw_addr entry = { 0 };

		if (bpf_map__lookup_elem(datapath->skeleton->maps.gateways, &i, sizeof(i), &entry,
					 sizeof(entry), 0) < 0)
			return error_set(error, -errno, "map gateways: cannot read entry %u: %s", i,
					 strerror(errno));
		address_from_abi(&entry, &datapath->gateways[i]);
		if (address_compare(&datapath->gateways[i], &none) == 0)
			break;
		datapath->gateway_count = i + 1;
	}
	return 0;
}

static int append(struct datapath *datapath, const struct address *address, struct error *error)
{
	uint32_t index = datapath->gateway_count;
	struct gw_addr entry;
	char text[ADDRESS_TEXT_SIZE];
	int r;

	if (index == GW_GATEWAY_MAX)
		return error_set(error, -ENOSPC,
				 "source address %s: there are %u already, the most there can be",
				 address_format(address, text), GW_GATEWAY_MAX);
	/* Replies must be recognised before the first packet asks for one. */
	r = addresses_set_flags(datapath, address, GW_ADDRESS_GATEWAY, 0, error);
	if (r < 0)
		return r;
	abi_address(address, &entry);
	if (bpf_map__update_elem(datapath->skeleton->maps.gateways, &index, sizeof(index), &entry,
				 sizeof(entry), BPF_ANY) < 0)
		return error_set(error, -errno, "map gateways: cannot write entry %u: %s", index,
				 strerror(errno));
	datapath->gateways[index] = *address;
	datapath->gateway_count++;
	return 0;
}

/* The first index of this very run of addresses; appended when it is not there. */
static int place_run(struct datapath *datapath, const struct address *addresses, uint32_t count,
		     uint32_t *ret_first, struct error *error)
{
	uint32_t first;
	int r;

	for (first = 0; first + count <= datapath->gateway_count; first++) {
		if (memcmp(&datapath->gateways[first], addresses, count * sizeof(*addresses)) == 0)
			goto found;
	}
	first = datapath->gateway_count;
	for (uint32_t i = 0; i < count; i++) {
		r = append(datapath, &addresses[i], error);
		if (r < 0)
			return r;
	}
found:
	*ret_first = first;
	return 0;
}

int gateways_for(struct datapath *datapath, const struct next_hop *next_hop, uint16_t *ret_first,
		 uint16_t *ret_count, struct error *error)
{
	bool ipv4 = next_hop->has_source && address_is_ipv4(&next_hop->source);
	uint32_t first;
	int r;

	*ret_first = 0;
	*ret_count = 0;
	if (!next_hop->has_source)
		ipv4 = address_is_ipv4(&next_hop->neighbour);
	if (datapath->set_count[ipv4]) {
		*ret_first = (uint16_t)datapath->set_first[ipv4];
		*ret_count = (uint16_t)datapath->set_count[ipv4];
		return 0;
	}
	if (!next_hop->has_source)
		return 0;
	r = place_run(datapath, &next_hop->source, 1, &first, error);
	if (r < 0)
		return r;
	*ret_first = (uint16_t)first;
	*ret_count = 1;
	return 0;
}

int datapath_set_gateway_addresses(struct datapath *datapath, const struct address *addresses,
				   size_t count, struct error *error)
{
	struct address family[2][GW_GATEWAY_MAX];
	uint32_t counts[2] = { 0, 0 };

	if (count > GW_GATEWAY_MAX)
		return error_set(error, -ENOSPC, "%zu source addresses, expected at most %u", count,
				 GW_GATEWAY_MAX);
	for (size_t i = 0; i < count; i++) {
		bool ipv4 = address_is_ipv4(&addresses[i]);

		family[ipv4][counts[ipv4]++] = addresses[i];
	}
	for (int ipv4 = 0; ipv4 < 2; ipv4++) {
		int r = place_run(datapath, family[ipv4], counts[ipv4], &datapath->set_first[ipv4],
				  error);

		if (r < 0)
			return r;
		datapath->set_count[ipv4] = counts[ipv4];
	}
	return 0;
}

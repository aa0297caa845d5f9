/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * placed.h - what the agent has placed in a datapath's maps, looked up where it stands.
 * Include after cmocka.h.
 */
#ifndef TESTS_BPF_PLACED_H
#define TESTS_BPF_PLACED_H

#include <arpa/inet.h>

#include <bpf/libbpf.h>
#include <guideway/address_filter.h>

#include "datapath/internal.h"
#include "guideway.skel.h"
#include "tables.h"

#define VIP "192.0.2.1"
#define VIP_B "192.0.2.2"
#define VIP6 "2001:db8::1"

static inline struct service_key key_of(const char *vip)
{
	return (struct service_key){ address(vip), 80, PROTOCOL_TCP };
}

static inline const struct placed_service *placed(struct datapath *datapath, const char *vip)
{
	const struct service_key key = key_of(vip);
	const struct placed_service *found = services_find(datapath, &key);

	assert_non_null(found);
	return found;
}

/* What the map has, which the agent's memory must agree with. */
static inline struct gw_service entry_of(struct datapath *datapath, const char *vip)
{
	const struct socket_maps maps = services_maps(datapath);
	const struct service_key key = key_of(vip);
	struct gw_service entry;

	assert_int_equal(sockets_get(&maps, &key, &entry, NULL), 0);
	assert_memory_equal(&entry, &placed(datapath, vip)->entry, sizeof(entry));
	return entry;
}

static inline uint32_t id_of_backend(struct datapath *datapath, const char *vip, const char *text)
{
	const struct backend backend = { address(text), 8080, 1, BACKEND_READY };
	const struct placed_backend *found = services_find_backend(placed(datapath, vip), &backend);

	assert_non_null(found);
	return found->id;
}

static inline void remove_service(struct datapath *datapath, const char *vip)
{
	const struct service_key key = key_of(vip);

	assert_int_equal(datapath_remove_service(datapath, &key, NULL), 0);
}

static inline void add_range(struct service *service, const char *text)
{
	service->has_source_ranges = true;
	assert_int_equal(
		prefix_parse(text, &service->source_ranges[service->source_range_count++], NULL),
		0);
}

static inline size_t count_ranges(const struct datapath *datapath)
{
	struct source_ranges ranges;

	assert_int_equal(sources_read(datapath, &ranges, NULL), 0);
	free(ranges.items);
	return ranges.count;
}

static inline uint8_t filter_of(const struct datapath *datapath, const char *text)
{
	const struct address of = address(text);
	struct gw_addr key;

	abi_address(&of, &key);
	return datapath->filter->flags[gw_filter_cell(&key)];
}

static inline void set_in_mode(struct datapath *datapath, const char *vip,
			       enum forwarding_mode mode, size_t backend_count)
{
	struct service *service = make_service(vip, three, backend_count);

	service->mode = mode;
	set_service(datapath, service);
}

static inline struct service *with_many_ranges(const char *vip, size_t count)
{
	struct service *service = make_service(vip, three, 1);
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(text, sizeof(text), "100.%zu.%zu.0/24", i / 256, i % 256);
		add_range(service, text);
	}
	return service;
}

#endif

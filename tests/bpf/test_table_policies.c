/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_table_policies.c - the datapath room against real maps: modes, policies, the filter
 * of addresses and the counters; what a restarted agent makes of them, and of what one left
 * that was killed between two steps.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <time.h>

#include <bpf/libbpf.h>
#include <guideway/address_filter.h>

#include "datapath/internal.h"
#include "guideway.skel.h"
#include "tables.h"

#define VIP "192.0.2.1"
#define VIP_B "192.0.2.2"
#define VIP6 "2001:db8::1"

static struct service_key key_of(const char *vip)
{
	return (struct service_key){ address(vip), 80, PROTOCOL_TCP };
}

static const struct placed_service *placed(struct datapath *datapath, const char *vip)
{
	const struct service_key key = key_of(vip);
	const struct placed_service *found = services_find(datapath, &key);

	assert_non_null(found);
	return found;
}

/* What the map has, which the agent's memory must agree with. */
static struct gw_service entry_of(struct datapath *datapath, const char *vip)
{
	const struct socket_maps maps = services_maps(datapath);
	const struct service_key key = key_of(vip);
	struct gw_service entry;

	assert_int_equal(sockets_get(&maps, &key, &entry, NULL), 0);
	assert_memory_equal(&entry, &placed(datapath, vip)->entry, sizeof(entry));
	return entry;
}

static uint32_t id_of_backend(struct datapath *datapath, const char *vip, const char *text)
{
	const struct backend backend = { address(text), 8080, 1, BACKEND_READY };
	const struct placed_backend *found = services_find_backend(placed(datapath, vip), &backend);

	assert_non_null(found);
	return found->id;
}

static void remove_service(struct datapath *datapath, const char *vip)
{
	const struct service_key key = key_of(vip);

	assert_int_equal(datapath_remove_service(datapath, &key, NULL), 0);
}

static void add_range(struct service *service, const char *text)
{
	service->has_source_ranges = true;
	assert_int_equal(
		prefix_parse(text, &service->source_ranges[service->source_range_count++], NULL),
		0);
}

static size_t count_ranges(const struct datapath *datapath)
{
	struct source_ranges ranges;

	assert_int_equal(sources_read(datapath, &ranges, NULL), 0);
	free(ranges.items);
	return ranges.count;
}

static bool is_admitted(struct datapath *datapath, const char *vip, const char *source)
{
	const struct address from = address(source);
	struct gw_source_key key = { .bits = 160,
				     .set = htonl(entry_of(datapath, vip).source_set) };
	uint32_t value;

	abi_address(&from, &key.address);
	return bpf_map__lookup_elem(datapath->skeleton->maps.sources, &key, sizeof(key), &value,
				    sizeof(value), 0) == 0;
}

static uint8_t filter_of(const struct datapath *datapath, const char *text)
{
	const struct address of = address(text);
	struct gw_addr key;

	abi_address(&of, &key);
	return datapath->filter->flags[gw_filter_cell(&key)];
}

static void set_in_mode(struct datapath *datapath, const char *vip, enum forwarding_mode mode,
			size_t backend_count)
{
	struct service *service = make_service(vip, three, backend_count);

	service->mode = mode;
	set_service(datapath, service);
}

static void every_mode_reaches_the_map_of_its_family(void **state)
{
	static const uint8_t modes[] = { GW_MODE_SNAT, GW_MODE_DNAT, GW_MODE_L2, GW_MODE_IPIP,
					 GW_MODE_GUE };
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	for (int i = 0; i < 5; i++) {
		enum forwarding_mode mode = (enum forwarding_mode)(FORWARDING_MODE_SNAT + i);
		char line[64];

		set_in_mode(datapath, VIP, mode, 2);
		set_in_mode(datapath, VIP6, mode, 2);
		assert_int_equal(entry_of(datapath, VIP).mode, modes[i]);
		assert_int_equal(entry_of(datapath, VIP6).mode, modes[i]);
		(void)snprintf(line, sizeof(line), "service [" VIP6 "]:80/TCP mode %s slots ",
			       forwarding_mode_name(mode));
		assert_dump_has(datapath, line);
	}
	datapath_close(datapath);
}

static void a_policy_alone_changes_neither_the_table_nor_ids(void **state)
{
	struct datapath *datapath;
	struct gw_service before, after;
	struct service *service;
	uint32_t backend;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	set(datapath, VIP, three, 3);
	before = entry_of(datapath, VIP);
	backend = id_of_backend(datapath, VIP, "10.0.0.2");

	service = make_service(VIP, three, 3);
	service->mode = FORWARDING_MODE_IPIP;
	service->affinity = true;
	service->affinity_timeout_s = 600;
	service->flows_per_second = 1000;
	service->tcp_mss = 1360;
	add_range(service, "10.0.0.0/8");
	set_service(datapath, service);
	after = entry_of(datapath, VIP);
	assert_int_equal(after.slot_offset, before.slot_offset);
	assert_int_equal(after.slot_count, before.slot_count);
	assert_int_equal(after.id, before.id);
	assert_int_equal(id_of_backend(datapath, VIP, "10.0.0.2"), backend);
	assert_int_equal(after.flow_cost_ns, 1000000);
	assert_int_equal(after.tcp_mss, 1360);
	assert_int_equal(after.affinity_timeout_s, 600);
	assert_int_equal(after.flags, GW_SERVICE_AFFINITY | GW_SERVICE_SOURCES);
	assert_dump_has(datapath, " affinity 600 s sources 1 ");
	assert_dump_has(datapath, " new-flow 1000000 ns mss 1360\n");

	set(datapath, VIP, three, 3);
	after = entry_of(datapath, VIP);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_int_equal(count_ranges(datapath), 0);
	datapath_close(datapath);
}

static void ranges_admit_their_sources_and_are_replaced_as_a_whole(void **state)
{
	struct datapath *datapath;
	struct service *service;
	uint32_t set_before;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	service = make_service(VIP, three, 1);
	add_range(service, "10.0.0.0/8");
	add_range(service, "203.0.113.7/32");
	set_service(datapath, service);
	set_before = entry_of(datapath, VIP).source_set;
	assert_true(is_admitted(datapath, VIP, "10.200.0.1"));
	assert_true(is_admitted(datapath, VIP, "203.0.113.7"));
	assert_false(is_admitted(datapath, VIP, "203.0.113.8"));

	service = make_service(VIP, three, 1);
	add_range(service, "203.0.113.0/24");
	set_service(datapath, service);
	assert_int_not_equal(entry_of(datapath, VIP).source_set, set_before);
	assert_true(is_admitted(datapath, VIP, "203.0.113.8"));
	assert_false(is_admitted(datapath, VIP, "10.200.0.1"));
	assert_int_equal(count_ranges(datapath), 1);

	/* The same for another family, and for nobody. */
	service = make_service(VIP6, three, 1);
	add_range(service, "2001:db8:7::/48");
	set_service(datapath, service);
	assert_true(is_admitted(datapath, VIP6, "2001:db8:7::1"));
	assert_false(is_admitted(datapath, VIP6, "2001:db8:8::1"));
	service = make_service(VIP6, three, 1);
	service->has_source_ranges = true;
	set_service(datapath, service);
	assert_false(is_admitted(datapath, VIP6, "2001:db8:7::1"));
	assert_int_equal(entry_of(datapath, VIP6).flags, GW_SERVICE_SOURCES);
	assert_int_equal(count_ranges(datapath), 1);
	remove_service(datapath, VIP);
	assert_int_equal(count_ranges(datapath), 0);
	datapath_close(datapath);
}

static struct service *with_many_ranges(const char *vip, size_t count)
{
	struct service *service = make_service(vip, three, 1);
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(text, sizeof(text), "100.%zu.%zu.0/24", i / 256, i % 256);
		add_range(service, text);
	}
	return service;
}

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void services_with_the_same_ranges_share_them(void **state)
{
	struct datapath *datapath;
	double start;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	start = now_s();
	set_service(datapath, with_many_ranges(VIP, 2000));
	print_message("# 2000 ranges: %.1f ms\n", (now_s() - start) * 1e3);
	assert_true(now_s() - start < 1);
	set_service(datapath, with_many_ranges(VIP_B, 2000));
	assert_int_equal(entry_of(datapath, VIP).source_set, entry_of(datapath, VIP_B).source_set);
	assert_int_equal(count_ranges(datapath), 2000);
	remove_service(datapath, VIP);
	assert_int_equal(count_ranges(datapath), 2000);
	assert_true(is_admitted(datapath, VIP_B, "100.7.207.1"));
	remove_service(datapath, VIP_B);
	assert_int_equal(count_ranges(datapath), 0);
	datapath_close(datapath);
}

static void a_restart_changes_no_policy(void **state)
{
	struct datapath *datapath;
	struct service *service;
	struct gw_service before, after;
	char *text_before, *text_after;

	(void)state;
	skip_without_root();
	datapath = attach_datapath();
	set_service(datapath, with_many_ranges(VIP, 2000));
	service = make_service(VIP6, three, 3);
	service->mode = FORWARDING_MODE_DNAT;
	service->affinity = true;
	service->affinity_timeout_s = 7;
	service->tcp_mss = 1300;
	service->flows_per_second = 3;
	set_service(datapath, service_ref(service));
	before = entry_of(datapath, VIP);
	text_before = dump(datapath);

	datapath = reopen_datapath(datapath);
	text_after = dump(datapath);
	assert_string_equal(text_after, text_before);
	free(text_after);
	set_service(datapath, with_many_ranges(VIP, 2000));
	set_service(datapath, service);
	after = entry_of(datapath, VIP);
	assert_memory_equal(&after, &before, sizeof(after));
	text_after = dump(datapath);
	assert_string_equal(text_after, text_before);
	free(text_after);
	free(text_before);

	/* What was adopted can be changed, and removed. */
	set(datapath, VIP, three, 1);
	assert_int_equal(count_ranges(datapath), 0);
	remove_service(datapath, VIP);
	remove_service(datapath, VIP6);
	assert_dump_is(datapath, "");
	datapath_close(datapath);
}

static void full_sources_refuse_a_service_and_keep_its_old_ranges(void **state)
{
	struct datapath *datapath;
	struct error error = { 0 };
	struct service *service;
	struct gw_service before, after;
	uint32_t present = 1;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	service = make_service(VIP, three, 1);
	add_range(service, "10.0.0.0/8");
	set_service(datapath, service);
	before = entry_of(datapath, VIP);
	for (uint32_t i = 1; i < GW_SOURCE_MAX - 1000; i++) {
		struct gw_source_key key = { .bits = 160, .set = htonl(65000) };

		key.address.word[3] = htonl(i);
		assert_int_equal(bpf_map__update_elem(datapath->skeleton->maps.sources, &key,
						      sizeof(key), &present, sizeof(present),
						      BPF_ANY),
				 0);
	}
	service = with_many_ranges(VIP, 2000);
	assert_int_equal(datapath_set_service(datapath, service, &error), -ENOSPC);
	assert_non_null(strstr(error.text, "no room for 2000 source ranges"));
	service_unref(service);
	after = entry_of(datapath, VIP);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_true(is_admitted(datapath, VIP, "10.0.0.1"));
	/* Nothing of the attempt is left: what fits still does. */
	set_service(datapath, with_many_ranges(VIP_B, 990));
	datapath_close(datapath);
}

static void replies_of_a_backend_are_known_by_its_socket(void **state)
{
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 2);
	assert_dump_has(datapath, "address 10.0.0.1 backend\naddress 10.0.0.2 backend\n");
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.1 port 80\n"
				  "reply 10.0.0.2:8080/TCP from 192.0.2.1 port 80\n");
	assert_int_equal(filter_of(datapath, "10.0.0.1"), GW_ADDRESS_BACKEND);
	assert_int_equal(entry_of(datapath, VIP).flags, 0);

	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 1);
	assert_int_equal(filter_of(datapath, "10.0.0.2"), 0);
	assert_dump_has(datapath, "address 10.0.0.1 backend\nservice ");
	set_in_mode(datapath, VIP, FORWARDING_MODE_SNAT, 1);
	assert_int_equal(filter_of(datapath, "10.0.0.1"), 0);
	{
		char *text = dump(datapath);

		assert_null(strstr(text, "reply"));
		assert_null(strstr(text, "address"));
		free(text);
	}
	datapath_close(datapath);
}

static void two_services_on_one_backend_have_their_flows_recorded(void **state)
{
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	datapath = attach_datapath();
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_DNAT, 1);
	assert_int_equal(entry_of(datapath, VIP_B).flags, 0);
	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 2);
	assert_int_equal(entry_of(datapath, VIP_B).flags, GW_SERVICE_RECORD);
	assert_int_equal(entry_of(datapath, VIP).flags, GW_SERVICE_RECORD);
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.1 port 80 recorded\n"
				  "reply 10.0.0.2:8080/TCP from 192.0.2.1 port 80\n");

	/* It stays while one of them has the backend, also for the next agent. */
	remove_service(datapath, VIP);
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.2 port 80 recorded\n");
	datapath = reopen_datapath(datapath);
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_DNAT, 1);
	assert_int_equal(entry_of(datapath, VIP_B).flags, GW_SERVICE_RECORD);
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.2 port 80 recorded\n");

	set(datapath, VIP_B, NULL, 0);
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_DNAT, 1);
	assert_int_equal(entry_of(datapath, VIP_B).flags, 0);
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.2 port 80\n");
	datapath_close(datapath);
}

static void services_in_other_modes_share_a_backend_without_records(void **state)
{
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 1);
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_SNAT, 1);
	set_in_mode(datapath, "192.0.2.3", FORWARDING_MODE_L2, 1);
	assert_int_equal(entry_of(datapath, VIP).flags, 0);
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.1 port 80\n");
	datapath_close(datapath);
}

/* As a killed agent leaves them: no service stands for any of these. */
static void leave_orphans(struct datapath *datapath)
{
	const struct socket_maps maps = replies_maps(datapath);
	const struct service_key socket4 = { address("10.9.9.9"), 8080, PROTOCOL_TCP };
	const struct service_key socket6 = { address("2001:db8:9::9"), 8080, PROTOCOL_UDP };
	const struct gw_source_key range = { .bits = 32 + 104, .set = htonl(77) };
	const struct gw_reply reply = { .port = htons(80), .backend = 999 };
	const uint32_t flags = GW_ADDRESS_BACKEND, present = 1;
	struct gw_addr address_key;

	assert_int_equal(sockets_set(&maps, &socket4, &reply, NULL), 0);
	assert_int_equal(sockets_set(&maps, &socket6, &reply, NULL), 0);
	abi_address(&socket4.vip, &address_key);
	assert_int_equal(bpf_map__update_elem(datapath->skeleton->maps.addresses, &address_key,
					      sizeof(address_key), &flags, sizeof(flags), BPF_ANY),
			 0);
	datapath->filter->flags[gw_filter_cell(&address_key)] |= GW_ADDRESS_BACKEND;
	datapath->filter->flags[12345] |= GW_ADDRESS_VIP;
	assert_int_equal(bpf_map__update_elem(datapath->skeleton->maps.sources, &range,
					      sizeof(range), &present, sizeof(present), BPF_ANY),
			 0);
	datapath->backends[4711].service = 4712;
}

static void what_a_killed_agent_left_half_done_is_gone(void **state)
{
	struct datapath *datapath;
	char *before, *after;

	(void)state;
	skip_without_root();
	datapath = attach_datapath();
	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 2);
	set_service(datapath, with_many_ranges(VIP_B, 10));
	before = dump(datapath);
	leave_orphans(datapath);

	datapath = reopen_datapath(datapath);
	after = dump(datapath);
	assert_string_equal(after, before);
	assert_int_equal(count_ranges(datapath), 10);
	assert_int_equal(filter_of(datapath, "10.9.9.9"), 0);
	assert_int_equal(filter_of(datapath, "10.0.0.1"), GW_ADDRESS_BACKEND);
	assert_int_equal(datapath->filter->flags[12345], 0);
	assert_int_equal(datapath->backends[4711].service, GW_NONE);
	free(before);
	free(after);
	datapath_close(datapath);
}

static void what_a_killed_agent_did_not_come_to_is_done(void **state)
{
	struct datapath *datapath;
	struct service_key socket = { address("10.0.0.1"), 8080, PROTOCOL_TCP };
	struct socket_maps maps;
	char *before, *after;

	(void)state;
	skip_without_root();
	datapath = attach_datapath();
	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 2);
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_DNAT, 1);
	before = dump(datapath);
	/* Damage rather than an order of steps, since replies come before their services. */
	maps = replies_maps(datapath);
	assert_int_equal(sockets_delete(&maps, &socket, NULL), 0);
	memset(datapath->filter, 0, sizeof(*datapath->filter));

	datapath = reopen_datapath(datapath);
	after = dump(datapath);
	assert_string_equal(after, before);
	assert_int_equal(filter_of(datapath, "10.0.0.1"), GW_ADDRESS_BACKEND);
	free(before);
	free(after);
	datapath_close(datapath);
}

static void backends_name_their_service_until_they_leave(void **state)
{
	struct datapath *datapath;
	uint32_t kept, left, service;

	(void)state;
	skip_without_root();
	datapath = attach_datapath();
	set(datapath, VIP, three, 2);
	service = entry_of(datapath, VIP).id;
	kept = id_of_backend(datapath, VIP, "10.0.0.1");
	left = id_of_backend(datapath, VIP, "10.0.0.2");
	assert_int_equal(datapath->backends[kept].service, service);
	assert_int_equal(datapath->backends[left].service, service);
	set(datapath, VIP, three, 1);
	assert_int_equal(datapath->backends[kept].service, service);
	assert_int_equal(datapath->backends[left].service, GW_NONE);
	datapath_close(datapath);
}

static void a_backend_without_new_flows_outlives_the_agent(void **state)
{
	struct datapath *datapath;
	struct service *service;
	uint32_t id;

	(void)state;
	skip_without_root();
	datapath = attach_datapath();
	service = make_service(VIP, three, 2);
	service->mode = FORWARDING_MODE_DNAT;
	service->backends[1].weight = 0;
	set_service(datapath, service_ref(service));
	id = id_of_backend(datapath, VIP, "10.0.0.2");

	datapath = reopen_datapath(datapath);
	assert_int_equal(id_of_backend(datapath, VIP, "10.0.0.2"), id);
	set_service(datapath, service);
	assert_int_equal(id_of_backend(datapath, VIP, "10.0.0.2"), id);
	assert_dump_has(datapath, "backend 10.0.0.2 port 8080 slots 0 ");
	assert_dump_has(datapath, "reply 10.0.0.2:8080/TCP from 192.0.2.1 port 80\n");
	datapath_close(datapath);
}

/* Two IPv4 addresses that fall into one cell. */
static void find_twins(char first[static ADDRESS_TEXT_SIZE], char second[static ADDRESS_TEXT_SIZE])
{
	struct gw_addr key;
	struct address of = address("198.18.0.0");
	uint32_t *seen = calloc(GW_FILTER_CELLS, sizeof(*seen));

	assert_non_null(seen);
	for (uint32_t i = 1;; i++) {
		uint32_t host = htonl(0xc6120000 + i), cell;

		memcpy(of.bytes + 12, &host, sizeof(host));
		abi_address(&of, &key);
		cell = gw_filter_cell(&key);
		if (seen[cell] == 0) {
			seen[cell] = host;
			continue;
		}
		(void)address_format(&of, second);
		memcpy(of.bytes + 12, &seen[cell], sizeof(host));
		(void)address_format(&of, first);
		free(seen);
		return;
	}
}

static void a_cell_of_two_addresses_keeps_the_flags_of_the_other(void **state)
{
	struct datapath *datapath;
	char first[ADDRESS_TEXT_SIZE], second[ADDRESS_TEXT_SIZE];
	struct address vip, gateway;

	(void)state;
	skip_without_root();
	find_twins(first, second);
	datapath = open_datapath();
	vip = address(first);
	gateway = address(second);
	assert_int_equal(datapath_add_vip(datapath, &vip, NULL), 0);
	assert_int_equal(filter_of(datapath, second), GW_ADDRESS_VIP);
	assert_int_equal(datapath_set_gateway_addresses(datapath, &gateway, 1, NULL), 0);
	assert_int_equal(filter_of(datapath, first), GW_ADDRESS_VIP | GW_ADDRESS_GATEWAY);
	assert_int_equal(datapath_remove_vip(datapath, &vip, NULL), 0);
	assert_int_equal(filter_of(datapath, first), GW_ADDRESS_GATEWAY);
	assert_int_equal(datapath_add_vip(datapath, &gateway, NULL), 0);
	assert_int_equal(datapath_remove_vip(datapath, &gateway, NULL), 0);
	assert_int_equal(filter_of(datapath, first), GW_ADDRESS_GATEWAY);
	datapath_close(datapath);
}

static void an_address_that_the_host_owns_is_local_in_the_map_alone(void **state)
{
	struct datapath *datapath;
	const struct address vip = address(VIP);

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	assert_int_equal(datapath_set_own_addresses(datapath, &vip, 1, NULL), 0);
	assert_int_equal(datapath_add_vip(datapath, &vip, NULL), 0);
	assert_dump_is(datapath, "address 192.0.2.1 vip local\n");
	assert_int_equal(filter_of(datapath, VIP), GW_ADDRESS_VIP);
	datapath_close(datapath);
}

/* What the program would have counted on the last CPU. */
static void count_packets(struct datapath *datapath, struct bpf_map *map, uint32_t id,
			  uint64_t packets)
{
	size_t size = bpf_map__value_size(map);
	char *per_cpu = calloc((size_t)datapath->cpu_count, size);

	assert_non_null(per_cpu);
	memcpy(per_cpu + ((size_t)datapath->cpu_count - 1) * size, &packets, sizeof(packets));
	assert_int_equal(bpf_map__update_elem(map, &id, sizeof(id), per_cpu,
					      (size_t)datapath->cpu_count * size, BPF_ANY),
			 0);
	free(per_cpu);
}

static struct traffic traffic_of(struct datapath *datapath, const char *vip)
{
	const struct service_key key = key_of(vip);
	struct traffic traffic;

	assert_int_equal(datapath_service_traffic(datapath, &key, &traffic), 0);
	return traffic;
}

static void a_service_keeps_the_traffic_of_backends_that_left(void **state)
{
	struct datapath *datapath;
	struct bpf_map *map;

	(void)state;
	skip_without_root();
	datapath = attach_datapath();
	map = datapath->skeleton->maps.backend_traffic;
	set(datapath, VIP, three, 3);
	count_packets(datapath, map, id_of_backend(datapath, VIP, "10.0.0.1"), 100);
	count_packets(datapath, map, id_of_backend(datapath, VIP, "10.0.0.3"), 7);
	count_packets(datapath, datapath->skeleton->maps.service_drops, entry_of(datapath, VIP).id,
		      5);
	assert_int_equal(traffic_of(datapath, VIP).packets, 107);
	assert_int_equal(traffic_of(datapath, VIP).drops, 5);
	set(datapath, VIP, three, 2);
	assert_int_equal(traffic_of(datapath, VIP).packets, 107);

	datapath = reopen_datapath(datapath);
	set(datapath, VIP, three, 3);
	assert_int_equal(traffic_of(datapath, VIP).packets, 107);
	assert_int_equal(traffic_of(datapath, VIP).drops, 5);
	datapath_close(datapath);
}

static void a_new_service_counts_from_zero(void **state)
{
	struct datapath *datapath;
	uint32_t next_service;
	struct gw_traffic past = { .packets = 9 };

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	set(datapath, VIP, three, 1);
	/* Left behind by whoever had the next id. */
	next_service = entry_of(datapath, VIP).id + 1;
	count_packets(datapath, datapath->skeleton->maps.service_drops, next_service, 5);
	assert_int_equal(bpf_map__update_elem(datapath->skeleton->maps.service_past, &next_service,
					      sizeof(next_service), &past, sizeof(past), BPF_ANY),
			 0);
	set(datapath, VIP_B, three, 1);
	assert_int_equal(entry_of(datapath, VIP_B).id, next_service);
	assert_int_equal(traffic_of(datapath, VIP_B).packets, 0);
	assert_int_equal(traffic_of(datapath, VIP_B).drops, 0);
	datapath_close(datapath);
}

/* What the first next hop that is programmed has as source of encapsulated packets. */
static struct gw_addr encap_source_to(struct datapath *datapath, const char *neighbour,
				      const char *source)
{
	struct next_hop hop = { .state = NEXT_HOP_RESOLVED, .ifindex = 1, .mtu = 1500 };
	struct address backend = address(neighbour);
	struct error error = { 0 };

	hop.neighbour = backend;
	hop.source = address(source);
	hop.has_source = true;
	if (datapath_set_next_hop(datapath, &backend, &hop, &error) < 0)
		fail_msg("%s", error.text);
	return datapath->next_hops[datapath->placed_next_hops[0].id].encap_source;
}

static void assert_encap_source(struct datapath *datapath, const char *neighbour,
				const char *source, const char *expected)
{
	struct gw_addr seen = encap_source_to(datapath, neighbour, source), wanted;
	struct address want = address(expected);

	abi_address(&want, &wanted);
	assert_memory_equal(&seen, &wanted, sizeof(seen));
}

static void encapsulated_packets_come_from_the_configured_prefixes(void **state)
{
	struct datapath_settings settings = default_settings();
	const volatile struct gw_config *config;
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	assert_int_equal(prefix_parse("2001:db8:5::/96", &settings.encap_sources[0], NULL), 0);
	assert_int_equal(prefix_parse("10.5.0.0/20", &settings.encap_sources[1], NULL), 0);
	datapath = open_with(&settings);
	config = &datapath->skeleton->rodata->config;
	assert_int_equal(config->encap_mask[0], UINT32_MAX);
	assert_int_equal(config->encap_mask[1], htonl(0xfff));
	assert_encap_source(datapath, "10.1.0.9", "10.1.0.1", "10.5.0.0");
	datapath_close(datapath);
	datapath = open_datapath();
	config = &datapath->skeleton->rodata->config;
	assert_int_equal(config->encap_mask[0], 0);
	assert_int_equal(config->encap_mask[1], 0);
	assert_encap_source(datapath, "10.1.0.9", "10.1.0.1", "10.1.0.1");
	datapath_close(datapath);
}

#define TEST(name) cmocka_unit_test_teardown(name, remove_pins)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_mode_reaches_the_map_of_its_family),
		TEST(a_policy_alone_changes_neither_the_table_nor_ids),
		TEST(ranges_admit_their_sources_and_are_replaced_as_a_whole),
		TEST(services_with_the_same_ranges_share_them),
		TEST(a_restart_changes_no_policy),
		TEST(full_sources_refuse_a_service_and_keep_its_old_ranges),
		TEST(replies_of_a_backend_are_known_by_its_socket),
		TEST(two_services_on_one_backend_have_their_flows_recorded),
		TEST(services_in_other_modes_share_a_backend_without_records),
		TEST(what_a_killed_agent_left_half_done_is_gone),
		TEST(what_a_killed_agent_did_not_come_to_is_done),
		TEST(backends_name_their_service_until_they_leave),
		TEST(a_backend_without_new_flows_outlives_the_agent),
		TEST(a_cell_of_two_addresses_keeps_the_flags_of_the_other),
		TEST(an_address_that_the_host_owns_is_local_in_the_map_alone),
		TEST(a_service_keeps_the_traffic_of_backends_that_left),
		TEST(a_new_service_counts_from_zero),
		TEST(encapsulated_packets_come_from_the_configured_prefixes),
	};

	return cmocka_run_group_tests_name("table policies", tests, require_root, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_table_restart.c - the datapath room against real maps: what outlives the agent, and
 * what the next one makes of what was left by one that was killed between two steps.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "placed.h"

static void a_restart_changes_no_policy(void **state)
{
	struct datapath *datapath;
	struct service *service;
	struct gw_service before, after;
	char *text_before, *text_after;

	(void)state;
	datapath = take_datapath();
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

	datapath = restart_datapath();
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
	give_back(datapath);
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
	datapath = take_datapath();
	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 2);
	set_service(datapath, with_many_ranges(VIP_B, 10));
	before = dump(datapath);
	leave_orphans(datapath);

	datapath = restart_datapath();
	after = dump(datapath);
	assert_string_equal(after, before);
	assert_int_equal(count_ranges(datapath), 10);
	assert_int_equal(filter_of(datapath, "10.9.9.9"), 0);
	assert_int_equal(filter_of(datapath, "10.0.0.1"), GW_ADDRESS_BACKEND);
	assert_int_equal(datapath->filter->flags[12345], 0);
	assert_int_equal(datapath->backends[4711].service, GW_NONE);
	free(before);
	free(after);
	give_back(datapath);
}

static void what_a_killed_agent_did_not_come_to_is_done(void **state)
{
	struct datapath *datapath;
	struct service_key socket = { address("10.0.0.1"), 8080, PROTOCOL_TCP };
	struct socket_maps maps;
	char *before, *after;

	(void)state;
	datapath = take_datapath();
	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 2);
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_DNAT, 1);
	before = dump(datapath);
	/* Damage rather than an order of steps, since replies come before their services. */
	maps = replies_maps(datapath);
	assert_int_equal(sockets_delete(&maps, &socket, NULL), 0);
	memset(datapath->filter, 0, sizeof(*datapath->filter));

	datapath = restart_datapath();
	after = dump(datapath);
	assert_string_equal(after, before);
	assert_int_equal(filter_of(datapath, "10.0.0.1"), GW_ADDRESS_BACKEND);
	free(before);
	free(after);
	give_back(datapath);
}

static void backends_name_their_service_until_they_leave(void **state)
{
	struct datapath *datapath;
	uint32_t kept, left, service;

	(void)state;
	datapath = take_datapath();
	set(datapath, VIP, three, 2);
	service = entry_of(datapath, VIP).id;
	kept = id_of_backend(datapath, VIP, "10.0.0.1");
	left = id_of_backend(datapath, VIP, "10.0.0.2");
	assert_int_equal(datapath->backends[kept].service, service);
	assert_int_equal(datapath->backends[left].service, service);
	set(datapath, VIP, three, 1);
	assert_int_equal(datapath->backends[kept].service, service);
	assert_int_equal(datapath->backends[left].service, GW_NONE);
	give_back(datapath);
}

static void a_backend_without_new_flows_outlives_the_agent(void **state)
{
	struct datapath *datapath;
	struct service *service;
	uint32_t id;

	(void)state;
	datapath = take_datapath();
	service = make_service(VIP, three, 2);
	service->mode = FORWARDING_MODE_DNAT;
	service->backends[1].weight = 0;
	set_service(datapath, service_ref(service));
	id = id_of_backend(datapath, VIP, "10.0.0.2");

	datapath = restart_datapath();
	assert_int_equal(id_of_backend(datapath, VIP, "10.0.0.2"), id);
	set_service(datapath, service);
	assert_int_equal(id_of_backend(datapath, VIP, "10.0.0.2"), id);
	assert_dump_has(datapath, "backend 10.0.0.2 port 8080 slots 0 ");
	assert_dump_has(datapath, "reply 10.0.0.2:8080/TCP from 192.0.2.1 port 80\n");
	give_back(datapath);
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
	datapath = take_datapath();
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

	datapath = restart_datapath();
	set(datapath, VIP, three, 3);
	assert_int_equal(traffic_of(datapath, VIP).packets, 107);
	assert_int_equal(traffic_of(datapath, VIP).drops, 5);
	give_back(datapath);
}

static void a_new_service_counts_from_zero(void **state)
{
	struct datapath *datapath;
	uint32_t next_service;
	struct gw_traffic past = { .packets = 9 };

	(void)state;
	datapath = take_datapath();
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
	give_back(datapath);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_restart_changes_no_policy),
		TEST(what_a_killed_agent_left_half_done_is_gone),
		TEST(what_a_killed_agent_did_not_come_to_is_done),
		TEST(backends_name_their_service_until_they_leave),
		TEST(a_backend_without_new_flows_outlives_the_agent),
		TEST(a_service_keeps_the_traffic_of_backends_that_left),
		TEST(a_new_service_counts_from_zero),
	};

	return cmocka_run_group_tests_name("tables after a restart", tests, require_root,
					   drop_datapath);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_table_policies.c - the datapath room against real maps: modes, policies, replies and
 * the filter of addresses.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "placed.h"

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

static void every_mode_reaches_the_map_of_its_family(void **state)
{
	static const uint8_t modes[] = { GW_MODE_SNAT, GW_MODE_DNAT, GW_MODE_L2, GW_MODE_IPIP,
					 GW_MODE_GUE };
	struct datapath *datapath;

	(void)state;
	datapath = take_datapath();
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
	give_back(datapath);
}

static void a_policy_alone_changes_neither_the_table_nor_ids(void **state)
{
	struct datapath *datapath;
	struct gw_service before, after;
	struct service *service;
	uint32_t backend;

	(void)state;
	datapath = take_datapath();
	set(datapath, VIP, three, 3);
	before = entry_of(datapath, VIP);
	backend = id_of_backend(datapath, VIP, "10.0.0.2");

	service = make_service(VIP, three, 3);
	service->mode = FORWARDING_MODE_IPIP;
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
	assert_int_equal(after.flags, GW_SERVICE_SOURCES);
	assert_dump_has(datapath, " sources 1 ");
	assert_dump_has(datapath, " new-flow 1000000 ns mss 1360\n");

	set(datapath, VIP, three, 3);
	after = entry_of(datapath, VIP);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_int_equal(count_ranges(datapath), 0);
	give_back(datapath);
}

static uint32_t count_tracked(struct datapath *datapath, const struct gw_service *entry)
{
	struct slot_table table;
	uint32_t tracked = 0;

	assert_int_equal(slots_open(datapath, entry->slot_offset, entry->slot_count, &table, NULL),
			 0);
	for (uint32_t slot = 0; slot < table.count; slot++)
		tracked += (table.slots[slot].owner & GW_SLOT_TRACK) != 0;
	slots_close(table);
	return tracked;
}

static void set_affine(struct datapath *datapath, size_t backends)
{
	struct service *service = make_service(VIP, three, backends);

	service->affinity = true;
	service->affinity_timeout_s = 600;
	set_service(datapath, service);
}

static void
with_affinity_all_slots_are_tracked_and_what_began_before_goes_by_the_old_table(void **state)
{
	struct datapath *datapath;
	struct gw_service before, after, again;

	(void)state;
	datapath = take_datapath();
	set(datapath, VIP, three, 3);
	before = entry_of(datapath, VIP);
	assert_int_equal(count_tracked(datapath, &before), 0);

	set_affine(datapath, 3);
	after = entry_of(datapath, VIP);
	assert_int_equal(after.flags, GW_SERVICE_AFFINITY);
	assert_int_equal(after.affinity_timeout_s, 600);
	assert_int_equal(count_tracked(datapath, &after), after.slot_count);
	assert_int_equal(after.base_offset, before.slot_offset);
	assert_int_equal(datapath_changing_count(datapath), 1);
	assert_dump_has(datapath, " affinity 600 s\n");

	/* Given once more it is no change. */
	set_affine(datapath, 3);
	again = entry_of(datapath, VIP);
	assert_memory_equal(&again, &after, sizeof(after));
	set_affine(datapath, 2);
	again = entry_of(datapath, VIP);
	assert_int_equal(count_tracked(datapath, &again), again.slot_count);

	/* Flows are still where their clients sent them. */
	set(datapath, VIP, three, 2);
	after = entry_of(datapath, VIP);
	assert_int_equal(after.flags, 0);
	assert_int_equal(count_tracked(datapath, &after), after.slot_count);
	give_back(datapath);
}

static void ranges_admit_their_sources_and_are_replaced_as_a_whole(void **state)
{
	struct datapath *datapath;
	struct service *service;
	uint32_t set_before;

	(void)state;
	datapath = take_datapath();
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
	give_back(datapath);
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
	datapath = take_datapath();
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
	give_back(datapath);
}

static void replies_of_a_backend_are_known_by_its_socket(void **state)
{
	struct datapath *datapath;

	(void)state;
	datapath = take_datapath();
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
	give_back(datapath);
}

static void two_services_on_one_backend_have_their_flows_recorded(void **state)
{
	struct datapath *datapath;

	(void)state;
	datapath = take_datapath();
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
	datapath = restart_datapath();
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_DNAT, 1);
	assert_int_equal(entry_of(datapath, VIP_B).flags, GW_SERVICE_RECORD);
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.2 port 80 recorded\n");

	set(datapath, VIP_B, NULL, 0);
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_DNAT, 1);
	assert_int_equal(entry_of(datapath, VIP_B).flags, 0);
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.2 port 80\n");
	give_back(datapath);
}

static void services_in_other_modes_share_a_backend_without_records(void **state)
{
	struct datapath *datapath;

	(void)state;
	datapath = take_datapath();
	set_in_mode(datapath, VIP, FORWARDING_MODE_DNAT, 1);
	set_in_mode(datapath, VIP_B, FORWARDING_MODE_SNAT, 1);
	set_in_mode(datapath, "192.0.2.3", FORWARDING_MODE_L2, 1);
	assert_int_equal(entry_of(datapath, VIP).flags, 0);
	assert_dump_has(datapath, "reply 10.0.0.1:8080/TCP from 192.0.2.1 port 80\n");
	give_back(datapath);
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

	find_twins(first, second);
	datapath = take_datapath();
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
	/* Gateway addresses stay. */
	(void)drop_datapath(state);
}

static void an_address_that_the_host_owns_is_local_in_the_map_alone(void **state)
{
	struct datapath *datapath;
	const struct address vip = address(VIP);

	(void)state;
	datapath = take_datapath();
	assert_int_equal(datapath_set_own_addresses(datapath, &vip, 1, NULL), 0);
	assert_int_equal(datapath_add_vip(datapath, &vip, NULL), 0);
	assert_dump_is(datapath, "address 192.0.2.1 vip local\n");
	assert_int_equal(filter_of(datapath, VIP), GW_ADDRESS_VIP);
	give_back(datapath);
}

static void full_sources_refuse_a_service_and_keep_its_old_ranges(void **state)
{
	struct datapath *datapath;
	struct error error = { 0 };
	struct service *service;
	struct gw_service before, after;
	uint32_t present = 1;

	datapath = take_datapath();
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
	(void)drop_datapath(state);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_mode_reaches_the_map_of_its_family),
		TEST(a_policy_alone_changes_neither_the_table_nor_ids),
		TEST(with_affinity_all_slots_are_tracked_and_what_began_before_goes_by_the_old_table),
		TEST(ranges_admit_their_sources_and_are_replaced_as_a_whole),
		TEST(services_with_the_same_ranges_share_them),
		TEST(replies_of_a_backend_are_known_by_its_socket),
		TEST(two_services_on_one_backend_have_their_flows_recorded),
		TEST(services_in_other_modes_share_a_backend_without_records),
		TEST(an_address_that_the_host_owns_is_local_in_the_map_alone),
		TEST(full_sources_refuse_a_service_and_keep_its_old_ranges),
		TEST(a_cell_of_two_addresses_keeps_the_flags_of_the_other),
		TEST_ALONE(encapsulated_packets_come_from_the_configured_prefixes),
	};

	return cmocka_run_group_tests_name("table policies", tests, require_root, drop_datapath);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_tables.c - the datapath room against real maps: what is set can be read back,
 * a restarted agent adopts it, and what is removed is gone.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include <bpf/bpf.h>

#include "tables.h"

static void what_is_set_can_be_read_back(void **state)
{
	struct datapath *datapath;
	const struct address vip = address("192.0.2.1");

	(void)state;
	datapath = take_datapath();
	set(datapath, "192.0.2.1", three, 3);
	assert_int_equal(datapath_add_vip(datapath, &vip, NULL), 0);
	assert_dump_has(datapath, "address 192.0.2.1 vip\n");
	assert_dump_has(datapath, "service 192.0.2.1:80/TCP mode snat slots ");
	assert_dump_has(datapath, "  backend 10.0.0.3 port 8080 slots ");
	give_back(datapath);
}

static void a_service_without_backends_rejects(void **state)
{
	struct datapath *datapath;

	(void)state;
	datapath = take_datapath();
	set(datapath, "192.0.2.1", three, 3);
	set(datapath, "192.0.2.1", NULL, 0);
	assert_dump_is(datapath, "service 192.0.2.1:80/TCP mode snat slots 0 reject\n");
	give_back(datapath);
}

static void what_is_removed_leaves_nothing(void **state)
{
	struct datapath *datapath;
	const struct address vip = address("192.0.2.1");
	const struct service_key key = { vip, 80, PROTOCOL_TCP };
	const struct service_key *keys;

	(void)state;
	datapath = take_datapath();
	set(datapath, "192.0.2.1", three, 3);
	assert_int_equal(datapath_add_vip(datapath, &vip, NULL), 0);
	assert_int_equal(datapath_services(datapath, &keys), 1);
	assert_int_equal(datapath_remove_vip(datapath, &vip, NULL), 0);
	assert_int_equal(datapath_remove_service(datapath, &key, NULL), 0);
	assert_int_equal(datapath_services(datapath, &keys), 0);
	assert_dump_is(datapath, "");
	give_back(datapath);
}

static void a_second_agent_is_refused(void **state)
{
	const struct datapath_settings settings = { .pin_dir = pin_dir,
						    .interfaces = interfaces,
						    .interface_count = 1 };
	struct datapath *first, *second = NULL;
	struct error error = { 0 };

	(void)state;
	first = take_datapath();
	assert_int_equal(datapath_open(&settings, &second, &error), -EBUSY);
	assert_non_null(strstr(error.text, "another agent"));
	assert_int_equal(datapath_remove(pin_dir, &error), -EBUSY);
	give_back(first);
}

static void a_start_that_fails_leaves_no_pins(void **state)
{
	(void)state;
	skip_without_root();
	datapath_close(open_datapath());
	assert_int_equal(access(pin_dir, F_OK), -1);
}

static void a_restarted_agent_adopts_the_tables_as_they_are(void **state)
{
	struct datapath *datapath;
	const struct address vip = address("192.0.2.1");
	const struct address *vips;
	char *before, *after;

	(void)state;
	datapath = take_datapath();
	set(datapath, "192.0.2.1", three, 3);
	set(datapath, "2001:db8::1", three, 2);
	assert_int_equal(datapath_add_vip(datapath, &vip, NULL), 0);
	before = dump(datapath);
	datapath = restart_datapath();
	assert_int_equal(datapath_vips(datapath, &vips), 1);
	assert_int_equal(address_compare(&vips[0], &vip), 0);
	after = dump(datapath);
	assert_string_equal(after, before);
	free(after);
	set(datapath, "192.0.2.1", three, 3);
	after = dump(datapath);
	assert_string_equal(after, before);
	free(after);
	free(before);
	give_back(datapath);
}

static void a_restarted_agent_can_remove_what_it_adopted(void **state)
{
	struct datapath *datapath;
	const struct service_key key = { address("192.0.2.1"), 80, PROTOCOL_TCP };

	(void)state;
	datapath = take_datapath();
	set(datapath, "192.0.2.1", three, 3);
	datapath = restart_datapath();
	assert_int_equal(datapath_remove_service(datapath, &key, NULL), 0);
	assert_dump_is(datapath, "");
	give_back(datapath);
}

static struct next_hop resolved(uint8_t last_byte_of_mac)
{
	struct next_hop hop = {
		.state = NEXT_HOP_RESOLVED,
		.ifindex = 1,
		.mtu = 1500,
		.src_mac = { 2, 0, 0, 0, 0, 1 },
		.dst_mac = { 2, 0, 0, 0, 1, last_byte_of_mac },
		.neighbour = address("10.0.0.254"),
		.source = address("10.0.0.253"),
		.has_source = true,
	};

	return hop;
}

static void set_hop(struct datapath *datapath, const char *backend, struct next_hop hop)
{
	const struct address to = address(backend);
	struct error error = { 0 };

	if (datapath_set_next_hop(datapath, &to, &hop, &error) < 0)
		fail_msg("%s", error.text);
}

static void a_next_hop_is_followed_before_and_after_its_service(void **state)
{
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	set_hop(datapath, "10.0.0.1", resolved(7));
	set(datapath, "192.0.2.1", three, 2);
	assert_dump_has(datapath, "via 02:00:00:00:01:07 dev lo mtu 1500 from 10.0.0.253\n");
	assert_dump_has(datapath, "via unresolved\n");
	set_hop(datapath, "10.0.0.2", resolved(7));
	assert_dump_has(datapath, "address 10.0.0.253 gateway\n");
	/* One router, one entry: its new MAC address reaches both backends at once. */
	set_hop(datapath, "10.0.0.1", resolved(9));
	assert_dump_has(datapath, "backend 10.0.0.2 port 8080 slots ");
	{
		char *text = dump(datapath);

		assert_null(strstr(text, "02:00:00:00:01:07"));
		assert_null(strstr(text, "unresolved"));
		free(text);
	}
	datapath_close(datapath);
}

static void the_tags_of_a_next_hop_are_programmed(void **state)
{
	struct next_hop hop = resolved(7);
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	datapath = open_datapath();
	hop.vlan[0] = (struct vlan_tag){ 0x8100, 7 };
	set_hop(datapath, "10.0.0.1", hop);
	hop.vlan[0] = (struct vlan_tag){ 0x88a8, 4094 };
	hop.vlan[1] = (struct vlan_tag){ 0x8100, 1 };
	set_hop(datapath, "10.0.0.2", hop);
	set(datapath, "192.0.2.1", three, 2);
	assert_dump_has(datapath, "via 02:00:00:00:01:07 dev lo mtu 1500 802.1Q 7 from");
	assert_dump_has(datapath,
			"via 02:00:00:00:01:07 dev lo mtu 1500 802.1ad 4094 802.1Q 1 from");
	datapath_close(datapath);
}

static void an_unresolved_next_hop_does_not_displace_an_adopted_one(void **state)
{
	struct datapath *datapath;
	struct next_hop unresolved = resolved(0);

	(void)state;
	skip_without_root();
	unresolved.state = NEXT_HOP_UNRESOLVED;
	datapath = attach_datapath();
	set_hop(datapath, "10.0.0.1", resolved(7));
	set(datapath, "192.0.2.1", three, 1);
	datapath_close(datapath);

	datapath = attach_datapath();
	set_hop(datapath, "10.0.0.1", unresolved);
	assert_dump_has(datapath, "via 02:00:00:00:01:07 dev lo");
	unresolved.state = NEXT_HOP_UNREACHABLE;
	set_hop(datapath, "10.0.0.1", unresolved);
	assert_dump_has(datapath, "via unresolved\n");
	datapath_close(datapath);
}

static void a_vip_that_the_host_owns_is_marked_local(void **state)
{
	struct datapath *datapath;
	const struct address vip = address("192.0.2.1"), other = address("192.0.2.2");

	(void)state;
	datapath = take_datapath();
	assert_int_equal(datapath_add_vip(datapath, &vip, NULL), 0);
	assert_int_equal(datapath_add_vip(datapath, &other, NULL), 0);
	assert_int_equal(datapath_set_own_addresses(datapath, &vip, 1, NULL), 0);
	assert_dump_is(datapath, "address 192.0.2.1 vip local\naddress 192.0.2.2 vip\n");
	assert_int_equal(datapath_set_own_addresses(datapath, NULL, 0, NULL), 0);
	assert_dump_is(datapath, "address 192.0.2.1 vip\naddress 192.0.2.2 vip\n");
	give_back(datapath);
}

static void many_changes_neither_leak_slots_nor_lose_services(void **state)
{
	struct datapath *datapath;
	const struct service_key *keys;
	uint32_t slots[3], total;
	const struct service_key key = { address("192.0.2.1"), 80, PROTOCOL_TCP };
	const struct backend backends[] = { { address("10.0.0.1"), 8080, 1, BACKEND_READY },
					    { address("10.0.0.2"), 8080, 1, BACKEND_READY },
					    { address("10.0.0.3"), 8080, 1, BACKEND_READY } };

	(void)state;
	datapath = take_datapath();
	/* More tables than the slots array could hold if none were given back. */
	for (int i = 0; i < 1000; i++)
		set(datapath, "192.0.2.1", three, 2 + (size_t)i % 2);
	assert_int_equal(datapath_services(datapath, &keys), 1);
	assert_int_equal(datapath_service_slots(datapath, &key, backends, 3, slots, &total), 0);
	assert_int_equal(slots[0] + slots[1] + slots[2], total);
	give_back(datapath);
}

static void full_slots_refuse_a_service_and_keep_the_others(void **state)
{
	struct datapath *datapath;
	struct error error = { 0 };
	char *before, *after;
	char vip[ADDRESS_TEXT_SIZE];
	int r = 0;

	(void)state;
	datapath = take_datapath();
	for (int i = 1; r == 0 && i < 100; i++) {
		struct service *service;

		before = dump(datapath);
		(void)snprintf(vip, sizeof(vip), "192.0.2.%d", i);
		service = make_service(vip, three, 3);
		r = datapath_set_service(datapath, service, &error);
		service_unref(service);
		if (r == 0)
			free(before);
	}
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(error.text, "no room for a table of 509 slots"));
	after = dump(datapath);
	assert_string_equal(after, before);
	free(before);
	free(after);
	give_back(datapath);
}

static void the_pinned_number_of_slots_wins(void **state)
{
	struct datapath_settings settings = default_settings();
	struct datapath *datapath;
	struct error error = { 0 };

	(void)state;
	skip_without_root();
	settings.slot_max = 4 * SLOTS;
	datapath = attach_datapath();
	set(datapath, "192.0.2.1", three, 3);
	datapath_close(datapath);
	if (datapath_open(&settings, &datapath, &error) < 0)
		fail_msg("%s", error.text);
	assert_dump_has(datapath, "service 192.0.2.1:80/TCP");
	datapath_close(datapath);
}

/* The id of the program that the datapath's array of ways begins with; 0: no such array. */
static uint32_t way_of(const char *name)
{
	char path[128];
	uint32_t first = 0, program = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	assert_int_equal(bpf_map_lookup_elem(fd, &first, &program), 0);
	(void)close(fd);
	return program;
}

static void an_agent_leaves_the_ways_of_a_program_that_it_does_not_replace(void **state)
{
	uint32_t way;

	(void)state;
	skip_without_root();
	datapath_close(attach_datapath());
	way = way_of("ways-0");
	assert_int_not_equal(way, 0);
	/* A start that fails before it attaches. */
	datapath_close(open_datapath());
	assert_int_equal(way_of("ways-0"), way);
	assert_int_equal(way_of("ways-1"), 0);

	datapath_close(attach_datapath());
	assert_int_equal(way_of("ways-0"), 0);
	assert_int_not_equal(way_of("ways-1"), 0);
	assert_int_not_equal(way_of("ways-1"), way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_set_can_be_read_back),
		TEST(a_service_without_backends_rejects),
		TEST(what_is_removed_leaves_nothing),
		TEST(a_second_agent_is_refused),
		TEST(a_restarted_agent_adopts_the_tables_as_they_are),
		TEST(a_restarted_agent_can_remove_what_it_adopted),
		TEST(a_vip_that_the_host_owns_is_marked_local),
		TEST(many_changes_neither_leak_slots_nor_lose_services),
		TEST(full_slots_refuse_a_service_and_keep_the_others),
		TEST_ALONE(a_start_that_fails_leaves_no_pins),
		TEST_ALONE(a_next_hop_is_followed_before_and_after_its_service),
		TEST_ALONE(the_tags_of_a_next_hop_are_programmed),
		TEST_ALONE(an_unresolved_next_hop_does_not_displace_an_adopted_one),
		TEST_ALONE(the_pinned_number_of_slots_wins),
		TEST_ALONE(an_agent_leaves_the_ways_of_a_program_that_it_does_not_replace),
	};

	return cmocka_run_group_tests_name("tables", tests, require_root, drop_datapath);
}

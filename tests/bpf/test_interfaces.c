// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_interfaces.c - what the datapath attaches to when it is told which devices are below
 * its interfaces: real devices in a network namespace of the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <guideway/abi.h>

#include "datapath/datapath.h"
#include "lib/error.h"

static char pin_dir[64];

/* The devices that are called so; a '-' in front is on standby. */
static struct interface interface_over(const char *name, const char *first, const char *second)
{
	struct interface interface = { .ifindex = 1000 };
	const char *const names[] = { first, second };

	(void)snprintf(interface.name, sizeof(interface.name), "%s", name);
	for (size_t i = 0; i < 2 && names[i]; i++) {
		bool is_standby = names[i][0] == '-';

		interface.devices[interface.device_count++] = (struct lower_device){
			.ifindex = if_nametoindex(names[i] + is_standby),
			.is_standby = is_standby,
		};
	}
	return interface;
}

static struct datapath *attach(const struct interface *interfaces, size_t count)
{
	const struct datapath_settings settings = {
		.pin_dir = pin_dir,
		.interfaces = interfaces,
		.interface_count = count,
		.xdp_mode = XDP_MODE_GENERIC,
		.snat_port_first = 1024,
		.snat_port_last = 32767,
		.slot_max = 8192,
		.flow_max = 1 << 14,
		.tcp_idle_s = 900,
		.udp_idle_s = 60,
	};
	struct datapath *datapath = NULL;
	struct error error = { 0 };

	if (datapath_open(&settings, &datapath, &error) < 0 ||
	    datapath_attach(datapath, &error) < 0)
		fail_msg("%s", error.text);
	return datapath;
}

static bool follow(struct datapath *datapath, size_t index, struct interface now)
{
	struct error error = { 0 };
	bool changed;

	if (datapath_follow_interface(datapath, index, &now, &changed, &error) < 0)
		fail_msg("%s", error.text);
	return changed;
}

/* Whether the kernel runs a program on the device. */
static bool has_program(const char *device)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex(device), 0, &query), 0);
	return query.prog_id != 0;
}

/* Whether the program answers ARP there, and with the device's own MAC address. */
static bool answers(const char *device)
{
	uint32_t ifindex = if_nametoindex(device);
	struct gw_device entry = { 0 };
	char path[128];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/current/devices", pin_dir);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	r = bpf_map_lookup_elem(fd, &ifindex, &entry);
	(void)close(fd);
	if (r == 0)
		assert_int_equal(entry.mac[5], device[0]);
	return r == 0;
}

/* The device by which leaves what was to leave by this one; NULL: itself. */
static const char *sends_by(const char *device)
{
	static char name[IF_NAMESIZE];
	uint32_t ifindex = if_nametoindex(device), cell = ifindex % GW_DEVICE_MAX;
	struct gw_failover failover = { 0 };
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/current/failovers", pin_dir);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &cell, &failover), 0);
	(void)close(fd);
	return failover.from == ifindex ? if_indextoname(failover.to, name) : NULL;
}

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	(void)snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/guideway-test-%d-interfaces",
		       getpid());
	return system("ip link add name a address 02:00:00:00:00:61 type veth "
		      "peer name b address 02:00:00:00:00:62; "
		      "ip link add name c address 02:00:00:00:00:63 type veth peer name d");
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid() == 0)
		(void)datapath_remove(pin_dir, NULL);
	return 0;
}

static void skip_without_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("# skip: needs root to load programs\n");
	skip();
}

static void the_devices_below_an_interface_are_attached_to(void **state)
{
	struct interface bond;
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	bond = interface_over("bond0", "a", "b");
	datapath = attach(&bond, 1);
	assert_true(has_program("a") && has_program("b") && !has_program("c"));
	assert_true(answers("a") && answers("b"));
	assert_true(datapath_has_interface(datapath, if_nametoindex("b")));
	assert_false(datapath_has_interface(datapath, if_nametoindex("c")));
	assert_string_equal(datapath_attachment(datapath, if_nametoindex("b"))->device, "b");
	assert_null(datapath_attachment(datapath, if_nametoindex("c")));
	datapath_close(datapath);
}

static void slaves_that_come_and_go_are_followed(void **state)
{
	struct interface bond;
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	bond = interface_over("bond0", "a", "b");
	datapath = attach(&bond, 1);
	assert_false(follow(datapath, 0, bond));
	assert_true(follow(datapath, 0, interface_over("bond0", "b", "c")));
	assert_true(!has_program("a") && has_program("b") && has_program("c"));
	assert_true(!answers("a") && answers("b") && answers("c"));
	assert_true(follow(datapath, 0, interface_over("bond0", NULL, NULL)));
	assert_true(!has_program("b") && !has_program("c"));
	assert_true(follow(datapath, 0, bond));
	assert_true(has_program("a") && has_program("b"));
	datapath_close(datapath);
}

static void a_device_below_two_interfaces_is_attached_to_once_and_until_both_left_it(void **state)
{
	struct interface interfaces[2];
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	interfaces[0] = interface_over("a.1", "a", NULL);
	interfaces[1] = interface_over("a.2", "a", NULL);
	datapath = attach(interfaces, 2);
	assert_true(has_program("a"));
	assert_true(follow(datapath, 0, interface_over("a.1", NULL, NULL)));
	assert_true(has_program("a") && answers("a"));
	assert_true(follow(datapath, 1, interface_over("a.2", NULL, NULL)));
	assert_false(has_program("a"));
	datapath_close(datapath);
}

static void a_slave_on_standby_forwards_but_answers_nobody(void **state)
{
	struct interface interfaces[2];
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	interfaces[0] = interface_over("bond0", "a", "-b");
	interfaces[1] = interface_over("c", "c", NULL);
	datapath = attach(interfaces, 2);
	assert_true(has_program("b") && !answers("b") && answers("a"));
	assert_false(follow(datapath, 0, interface_over("bond0", "-a", "b")));
	assert_true(has_program("a") && has_program("b"));
	assert_true(answers("b") && !answers("a"));
	/* Named by itself too, it is nobody's standby. */
	assert_true(follow(datapath, 1, interface_over("a", "a", NULL)));
	assert_true(answers("a"));
	datapath_close(datapath);
}

static void what_was_to_leave_by_a_slave_leaves_by_one_that_takes_part(void **state)
{
	struct interface bond;
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	bond = interface_over("bond0", "a", "-b");
	datapath = attach(&bond, 1);
	assert_null(sends_by("a"));
	assert_string_equal(sends_by("b"), "a");
	(void)follow(datapath, 0, interface_over("bond0", "-a", "b"));
	assert_string_equal(sends_by("a"), "b");
	assert_null(sends_by("b"));
	(void)follow(datapath, 0, interface_over("bond0", "b", "c"));
	assert_string_equal(sends_by("a"), "b");
	(void)follow(datapath, 0, interface_over("bond0", "c", NULL));
	assert_string_equal(sends_by("b"), "c");
	(void)follow(datapath, 0, interface_over("bond0", "-c", NULL));
	assert_null(sends_by("c"));
	datapath_close(datapath);
	datapath_close(attach(&bond, 1));
	assert_null(sends_by("a"));
	assert_string_equal(sends_by("b"), "a");
}

static void what_is_below_no_interface_any_more_is_detached_at_the_next_start(void **state)
{
	struct interface bond;

	(void)state;
	skip_without_root();
	bond = interface_over("bond0", "a", "b");
	datapath_close(attach(&bond, 1));
	assert_true(has_program("a") && has_program("b"));
	bond = interface_over("bond0", "b", "c");
	datapath_close(attach(&bond, 1));
	assert_true(!has_program("a") && has_program("b") && has_program("c"));
	assert_true(!answers("a") && answers("b") && answers("c"));
}

static void a_new_mac_address_is_answered_with(void **state)
{
	struct interface interface;
	struct datapath *datapath;

	(void)state;
	skip_without_root();
	assert_int_equal(system("ip link set dev d address 02:00:00:00:00:01"), 0);
	interface = interface_over("a.1", "d", NULL);
	datapath = attach(&interface, 1);
	assert_int_equal(system("ip link set dev d address 02:00:00:00:00:64"), 0);
	assert_false(follow(datapath, 0, interface));
	assert_true(answers("d"));
	datapath_close(datapath);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_devices_below_an_interface_are_attached_to),
		TEST(slaves_that_come_and_go_are_followed),
		TEST(a_device_below_two_interfaces_is_attached_to_once_and_until_both_left_it),
		TEST(a_slave_on_standby_forwards_but_answers_nobody),
		TEST(what_was_to_leave_by_a_slave_leaves_by_one_that_takes_part),
		TEST(what_is_below_no_interface_any_more_is_detached_at_the_next_start),
		TEST(a_new_mac_address_is_answered_with),
	};

	return cmocka_run_group_tests_name("interfaces", tests, NULL, NULL);
}

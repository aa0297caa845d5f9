/* SPDX-License-Identifier: BSD-2-Clause */
/* test_net.c - next hops as the kernel has them, on real links between namespaces. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <net/if.h>

#include "net_fixture.h"

static void an_address_on_the_link_gets_its_neighbours_mac(void **state)
{
	struct fixture *fixture = *state;
	struct address source = address("10.0.1.1");
	struct address asked = address("10.0.1.2");
	struct next_hop hop;

	start_peer_on(fixture, "up0", 1, 0x11);
	start_net(fixture);
	WATCH(fixture, "10.0.1.2");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
	hop = next_hop_of(fixture, "10.0.1.2");
	assert_memory_equal(hop.dst_mac, ((uint8_t[]){ 2, 0, 0, 0, 0, 0x11 }), 6);
	assert_memory_equal(hop.src_mac, ((uint8_t[]){ 2, 0, 0, 0, 1, 0x11 }), 6);
	assert_int_equal(hop.ifindex, if_nametoindex("up0"));
	assert_int_equal(hop.mtu, 1500);
	assert_int_equal(hop.vlan[0].protocol, 0);
	assert_true(hop.has_source);
	assert_int_equal(address_compare(&hop.source, &source), 0);
	assert_int_equal(address_compare(&hop.neighbour, &asked), 0);
}

static void an_address_behind_a_router_gets_the_routers_mac(void **state)
{
	struct fixture *fixture = *state;
	struct address router = address("10.0.1.2");
	struct address source = address("10.0.77.7");
	struct next_hop hop;

	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip addr add 10.0.77.7/32 dev lo");
	run("ip route add 198.51.100.0/24 via 10.0.1.2 src 10.0.77.7 mtu 1400");
	run("ip link set up0 mtu 1450; ip route add 203.0.113.0/24 via 10.0.1.2 mtu 9000");
	start_net(fixture);
	WATCH(fixture, "198.51.100.9", "203.0.113.9");
	wait_for_mac(fixture, "198.51.100.9", 0x11);
	hop = next_hop_of(fixture, "198.51.100.9");
	assert_int_equal(address_compare(&hop.neighbour, &router), 0);
	assert_int_equal(address_compare(&hop.source, &source), 0);
	assert_int_equal(hop.mtu, 1400);
	hop = next_hop_of(fixture, "203.0.113.9");
	assert_int_equal(hop.state, NEXT_HOP_RESOLVED);
	assert_int_equal(hop.mtu, 1450);
}

static void ipv6_is_resolved_on_the_link_and_by_a_link_local_router(void **state)
{
	struct fixture *fixture = *state;
	struct address router = address("fe80::2");
	struct address source = address("fd00:1::1");
	struct next_hop hop;

	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip route add 2001:db8:9::/64 via fe80::2 dev up0");
	start_net(fixture);
	WATCH(fixture, "fd00:1::2", "2001:db8:9::1");
	wait_for_mac(fixture, "fd00:1::2", 0x11);
	wait_for_mac(fixture, "2001:db8:9::1", 0x11);
	hop = next_hop_of(fixture, "2001:db8:9::1");
	assert_int_equal(address_compare(&hop.neighbour, &router), 0);
	assert_true(hop.has_source);
	assert_int_equal(address_compare(&hop.source, &source), 0);
}

static void an_ipv4_route_may_have_an_ipv6_gateway(void **state)
{
	struct fixture *fixture = *state;
	struct address router = address("fe80::2");
	struct next_hop hop;

	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip route add 198.51.100.0/24 via inet6 fe80::2 dev up0");
	start_net(fixture);
	WATCH(fixture, "198.51.100.1");
	wait_for_mac(fixture, "198.51.100.1", 0x11);
	hop = next_hop_of(fixture, "198.51.100.1");
	assert_int_equal(address_compare(&hop.neighbour, &router), 0);
}

static void addresses_that_no_frame_can_reach_are_unreachable(void **state)
{
	struct fixture *fixture = *state;
	const char *const texts[] = {
		"10.0.1.1",   /* own */
		"10.0.1.255", /* broadcast */
		"127.0.0.1",
		"224.0.0.5",    /* multicast */
		"192.0.2.1",    /* blackhole */
		"192.0.2.129",  /* unreachable */
		"198.51.100.1", /* a device without Ethernet */
		"203.0.113.1",  /* no route */
		"fd00:1::1",
		"2001:db8::1",   /* unreachable */
		"2001:db8:1::1", /* no route */
		NULL,
	};

	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip route add blackhole 192.0.2.0/25; ip route add unreachable 192.0.2.128/25; "
	    "ip route add 198.51.100.0/24 dev lo; ip route add unreachable 2001:db8::/64");
	start_net(fixture);
	watch(fixture, texts);
	for (size_t i = 0; texts[i]; i++) {
		struct next_hop hop = next_hop_of(fixture, texts[i]);

		if (hop.state != NEXT_HOP_UNREACHABLE || hop.ifindex != 0)
			fail_msg("%s: state %d, ifindex %u", texts[i], hop.state, hop.ifindex);
	}
}

static void a_changed_mac_is_followed(void **state)
{
	struct fixture *fixture = *state;
	pid_t peer = start_peer_on(fixture, "up0", 1, 0x11);

	start_net(fixture);
	WATCH(fixture, "10.0.1.2");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
	run("nsenter -t %d -n ip link set eth0 address 02:00:00:00:00:22", peer);
	wait_for_mac(fixture, "10.0.1.2", 0x22);
	assert_true(fixture->next_hop_calls >= 2);
	assert_int_equal(fixture->changed, fixture->next_hop_calls);
}

/* The kernel by itself would believe the old address for half a minute. */
static void a_mac_changed_in_silence_is_followed_soon(void **state)
{
	struct fixture *fixture = *state;
	pid_t peer = start_peer_on(fixture, "up0", 1, 0x11);
	const char *const texts[] = { "10.0.1.2", "fd00:1::2", "2001:db8:9::1" };
	uint64_t changed_ms;

	run("ip route add 2001:db8:9::/64 via fe80::2 dev up0");
	start_net(fixture);
	WATCH(fixture, "10.0.1.2", "fd00:1::2", "2001:db8:9::1");
	for (size_t i = 0; i < 3; i++)
		wait_for_mac(fixture, texts[i], 0x11);
	/* Longer than the kernel takes the first answer for the better one. */
	assert_false(run_loop(fixture, NULL, 1500));
	/* The peer asks nobody, which would give it away. */
	run("nsenter -t %d -n sh -ec 'sysctl -qw net.ipv4.conf.eth0.arp_notify=0 "
	    "net.ipv4.conf.all.arp_notify=0 net.ipv6.conf.eth0.ndisc_notify=0; "
	    "ip link set eth0 address 02:00:00:00:00:22; "
	    "ip neigh replace 10.0.1.1 lladdr 02:00:00:00:01:11 dev eth0 nud permanent; "
	    "ip neigh replace fd00:1::1 lladdr 02:00:00:00:01:11 dev eth0 nud permanent'",
	    peer);
	changed_ms = loop_now_ms();
	for (size_t i = 0; i < 3; i++)
		wait_for_mac(fixture, texts[i], 0x22);
	print_message("# %u ms after the change\n", (unsigned int)(loop_now_ms() - changed_ms));
	assert_true(loop_now_ms() - changed_ms < 3000);
}

static void a_stale_entry_with_a_wrong_mac_is_found_out(void **state)
{
	struct fixture *fixture = *state;

	start_peer_on(fixture, "up0", 1, 0x11);
	run("sysctl -qw net.ipv4.neigh.up0.delay_first_probe_time=1; "
	    "ip neigh replace 10.0.1.2 lladdr 02:00:00:00:00:99 dev up0 nud stale");
	start_net(fixture);
	WATCH(fixture, "10.0.1.2");
	assert_int_equal(next_hop_of(fixture, "10.0.1.2").state, NEXT_HOP_RESOLVED);
	assert_int_equal(next_hop_of(fixture, "10.0.1.2").dst_mac[5], 0x99);
	wait_for_mac(fixture, "10.0.1.2", 0x11);
}

static void a_neighbour_the_kernel_was_told_to_forget_is_asked_again(void **state)
{
	struct fixture *fixture = *state;

	start_peer_on(fixture, "up0", 1, 0x11);
	start_net(fixture);
	WATCH(fixture, "10.0.1.2");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
	run("ip neigh del 10.0.1.2 dev up0");
	wait_for_state(fixture, "10.0.1.2", NEXT_HOP_UNREACHABLE, 0);
	wait_for_mac(fixture, "10.0.1.2", 0x11);
}

static void a_neighbour_that_appears_later_is_resolved(void **state)
{
	struct fixture *fixture = *state;
	pid_t peer = start_peer_on(fixture, "up0", 1, 0x11);

	run("nsenter -t %d -n sysctl -qw net.ipv4.conf.eth0.arp_notify=0", peer);
	start_net(fixture);
	WATCH(fixture, "10.0.1.9", "fd00:1::9");
	assert_int_equal(next_hop_of(fixture, "10.0.1.9").state, NEXT_HOP_UNRESOLVED);
	wait_for_state(fixture, "10.0.1.9", NEXT_HOP_UNREACHABLE, 0);
	wait_for_state(fixture, "fd00:1::9", NEXT_HOP_UNREACHABLE, 0);
	run("nsenter -t %d -n sh -ec 'ip addr add 10.0.1.9/24 dev eth0; "
	    "ip addr add fd00:1::9/64 nodad dev eth0'",
	    peer);
	wait_for_mac(fixture, "10.0.1.9", 0x11);
	wait_for_mac(fixture, "fd00:1::9", 0x11);
}

static void a_link_that_goes_down_and_up_loses_and_finds_its_neighbours(void **state)
{
	struct fixture *fixture = *state;

	start_peer_on(fixture, "up0", 1, 0x11);
	start_net(fixture);
	WATCH(fixture, "10.0.1.2");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
	run("ip link set up0 down");
	wait_for_state(fixture, "10.0.1.2", NEXT_HOP_UNREACHABLE, 0);
	run("ip link set up0 up");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
	run("ip link del up0");
	wait_for_state(fixture, "10.0.1.2", NEXT_HOP_UNREACHABLE, 0);
}

static void a_policy_rule_changes_the_way(void **state)
{
	struct fixture *fixture = *state;

	start_peer_on(fixture, "up0", 1, 0x11);
	start_peer_on(fixture, "up1", 2, 0x22);
	if (system("ip rule add to 203.0.113.0/24 table 7 2>/dev/null") != 0)
		SKIP("this kernel has no policy routing");
	run("ip rule del to 203.0.113.0/24 table 7");
	run("ip route add default via 10.0.1.2; ip route add default via 10.0.2.2 table 7");
	start_net(fixture);
	WATCH(fixture, "203.0.113.1");
	wait_for_mac(fixture, "203.0.113.1", 0x11);
	run("ip rule add to 203.0.113.0/24 table 7");
	wait_for_mac(fixture, "203.0.113.1", 0x22);
}

static bool has_two_address_calls(struct fixture *fixture)
{
	return fixture->address_calls >= 2;
}

static bool has_one_address_call(struct fixture *fixture)
{
	return fixture->address_calls >= 1;
}

static void own_addresses_are_known_and_followed(void **state)
{
	struct fixture *fixture = *state;
	const struct address expected[] = { address("10.0.1.1"), address("192.0.2.1"),
					    address("fd00:1::1") };
	const struct address *own;
	size_t count;

	start_peer_on(fixture, "up0", 1, 0x11);
	start_net(fixture);
	assert_int_equal(net_own_addresses(fixture->net, &own, &count), 0);
	assert_int_equal(count, 2);
	run("ip addr add 192.0.2.1/32 dev lo");
	assert_true(run_loop(fixture, has_one_address_call, PATIENCE_MS));
	assert_int_equal(net_own_addresses(fixture->net, &own, &count), 0);
	assert_int_equal(count, 3);
	assert_memory_equal(own, expected, sizeof(expected));
	run("ip addr del 192.0.2.1/32 dev lo");
	assert_true(run_loop(fixture, has_two_address_calls, PATIENCE_MS));
	assert_int_equal(net_own_addresses(fixture->net, &own, &count), 0);
	assert_int_equal(count, 2);
}

static void an_address_that_becomes_the_hosts_own_becomes_unreachable(void **state)
{
	struct fixture *fixture = *state;

	start_peer_on(fixture, "up0", 1, 0x11);
	start_net(fixture);
	WATCH(fixture, "10.0.1.2");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
	run("ip addr add 10.0.1.2/32 dev lo");
	wait_for_state(fixture, "10.0.1.2", NEXT_HOP_UNREACHABLE, 0);
	run("ip addr del 10.0.1.2/32 dev lo");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
}

static void another_watched_set_keeps_what_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct address gone = address("10.0.1.2");
	struct next_hop hop;

	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip route add 203.0.113.0/24 via 10.0.1.2");
	start_net(fixture);
	WATCH(fixture, "10.0.1.2", "203.0.113.1");
	wait_for_mac(fixture, "203.0.113.1", 0x11);
	WATCH(fixture, "192.0.2.1", "203.0.113.1", "203.0.113.2");
	assert_int_equal(net_next_hop(fixture->net, &gone, &hop), -ENOENT);
	assert_int_equal(next_hop_of(fixture, "203.0.113.1").state, NEXT_HOP_RESOLVED);
	assert_int_equal(next_hop_of(fixture, "203.0.113.2").state, NEXT_HOP_RESOLVED);
	assert_int_equal(next_hop_of(fixture, "192.0.2.1").state, NEXT_HOP_UNREACHABLE);
	watch_all(fixture, &gone, 0);
	assert_int_equal(net_next_hop(fixture->net, &gone, &hop), -ENOENT);
}

static bool has_mtu_1450(struct fixture *fixture)
{
	return next_hop_of(fixture, "10.0.1.2").mtu == 1450;
}

static void a_change_that_leaves_a_next_hop_equal_is_not_told(void **state)
{
	struct fixture *fixture = *state;

	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip route add 203.0.113.0/24 via 10.0.1.2 mtu 1300");
	start_net(fixture);
	WATCH(fixture, "10.0.1.2", "203.0.113.1");
	wait_for_mac(fixture, "203.0.113.1", 0x11);
	fixture->next_hop_calls = 0;
	fixture->changed = 0;
	run("ip link set up0 mtu 1450");
	assert_true(run_loop(fixture, has_mtu_1450, PATIENCE_MS));
	assert_int_equal(fixture->changed, 1);
	assert_int_equal(fixture->next_hop_calls, 1);
	run("ip route add 198.51.100.0/24 via 10.0.1.2; "
	    "ip route replace 203.0.113.0/25 via 10.0.1.2 mtu 1300");
	assert_false(run_loop(fixture, NULL, 200));
	assert_int_equal(fixture->next_hop_calls, 1);
}

static void a_vlan_device_leads_to_its_lower_device_with_a_tag(void **state)
{
	struct fixture *fixture = *state;
	pid_t peer = start_peer_on(fixture, "up0", 1, 0x11);
	struct next_hop hop;

	if (system("ip link add link up0 name up0.7 type vlan id 7 2>/dev/null") != 0)
		SKIP("this kernel has no 8021q; test_net_tables reads messages made up for it");
	run("ip addr add 10.0.7.1/24 dev up0.7; ip link set up0.7 mtu 1496 up");
	run("nsenter -t %d -n sh -ec 'ip link add link eth0 name eth0.7 type vlan id 7; "
	    "ip addr add 10.0.7.2/24 dev eth0.7; ip link set eth0.7 up'",
	    peer);
	start_net(fixture);
	WATCH(fixture, "10.0.7.2");
	wait_for_mac(fixture, "10.0.7.2", 0x11);
	hop = next_hop_of(fixture, "10.0.7.2");
	assert_int_equal(hop.vlan[0].protocol, 0x8100);
	assert_int_equal(hop.vlan[0].id, 7);
	assert_int_equal(hop.vlan[1].protocol, 0);
	assert_int_equal(hop.ifindex, if_nametoindex("up0"));
	assert_int_equal(hop.mtu, 1496);
}

static void neighbours_behind_a_bridge_are_found_through_it(void **state)
{
	struct fixture *fixture = *state;

	if (system("ip link add br0 type bridge 2>/dev/null") != 0)
		SKIP("this kernel has no bridges");
	start_peer_on(fixture, "up0", 1, 0x11);
	start_peer_on(fixture, "up1", 1, 0x22);
	run("nsenter -t %d -n sh -ec 'ip addr flush dev eth0; ip addr add 10.0.1.3/24 dev eth0'",
	    fixture->peers[1]);
	run("ip addr flush dev up0; ip addr flush dev up1; ip link set up0 master br0; "
	    "ip link set up1 master br0; ip addr add 10.0.1.1/24 dev br0; ip link set br0 up");
	start_net(fixture);
	WATCH(fixture, "10.0.1.2", "10.0.1.3");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
	wait_for_mac(fixture, "10.0.1.3", 0x22);
	assert_int_equal(next_hop_of(fixture, "10.0.1.3").ifindex, if_nametoindex("br0"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_on_the_link_gets_its_neighbours_mac),
		TEST(an_address_behind_a_router_gets_the_routers_mac),
		TEST(ipv6_is_resolved_on_the_link_and_by_a_link_local_router),
		TEST(an_ipv4_route_may_have_an_ipv6_gateway),
		TEST(addresses_that_no_frame_can_reach_are_unreachable),
		TEST(a_changed_mac_is_followed),
		TEST(a_mac_changed_in_silence_is_followed_soon),
		TEST(a_stale_entry_with_a_wrong_mac_is_found_out),
		TEST(a_neighbour_the_kernel_was_told_to_forget_is_asked_again),
		TEST(a_neighbour_that_appears_later_is_resolved),
		TEST(a_link_that_goes_down_and_up_loses_and_finds_its_neighbours),
		TEST(a_policy_rule_changes_the_way),
		TEST(own_addresses_are_known_and_followed),
		TEST(an_address_that_becomes_the_hosts_own_becomes_unreachable),
		TEST(another_watched_set_keeps_what_is_known),
		TEST(a_change_that_leaves_a_next_hop_equal_is_not_told),
		TEST(a_vlan_device_leads_to_its_lower_device_with_a_tag),
		TEST(neighbours_behind_a_bridge_are_found_through_it),
	};

	return RUN_NET_TESTS(tests);
}

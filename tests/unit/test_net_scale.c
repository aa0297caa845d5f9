/* SPDX-License-Identifier: BSD-2-Clause */
/* test_net_scale.c - next hops of very many addresses, and full or overrun kernel tables. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <time.h>

#include "net_fixture.h"

#define MANY 10000
#define VERY_MANY 100000

static struct address numbered(const char *first, uint32_t number)
{
	struct address numbered_address = address(first);
	uint32_t last_bits;

	memcpy(&last_bits, numbered_address.bytes + 12, 4);
	last_bits = htonl(ntohl(last_bits) + number);
	memcpy(numbered_address.bytes + 12, &last_bits, 4);
	return numbered_address;
}

static double cpu_seconds(void)
{
	struct timespec used;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* first and those that follow it; watches them in place of all others; CPU time that took. */
static double watch_range(struct fixture *fixture, const char *first, size_t count)
{
	struct address *addresses = calloc(count, sizeof(*addresses));
	double used_s;

	assert_non_null(addresses);
	for (size_t i = 0; i < count; i++)
		addresses[i] = numbered(first, (uint32_t)i);
	used_s = cpu_seconds();
	watch_all(fixture, addresses, count);
	used_s = cpu_seconds() - used_s;
	free(addresses);
	return used_s;
}

static size_t count_with_mac(const struct fixture *fixture, const char *first, size_t count,
			     uint8_t mac)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct address asked = numbered(first, (uint32_t)i);
		struct next_hop hop;

		assert_int_equal(net_next_hop(fixture->net, &asked, &hop), 0);
		found += hop.state == NEXT_HOP_RESOLVED && hop.dst_mac[5] == mac;
	}
	return found;
}

static void many_addresses_follow_their_router(struct fixture *fixture, size_t count,
					       double limit_s)
{
	double used_s;

	start_peer_on(fixture, "up0", 1, 0x11);
	start_peer_on(fixture, "up1", 2, 0x22);
	run("ip route add 172.16.0.0/12 via 10.0.1.2");
	start_net(fixture);
	used_s = watch_range(fixture, "172.16.0.0", count);
	print_message("# %zu addresses behind a router looked up in %.3f s of CPU\n", count,
		      used_s);
	assert_true(used_s < limit_s);
	wait_for_mac(fixture, "172.16.0.0", 0x11);
	assert_int_equal(count_with_mac(fixture, "172.16.0.0", count, 0x11), count);

	assert_int_equal(fixture->changed, count);
	assert_int_equal(fixture->next_hop_calls, 1);
	WATCH(fixture, "10.0.2.2");
	wait_for_mac(fixture, "10.0.2.2", 0x22);
	(void)watch_range(fixture, "172.16.0.0", count);
	fixture->changed = 0;
	run("ip route replace 172.16.0.0/12 via 10.0.2.2");
	wait_for_mac(fixture, "172.16.0.0", 0x22);
	assert_int_equal(count_with_mac(fixture, "172.16.0.0", count, 0x22), count);
	assert_true(fixture->changed >= count);
}

/* The limits are loose, for valgrind; work that grows as the square of the number fails. */
static void ten_thousand_addresses_follow_their_router(void **state)
{
	many_addresses_follow_their_router(*state, MANY, 2);
}

static void a_hundred_thousand_addresses_follow_their_router(void **state)
{
	many_addresses_follow_their_router(*state, VERY_MANY, 10);
}

static void ten_thousand_ipv6_addresses_are_resolved(void **state)
{
	struct fixture *fixture = *state;

	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip route add 2001:db8::/64 via fe80::2 dev up0");
	start_net(fixture);
	(void)watch_range(fixture, "2001:db8::1", MANY);
	wait_for_mac(fixture, "2001:db8::1", 0x11);
	assert_int_equal(count_with_mac(fixture, "2001:db8::1", MANY, 0x11), MANY);
}

static void each_of_many_neighbours_is_resolved(void **state)
{
	struct fixture *fixture = *state;

	/* Few enough for the kernel's table, which all namespaces share. */
	start_peer_on(fixture, "up0", 1, 0x11);
	run("nsenter -t %d -n sh -ec 'for i in $(seq 10 109); do "
	    "echo addr add 10.0.1.$i/24 dev eth0; done | ip -batch -'",
	    fixture->peers[0]);
	start_net(fixture);
	(void)watch_range(fixture, "10.0.1.10", 100);
	for (int i = 10; i < 110; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "10.0.1.%d", i);
		wait_for_mac(fixture, text, 0x11);
	}
	assert_int_equal(fixture->changed, 100);
}

/* The largest size of the kernel's neighbour table; 0 when it cannot be read. */
static unsigned int neighbour_limit;

static void read_neighbour_limit(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/neigh/default/gc_thresh3", "re");

	if (!file)
		return;
	if (fscanf(file, "%u", &neighbour_limit) != 1)
		neighbour_limit = 0;
	(void)fclose(file);
}

static void a_full_neighbour_table_is_survived_without_haste(void **state)
{
	struct fixture *fixture = *state;
	const size_t count = neighbour_limit + neighbour_limit / 2;
	double used_s;

	if (neighbour_limit == 0 || neighbour_limit > 8192)
		SKIP("the kernel's limit on neighbours is unknown or too high to be reached");
	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip addr add 172.16.0.1/16 dev up0");
	start_net(fixture);
	(void)watch_range(fixture, "172.16.1.0", count);
	used_s = cpu_seconds();
	assert_false(run_loop(fixture, NULL, 1500));
	used_s = cpu_seconds() - used_s;
	print_message("# %.2f s of CPU in 1.5 s while the table was full\n", used_s);
	assert_true(used_s < 1.0);
	assert_int_equal(count_with_mac(fixture, "172.16.1.0", count, 0x11), 0);
	WATCH(fixture, "10.0.1.2");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
}

static void events_the_kernel_had_to_drop_are_made_up_for(void **state)
{
	struct fixture *fixture = *state;

	start_peer_on(fixture, "up0", 1, 0x11);
	start_peer_on(fixture, "up1", 2, 0x22);
	run("ip route add 172.16.0.0/12 via 10.0.1.2");
	start_net(fixture);
	WATCH(fixture, "172.16.0.1", "10.0.1.2", "10.0.2.2");
	wait_for_mac(fixture, "172.16.0.1", 0x11);
	wait_for_mac(fixture, "10.0.2.2", 0x22);
	/* More events than the socket has room for; what comes behind them is lost. */
	run("seq 0 29999 | awk '{ printf \"neigh replace 10.7.%%d.%%d lladdr 2:0:0:0:0:7 "
	    "dev up0 nud permanent\\n\", $1 / 250, $1 %% 250 }' | ip -batch -");
	run("ip route replace 172.16.0.0/12 via 10.0.2.2; ip addr add 192.0.2.1/32 dev lo; "
	    "ip link set up1 mtu 1400; "
	    "ip neigh replace 10.0.1.2 lladdr 2:0:0:0:0:33 dev up0 nud permanent");
	wait_for_mac(fixture, "172.16.0.1", 0x22);
	wait_for_mac(fixture, "10.0.1.2", 0x33);
	assert_int_equal(next_hop_of(fixture, "172.16.0.1").mtu, 1400);
	assert_int_equal(fixture->address_calls, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ten_thousand_addresses_follow_their_router),
		TEST(a_hundred_thousand_addresses_follow_their_router),
		TEST(ten_thousand_ipv6_addresses_are_resolved),
		TEST(each_of_many_neighbours_is_resolved),
		TEST(a_full_neighbour_table_is_survived_without_haste),
		TEST(events_the_kernel_had_to_drop_are_made_up_for),
	};

	read_neighbour_limit();
	return RUN_NET_TESTS(tests);
}

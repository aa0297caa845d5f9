/* SPDX-License-Identifier: BSD-2-Clause */
/* test_net_probe.c - questions to neighbours that are known: their bytes, to whom, how often. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <time.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>

#include "net/link.h"
#include "net/neighbour.h"
#include "net/neighbour_probe.h"
#include "net/netlink.h"
#include "net/solicitation.h"
#include "net_fixture.h"

#define FRAME_BYTES_MAX 128

struct captured {
	uint8_t bytes[FRAME_BYTES_MAX];
	ssize_t size;
	bool is_outgoing;
};

/* Sees every frame that leaves or reaches the device. */
static int start_capture(const char *device)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static bool next_frame(int fd, struct captured *ret)
{
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);

	ret->size =
		recvfrom(fd, ret->bytes, sizeof(ret->bytes), 0, (struct sockaddr *)&from, &size);
	if (ret->size < 0)
		return false;
	ret->is_outgoing = from.sll_pkttype == PACKET_OUTGOING;
	return true;
}

/* A device with nobody at its other end, so that all that leaves is what a test sends. */
static int lonely_device(void)
{
	run("ip link add up0 address 02:00:00:00:00:01 type veth peer name up1; "
	    "sysctl -qw net.ipv6.conf.up0.disable_ipv6=1 net.ipv6.conf.up1.disable_ipv6=1; "
	    "ip link set up0 up; ip link set up1 up; "
	    /* Before that it swallows what is sent. */
	    "timeout 20 sh -c 'until ip link show up0 | grep -q \"state UP\"; do :; done'");
	return start_capture("up0");
}

static void send_and_expect(int capture, const struct solicitation *solicitation,
			    const uint8_t *expected, size_t size)
{
	struct captured frame;
	int fd;

	assert_int_equal(solicitation_open(&fd, NULL), 0);
	solicitation_send(fd, solicitation);
	(void)close(fd);
	assert_true(next_frame(capture, &frame));
	assert_true(frame.is_outgoing);
	assert_int_equal(frame.size, size);
	assert_memory_equal(frame.bytes, expected, size);
	assert_false(next_frame(capture, &frame));
}

static void an_arp_request_asks_one_or_everybody(void **state)
{
	uint8_t expected[42] = {
		2, 0, 0, 0, 0, 9, 2,   0, 0, 0,  0, 1, /* Ethernet */
		8, 6, 0, 1, 8, 0, 6,   4, 0, 1,        /* a request */
		2, 0, 0, 0, 0, 1, 192, 0, 2, 1,        /* from */
		0, 0, 0, 0, 0, 0, 192, 0, 2, 77,       /* about */
	};
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	int capture = lonely_device();
	struct solicitation solicitation = {
		.target = address("192.0.2.77"),
		.source = address("192.0.2.1"),
		.ifindex = if_nametoindex("up0"),
		.src_mac = { 2, 0, 0, 0, 0, 1 },
		.dst_mac = mac,
	};

	(void)state;
	send_and_expect(capture, &solicitation, expected, sizeof(expected));
	solicitation.dst_mac = NULL;
	memset(expected, 0xff, 6);
	send_and_expect(capture, &solicitation, expected, sizeof(expected));
	(void)close(capture);
}

/* The checksums were computed by another program. */
static void a_neighbour_solicitation_asks_one_or_the_group(void **state)
{
	uint8_t expected[86] = {
		/* Ethernet */
		2,
		0,
		0,
		0,
		0,
		9,
		2,
		0,
		0,
		0,
		0,
		1,
		0x86,
		0xdd,
		/* IPv6: 32 bytes of ICMPv6, hop limit 255 */
		0x60,
		0,
		0,
		0,
		0,
		32,
		58,
		255,
		0xfe,
		0x80,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		1,
		0xfe,
		0x80,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0x12,
		0x34,
		0x56,
		/* solicitation */
		135,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0xfe,
		0x80,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0x12,
		0x34,
		0x56,
		/* the asker's MAC address */
		1,
		1,
		2,
		0,
		0,
		0,
		0,
		1,
	};
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	const uint8_t group_mac[6] = { 0x33, 0x33, 0xff, 0x12, 0x34, 0x56 };
	const uint8_t group[16] = { 0xff, 2, [11] = 1, [12] = 0xff, [13] = 0x12, 0x34, 0x56 };
	int capture = lonely_device();
	struct solicitation solicitation = {
		.target = address("fe80::12:3456"),
		.source = address("fe80::1"),
		.ifindex = if_nametoindex("up0"),
		.src_mac = { 2, 0, 0, 0, 0, 1 },
		.dst_mac = mac,
	};

	(void)state;
	expected[56] = 0x11;
	expected[57] = 0x4f;
	send_and_expect(capture, &solicitation, expected, sizeof(expected));
	solicitation.dst_mac = NULL;
	memcpy(expected, group_mac, sizeof(group_mac));
	memcpy(expected + 38, group, sizeof(group));
	expected[56] = 0x11;
	expected[57] = 0xcb;
	send_and_expect(capture, &solicitation, expected, sizeof(expected));
	(void)close(capture);
}

struct seen {
	size_t to_one, to_all;
};

static bool is_question(const struct captured *frame)
{
	const uint8_t *type = frame->bytes + 12;

	return frame->is_outgoing && frame->size >= 42 &&
	       ((type[0] == 8 && type[1] == 6 && frame->bytes[21] == 1) ||
		(type[0] == 0x86 && type[1] == 0xdd && frame->bytes[20] == IPPROTO_ICMPV6 &&
		 frame->size >= 78 && frame->bytes[54] == 135));
}

static struct seen questions(int capture)
{
	struct seen seen = { 0 };
	struct captured frame;

	while (next_frame(capture, &frame)) {
		if (!is_question(&frame))
			continue;
		if (frame.bytes[0] & 1)
			seen.to_all++;
		else
			seen.to_one++;
	}
	return seen;
}

static void who_answers_is_asked_alone_and_who_is_silent_by_everybody(void **state)
{
	struct fixture *fixture = *state;
	pid_t peer = start_peer_on(fixture, "up0", 1, 0x11);
	struct seen seen;
	int capture;

	start_net(fixture);
	WATCH(fixture, "10.0.1.2", "fd00:1::2");
	wait_for_mac(fixture, "10.0.1.2", 0x11);
	wait_for_mac(fixture, "fd00:1::2", 0x11);
	capture = start_capture("up0");
	assert_false(run_loop(fixture, NULL, 1600));
	seen = questions(capture);
	assert_in_range(seen.to_one, 4, 14);
	assert_int_equal(seen.to_all, 0);
	/* Without ARP it answers neither; its link stays up. */
	run("nsenter -t %d -n ip link set eth0 arp off", peer);
	(void)questions(capture);
	assert_false(run_loop(fixture, NULL, 1600));
	seen = questions(capture);
	assert_in_range(seen.to_all, 2, 14);
	assert_int_equal(next_hop_of(fixture, "10.0.1.2").state, NEXT_HOP_RESOLVED);
	(void)close(capture);
}

static void a_permanent_neighbour_is_not_asked(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen;
	int capture;

	start_peer_on(fixture, "up0", 1, 0x11);
	run("ip neigh replace 10.0.1.2 lladdr 02:00:00:00:00:99 dev up0 nud permanent");
	start_net(fixture);
	WATCH(fixture, "10.0.1.2");
	wait_for_mac(fixture, "10.0.1.2", 0x99);
	capture = start_capture("up0");
	assert_false(run_loop(fixture, NULL, 1000));
	seen = questions(capture);
	assert_int_equal(seen.to_one + seen.to_all, 0);
	(void)close(capture);
}

/* Neighbours on a device that does not exist, which have answered once. */
static struct neighbour_table table_of(size_t count, struct netlink *netlink)
{
	struct neighbour_user *users = calloc(count, sizeof(*users));
	struct neighbour_table table = { 0 };

	assert_non_null(users);
	for (size_t i = 0; i < count; i++) {
		users[i].key.address = address("192.0.2.0");
		users[i].key.address.bytes[13] = (uint8_t)(i >> 8);
		users[i].key.address.bytes[15] = (uint8_t)i;
		users[i].key.ifindex = 1000000;
	}
	assert_int_equal(neighbour_table_replace(&table, netlink, users, count, false), 0);
	assert_int_equal(table.count, count);
	for (size_t i = 0; i < count; i++) {
		table.neighbours[i].has_mac = true;
		table.neighbours[i].kernel_state = NUD_REACHABLE;
	}
	return table;
}

static double cpu_seconds(void)
{
	struct timespec used;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static size_t count_probed(const struct neighbour_table *table, uint64_t since_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++)
		count += table->neighbours[i].probed_ms >= since_ms;
	return count;
}

static void more_neighbours_than_a_round_has_room_for_take_turns(void **state)
{
	const size_t count = 2 * NEIGHBOUR_PROBES_PER_ROUND + 300;
	const struct link_table links = { 0 };
	struct netlink *netlink;
	struct neighbour_table table;
	double started_s;

	(void)state;
	assert_int_equal(netlink_open(NULL, 0, &netlink, NULL), 0);
	table = table_of(count, netlink);
	started_s = cpu_seconds();
	for (uint64_t round = 1; round <= 5; round++) {
		uint64_t now_ms = 100000 + round * NEIGHBOUR_PROBE_PERIOD_MS;

		neighbour_probe_round(&table, &links, netlink, -1, now_ms);
		assert_int_equal(count_probed(&table, now_ms), NEIGHBOUR_PROBES_PER_ROUND);
		if (round >= 3)
			assert_int_equal(count_probed(&table, now_ms - 3 * 300), count);
	}
	print_message("# a full round takes %.1f ms of CPU\n",
		      (cpu_seconds() - started_s) / 5 * 1000);
	neighbour_table_finish(&table);
	netlink_close(netlink);
}

static void who_stays_silent_is_asked_less_often(void **state)
{
	const struct link_table links = { 0 };
	struct netlink *netlink;
	struct neighbour_table table;
	const struct neighbour *neighbour;
	size_t asked = 0;

	(void)state;
	assert_int_equal(netlink_open(NULL, 0, &netlink, NULL), 0);
	table = table_of(1, netlink);
	neighbour = &table.neighbours[0];
	for (uint64_t round = 1; round <= 41; round++) {
		uint64_t now_ms = 100000 + round * NEIGHBOUR_PROBE_PERIOD_MS;

		neighbour_probe_round(&table, &links, netlink, -1, now_ms);
		asked += neighbour->probed_ms == now_ms;
		if (round == 1)
			assert_int_equal(neighbour->silent_rounds, 0);
		if (round == 2)
			assert_int_equal(neighbour->silent_rounds, 1);
	}
	assert_int_equal(asked, 11 + 30 / 3);
	neighbour_table_finish(&table);
	netlink_close(netlink);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_arp_request_asks_one_or_everybody),
		TEST(a_neighbour_solicitation_asks_one_or_the_group),
		TEST(who_answers_is_asked_alone_and_who_is_silent_by_everybody),
		TEST(a_permanent_neighbour_is_not_asked),
		TEST(more_neighbours_than_a_round_has_room_for_take_turns),
		TEST(who_stays_silent_is_asked_less_often),
	};

	return RUN_NET_TESTS(tests);
}

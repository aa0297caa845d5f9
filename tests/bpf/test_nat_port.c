// SPDX-License-Identifier: BSD-2-Clause
/* test_nat_port.c - who holds which source port, and how long. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nat_entry.h"

static void world_open_with_ports(uint16_t count)
{
	struct gw_config config = world_config();

	config.nat_port_count = count;
	world_open_with(config, LRU_ENTRIES);
}

static void two_clients_never_share_a_port(void **state)
{
	uint16_t first, second, again;

	(void)state;
	world_open_with_ports(2);
	assert_int_equal(send_from(1001, IPPROTO_UDP, 0, &first), GW_FORWARDED);
	assert_int_equal(send_from(1002, IPPROTO_UDP, 0, &second), GW_FORWARDED);
	assert_int_not_equal(first, second);
	assert_in_range(first, NAT_PORT, NAT_PORT + 1);
	assert_in_range(second, NAT_PORT, NAT_PORT + 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send_from(1002, IPPROTO_UDP, 0, &again), GW_FORWARDED);
		assert_int_equal(again, second);
		assert_int_equal(send_from(1001, IPPROTO_UDP, 0, &again), GW_FORWARDED);
		assert_int_equal(again, first);
		reply_reaches(first, 1001);
		reply_reaches(second, 1002);
	}
}

static void when_all_ports_are_held_the_next_flow_is_dropped(void **state)
{
	(void)state;
	world_open();
	assert_int_equal(send_from(1001, IPPROTO_UDP, 0, NULL), GW_FORWARDED);
	assert_int_equal(send_from(1002, IPPROTO_UDP, 0, NULL), GW_NAT_PORTS_EXHAUSTED);
	assert_int_equal(send_from(1001, IPPROTO_TCP, SYN, NULL), GW_FORWARDED);
	reply_reaches(NAT_PORT, 1001);
}

static void every_port_of_a_power_of_two_is_found(void **state)
{
	uint32_t seen = 0;
	uint16_t port;

	(void)state;
	world_open_with_ports(32);
	for (uint16_t client = 0; client < 32; client++) {
		assert_int_equal(send_from(1000 + client, IPPROTO_UDP, 0, &port), GW_FORWARDED);
		seen |= 1U << (port - NAT_PORT);
	}
	assert_int_equal(seen, UINT32_MAX);
	assert_int_equal(send_from(999, IPPROTO_UDP, 0, &port), GW_NAT_PORTS_EXHAUSTED);
}

static void more_gateway_addresses_are_more_ports(void **state)
{
	struct gw_next_hop hop = next_hop_to_backend(5);
	uint16_t port;

	(void)state;
	world_open();
	set_gateway(5, is_ip6 ? "fd00:1::205" : "10.1.0.205");
	set_gateway(6, is_ip6 ? "fd00:1::206" : "10.1.0.206");
	set_gateway(7, is_ip6 ? "fd00:1::207" : "10.1.0.207");
	hop.gateway_count = 3;
	set_next_hop(is_ip6 ? NEXT_HOP6 : NEXT_HOP4, hop);
	for (int client = 0; client < 3; client++)
		assert_int_equal(send_from(1000 + client, IPPROTO_UDP, 0, &port), GW_FORWARDED);
	assert_int_equal(send_from(1003, IPPROTO_UDP, 0, &port), GW_NAT_PORTS_EXHAUSTED);
}

static uint64_t moved_bits(bool clears)
{
	uint64_t bits = 0, *words;
	size_t bytes;

	words = map_memory(world->maps.nat_moved, &bytes);
	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		bits += __builtin_popcountll(words[i]);
	if (clears)
		memset(words, 0, bytes);
	munmap(words, bytes);
	return bits;
}

static uint64_t flows(void)
{
	return traffic(IPPROTO_UDP).flows;
}

/* The next client whose first port of two is this one, and who now holds it; the other is free. */
static uint16_t client_that_prefers(uint16_t port, uint16_t client)
{
	uint16_t got = 0;

	do {
		nat_delete(unconfirmed(), IPPROTO_UDP, NAT_PORT);
		nat_delete(unconfirmed(), IPPROTO_UDP, NAT_PORT + 1);
		assert_int_equal(send_from(++client, IPPROTO_UDP, 0, &got), GW_FORWARDED);
	} while (got != port);
	return client;
}

static void a_flow_that_moved_is_remembered_by_a_bit(void **state)
{
	uint16_t first, second, port, other;
	uint64_t before;

	(void)state;
	world_open_with_ports(2);
	first = client_that_prefers(NAT_PORT, 1000);
	second = client_that_prefers(NAT_PORT, first);
	assert_int_equal(moved_bits(true), 0);
	assert_int_equal(send_from(first, IPPROTO_UDP, 0, &other), GW_FORWARDED);
	assert_int_equal(other, NAT_PORT + 1);
	assert_int_equal(moved_bits(false), 1);

	before = flows();
	assert_int_equal(send_from(first, IPPROTO_UDP, 0, &port), GW_FORWARDED);
	assert_int_equal(port, other);
	assert_int_equal(flows(), before);

	/* The negative control: without its bit the flow takes itself for new. */
	(void)moved_bits(true);
	assert_int_equal(send_from(first, IPPROTO_UDP, 0, &port), GW_FORWARDED);
	assert_int_equal(port, other);
	assert_int_equal(flows(), before + 1);
	reply_reaches(NAT_PORT, second);
	reply_reaches(other, first);
}

/* Lays another client's entry of this age on the world's only port. */
static void hold_port(bool is_confirmed, uint8_t protocol, uint32_t held_state, uint32_t age_s)
{
	union nat_entry entry = {};

	if (is_ip6) {
		entry.ip6.client = address("2001:db8:9::9");
		entry.ip6.vip = address(VIP6);
	} else {
		entry.ip4.client = address("203.0.113.9").word[3];
		entry.ip4.vip = address(VIP4).word[3];
	}
	entry.common.client_port = htons(9999);
	entry.common.vip_port = htons(80);
	entry.common.seen = now_s() - age_s;
	entry.common.state = held_state;
	nat_delete(confirmed(), protocol, NAT_PORT);
	nat_delete(unconfirmed(), protocol, NAT_PORT);
	nat_put(is_confirmed ? confirmed() : unconfirmed(), protocol, NAT_PORT, &entry);
}

static void a_port_is_free_when_its_flow_has_been_silent_for_its_time(void **state)
{
	enum { BOTH = GW_NAT_CLIENT_FIN | GW_NAT_BACKEND_FIN, REPLIED = GW_NAT_REPLIED };
	static const struct {
		uint8_t protocol;
		bool is_confirmed;
		uint32_t state, timeout_s;
	} cases[] = {
		{ IPPROTO_TCP, true, REPLIED, 3600 },
		{ IPPROTO_TCP, true, REPLIED | GW_NAT_CLIENT_FIN, 3600 },
		{ IPPROTO_TCP, true, REPLIED | BOTH, 2 },
		{ IPPROTO_TCP, true, REPLIED | BOTH | GW_NAT_BACKEND_CLOSED_FIRST, 65 },
		{ IPPROTO_TCP, true, REPLIED | GW_NAT_RESET, 2 },
		{ IPPROTO_TCP, true, 0, 30 },
		{ IPPROTO_TCP, false, 0, 30 },
		{ IPPROTO_TCP, false, REPLIED, 30 },
		{ IPPROTO_TCP, false, REPLIED | GW_NAT_RESET, 2 },
		{ IPPROTO_UDP, true, REPLIED, 120 },
		{ IPPROTO_UDP, false, REPLIED, 120 },
		{ IPPROTO_UDP, false, 0, 30 },
	};

	(void)state;
	world_open();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t protocol = cases[i].protocol;
		union nat_entry entry;

		hold_port(cases[i].is_confirmed, protocol, cases[i].state, cases[i].timeout_s - 1);
		assert_int_equal(send_from(33333, protocol, SYN, NULL), GW_NAT_PORTS_EXHAUSTED);
		hold_port(cases[i].is_confirmed, protocol, cases[i].state, cases[i].timeout_s + 1);
		assert_int_equal(send_from(33333, protocol, SYN, NULL), GW_FORWARDED);
		entry = entry_in(unconfirmed(), protocol);
		assert_int_equal(entry.common.client_port, htons(33333));
		assert_int_equal(entry.common.state, 0);
	}
}

static void who_lost_a_port_does_not_get_the_next_flows_replies(void **state)
{
	(void)state;
	world_open();
	assert_int_equal(send_from(1001, IPPROTO_UDP, 0, NULL), GW_FORWARDED);
	hold_port(false, IPPROTO_UDP, 0, 31);
	assert_int_equal(send_from(1002, IPPROTO_UDP, 0, NULL), GW_FORWARDED);
	assert_int_equal(send_from(1001, IPPROTO_UDP, 0, NULL), GW_NAT_PORTS_EXHAUSTED);
	reply_reaches(NAT_PORT, 1002);
}

/* seen 0: another CPU has won the entry and is about to remove it. */
static void an_entry_that_is_being_taken_is_nobodys(void **state)
{
	struct packet_spec reply = reply_to(request(IPPROTO_UDP));

	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	age_entry(unconfirmed(), IPPROTO_UDP, 0);
	assert_int_equal(send_from(33333, IPPROTO_UDP, 0, NULL), GW_NAT_PORTS_EXHAUSTED);
	assert_int_equal(send_from(1001, IPPROTO_UDP, 0, NULL), GW_NAT_PORTS_EXHAUSTED);
	run_to_end(&reply, GW_NOT_OURS);
}

/* SYNs from many ports; counted by nobody, for the sake of time. */
static void flood(unsigned int count)
{
	struct packet_spec spec = request(IPPROTO_TCP);

	for (unsigned int i = 0; i < count; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
		struct frame frame;

		spec.src_port = 40000 + i;
		frame = frame_build(&spec);
		opts.data_in = frame.bytes;
		opts.data_size_in = frame.size;
		assert_int_equal(
			bpf_prog_test_run_opts(bpf_program__fd(world->progs.guideway), &opts), 0);
	}
}

/* The port under which this client's flow leaves; its entry is then in one of the maps. */
static uint16_t port_of(uint16_t client, uint8_t tcp_flags)
{
	uint16_t port = 0;

	assert_int_equal(send_from(client, IPPROTO_TCP, tcp_flags, &port), GW_FORWARDED);
	return port;
}

static void a_flood_of_syns_evicts_no_confirmed_flow(void **state)
{
	struct gw_config config = world_config();
	struct packet_spec reply = reply_to(request(IPPROTO_TCP));
	union nat_entry entry;
	uint16_t half_open;

	(void)state;
	config.nat_port_count = 20000;
	world_open_with(config, 512);
	half_open = port_of(1001, SYN);
	reply.dst_port = port_of(33333, SYN);
	(void)run(&reply, GW_REPLIED, XDP_TX);
	(void)port_of(33333, ACK);
	assert_true(nat_get(confirmed(), IPPROTO_TCP, reply.dst_port, &entry));

	flood(3000);
	assert_false(nat_get(unconfirmed(), IPPROTO_TCP, half_open, &entry));
	assert_true(nat_get(confirmed(), IPPROTO_TCP, reply.dst_port, &entry));
	(void)run(&reply, GW_REPLIED, XDP_TX);
	assert_int_equal(port_of(33333, ACK), reply.dst_port);
}

/* Connections that are half open hold the 32 ports, and so many of them are confirmed then. */
static void hold_32_ports(unsigned int confirmed_count)
{
	struct packet_spec reply = reply_to(request(IPPROTO_TCP));

	world_open_with_ports(32);
	for (uint16_t client = 1000; client < 1032; client++) {
		reply.dst_port = port_of(client, SYN);
		(void)run(&reply, GW_REPLIED, XDP_TX);
		if (client < 1000 + confirmed_count)
			(void)port_of(client, ACK);
	}
}

static void in_a_flood_of_syns_a_new_connection_gets_the_port_of_one_that_is_half_open(void **state)
{
	uint16_t port, again;

	(void)state;
	hold_32_ports(16);
	port = port_of(33333, SYN);
	assert_int_equal(port_of(33333, SYN), port);
	/* Who has spoken again keeps its port, whatever comes. */
	for (uint16_t client = 2000; client < 2100; client++)
		(void)port_of(client, SYN);
	for (uint16_t client = 1000; client < 1016; client++)
		assert_int_equal(send_from(client, IPPROTO_TCP, ACK, &again), GW_FORWARDED);
	/* Who has lost its port does not go on from another: the backend would reset it. */
	for (uint16_t client = 1016; client < 1032; client++)
		assert_int_equal(send_from(client, IPPROTO_TCP, ACK, NULL), GW_NAT_PORTS_EXHAUSTED);
}

static void where_ports_are_few_for_other_reasons_no_connection_loses_one(void **state)
{
	(void)state;
	hold_32_ports(17);
	assert_int_equal(send_from(33333, IPPROTO_TCP, SYN, NULL), GW_NAT_PORTS_EXHAUSTED);
	for (uint16_t client = 1000; client < 1032; client++)
		(void)port_of(client, ACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* In the order of their configurations, each of which takes time to load. */
		IN_BOTH_FAMILIES(two_clients_never_share_a_port),
		IN_BOTH_FAMILIES(a_flow_that_moved_is_remembered_by_a_bit),
		IN_BOTH_FAMILIES(every_port_of_a_power_of_two_is_found),
		IN_BOTH_FAMILIES(
			in_a_flood_of_syns_a_new_connection_gets_the_port_of_one_that_is_half_open),
		IN_BOTH_FAMILIES(where_ports_are_few_for_other_reasons_no_connection_loses_one),
		IN_BOTH_FAMILIES(when_all_ports_are_held_the_next_flow_is_dropped),
		IN_BOTH_FAMILIES(more_gateway_addresses_are_more_ports),
		IN_BOTH_FAMILIES(a_port_is_free_when_its_flow_has_been_silent_for_its_time),
		IN_BOTH_FAMILIES(who_lost_a_port_does_not_get_the_next_flows_replies),
		IN_BOTH_FAMILIES(an_entry_that_is_being_taken_is_nobodys),
		IN_BOTH_FAMILIES(a_flood_of_syns_evicts_no_confirmed_flow),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

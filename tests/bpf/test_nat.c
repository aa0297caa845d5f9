// SPDX-License-Identifier: BSD-2-Clause
/* test_nat.c - who holds which source port, how long, and that nobody else gets the replies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "exchange.h"

static void world_open_with_ports(uint16_t count)
{
	struct gw_config config = world_config();

	config.nat_port_count = count;
	world_open_with(config, LRU_ENTRIES);
}

static struct gw_nat_key4 nat_key(uint8_t protocol, uint16_t port)
{
	return (struct gw_nat_key4){ .backend = address(BACKEND4).word[3],
				     .gateway = address(GATEWAY4).word[3],
				     .backend_port = htons(8080),
				     .gateway_port = htons(port),
				     .protocol = protocol };
}

static bool nat_get(const struct bpf_map *map, uint8_t protocol, uint16_t port,
		    struct gw_nat4 *ret_entry)
{
	struct gw_nat_key4 key = nat_key(protocol, port);

	return bpf_map_lookup_elem(bpf_map__fd(map), &key, ret_entry) == 0;
}

/* The entry of the world's only port, which must be in this map and not in the other. */
static struct gw_nat4 entry_in(const struct bpf_map *map, uint8_t protocol)
{
	const struct bpf_map *other =
		map == world->maps.nat4 ? world->maps.nat_unconfirmed4 : world->maps.nat4;
	struct gw_nat4 entry = {}, unwanted;

	assert_true(nat_get(map, protocol, NAT_PORT, &entry));
	assert_false(nat_get(other, protocol, NAT_PORT, &unwanted));
	return entry;
}

static uint32_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/* A packet of the client with this port; returns its verdict and the source port it leaves with. */
static uint32_t send_from(uint16_t client_port, uint8_t protocol, uint8_t tcp_flags,
			  uint16_t *ret_port)
{
	struct packet_spec spec = request4(protocol);
	struct frame in, out = {};
	uint32_t verdict;

	spec.src_port = client_port;
	spec.tcp_flags = tcp_flags;
	in = frame_build(&spec);
	(void)run_raw(&in, &out, &verdict);
	if (ret_port)
		*ret_port = get16(out.bytes + frame_network(&out) + 20);
	return verdict;
}

static void client_sends(uint8_t protocol, uint8_t tcp_flags)
{
	assert_int_equal(send_from(33333, protocol, tcp_flags, NULL), GW_FORWARDED);
}

static void backend_sends(uint8_t protocol, uint8_t tcp_flags)
{
	struct packet_spec reply = reply_to(request4(protocol));

	reply.tcp_flags = tcp_flags;
	(void)run(&reply, GW_REPLIED, XDP_TX);
}

/* To the gateway's port, and expected at the client with this port. */
static void reply_reaches(uint16_t gateway_port, uint16_t client_port)
{
	struct packet_spec request = request4(IPPROTO_UDP), reply = reply_to(request), back;

	request.src_port = client_port;
	reply.dst_port = gateway_port;
	back = replied(reply, request);
	run_and_expect(&reply, GW_REPLIED, XDP_TX, &back);
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
	set_gateway(5, "10.1.0.205");
	set_gateway(6, "10.1.0.206");
	set_gateway(7, "10.1.0.207");
	hop.gateway_count = 3;
	set_next_hop(NEXT_HOP4, hop);
	for (int client = 0; client < 3; client++)
		assert_int_equal(send_from(1000 + client, IPPROTO_UDP, 0, &port), GW_FORWARDED);
	assert_int_equal(send_from(1003, IPPROTO_UDP, 0, &port), GW_NAT_PORTS_EXHAUSTED);
}

static uint64_t moved_bits(bool clears)
{
	uint32_t words = bpf_map__max_entries(world->maps.nat_moved);
	uint64_t bits = 0, word, zero = 0;

	for (uint32_t i = 0; i < words; i++) {
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world->maps.nat_moved), &i, &word),
				 0);
		bits += __builtin_popcountll(word);
		if (word && clears)
			map_set(world->maps.nat_moved, &i, &zero);
	}
	return bits;
}

static uint64_t flows(void)
{
	return traffic_of(SERVICE_UDP4).flows;
}

/* The next client whose first port of two is this one, and who now holds it; the other is free. */
static uint16_t client_that_prefers(uint16_t port, uint16_t client)
{
	uint16_t got = 0;

	do {
		for (uint16_t i = 0; i < 2; i++) {
			struct gw_nat_key4 key = nat_key(IPPROTO_UDP, NAT_PORT + i);

			(void)bpf_map_delete_elem(bpf_map__fd(world->maps.nat_unconfirmed4), &key);
		}
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

static void a_reply_must_match_the_whole_tuple(void **state)
{
	const struct packet_spec reply = reply_to(request4(IPPROTO_UDP));
	struct packet_spec other;

	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	other = reply;
	other.src = "10.1.0.2";
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.src_port++;
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.dst_port++;
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.protocol = IPPROTO_TCP;
	run_to_end(&other, GW_NOT_OURS);
	(void)run(&reply, GW_REPLIED, XDP_TX);
}

/* Lays another client's entry of this age on the world's only port. */
static void hold_port(bool is_confirmed, uint8_t protocol, uint32_t held_state, uint32_t age_s)
{
	struct gw_nat_key4 key = nat_key(protocol, NAT_PORT);
	struct gw_nat4 entry = { .client = address("203.0.113.9").word[3],
				 .vip = address(VIP4).word[3],
				 .common = { .client_port = htons(9999),
					     .vip_port = htons(80),
					     .seen = now_s() - age_s,
					     .state = held_state } };

	(void)bpf_map_delete_elem(bpf_map__fd(world->maps.nat4), &key);
	(void)bpf_map_delete_elem(bpf_map__fd(world->maps.nat_unconfirmed4), &key);
	map_set(is_confirmed ? world->maps.nat4 : world->maps.nat_unconfirmed4, &key, &entry);
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
		struct gw_nat4 entry;

		hold_port(cases[i].is_confirmed, protocol, cases[i].state, cases[i].timeout_s - 1);
		assert_int_equal(send_from(33333, protocol, SYN, NULL), GW_NAT_PORTS_EXHAUSTED);
		hold_port(cases[i].is_confirmed, protocol, cases[i].state, cases[i].timeout_s + 1);
		assert_int_equal(send_from(33333, protocol, SYN, NULL), GW_FORWARDED);
		entry = entry_in(world->maps.nat_unconfirmed4, protocol);
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

static void age_entry(const struct bpf_map *map, uint8_t protocol, uint32_t seen)
{
	struct gw_nat_key4 key = nat_key(protocol, NAT_PORT);
	struct gw_nat4 entry = entry_in(map, protocol);

	entry.common.seen = seen;
	map_set(map, &key, &entry);
}

static void both_directions_keep_an_entry_young(void **state)
{
	struct bpf_map *map;

	(void)state;
	world_open();
	map = world->maps.nat_unconfirmed4;
	client_sends(IPPROTO_UDP, 0);
	assert_in_range(entry_in(map, IPPROTO_UDP).common.seen, now_s() - 1, now_s());
	age_entry(map, IPPROTO_UDP, now_s() - 20);
	client_sends(IPPROTO_UDP, 0);
	assert_in_range(entry_in(map, IPPROTO_UDP).common.seen, now_s() - 1, now_s());
	age_entry(map, IPPROTO_UDP, now_s() - 20);
	backend_sends(IPPROTO_UDP, 0);
	assert_in_range(entry_in(map, IPPROTO_UDP).common.seen, now_s() - 1, now_s());
}

static void an_old_entry_that_nobody_took_is_still_its_flows(void **state)
{
	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	age_entry(world->maps.nat_unconfirmed4, IPPROTO_UDP, now_s() - 1000);
	client_sends(IPPROTO_UDP, 0);
	assert_int_equal(flows(), 1);
}

/* seen 0: another CPU has won the entry and is about to remove it. */
static void an_entry_that_is_being_taken_is_nobodys(void **state)
{
	struct packet_spec reply = reply_to(request4(IPPROTO_UDP));

	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	age_entry(world->maps.nat_unconfirmed4, IPPROTO_UDP, 0);
	assert_int_equal(send_from(33333, IPPROTO_UDP, 0, NULL), GW_NAT_PORTS_EXHAUSTED);
	assert_int_equal(send_from(1001, IPPROTO_UDP, 0, NULL), GW_NAT_PORTS_EXHAUSTED);
	run_to_end(&reply, GW_NOT_OURS);
}

static void tcp_is_confirmed_by_the_third_packet_of_its_handshake(void **state)
{
	(void)state;
	world_open();
	client_sends(IPPROTO_TCP, SYN);
	client_sends(IPPROTO_TCP, ACK); /* nothing has answered */
	assert_int_equal(entry_in(world->maps.nat_unconfirmed4, IPPROTO_TCP).common.state, 0);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	client_sends(IPPROTO_TCP, SYN); /* again */
	assert_int_equal(entry_in(world->maps.nat_unconfirmed4, IPPROTO_TCP).common.state,
			 GW_NAT_REPLIED);
	client_sends(IPPROTO_TCP, ACK);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state, GW_NAT_REPLIED);
	backend_sends(IPPROTO_TCP, ACK);
	client_sends(IPPROTO_TCP, ACK);
}

static void a_port_scan_is_never_confirmed(void **state)
{
	(void)state;
	world_open();
	client_sends(IPPROTO_TCP, SYN);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	client_sends(IPPROTO_TCP, RST);
	assert_int_equal(entry_in(world->maps.nat_unconfirmed4, IPPROTO_TCP).common.state,
			 GW_NAT_REPLIED | GW_NAT_RESET);
}

static void udp_is_confirmed_by_the_request_after_a_reply(void **state)
{
	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	client_sends(IPPROTO_UDP, 0);
	backend_sends(IPPROTO_UDP, 0);
	assert_int_equal(entry_in(world->maps.nat_unconfirmed4, IPPROTO_UDP).common.state,
			 GW_NAT_REPLIED);
	client_sends(IPPROTO_UDP, 0);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_UDP).common.state, GW_NAT_REPLIED);
	assert_int_equal(flows(), 1);
}

static void open_connection(void)
{
	client_sends(IPPROTO_TCP, SYN);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	client_sends(IPPROTO_TCP, ACK);
}

static void who_closed_first_is_known(void **state)
{
	const uint32_t both = GW_NAT_REPLIED | GW_NAT_CLIENT_FIN | GW_NAT_BACKEND_FIN;

	(void)state;
	world_open();
	open_connection();
	client_sends(IPPROTO_TCP, FIN | ACK);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state,
			 GW_NAT_REPLIED | GW_NAT_CLIENT_FIN);
	backend_sends(IPPROTO_TCP, FIN | ACK);
	client_sends(IPPROTO_TCP, ACK);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state, both);

	client_sends(IPPROTO_TCP, SYN);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state, 0);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	backend_sends(IPPROTO_TCP, FIN | ACK);
	backend_sends(IPPROTO_TCP, FIN | ACK); /* again */
	client_sends(IPPROTO_TCP, FIN | ACK);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state,
			 both | GW_NAT_BACKEND_CLOSED_FIRST);
}

static void a_client_may_use_its_port_again_once_the_connection_ends(void **state)
{
	(void)state;
	world_open();
	open_connection();
	client_sends(IPPROTO_TCP, SYN); /* a stray one: the connection lives */
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state, GW_NAT_REPLIED);
	assert_int_equal(traffic_of(SERVICE_TCP4).flows, 1);
	backend_sends(IPPROTO_TCP, RST);
	client_sends(IPPROTO_TCP, SYN);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state, 0);
	assert_int_equal(traffic_of(SERVICE_TCP4).flows, 2);
}

static void a_reset_does_not_count_when_the_client_goes_on(void **state)
{
	(void)state;
	world_open();
	open_connection();
	client_sends(IPPROTO_TCP, RST | ACK);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state,
			 GW_NAT_REPLIED | GW_NAT_RESET);
	client_sends(IPPROTO_TCP, ACK);
	assert_int_equal(entry_in(world->maps.nat4, IPPROTO_TCP).common.state, GW_NAT_REPLIED);
}

/* Both exist only while a promotion is going on; replies have one receiver even then. */
static void a_confirmed_entry_goes_before_an_unconfirmed_one(void **state)
{
	struct gw_nat_key4 key = nat_key(IPPROTO_UDP, NAT_PORT);
	struct gw_nat4 entry;

	(void)state;
	world_open();
	client_sends(IPPROTO_UDP, 0);
	entry = entry_in(world->maps.nat_unconfirmed4, IPPROTO_UDP);
	entry.common.client_port = htons(1001);
	map_set(world->maps.nat4, &key, &entry);
	assert_int_equal(send_from(33333, IPPROTO_UDP, 0, NULL), GW_NAT_PORTS_EXHAUSTED);
	assert_int_equal(send_from(1001, IPPROTO_UDP, 0, NULL), GW_FORWARDED);
	reply_reaches(NAT_PORT, 1001);
}

/* SYNs from many ports; counted by nobody, for the sake of time. */
static void flood(unsigned int count)
{
	struct packet_spec spec = request4(IPPROTO_TCP);

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
	struct packet_spec reply = reply_to(request4(IPPROTO_TCP));
	struct gw_nat4 entry;
	uint16_t half_open;

	(void)state;
	config.nat_port_count = 20000;
	world_open_with(config, 512);
	half_open = port_of(1001, SYN);
	reply.dst_port = port_of(33333, SYN);
	(void)run(&reply, GW_REPLIED, XDP_TX);
	(void)port_of(33333, ACK);
	assert_true(nat_get(world->maps.nat4, IPPROTO_TCP, reply.dst_port, &entry));

	flood(3000);
	assert_false(nat_get(world->maps.nat_unconfirmed4, IPPROTO_TCP, half_open, &entry));
	assert_true(nat_get(world->maps.nat4, IPPROTO_TCP, reply.dst_port, &entry));
	(void)run(&reply, GW_REPLIED, XDP_TX);
	assert_int_equal(port_of(33333, ACK), reply.dst_port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_clients_never_share_a_port),
		cmocka_unit_test(when_all_ports_are_held_the_next_flow_is_dropped),
		cmocka_unit_test(every_port_of_a_power_of_two_is_found),
		cmocka_unit_test(more_gateway_addresses_are_more_ports),
		cmocka_unit_test(a_flow_that_moved_is_remembered_by_a_bit),
		cmocka_unit_test(a_reply_must_match_the_whole_tuple),
		cmocka_unit_test(a_port_is_free_when_its_flow_has_been_silent_for_its_time),
		cmocka_unit_test(who_lost_a_port_does_not_get_the_next_flows_replies),
		cmocka_unit_test(both_directions_keep_an_entry_young),
		cmocka_unit_test(an_old_entry_that_nobody_took_is_still_its_flows),
		cmocka_unit_test(an_entry_that_is_being_taken_is_nobodys),
		cmocka_unit_test(tcp_is_confirmed_by_the_third_packet_of_its_handshake),
		cmocka_unit_test(a_port_scan_is_never_confirmed),
		cmocka_unit_test(udp_is_confirmed_by_the_request_after_a_reply),
		cmocka_unit_test(who_closed_first_is_known),
		cmocka_unit_test(a_client_may_use_its_port_again_once_the_connection_ends),
		cmocka_unit_test(a_reset_does_not_count_when_the_client_goes_on),
		cmocka_unit_test(a_confirmed_entry_goes_before_an_unconfirmed_one),
		cmocka_unit_test(a_flood_of_syns_evicts_no_confirmed_flow),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

// SPDX-License-Identifier: BSD-2-Clause
/* test_fragment.c - fragments follow the first one of their datagram, and only it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"

static void fragments_take_the_way_of_their_first_in_every_mode(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		mode_open(mode);
		for (int i = 0; i < 2; i++) {
			struct packet_spec spec = mode_request(mode, i ? IPPROTO_TCP : IPPROTO_UDP);

			spec.payload_bytes = PAYLOAD_BYTES;
			spec.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(7) };
			for (int number = 0; number < 3; number++)
				run_number(mode, &spec, number, GW_FORWARDED);
		}
	}
}

static void a_fragment_before_its_turn_is_forwarded_and_counted_apart(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		mode_open(mode);
		spec.payload_bytes = PAYLOAD_BYTES;
		run_number(mode, &spec, 0, GW_FORWARDED);
		run_number(mode, &spec, 2, GW_FRAGMENT_AHEAD);
		run_number(mode, &spec, 1, GW_FORWARDED);
	}
}

static void a_fragment_before_its_first_is_dropped(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		mode_open(mode);
		spec.payload_bytes = PAYLOAD_BYTES;
		run_number(mode, &spec, 1, GW_FRAGMENT_EARLY);
		run_number(mode, &spec, 2, GW_FRAGMENT_EARLY);
		run_number(mode, &spec, 0, GW_FORWARDED);
		run_number(mode, &spec, 1, GW_FORWARDED);
	}
}

static void a_fragment_that_repeats_or_overlaps_is_dropped(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);
		struct piece overlap = { .at = PIECE_BYTES - 8, .bytes = PIECE_BYTES };

		mode_open(mode);
		spec.payload_bytes = PAYLOAD_BYTES;
		run_number(mode, &spec, 0, GW_FORWARDED);
		run_piece(mode, &spec, &overlap, GW_FRAGMENT_OVERLAP);
		run_number(mode, &spec, 1, GW_FORWARDED);
		run_number(mode, &spec, 1, GW_FRAGMENT_OVERLAP);
		overlap.at = 8;
		overlap.bytes = 8;
		run_piece(mode, &spec, &overlap, GW_FRAGMENT_OVERLAP);
		run_number(mode, &spec, 2, GW_FORWARDED);
	}
}

static void only_fragments_of_the_same_datagram_follow(void **state)
{
	(void)state;
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		const struct mode *mode = &modes[is_ip6];
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP), other;
		struct piece second;

		mode_open(mode);
		spec.payload_bytes = PAYLOAD_BYTES;
		run_number(mode, &spec, 0, GW_FORWARDED);
		second = piece_of(&spec, 1);
		second.id = 0x4321;
		run_piece(mode, &spec, &second, GW_FRAGMENT_EARLY);
		other = spec;
		other.src = is_ip6 ? "2001:db8:2::8" : "198.51.100.8";
		run_number(mode, &other, 1, GW_FRAGMENT_EARLY);
		other = spec;
		other.protocol = IPPROTO_TCP; /* IPv6's ids are of all protocols */
		run_number(mode, &other, 2, is_ip6 ? GW_FRAGMENT_AHEAD : GW_FRAGMENT_EARLY);
	}
}

static void datagrams_at_the_same_time_are_told_apart(void **state)
{
	struct packet_spec first = request4(IPPROTO_UDP), second = request4(IPPROTO_TCP);

	(void)state;
	mode_open(&modes[0]);
	first.payload_bytes = second.payload_bytes = PAYLOAD_BYTES;
	for (int number = 0; number < 3; number++) {
		run_number(&modes[0], &first, number, GW_FORWARDED);
		run_number(&modes[0], &second, number, GW_FORWARDED);
	}
}

/* The agent may change everything between the first fragment and the second. */
static void later_fragments_go_where_the_first_went(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		uint32_t id = mode_service(mode, IPPROTO_UDP), other = 9;
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		mode_open(mode);
		spec.payload_bytes = PAYLOAD_BYTES;
		run_number(mode, &spec, 0, GW_FORWARDED);
		set_backend(other, mode->has_ip6_backend ? "fd00:1::2" : "10.1.0.2", 8080,
			    mode_next_hop(mode));
		set_slots(id, other);
		run_number(mode, &spec, 1, GW_FORWARDED);
	}
}

static void a_datagram_is_remembered_for_half_a_minute(void **state)
{
	static const struct {
		uint32_t age_s, verdict;
	} cases[] = { { 29, GW_FORWARDED }, { 32, GW_FRAGMENT_EARLY } };
	const struct packet_spec spec = long_datagram();
	struct gw_fragment_key key;
	struct gw_fragment said;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int fd;

		world_open();
		fd = bpf_map__fd(world->maps.fragments);
		run_number(&modes[0], &spec, 0, GW_FORWARDED);
		assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), 0);
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &said), 0);
		said.seen -= cases[i].age_s;
		map_set(world->maps.fragments, &key, &said);
		run_number(&modes[0], &spec, 1, cases[i].verdict);
	}
}

static void what_was_not_forwarded_is_not_remembered(void **state)
{
	struct packet_spec spec = long_datagram();

	(void)state;
	world_open();
	spec.dst_port = 54;
	run_number(&modes[0], &spec, 0, GW_UNSERVED_PORT);
	run_number(&modes[0], &spec, 1, GW_FRAGMENT_EARLY);
	spec = request4(IPPROTO_ICMP);
	spec.icmp_type = 8;
	spec.payload_bytes = PAYLOAD_BYTES;
	run_number(&modes[0], &spec, 0, GW_UNSERVED_PROTOCOL);
	run_number(&modes[0], &spec, 1, GW_FRAGMENT_EARLY);
}

static void without_its_flow_a_later_fragment_goes_nowhere(void **state)
{
	const struct packet_spec spec = long_datagram();

	(void)state;
	world_open();
	run_number(&modes[0], &spec, 0, GW_FORWARDED);
	map_clear(world->maps.nat_unconfirmed4);
	run_number(&modes[0], &spec, 1, GW_FRAGMENT_EARLY);
}

/* As many clients as ports: some do not get the port that they would have first. */
static void fragments_of_a_flow_with_another_port_than_its_first_follow(void **state)
{
	struct gw_config config = world_config();
	struct packet_spec spec = long_datagram();

	(void)state;
	config.nat_port_count = 8;
	world_open_with(config, LRU_ENTRIES);
	for (spec.src_port = 1000; spec.src_port < 1008; spec.src_port++) {
		const struct frame whole = frame_build(&spec);

		map_clear(world->maps.fragments);
		for (int number = 0; number < 3; number++) {
			const struct piece piece = piece_of(&spec, number);
			struct frame in = fragment_of(&whole, &piece);

			(void)run_frame(&in, GW_FORWARDED, XDP_REDIRECT);
		}
	}
}

static void later_fragments_are_never_answered(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);
		const struct piece big = { .at = PIECE_BYTES, .bytes = 1600 };

		mode_open(mode);
		spec.payload_bytes = PAYLOAD_BYTES;
		run_number(mode, &spec, 0, GW_FORWARDED);
		run_piece(mode, &spec, &big, GW_TOO_BIG);
		mode_open(mode);
		run_number(mode, &spec, 0, GW_FORWARDED);
		spec.ttl = 1;
		run_number(mode, &spec, 1, GW_TTL_EXCEEDED);
	}
}

/* Of the fragments that the backend sends in mode snat; those of dnat are in test_dnat.c. */
static void a_replys_fragments_reach_its_client(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct packet_spec request =
			mode_request(&modes[i / 2], i % 2 ? IPPROTO_TCP : IPPROTO_UDP);
		struct packet_spec reply = reply_to(request), back;
		struct frame whole, in, wanted, out;

		mode_open(&modes[i / 2]);
		(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
		reply.payload_bytes = PAYLOAD_BYTES;
		back = replied(reply, request);
		for (int number = 0; number < 3; number++) {
			struct piece piece = piece_of(&reply, number);

			whole = frame_build(&reply);
			in = fragment_of(&whole, &piece);
			whole = frame_build(&back);
			wanted = fragment_of(&whole, &piece);
			out = run_frame(&in, GW_REPLIED, XDP_TX);
			assert_frame_equal(&out, &wanted);
		}
	}
}

static void fragments_to_a_vip_that_the_host_owns_are_the_hosts_unless_served(void **state)
{
	const struct packet_spec spec = long_datagram();

	(void)state;
	world_open();
	set_address(VIP4, GW_ADDRESS_VIP | GW_ADDRESS_LOCAL);
	run_number(&modes[0], &spec, 1, GW_NOT_OURS);
	run_at(0, PIECE_BYTES - 1, false, GW_NOT_OURS);
	run_number(&modes[0], &spec, 0, GW_FORWARDED);
	run_number(&modes[0], &spec, 1, GW_FORWARDED);
	run_number(&modes[0], &spec, 1, GW_NOT_OURS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_take_the_way_of_their_first_in_every_mode),
		cmocka_unit_test(a_fragment_before_its_turn_is_forwarded_and_counted_apart),
		cmocka_unit_test(a_fragment_before_its_first_is_dropped),
		cmocka_unit_test(a_fragment_that_repeats_or_overlaps_is_dropped),
		cmocka_unit_test(only_fragments_of_the_same_datagram_follow),
		cmocka_unit_test(datagrams_at_the_same_time_are_told_apart),
		cmocka_unit_test(later_fragments_go_where_the_first_went),
		cmocka_unit_test(a_datagram_is_remembered_for_half_a_minute),
		cmocka_unit_test(what_was_not_forwarded_is_not_remembered),
		cmocka_unit_test(without_its_flow_a_later_fragment_goes_nowhere),
		cmocka_unit_test(fragments_of_a_flow_with_another_port_than_its_first_follow),
		cmocka_unit_test(later_fragments_are_never_answered),
		cmocka_unit_test(a_replys_fragments_reach_its_client),
		cmocka_unit_test(fragments_to_a_vip_that_the_host_owns_are_the_hosts_unless_served),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

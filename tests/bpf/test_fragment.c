// SPDX-License-Identifier: BSD-2-Clause
/* test_fragment.c - fragments follow the first one of their datagram, and only it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"
#include "modes.h"

enum {
	PAYLOAD_BYTES = 3000,
	PIECE_BYTES = 1200,
};

/* What most tests cut: a datagram of UDP in IPv4. */
static struct packet_spec long_datagram(void)
{
	struct packet_spec spec = request4(IPPROTO_UDP);

	spec.payload_bytes = PAYLOAD_BYTES;
	return spec;
}

static size_t cut_bytes(const struct packet_spec *spec)
{
	return spec->payload_bytes + (spec->protocol == IPPROTO_TCP ? 20 : 8);
}

/* The pieces of a packet, number 0 to 2. */
static struct piece piece_of(const struct packet_spec *spec, int number)
{
	size_t at = number * PIECE_BYTES, left = cut_bytes(spec) - at;

	return (struct piece){ .at = at,
			       .bytes = left < PIECE_BYTES ? left : PIECE_BYTES,
			       .is_last = left <= PIECE_BYTES };
}

/* Sends the piece; what is forwarded is the same piece of the packet that is expected out. */
static void run_piece(const struct mode *mode, const struct packet_spec *spec,
		      const struct piece *piece, uint32_t verdict)
{
	struct packet_spec inner = mode_inner(mode, *spec);
	struct frame whole = frame_build(spec), in = fragment_of(&whole, piece), wanted, out;

	out = run_frame(&in, verdict, XDP_REDIRECT);
	if (verdict != GW_FORWARDED && verdict != GW_FRAGMENT_AHEAD)
		return;
	whole = frame_build(&inner);
	wanted = fragment_of(&whole, piece);
	wanted = mode_wrap(mode, &wanted, spec);
	assert_frame_equal(&out, &wanted);
}

static void run_number(const struct mode *mode, const struct packet_spec *spec, int number,
		       uint32_t verdict)
{
	struct piece piece = piece_of(spec, number);

	run_piece(mode, spec, &piece, verdict);
}

/* In mode snat, where nothing is said of the bytes. */
static void run_at(size_t at, size_t bytes, bool is_last, uint32_t verdict)
{
	const struct packet_spec spec = long_datagram();
	const struct piece piece = { .at = at, .bytes = bytes, .is_last = is_last };

	run_piece(&modes[0], &spec, &piece, verdict);
}

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

static void lengths_that_cannot_be_are_dropped(void **state)
{
	(void)state;
	world_open();
	run_at(0, PIECE_BYTES - 1, false, GW_BAD_HEADER); /* no multiple of 8 */
	run_at(0, 0, false, GW_BAD_HEADER);
	run_at(0, 8, false, GW_FORWARDED);
	run_at(8, 0, true, GW_BAD_HEADER);
	run_at(8, 12, false, GW_BAD_HEADER);
	run_at(8, 12, true, GW_FORWARDED);
}

/* A piece of 8 bytes at most, whose place lies far behind what it was cut from. */
static void run_far_piece(bool is_ip6, size_t at, size_t bytes, bool is_last, uint32_t verdict)
{
	struct packet_spec spec = is_ip6 ? request6(IPPROTO_UDP) : request4(IPPROTO_UDP);
	struct frame whole = frame_build(&spec), in;
	struct piece piece = { .at = 8, .bytes = bytes, .is_last = is_last };
	uint8_t *ip;

	in = fragment_of(&whole, &piece);
	ip = in.bytes + frame_network(&in);
	put16(ip + (is_ip6 ? 42 : 6), (is_ip6 ? at : at / 8) | (is_last ? 0 : is_ip6 ? 1 : 0x2000));
	(void)run_frame(&in, verdict, XDP_REDIRECT);
}

static void a_datagram_ends_at_65535_bytes(void **state)
{
	(void)state;
	world_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		run_far_piece(is_ip6, 65528, 7, true, GW_FRAGMENT_EARLY);
		run_far_piece(is_ip6, 65528, 8, true, GW_BAD_HEADER);
		run_far_piece(is_ip6, 65528, 8, false, GW_BAD_HEADER);
		run_far_piece(is_ip6, 65520, 8, false, GW_FRAGMENT_EARLY);
		run_far_piece(is_ip6, 65520, 11, true, GW_FRAGMENT_EARLY);
	}
}

static void a_first_fragment_without_all_of_its_ports_is_dropped(void **state)
{
	const struct packet_spec spec = request4(IPPROTO_TCP);
	const struct piece first = { .bytes = 16 },
			   second = { .at = 16, .bytes = 15, .is_last = true };

	(void)state;
	world_open();
	run_piece(&modes[0], &spec, &first, GW_TRUNCATED);
	run_piece(&modes[0], &spec, &second, GW_FRAGMENT_EARLY);
}

/* A fragment header around all of a packet (RFC 6946). */
static void a_fragment_that_is_all_of_its_datagram_is_none(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);
		const struct piece all = { .bytes = cut_bytes(&spec), .is_last = true };

		mode_open(mode);
		run_piece(mode, &spec, &all, GW_FORWARDED);
		run_piece(mode, &spec, &all, GW_FORWARDED);
	}
}

static void extension_headers_may_be_on_both_sides_of_the_fragment_header(void **state)
{
	static const uint8_t extensions[] = { 0, 43, 60, 60, 0xff };

	(void)state;
	for (size_t headers = 0; headers <= 4; headers++) {
		const struct mode *mode = &modes[1];
		struct packet_spec spec = request6(IPPROTO_UDP);
		struct piece first = { .bytes = 800, .headers = headers };
		struct piece second = { .at = 800, .bytes = 320, .headers = headers };

		mode_open(mode);
		spec.payload_bytes = PAYLOAD_BYTES;
		spec.extensions = extensions;
		run_piece(mode, &spec, &first, GW_FORWARDED);
		run_piece(mode, &spec, &second, GW_FORWARDED);
		run_piece(mode, &spec, &second, GW_FRAGMENT_OVERLAP);
	}
}

/* The agent may change everything between the first fragment and the second. */
static void later_fragments_go_where_the_first_went(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		enum service_id id = mode_service(mode, IPPROTO_UDP), other = 9;
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
		cmocka_unit_test(lengths_that_cannot_be_are_dropped),
		cmocka_unit_test(a_datagram_ends_at_65535_bytes),
		cmocka_unit_test(a_first_fragment_without_all_of_its_ports_is_dropped),
		cmocka_unit_test(a_fragment_that_is_all_of_its_datagram_is_none),
		cmocka_unit_test(extension_headers_may_be_on_both_sides_of_the_fragment_header),
		cmocka_unit_test(later_fragments_go_where_the_first_went),
		cmocka_unit_test(a_datagram_is_remembered_for_half_a_minute),
		cmocka_unit_test(what_was_not_forwarded_is_not_remembered),
		cmocka_unit_test(without_its_flow_a_later_fragment_goes_nowhere),
		cmocka_unit_test(later_fragments_are_never_answered),
		cmocka_unit_test(a_replys_fragments_reach_its_client),
		cmocka_unit_test(fragments_to_a_vip_that_the_host_owns_are_the_hosts_unless_served),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

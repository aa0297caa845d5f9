// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_track_ways.c - options, extension headers, fragments and ICMP errors of a flow whose slot
 * is changing find its backend, which another program does for them. And no packet of a slot
 * that is not changing looks for anything.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"
#include "quotation.h"
#include "tracked.h"

static bool is_tcp(const struct tracked *it)
{
	return it->protocol == IPPROTO_TCP;
}

enum dress {
	PLAIN,
	OPTIONS, /* or extension headers */
	TAGS,
	TAGS_AND_OPTIONS,
	DRESSES,
};

static struct packet_spec dressed(const struct tracked *it, uint8_t tcp_flags, enum dress dress)
{
	static const uint8_t extensions[] = { 0, 43, 60, 60, 0xff };
	struct packet_spec spec = tracked_packet(it, tcp_flags);

	if (dress == OPTIONS || dress == TAGS_AND_OPTIONS) {
		spec.option_bytes = 24;
		spec.extensions = extensions;
		spec.tcp_option_bytes = 12;
	}
	if (dress == TAGS || dress == TAGS_AND_OPTIONS) {
		spec.vlan[0] = (struct gw_vlan){ htons(0x88a8), htons(0x0065) };
		spec.vlan[1] = (struct gw_vlan){ htons(0x8100), htons(0x2064) };
	}
	return spec;
}

static void expect_dressed_at(const struct tracked *it, uint8_t tcp_flags, enum dress dress,
			      uint32_t backend)
{
	const struct packet_spec spec = dressed(it, tcp_flags, dress);

	expect_at(it, &spec, backend);
}

static void a_flow_has_one_backend_whatever_its_packets_carry(void **state)
{
	(void)state;
	for (int dress = 0; dress < DRESSES; dress++)
		for_each_tracked(it)
		{
			uint32_t backend = is_tcp(&it) ? CURRENT : BASE;

			expect_dressed_at(&it, SYN, dress, backend);
			assert_recorded(&it, backend,
					is_tcp(&it) ? GW_FLOW_NEW : GW_FLOW_CONFIRMED);
			set_current(&it, NEXT | GW_SLOT_TRACK);
			set_base(&it, NEXT);
			expect_dressed_at(&it, ACK, (dress + 1) % DRESSES, backend);
			assert_recorded(&it, backend, GW_FLOW_CONFIRMED);
			assert_tracked(1, 1);
		}
}

static void an_unrecorded_flow_is_found_whatever_its_packets_carry(void **state)
{
	(void)state;
	for (int dress = 0; dress < DRESSES; dress++)
		for_each_tracked(it)
		{
			expect_dressed_at(&it, ACK, dress, BASE);
			assert_recorded(&it, BASE, GW_FLOW_CONFIRMED);
			set_base(&it, NEXT);
			expect_dressed_at(&it, ACK, (dress + 1) % DRESSES, BASE);
			assert_tracked(1, 1);
		}
}

static void what_ends_or_reuses_a_flow_may_carry_anything(void **state)
{
	(void)state;
	for (int dress = 0; dress < DRESSES; dress++)
		for_each_tracked(it)
		{
			if (!is_tcp(&it))
				continue;
			expect_dressed_at(&it, ACK, dress, BASE);
			expect_dressed_at(&it, FIN | ACK, dress, BASE);
			assert_recorded(&it, BASE, GW_FLOW_CLOSING);
			set_tracked_backend(&it, BASE, it.service.id, GW_BACKEND_DRAINING);
			expect_dressed_at(&it, SYN, dress, CURRENT);
			assert_recorded(&it, CURRENT, GW_FLOW_NEW);
			assert_tracked(2, 2);
		}
}

static struct frame piece_frame(const struct packet_spec *spec, int number)
{
	const struct piece piece = piece_of(spec, number);
	const struct frame whole = frame_build(spec);

	return fragment_of(&whole, &piece);
}

/* The first fragment asks, and those behind it go where it went. */
static void fragments_of_a_flow_go_where_the_flow_is(void **state)
{
	(void)state;
	for (int is_recorded = 0; is_recorded < 2; is_recorded++)
		for_each_tracked(it)
		{
			struct packet_spec spec = tracked_packet(&it, ACK);
			uint32_t backend = is_recorded ? NEXT : BASE;
			struct frame piece;
			uint64_t lookups;

			spec.payload_bytes = PAYLOAD_BYTES;
			if (is_recorded)
				set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, 3);
			piece = piece_frame(&spec, 0);
			(void)run_to_backend(&piece, GW_FORWARDED, backend);
			assert_recorded(&it, backend, GW_FLOW_CONFIRMED);
			assert_tracked(!is_recorded, !is_recorded);
			lookups = track_counter(GW_TRACK_LOOKUPS);
			set_base(&it, CURRENT);
			set_tracked_bucket(&it, &(struct gw_flow_bucket){});
			for (int number = 1; number < 3; number++) {
				piece = piece_frame(&spec, number);
				(void)run_to_backend(&piece, GW_FORWARDED, backend);
			}
			assert_int_equal(track_counter(GW_TRACK_LOOKUPS), lookups);
			assert_int_equal(tracked_entry(&it), 0);
		}
}

static void a_syn_in_pieces_begins_a_flow_at_the_current_owner(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		struct packet_spec spec = tracked_packet(&it, SYN);

		if (!is_tcp(&it))
			continue;
		spec.payload_bytes = PAYLOAD_BYTES;
		for (int number = 0; number < 3; number++) {
			const struct frame piece = piece_frame(&spec, number);

			(void)run_to_backend(&piece, GW_FORWARDED, CURRENT);
		}
		assert_recorded(&it, CURRENT, GW_FLOW_NEW);
		assert_tracked(1, 1);
	}
}

/* From a router on the clients' side, about an answer to the flow's client. */
static struct frame error_about_flow(const struct tracked *it, enum dress dress)
{
	struct packet_spec error = dressed(it, 0, dress), answer = tracked_packet(it, ACK);
	const struct packet_spec request = answer;
	struct frame quoted;

	error.src = it->mode->is_ip6 ? "2001:db8:5::5" : "203.0.113.5";
	error.icmp_type = it->mode->is_ip6 ? 1 : 3;
	answer.src = request.dst;
	answer.dst = request.src;
	answer.src_port = request.dst_port;
	answer.dst_port = request.src_port;
	quoted = frame_build(&answer);
	return error_about(&error, &quoted, quote_bytes(&answer, 8));
}

static void expect_error_at(const struct tracked *it, enum dress dress, uint32_t backend)
{
	const struct frame error = error_about_flow(it, dress);

	(void)run_to_backend(&error, GW_ICMP_FORWARDED, backend);
}

static void an_error_about_a_recorded_flow_goes_to_its_backend_and_changes_nothing(void **state)
{
	(void)state;
	for (int dress = 0; dress < DRESSES; dress++)
		for_each_tracked(it)
		{
			uint32_t backend = is_tcp(&it) ? CURRENT : BASE;
			struct gw_flow_bucket before, after;

			expect_flags_at(&it, SYN, backend);
			set_tracked_entry(&it, backend, GW_FLOW_NEW, 7);
			set_current(&it, NEXT | GW_SLOT_TRACK);
			set_base(&it, NEXT);
			before = tracked_bucket(&it);
			expect_error_at(&it, dress, backend);
			after = tracked_bucket(&it);
			assert_memory_equal(&after, &before, sizeof(before));
			assert_tracked(1, 1);
		}
}

/* Nor does it, whoever makes it up, begin or record a flow. */
static void
an_error_about_an_unrecorded_flow_goes_to_the_base_owner_and_records_nothing(void **state)
{
	(void)state;
	for (int dress = 0; dress < DRESSES; dress++)
		for_each_tracked(it)
		{
			set_current(&it, BASE);
			expect_flags_at(&it, SYN, BASE);
			set_current(&it, CURRENT | GW_SLOT_TRACK);
			expect_error_at(&it, dress, BASE);
			assert_int_equal(tracked_entry(&it), 0);
			assert_tracked(1, 0);
		}
}

static void run_everything_at(const struct tracked *it, uint32_t backend)
{
	struct packet_spec long_spec = tracked_packet(it, ACK);

	for (int dress = 0; dress < DRESSES; dress++) {
		expect_dressed_at(it, SYN, dress, backend);
		expect_dressed_at(it, ACK, dress, backend);
		expect_error_at(it, dress, backend);
		expect_dressed_at(it, FIN | ACK, dress, backend);
	}
	long_spec.payload_bytes = PAYLOAD_BYTES;
	for (int number = 0; number < 3; number++) {
		const struct frame piece = piece_frame(&long_spec, number);

		(void)run_to_backend(&piece, GW_FORWARDED, backend);
	}
}

/* What costs a cache miss a packet elsewhere: nothing does here while nothing changes. */
static void in_a_slot_that_is_not_tracked_nothing_is_looked_up(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		static const struct gw_flow_bucket empty;
		struct gw_flow_bucket bucket;

		set_current(&it, CURRENT);
		run_everything_at(&it, CURRENT);
		assert_int_equal(track_counter(GW_TRACK_LOOKUPS), 0);
		assert_tracked(0, 0);
		bucket = tracked_bucket(&it);
		assert_memory_equal(&bucket, &empty, sizeof(bucket));
		/* Neither is what would be found. */
		set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, 0);
		run_everything_at(&it, CURRENT);
		assert_int_equal(track_counter(GW_TRACK_LOOKUPS), 0);
	}
}

/* The control of the test before. */
static void in_a_slot_that_is_tracked_every_packet_is_looked_up(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		enum { ASKING = 4 * DRESSES + 1 };

		set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, 0);
		run_everything_at(&it, NEXT);
		assert_true(track_counter(GW_TRACK_LOOKUPS) >= ASKING);
		assert_tracked(0, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_has_one_backend_whatever_its_packets_carry),
		cmocka_unit_test(an_unrecorded_flow_is_found_whatever_its_packets_carry),
		cmocka_unit_test(what_ends_or_reuses_a_flow_may_carry_anything),
		cmocka_unit_test(fragments_of_a_flow_go_where_the_flow_is),
		cmocka_unit_test(a_syn_in_pieces_begins_a_flow_at_the_current_owner),
		cmocka_unit_test(
			an_error_about_a_recorded_flow_goes_to_its_backend_and_changes_nothing),
		cmocka_unit_test(
			an_error_about_an_unrecorded_flow_goes_to_the_base_owner_and_records_nothing),
		cmocka_unit_test(in_a_slot_that_is_not_tracked_nothing_is_looked_up),
		cmocka_unit_test(in_a_slot_that_is_tracked_every_packet_is_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

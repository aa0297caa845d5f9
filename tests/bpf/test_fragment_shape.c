// SPDX-License-Identifier: BSD-2-Clause
/* test_fragment_shape.c - what can be a fragment, and where its datagram begins and ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_that_cannot_be_are_dropped),
		cmocka_unit_test(a_datagram_ends_at_65535_bytes),
		cmocka_unit_test(a_first_fragment_without_all_of_its_ports_is_dropped),
		cmocka_unit_test(a_fragment_that_is_all_of_its_datagram_is_none),
		cmocka_unit_test(extension_headers_may_be_on_both_sides_of_the_fragment_header),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

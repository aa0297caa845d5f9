// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_truncated.c - frames of every kind and mode cut at every byte: none of them is sent, and
 * none leaves anything behind. The kernel's test run takes no frame below an Ethernet header.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"
#include "quotation.h"
#include "replies.h"

static const uint8_t two_extensions[] = { 0, 60, 0xff };

/* Long headers of every kind, and a payload of 40 bytes. */
static struct packet_spec long_headers(struct packet_spec spec)
{
	spec.vlan[0] = (struct gw_vlan){ htons(0x88a8), htons(9) };
	spec.vlan[1] = (struct gw_vlan){ htons(0x8100), htons(7) };
	spec.option_bytes = 8;
	spec.extensions = two_extensions;
	spec.tcp_option_bytes = 12;
	spec.payload_bytes = 40;
	return spec;
}

/* Up to where a frame says no more than whose it is not. */
static size_t addressed_bytes(const struct frame *frame)
{
	size_t at = frame_network(frame);

	return at + (frame->bytes[at] >> 4 == 6 ? 40 : 20);
}

static uint32_t run_cut(const struct frame *whole, size_t bytes)
{
	struct frame cut = *whole, out = {};
	uint32_t verdict;
	int action;

	cut.size = bytes;
	action = run_raw(&cut, &out, &verdict);
	assert_in_range(verdict, 0, GW_VERDICT_COUNT - 1);
	assert_int_equal(action, xdp_of(verdict, XDP_ABORTED));
	return verdict;
}

/* To a VIP: dropped as what it is once its destination is known. */
static void cut_to_vip(const struct frame *whole)
{
	for (size_t bytes = ETHERNET_BYTES; bytes < whole->size; bytes++) {
		uint32_t verdict = run_cut(whole, bytes);

		if (bytes < addressed_bytes(whole) ? verdict != GW_NOT_OURS
						   : verdict != GW_TRUNCATED)
			fail_msg("%s: %s when cut to %zu of %zu bytes", frame_case,
				 verdict_name(verdict), bytes, whole->size);
	}
}

/* To others: left as it is. */
static void cut_to_others(const struct frame *whole)
{
	for (size_t bytes = ETHERNET_BYTES; bytes < whole->size; bytes++)
		assert_int_equal(run_cut(whole, bytes), GW_NOT_OURS);
}

static bool is_empty(const struct bpf_map *map)
{
	uint8_t key[64];

	return bpf_map_get_next_key(bpf_map__fd(map), NULL, key) != 0;
}

static void assert_nothing_recorded(void)
{
	assert_true(is_empty(world->maps.nat_unconfirmed4));
	assert_true(is_empty(world->maps.nat_unconfirmed6));
	assert_true(is_empty(world->maps.fragments));
	assert_true(is_empty(world->maps.affinities));
}

static void a_cut_request_is_dropped_in_every_mode(void **state)
{
	(void)state;
	for_each_mode(mode) for (int i = 0; i < 4; i++)
	{
		struct packet_spec spec = mode_request(mode, i % 2 ? IPPROTO_TCP : IPPROTO_UDP);
		struct frame whole;

		mode_open(mode);
		if (i > 1)
			spec = long_headers(spec);
		whole = frame_build(&spec);
		cut_to_vip(&whole);
		assert_nothing_recorded();
		(void)run_frame(&whole, GW_FORWARDED, XDP_REDIRECT);
	}
}

static void a_cut_fragment_is_dropped_in_every_mode(void **state)
{
	static const struct piece first = { .bytes = 48, .headers = 2 };
	static const struct piece last = { .at = 48, .bytes = 9, .is_last = true, .headers = 2 };

	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = long_headers(mode_request(mode, IPPROTO_TCP));
		struct frame whole = frame_build(&spec), piece;

		mode_open(mode);
		piece = fragment_of(&whole, &first);
		cut_to_vip(&piece);
		assert_nothing_recorded();
		(void)run_frame(&piece, GW_FORWARDED, XDP_REDIRECT);
		piece = fragment_of(&whole, &last);
		cut_to_vip(&piece);
		(void)run_frame(&piece, GW_FORWARDED, XDP_REDIRECT);
	}
}

static void a_cut_error_is_dropped_in_every_mode(void **state)
{
	(void)state;
	for_each_mode(mode) for (int i = 0; i < 2; i++)
	{
		struct packet_spec request = mode_request(mode, IPPROTO_UDP);
		struct packet_spec error = request, answer = request;
		struct frame quoted, whole;

		mode_open(mode);
		(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
		answer.src = request.dst;
		answer.dst = request.src;
		answer.src_port = request.dst_port;
		answer.dst_port = request.src_port;
		if (i) {
			error = long_headers(error);
			answer.option_bytes = 8;
			answer.extensions = two_extensions;
		}
		error.icmp_type = mode->is_ip6 ? 1 : 3;
		quoted = frame_build(&answer);
		whole = error_about(&error, &quoted, quote_bytes(&answer, 8));
		cut_to_vip(&whole);
		(void)run_frame(&whole, GW_ICMP_FORWARDED, XDP_REDIRECT);
	}
}

/* The IP header tells the truth: the packet ends where the frame does. */
static void shorten(struct frame *frame, size_t bytes)
{
	uint8_t *ip = frame->bytes + frame_network(frame);
	size_t ip_bytes = bytes - frame_network(frame);

	frame->size = bytes;
	if (ip[0] >> 4 == 6)
		put16(ip + 4, ip_bytes - 40);
	else
		put16(ip + 2, ip_bytes);
}

static void a_packet_too_short_for_its_headers_is_dropped(void **state)
{
	(void)state;
	for_each_mode(mode) for (int i = 0; i < 2; i++)
	{
		struct packet_spec spec = mode_request(mode, i ? IPPROTO_TCP : IPPROTO_UDP);
		struct frame whole, cut;
		size_t headers_end;

		mode_open(mode);
		spec = long_headers(spec);
		cut = whole = frame_build(&spec);
		/* TCP's payload may be of any length, UDP says how long it is. */
		headers_end = whole.size - (i ? spec.payload_bytes : 0);
		for (size_t at = addressed_bytes(&whole); at < headers_end; at++) {
			struct frame out = {};
			uint32_t verdict;

			cut = whole;
			shorten(&cut, at);
			(void)run_raw(&cut, &out, &verdict);
			assert_true(verdict == GW_TRUNCATED || verdict == GW_BAD_HEADER);
		}
		assert_nothing_recorded();
		shorten(&whole, headers_end);
		(void)run_frame(&whole, GW_FORWARDED, XDP_REDIRECT);
	}
}

static void an_error_that_quotes_too_little_is_dropped(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec request = mode_request(mode, IPPROTO_TCP);
		struct packet_spec error = request, answer = request;
		struct frame quoted, whole;
		size_t enough;

		mode_open(mode);
		(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
		answer.src = request.dst;
		answer.dst = request.src;
		answer.src_port = request.dst_port;
		answer.dst_port = request.src_port;
		answer.option_bytes = 8;
		answer.extensions = two_extensions;
		error.icmp_type = mode->is_ip6 ? 1 : 3;
		quoted = frame_build(&answer);
		enough = quote_bytes(&answer, 8);
		for (size_t bytes = 0; bytes < enough; bytes++) {
			struct frame out = {};
			uint32_t verdict;

			whole = error_about(&error, &quoted, bytes);
			(void)run_raw(&whole, &out, &verdict);
			if (verdict != GW_TRUNCATED && verdict != GW_ICMP_UNMATCHED)
				fail_msg("%s: %s with %zu bytes quoted", frame_case,
					 verdict_name(verdict), bytes);
			/* Padding is no quotation. */
			error.padding_bytes = 60;
			whole = error_about(&error, &quoted, bytes);
			(void)run_raw(&whole, &out, &verdict);
			assert_true(verdict == GW_TRUNCATED || verdict == GW_ICMP_UNMATCHED);
			error.padding_bytes = 0;
		}
		whole = error_about(&error, &quoted, enough);
		(void)run_frame(&whole, GW_ICMP_FORWARDED, XDP_REDIRECT);
	}
}

static void a_cut_reply_to_the_gateway_is_left_to_its_host(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct packet_spec request =
			mode_request(&modes[i / 2], i % 2 ? IPPROTO_TCP : IPPROTO_UDP);
		struct packet_spec reply = long_headers(reply_to(request));
		struct frame whole = frame_build(&reply);

		mode_open(&modes[i / 2]);
		(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
		cut_to_others(&whole);
		(void)run_frame(&whole, GW_REPLIED, XDP_TX);
	}
}

static void a_cut_reply_in_mode_dnat_passes_untouched(void **state)
{
	(void)state;
	dnat_open();
	for (int i = 0; i < 8; i++) {
		struct packet_spec reply = reply_in(i % 2, protocols[i / 2 % 2]);
		struct frame whole;

		if (i > 3)
			reply = long_headers(reply);
		whole = frame_build(&reply);
		cut_to_others(&whole);
		(void)run_frame(&whole, GW_REPLIED, XDP_REDIRECT);
	}
}

static void nothing_cut_is_answered_by_a_service_without_endpoints(void **state)
{
	(void)state;
	world_open();
	for (int i = 0; i < 4; i++) {
		uint8_t protocol = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;
		const struct mode *mode = &modes[i / 2];
		struct gw_service empty =
			service_in_mode(mode_service(mode, protocol), GW_MODE_SNAT);
		struct packet_spec spec = long_headers(mode_request(mode, protocol));
		struct frame whole = frame_build(&spec);

		empty.slot_count = 0;
		set_service(spec.dst, protocol, spec.dst_port, &empty);
		cut_to_vip(&whole);
		(void)run_frame(&whole, GW_REJECTED, XDP_TX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_request_is_dropped_in_every_mode),
		cmocka_unit_test(a_cut_fragment_is_dropped_in_every_mode),
		cmocka_unit_test(a_cut_error_is_dropped_in_every_mode),
		cmocka_unit_test(a_packet_too_short_for_its_headers_is_dropped),
		cmocka_unit_test(an_error_that_quotes_too_little_is_dropped),
		cmocka_unit_test(a_cut_reply_to_the_gateway_is_left_to_its_host),
		cmocka_unit_test(a_cut_reply_in_mode_dnat_passes_untouched),
		cmocka_unit_test(nothing_cut_is_answered_by_a_service_without_endpoints),
	};

	return cmocka_run_group_tests(tests, network_open, world_close);
}

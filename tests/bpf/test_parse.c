// SPDX-License-Identifier: BSD-2-Clause
/* test_parse.c - whose packet is it, and is it one? Truncated, lying, foreign and odd frames. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange.h"

static const uint8_t two_extensions[] = { 0, 60, 0xff };
static const struct gw_vlan tag = { 0x0081, 0x0700 };

static struct packet_spec long_request(bool is_ip6, uint8_t protocol)
{
	struct packet_spec spec = is_ip6 ? request6(protocol) : request4(protocol);

	spec.option_bytes = 8;
	spec.extensions = two_extensions;
	spec.tcp_option_bytes = 12;
	spec.vlan[0] = tag;
	return spec;
}

static void a_vip_packet_cut_at_any_byte_is_dropped_as_truncated(void **state)
{
	(void)state;
	world_open();
	for (int i = 0; i < 4; i++) {
		struct packet_spec spec =
			i < 2 ? long_request(i, IPPROTO_TCP) : long_request(i - 2, IPPROTO_UDP);
		struct frame whole = frame_build(&spec), cut = whole;
		size_t addressed = frame_network(&whole) + (i % 2 ? 40 : 20);

		for (cut.size = ETHERNET_BYTES; cut.size < whole.size; cut.size++)
			(void)run_frame(&cut, cut.size < addressed ? GW_NOT_OURS : GW_TRUNCATED,
					XDP_ABORTED);
		(void)run_frame(&whole, GW_FORWARDED, XDP_REDIRECT);
	}
}

static void a_foreign_packet_cut_at_any_byte_passes_untouched(void **state)
{
	(void)state;
	world_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec spec = long_request(is_ip6, IPPROTO_TCP);
		struct frame frame;

		spec.dst = is_ip6 ? "2001:db8:1::2" : "192.0.2.2";
		frame = frame_build(&spec);
		for (; frame.size >= ETHERNET_BYTES; frame.size--)
			(void)run_frame(&frame, GW_NOT_OURS, XDP_ABORTED);
	}
}

/* Puts value at a byte behind the start of the IP header. */
static void lie(const struct packet_spec *spec, size_t at, uint8_t value, uint32_t expected)
{
	struct frame frame = frame_build(spec);

	frame.bytes[frame_network(&frame) + at] = value;
	(void)run_frame(&frame, expected, XDP_ABORTED);
}

static void headers_that_lie_are_dropped(void **state)
{
	struct packet_spec tcp4 = request4(IPPROTO_TCP), udp4 = request4(IPPROTO_UDP);
	struct packet_spec tcp6 = request6(IPPROTO_TCP), udp6 = request6(IPPROTO_UDP);

	(void)state;
	world_open();
	lie(&tcp4, 0, 0x55, GW_BAD_HEADER); /* version */
	lie(&tcp4, 0, 0x44, GW_BAD_HEADER); /* header of 16 bytes */
	lie(&tcp4, 0, 0x4f, GW_BAD_HEADER); /* header longer than the packet */
	lie(&tcp4, 2, 0x10, GW_TRUNCATED);  /* packet longer than the frame */
	lie(&tcp4, 3, 19, GW_BAD_HEADER);   /* packet shorter than its header */
	lie(&tcp4, 3, 39, GW_TRUNCATED);    /* packet shorter than TCP's header */
	lie(&udp4, 3, 27, GW_TRUNCATED);
	lie(&udp4, 3, 30, GW_TRUNCATED);     /* packet shorter than UDP says */
	lie(&tcp4, 32, 0x40, GW_BAD_HEADER); /* TCP header of 16 bytes */
	lie(&tcp4, 32, 0xf0, GW_TRUNCATED);  /* TCP header longer than the packet */
	lie(&udp4, 25, 7, GW_BAD_HEADER);    /* UDP shorter than its header */
	lie(&udp4, 25, 20, GW_TRUNCATED);    /* UDP longer than the packet */
	lie(&tcp6, 0, 0x40, GW_BAD_HEADER);
	lie(&tcp6, 4, 0x10, GW_TRUNCATED);
	lie(&tcp6, 5, 19, GW_TRUNCATED);
	lie(&udp6, 5, 7, GW_TRUNCATED);
	lie(&udp6, 5, 0, GW_TRUNCATED);
}

static void extension_headers_that_lie_are_dropped(void **state)
{
	static const uint8_t routing[] = { 43, 0xff };
	static const uint8_t five[] = { 60, 60, 60, 60, 60, 0xff };
	struct packet_spec spec = request6(IPPROTO_UDP);

	(void)state;
	world_open();
	spec.extensions = routing;
	lie(&spec, 41, 200, GW_TRUNCATED); /* longer than the packet */
	lie(&spec, 41, 255, GW_TRUNCATED);
	lie(&spec, 43, 1, GW_BAD_HEADER); /* segments left */
	lie(&spec, 40, 0, GW_TRUNCATED);  /* UDP taken for an extension header */
	lie(&spec, 5, 12, GW_TRUNCATED);  /* the packet ends within one */
	spec.extensions = five;
	run_to_end(&spec, GW_UNSERVED_PROTOCOL);
}

static void a_source_that_is_no_host_is_dropped(void **state)
{
	const char *const sources4[] = { "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255" };
	const char *const sources6[] = { "::", "::1", "ff02::1" };
	struct packet_spec spec4 = request4(IPPROTO_UDP), spec6 = request6(IPPROTO_UDP);

	(void)state;
	world_open();
	for (size_t i = 0; i < 4; i++) {
		spec4.src = sources4[i];
		run_to_end(&spec4, GW_BAD_HEADER);
	}
	for (size_t i = 0; i < 3; i++) {
		spec6.src = sources6[i];
		run_to_end(&spec6, GW_BAD_HEADER);
	}
}

static void what_no_service_has_is_dropped(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);

	(void)state;
	world_open();
	spec.dst_port = 81;
	run_to_end(&spec, GW_UNSERVED_PORT);
	spec = request4(IPPROTO_UDP);
	spec.dst_port = 80;
	run_to_end(&spec, GW_UNSERVED_PORT);
	spec.protocol = IPPROTO_GRE;
	run_to_end(&spec, GW_UNSERVED_PROTOCOL);
	spec.protocol = IPPROTO_ICMPV6; /* of the other family */
	spec.icmp_type = 128;
	run_to_end(&spec, GW_UNSERVED_PROTOCOL);
	spec = request6(IPPROTO_ICMP);
	spec.icmp_type = 8;
	run_to_end(&spec, GW_UNSERVED_PROTOCOL);
	spec.protocol = IPPROTO_NONE;
	run_to_end(&spec, GW_UNSERVED_PROTOCOL);
}

static void a_vip_that_the_host_owns_leaves_it_what_nobody_serves(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);
	struct frame cut;

	(void)state;
	world_open();
	set_address(VIP4, GW_ADDRESS_VIP | GW_ADDRESS_LOCAL);
	(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
	cut = frame_build(&spec);
	cut.size -= 1;
	(void)run_frame(&cut, GW_NOT_OURS, XDP_ABORTED);
	spec.dst_port = 22;
	run_to_end(&spec, GW_NOT_OURS);
	spec.fragment = 0x2000;
	run_to_end(&spec, GW_NOT_OURS);
	spec = request4(IPPROTO_ICMP);
	spec.icmp_type = 8;
	run_to_end(&spec, GW_NOT_OURS);
	spec.protocol = IPPROTO_GRE;
	run_to_end(&spec, GW_NOT_OURS);
}

static void a_gateway_address_keeps_only_replies(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);
	struct frame cut;

	(void)state;
	world_open();
	spec.dst = GATEWAY4;
	spec.dst_port = 22;
	run_to_end(&spec, GW_NOT_OURS);
	spec.dst_port = NAT_PORT;
	run_to_end(&spec, GW_NOT_OURS);
	cut = frame_build(&spec);
	cut.size -= 1;
	(void)run_frame(&cut, GW_NOT_OURS, XDP_ABORTED);
	spec.fragment = 0x2000;
	run_to_end(&spec, GW_NOT_OURS);
	spec = request4(IPPROTO_ICMP);
	spec.dst = GATEWAY4;
	spec.icmp_type = 8;
	run_to_end(&spec, GW_NOT_OURS);
}

static void one_address_may_be_gateway_and_vip(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP), high = request4(IPPROTO_TCP);
	struct packet_spec reply = reply_to(spec);

	(void)state;
	world_open();
	set_gateway(0, VIP4);
	set_address(VIP4, GW_ADDRESS_VIP | GW_ADDRESS_GATEWAY);
	(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
	reply.dst = VIP4;
	(void)run(&reply, GW_REPLIED, XDP_TX);
	high.dst_port = NAT_PORT;
	run_to_end(&high, GW_UNSERVED_PORT);
	world_furnish_service(SERVICE_TCP4, VIP4, IPPROTO_TCP, NAT_PORT);
	high.src_port = spec.src_port;
	run_to_end(&high, GW_NAT_PORTS_EXHAUSTED);
}

static void a_vip_packet_in_a_group_frame_is_left_to_the_kernel(void **state)
{
	struct packet_spec spec = request4(IPPROTO_UDP);

	(void)state;
	world_open();
	memset(&spec.dst_mac, 0xff, sizeof(spec.dst_mac));
	run_to_end(&spec, GW_NOT_OURS);
	spec.dst_mac = (struct mac_address){ { 1, 0, 0x5e, 0, 0, 1 } };
	run_to_end(&spec, GW_NOT_OURS);
}

static void other_protocols_and_deeper_tags_pass(void **state)
{
	static const uint16_t ethertypes[] = { 0, 46, 0x8035, 0x8847, 0x8863, 0x88cc, 0xffff };
	struct packet_spec spec = request4(IPPROTO_UDP);
	struct frame frame;

	(void)state;
	world_open();
	for (size_t i = 0; i < sizeof(ethertypes) / sizeof(ethertypes[0]); i++) {
		frame = frame_build(&spec);
		put16(frame.bytes + 12, ethertypes[i]);
		(void)run_frame(&frame, GW_NOT_OURS, XDP_ABORTED);
	}
	spec.vlan[0] = spec.vlan[1] = tag;
	frame = frame_build(&spec);
	(void)run_frame(&frame, GW_FORWARDED, XDP_REDIRECT);
	memmove(frame.bytes + 16, frame.bytes + 12, frame.size - 12);
	frame.size += 4;
	(void)run_frame(&frame, GW_NOT_OURS, XDP_ABORTED);
}

/* Fixed seed: the same frames every time. run_raw() checks counters and what passes. */
static void damaged_frames_always_end_in_one_verdict(void **state)
{
	uint32_t random = 1;

	(void)state;
	world_open();
	for (int i = 0; i < 400; i++) {
		struct packet_spec spec = long_request(i & 1, i & 2 ? IPPROTO_TCP : IPPROTO_UDP);
		struct frame frame = frame_build(&spec), out = {};
		uint32_t verdict;
		int action;

		for (int hits = 0; hits < 3; hits++) {
			random = random * 1664525 + 1013904223;
			frame.bytes[(random >> 8) % frame.size] = random >> 24;
		}
		action = run_raw(&frame, &out, &verdict);
		assert_in_range(verdict, 0, GW_VERDICT_COUNT - 1);
		if (xdp_of(verdict, XDP_TX) != XDP_TX)
			assert_int_equal(action, xdp_of(verdict, XDP_TX));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vip_packet_cut_at_any_byte_is_dropped_as_truncated),
		cmocka_unit_test(a_foreign_packet_cut_at_any_byte_passes_untouched),
		cmocka_unit_test(headers_that_lie_are_dropped),
		cmocka_unit_test(extension_headers_that_lie_are_dropped),
		cmocka_unit_test(a_source_that_is_no_host_is_dropped),
		cmocka_unit_test(what_no_service_has_is_dropped),
		cmocka_unit_test(a_vip_that_the_host_owns_leaves_it_what_nobody_serves),
		cmocka_unit_test(a_gateway_address_keeps_only_replies),
		cmocka_unit_test(one_address_may_be_gateway_and_vip),
		cmocka_unit_test(a_vip_packet_in_a_group_frame_is_left_to_the_kernel),
		cmocka_unit_test(other_protocols_and_deeper_tags_pass),
		cmocka_unit_test(damaged_frames_always_end_in_one_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

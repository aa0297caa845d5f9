// SPDX-License-Identifier: BSD-2-Clause
/* test_decap.c - the program that unwraps IPIP and GUE on a backend. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "decap_world.h"

static const struct gw_vlan tags[] = { { 0xa888, 0x0500 }, { 0x0081, 0x0700 } };

enum {
	NOT_ECT,
	ECT_1,
	ECT_0,
	CE,
	LOST,
};

static void check_tags(struct packet_spec *outer, struct packet_spec *inner)
{
	assert_unwrapped(outer, inner);
	outer->vlan[0] = tags[1];
	assert_unwrapped(outer, inner);
	outer->vlan[0] = tags[0];
	outer->vlan[1] = tags[1];
	assert_unwrapped(outer, inner);
}

static void every_family_in_every_other_is_unwrapped_and_keeps_its_tags(void **state)
{
	(void)state;
	world_open();
	for_each_tunnel(check_tags);
}

static void check_options(struct packet_spec *outer, struct packet_spec *inner)
{
	static const uint8_t two[] = { 0, 60, 0xff };

	outer->option_bytes = 40;
	outer->extensions = two;
	inner->option_bytes = 8;
	inner->extensions = two;
	assert_unwrapped(outer, inner);
	outer->extension_units = 9;
	assert_unwrapped(outer, inner);
}

static void options_and_extension_headers_go_with_the_outer_header(void **state)
{
	(void)state;
	world_open();
	for_each_tunnel(check_options);
}

static void check_padding(struct packet_spec *outer, struct packet_spec *inner)
{
	outer->padding_bytes = 13;
	assert_unwrapped(outer, inner);
	inner->padding_bytes = 5; /* the payload is longer than the inner packet */
	outer->padding_bytes = 0;
	assert_unwrapped(outer, inner);
}

static void padding_stays_behind_the_packet(void **state)
{
	(void)state;
	world_open();
	for_each_tunnel(check_padding);
}

static void check_size(struct packet_spec *outer, struct packet_spec *inner)
{
	inner->payload_bytes = 7000;
	outer->vlan[0] = tags[1];
	assert_unwrapped(outer, inner);
}

static void a_jumbo_frame_in_several_buffers_is_unwrapped(void **state)
{
	(void)state;
	world_open();
	for_each_tunnel(check_size);
}

static void any_inner_protocol_is_unwrapped_and_a_tunnel_only_once(void **state)
{
	struct packet_spec outer = outer_spec(false, IPPROTO_IPIP), inner = inner_spec(false);
	const uint8_t protocols[] = { UDP, IPPROTO_ICMP, IPPROTO_GRE, IPPROTO_IPIP };

	(void)state;
	world_open();
	for (size_t i = 0; i < sizeof(protocols); i++) {
		inner.protocol = protocols[i];
		assert_unwrapped(&outer, &inner);
	}
}

static void an_inner_fragment_is_unwrapped(void **state)
{
	static const uint8_t fragment[] = { 44, 0xff };
	struct packet_spec outer4 = outer_spec(false, IPPROTO_IPIP), inner4 = inner_spec(false);
	struct packet_spec outer6 = outer_spec(false, IPPROTO_IPV6), inner6 = inner_spec(true);

	(void)state;
	world_open();
	inner4.fragment = 0x2010;
	assert_unwrapped(&outer4, &inner4);
	inner6.extensions = fragment;
	assert_unwrapped(&outer6, &inner6);
}

/* RFC 6040, figure 4: columns are what arrives outside. */
static const uint8_t ecn_table[4][4] = {
	[NOT_ECT] = { [NOT_ECT] = NOT_ECT, [ECT_0] = NOT_ECT, [ECT_1] = NOT_ECT, [CE] = LOST },
	[ECT_0] = { [NOT_ECT] = ECT_0, [ECT_0] = ECT_0, [ECT_1] = ECT_1, [CE] = CE },
	[ECT_1] = { [NOT_ECT] = ECT_1, [ECT_0] = ECT_1, [ECT_1] = ECT_1, [CE] = CE },
	[CE] = { [NOT_ECT] = CE, [ECT_0] = CE, [ECT_1] = CE, [CE] = CE },
};

static void check_ecn_pair(const struct packet_spec *outer, const struct packet_spec *inner,
			   uint8_t inside, uint8_t outside, uint8_t dscp)
{
	struct frame in, out, wanted = unwrapped(outer, inner), packet = frame_build(inner);
	uint8_t result = ecn_table[inside][outside];

	set_traffic_class(&packet, frame_network(&packet), dscp << 2 | inside);
	in = wrap_frame(*outer, &packet);
	set_traffic_class(&in, frame_network(&in), (63 - dscp) << 2 | outside);
	out = run(&in, result == LOST ? GW_DECAP_ECN_LOST : verdict_of(outer));
	if (result == LOST)
		return;
	set_traffic_class(&wanted, frame_network(&wanted), dscp << 2 | result);
	assert_frame_equal(&out, &wanted);
}

static void check_ecn(struct packet_spec *outer, struct packet_spec *inner)
{
	const uint8_t dscps[] = { 0, 46, 63 };

	for (int i = 0; i < 4 * 4 * 3; i++)
		check_ecn_pair(outer, inner, i & 3, i >> 2 & 3, dscps[i / 16]);
}

static void congestion_marks_combine_as_rfc_6040_says_and_dscp_stays(void **state)
{
	(void)state;
	world_open();
	for_each_tunnel(check_ecn);
}

/* Makes the IPv4 checksum what is wanted: the identification takes up the difference. */
static void set_checksum(struct frame *frame, uint16_t wanted)
{
	uint8_t *ip = frame->bytes + frame_network(frame);
	uint32_t sum = get16(ip + 4) + get16(ip + 10) + (uint16_t)~wanted;

	put16(ip + 4, ~sum_finish(sum));
	set_traffic_class(frame, frame_network(frame), ip[1]);
}

/* Where sums carry twice, one in 65,536 checksums shows it. */
static void check_checksum(uint16_t checksum, uint8_t outside)
{
	struct packet_spec outer = outer_spec(false, IPPROTO_IPIP), inner = inner_spec(false);
	struct frame packet = frame_build(&inner), wanted = unwrapped(&outer, &inner), in, out;

	set_traffic_class(&packet, frame_network(&packet), ECT_0);
	set_checksum(&packet, checksum);
	in = wrap_frame(outer, &packet);
	set_traffic_class(&in, frame_network(&in), outside);
	memcpy(wanted.bytes + ETHERNET_BYTES, packet.bytes + ETHERNET_BYTES, 20);
	set_traffic_class(&wanted, frame_network(&wanted), outside);
	out = run(&in, GW_DECAP_UNWRAPPED_IPIP);
	assert_frame_equal(&out, &wanted);
}

static void the_inner_checksum_stays_right_whatever_it_was(void **state)
{
	const uint16_t edges[] = { 0x00, 0x01, 0x02, 0xfd, 0xfe, 0xff };

	(void)state;
	world_open();
	for (size_t i = 0; i < 256 * sizeof(edges) / sizeof(edges[0]); i++) {
		check_checksum((i / 6) << 8 | edges[i % 6], CE);
		check_checksum((i / 6) << 8 | edges[i % 6], ECT_1);
	}
}

/* Of how many bytes of a frame it must be known for a tunnel packet. */
static size_t known_at(const struct packet_spec *outer, const struct frame *frame)
{
	size_t ip = frame_network(frame) + (spec_is_ip6(outer) ? 40 + 16 : 20);

	return outer->protocol == UDP ? ip + (spec_is_ip6(outer) ? 0 : 8) + 4 : ip;
}

static void check_cuts(struct packet_spec *outer, struct packet_spec *inner)
{
	static const uint8_t one[] = { 60, 0xff };
	struct frame whole, cut;

	outer->vlan[0] = tags[0];
	outer->vlan[1] = tags[1];
	outer->option_bytes = 8;
	outer->extensions = one;
	whole = cut = wrap(outer, inner);
	for (cut.size = ETHERNET_BYTES; cut.size < whole.size; cut.size++)
		(void)run(&cut, cut.size < known_at(outer, &whole) ? GW_DECAP_PASSED
								   : GW_DECAP_TRUNCATED);
	(void)run(&whole, verdict_of(outer));
}

static void a_frame_cut_at_any_byte_is_dropped_once_it_is_known_for_a_tunnel(void **state)
{
	(void)state;
	world_open();
	for_each_tunnel(check_cuts);
}

/* Puts a value of 16 bits behind the start of the outer IP header. */
static void lie(const struct packet_spec *outer, const struct packet_spec *inner, size_t at,
		uint16_t value, uint32_t expected)
{
	struct frame frame = wrap(outer, inner);

	put16(frame.bytes + frame_network(&frame) + at, value);
	(void)run(&frame, expected);
}

static void outer_headers_that_lie_are_dropped(void **state)
{
	struct packet_spec inner = inner_spec(false); /* 51 bytes */
	struct packet_spec ipip4 = outer_spec(false, IPPROTO_IPIP), gue4 = outer_spec(false, UDP);
	struct packet_spec ipip6 = outer_spec(true, IPPROTO_IPIP), gue6 = outer_spec(true, UDP);

	(void)state;
	world_open();
	lie(&ipip4, &inner, 0, 0x5500, GW_DECAP_BAD_HEADER); /* version */
	lie(&ipip4, &inner, 0, 0x4400, GW_DECAP_BAD_HEADER); /* header of 16 bytes */
	lie(&ipip4, &inner, 2, 19, GW_DECAP_BAD_HEADER);     /* shorter than its header */
	lie(&ipip4, &inner, 2, 20 + 50, GW_DECAP_TRUNCATED); /* shorter than what is inside */
	lie(&ipip4, &inner, 2, 20 + 52, GW_DECAP_TRUNCATED); /* longer than the frame */
	lie(&ipip4, &inner, 2, 0xffff, GW_DECAP_TRUNCATED);
	lie(&ipip6, &inner, 0, 0x5000, GW_DECAP_BAD_HEADER);
	lie(&ipip6, &inner, 4, 0, GW_DECAP_TRUNCATED);
	lie(&ipip6, &inner, 4, 50, GW_DECAP_TRUNCATED);
	lie(&ipip6, &inner, 4, 52, GW_DECAP_TRUNCATED);
	lie(&gue4, &inner, 2, 20 + 7, GW_DECAP_BAD_HEADER); /* too short for UDP's header */
	lie(&gue4, &inner, 20 + 4, 7, GW_DECAP_BAD_HEADER); /* UDP shorter than its header */
	lie(&gue4, &inner, 20 + 4, 0, GW_DECAP_BAD_HEADER);
	lie(&gue4, &inner, 20 + 4, 8 + 50, GW_DECAP_TRUNCATED);
	lie(&gue4, &inner, 20 + 4, 8 + 52, GW_DECAP_TRUNCATED);
	lie(&gue6, &inner, 40 + 4, 8 + 52, GW_DECAP_TRUNCATED);
	lie(&gue6, &inner, 4, 7, GW_DECAP_BAD_HEADER);
	lie(&gue4, &inner, 0, 0x4400, GW_DECAP_PASSED); /* nobody knows its port */
}

static void inner_headers_that_lie_are_dropped(void **state)
{
	struct packet_spec inner4 = inner_spec(false), inner6 = inner_spec(true);
	struct packet_spec in4 = outer_spec(false, IPPROTO_IPIP), gue = outer_spec(false, UDP);
	struct packet_spec in6 = outer_spec(false, IPPROTO_IPV6);

	(void)state;
	world_open();
	lie(&in4, &inner4, 20, 0x6500, GW_DECAP_BAD_INNER); /* IPv6 where IPv4 was announced */
	lie(&in4, &inner4, 20, 0x4400, GW_DECAP_BAD_INNER);
	lie(&in4, &inner4, 20, 0x4fff, GW_DECAP_BAD_INNER); /* header longer than the packet */
	lie(&in4, &inner4, 22, 19, GW_DECAP_BAD_INNER);
	lie(&in4, &inner4, 22, 52, GW_DECAP_TRUNCATED);
	lie(&in6, &inner6, 20, 0x4500, GW_DECAP_BAD_INNER);
	lie(&in6, &inner6, 24, 32, GW_DECAP_TRUNCATED);
	lie(&gue, &inner4, 28, 0x5500, GW_DECAP_BAD_INNER); /* variant 1, no IP version */
	lie(&gue, &inner4, 28, 0x7500, GW_DECAP_BAD_INNER);
	lie(&gue, &inner4, 30, 52, GW_DECAP_TRUNCATED);
}

/* The same with a fragment header before what follows the outer IPv6 header. */
static struct frame fragment6(struct packet_spec outer, const struct packet_spec *inner,
			      uint16_t offset)
{
	struct frame whole = wrap(&outer, inner);
	uint8_t payload[FRAME_BYTES_MAX] = { outer.protocol };

	put16(payload + 2, offset);
	outer.payload_bytes = 8 + whole.size - ETHERNET_BYTES - 40;
	memcpy(payload + 8, whole.bytes + ETHERNET_BYTES + 40, outer.payload_bytes - 8);
	outer.payload = payload;
	outer.protocol = IPPROTO_FRAGMENT;
	return frame_build(&outer);
}

static void run_fragment6(uint8_t protocol, uint16_t offset, uint32_t expected)
{
	struct packet_spec inner = inner_spec(false), outer = outer_spec(true, protocol);
	struct frame frame = fragment6(outer, &inner, offset);

	(void)run(&frame, expected);
}

static void outer_fragments_are_dropped(void **state)
{
	struct packet_spec inner = inner_spec(false), outer = outer_spec(false, IPPROTO_IPIP);

	(void)state;
	world_open();
	outer.fragment = 0x4000; /* that it may not be one */
	assert_unwrapped(&outer, &inner);
	outer.fragment = 0x2000; /* the first of several */
	run_spec(&outer, &inner, GW_DECAP_FRAGMENT);
	outer.fragment = 0x0010; /* the last */
	run_spec(&outer, &inner, GW_DECAP_FRAGMENT);
	outer.protocol = UDP;
	run_spec(&outer, &inner, GW_DECAP_PASSED); /* of whatever port */
	outer.fragment = 0x2000;
	run_spec(&outer, &inner, GW_DECAP_FRAGMENT);

	run_fragment6(IPPROTO_IPIP, 0x0001, GW_DECAP_FRAGMENT);
	run_fragment6(IPPROTO_IPIP, 0x0008, GW_DECAP_FRAGMENT);
	run_fragment6(IPPROTO_IPIP, 0, GW_DECAP_UNWRAPPED_IPIP); /* all of it: RFC 6946 */
	run_fragment6(UDP, 0x0001, GW_DECAP_FRAGMENT);
	run_fragment6(UDP, 0x0008, GW_DECAP_PASSED);
	run_fragment6(UDP, 0, GW_DECAP_UNWRAPPED_GUE);
}

static void only_sources_that_are_allowed_may_tunnel(void **state)
{
	struct packet_spec inner = inner_spec(false);
	struct packet_spec outer4 = outer_spec(false, IPPROTO_IPIP), outer6 = outer_spec(true, UDP);

	(void)state;
	world_open_with(
		(struct gw_decap_config){ .gue_port = htons(GUE_PORT), .checks_source = true });
	run_spec(&outer4, &inner, GW_DECAP_SOURCE_REFUSED);
	run_spec(&outer6, &inner, GW_DECAP_SOURCE_REFUSED);

	allow(world->maps.sources, "::", 0); /* all of IPv6, and nothing of IPv4 */
	assert_unwrapped(&outer6, &inner);
	run_spec(&outer4, &inner, GW_DECAP_SOURCE_REFUSED);

	allow(world->maps.sources, "10.1.0.128", 25);
	assert_unwrapped(&outer4, &inner);
	outer4.src = "10.1.0.127";
	run_spec(&outer4, &inner, GW_DECAP_SOURCE_REFUSED);
	outer4.fragment = 0x2000;
	run_spec(&outer4, &inner, GW_DECAP_SOURCE_REFUSED);
}

static void only_destinations_that_are_allowed_are_unwrapped(void **state)
{
	struct packet_spec inner4 = inner_spec(false), inner6 = inner_spec(true);
	struct packet_spec outer4 = outer_spec(false, IPPROTO_IPIP), outer6 = outer_spec(true, UDP);

	(void)state;
	world_open_with((struct gw_decap_config){ .gue_port = htons(GUE_PORT),
						  .checks_destination = true });
	allow(world->maps.destinations, VIP4, 32);
	allow(world->maps.destinations, "2001:db8:1::", 64);
	assert_unwrapped(&outer4, &inner4);
	assert_unwrapped(&outer6, &inner6);
	inner4.dst = "192.0.2.2";
	run_spec(&outer4, &inner4, GW_DECAP_DESTINATION_REFUSED);
	inner6.dst = "2001:db8:1:1::1";
	run_spec(&outer6, &inner6, GW_DECAP_DESTINATION_REFUSED);
}

static void gue_has_the_port_it_is_told(void **state)
{
	struct packet_spec inner = inner_spec(false), outer = outer_spec(false, UDP);

	(void)state;
	world_open_with((struct gw_decap_config){ .gue_port = htons(7000) });
	run_spec(&outer, &inner, GW_DECAP_PASSED);
	outer.dst_port = 7000;
	assert_unwrapped(&outer, &inner);
}

static void pass(const struct packet_spec *spec)
{
	struct frame frame = frame_build(spec);

	(void)run(&frame, GW_DECAP_PASSED);
}

static void what_is_no_tunnel_packet_passes_as_it_came(void **state)
{
	const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_GRE, UDP };
	static const uint8_t routing[] = { 43, 0xff }, three[] = { 60, 60, 60, 0xff };
	struct packet_spec spec = outer_spec(false, UDP);
	struct frame arp = frame_build(&spec);

	(void)state;
	world_open();
	put16(arp.bytes + 12, 0x0806);
	(void)run(&arp, GW_DECAP_PASSED);
	for (int i = 0; i < 2 * 4; i++) {
		spec = outer_spec(i & 1, protocols[i / 2]);
		spec.dst_port = 53;
		spec.payload_bytes = 100;
		spec.vlan[0] = tags[0];
		pass(&spec);
	}
	spec = outer_spec(true, IPPROTO_IPIP);
	spec.extensions = routing;
	pass(&spec);
	spec.extensions = three;
	pass(&spec);
}

static void gue_of_another_variant_and_empty_gue_pass(void **state)
{
	struct packet_spec spec = outer_spec(false, UDP), inner = inner_spec(false);

	(void)state;
	world_open();
	pass(&spec);
	lie(&spec, &inner, 28, 0x0004, GW_DECAP_PASSED); /* variant 0: a header of its own */
	lie(&spec, &inner, 28, 0x8500, GW_DECAP_PASSED);
	lie(&spec, &inner, 28, 0xc500, GW_DECAP_PASSED);
}

static void a_frame_to_a_group_or_with_three_tags_passes(void **state)
{
	struct packet_spec outer = outer_spec(false, IPPROTO_IPIP), inner = inner_spec(false);
	struct frame frame;

	(void)state;
	world_open();
	outer.vlan[0] = tags[0];
	outer.vlan[1] = tags[1];
	frame = wrap(&outer, &inner);
	put16(frame.bytes + frame_network(&frame) - 2, 0x8100);
	(void)run(&frame, GW_DECAP_PASSED);
	outer.dst_mac.byte[0] = 1;
	run_spec(&outer, &inner, GW_DECAP_PASSED);
	memset(&outer.dst_mac, 0xff, sizeof(outer.dst_mac));
	run_spec(&outer, &inner, GW_DECAP_PASSED);
}

static void check_transit(struct packet_spec *outer, struct packet_spec *inner)
{
	bool is_ip6 = spec_is_ip6(outer);

	assert_unwrapped(outer, inner);
	outer->dst = is_ip6 ? "fd77::1" : "10.77.0.1";
	run_spec(outer, inner, GW_DECAP_PASSED);
	outer->fragment = 0x2000;
	run_spec(outer, inner, GW_DECAP_PASSED);
}

static void a_tunnel_that_the_host_routes_to_another_passes(void **state)
{
	(void)state;
	world_open();
	assert_int_equal(
		system("ip link set lo up && ip address add " BACKEND4 "/32 dev lo && "
		       "ip address add " BACKEND6 "/128 dev lo && "
		       "ip route add 10.77.0.0/16 dev lo && ip route add fd77::/16 dev lo"),
		0);
	set_forwarding("1");
	for_each_tunnel(check_transit);
	set_forwarding("0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_family_in_every_other_is_unwrapped_and_keeps_its_tags),
		TEST(options_and_extension_headers_go_with_the_outer_header),
		TEST(padding_stays_behind_the_packet),
		TEST(a_jumbo_frame_in_several_buffers_is_unwrapped),
		TEST(any_inner_protocol_is_unwrapped_and_a_tunnel_only_once),
		TEST(an_inner_fragment_is_unwrapped),
		TEST(congestion_marks_combine_as_rfc_6040_says_and_dscp_stays),
		TEST(the_inner_checksum_stays_right_whatever_it_was),
		TEST(a_frame_cut_at_any_byte_is_dropped_once_it_is_known_for_a_tunnel),
		TEST(outer_headers_that_lie_are_dropped),
		TEST(inner_headers_that_lie_are_dropped),
		TEST(outer_fragments_are_dropped),
		TEST(only_sources_that_are_allowed_may_tunnel),
		TEST(only_destinations_that_are_allowed_are_unwrapped),
		TEST(gue_has_the_port_it_is_told),
		TEST(what_is_no_tunnel_packet_passes_as_it_came),
		TEST(gue_of_another_variant_and_empty_gue_pass),
		TEST(a_frame_to_a_group_or_with_three_tags_passes),
		TEST(a_tunnel_that_the_host_routes_to_another_passes),
	};

	return cmocka_run_group_tests(tests, world_isolate, NULL);
}

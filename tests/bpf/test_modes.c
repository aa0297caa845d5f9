// SPDX-License-Identifier: BSD-2-Clause
/* test_modes.c - to a backend in every forwarding mode and family, byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "modes.h"

static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

#define for_each_protocol(protocol)                                                                \
	for (const uint8_t *protocol = protocols; protocol < protocols + 2; protocol++)

static void every_mode_forwards_every_length_byte_by_byte(void **state)
{
	static const size_t lengths[] = { 0, 1, 2, 3, 11, 64, 511, 1390 };

	(void)state;
	for_each_mode(mode)
	{
		const struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		for_each_protocol(protocol) for (size_t i = 0;
						 i < sizeof(lengths) / sizeof(lengths[0]); i++)
		{
			struct packet_spec spec = mode_request(mode, *protocol);

			spec.payload_bytes = lengths[i];
			mode_expect(mode, &spec, &hop);
		}
	}
}

static void every_mode_has_tags_in_and_tags_out(void **state)
{
	const struct gw_vlan in_outer = { htons(0x88a8), htons(0x0065) };
	const struct gw_vlan in_inner = { htons(0x8100), htons(0x2064) };
	const struct gw_vlan out_outer = { htons(0x88a8), htons(0x00c8) };
	const struct gw_vlan out_inner = { htons(0x8100), htons(0xe0c9) };

	(void)state;
	for_each_mode(mode)
	{
		mode_open(mode);
		for (int i = 0; i < 18; i++) {
			struct packet_spec spec = mode_request(mode, protocols[i % 2]);
			struct gw_next_hop hop = mode_hop(mode);
			int tags_in = i / 2 % 3, tags_out = i / 6;

			if (tags_in)
				spec.vlan[0] = tags_in == 2 ? in_outer : in_inner;
			if (tags_in == 2)
				spec.vlan[1] = in_inner;
			if (tags_out)
				hop.vlan[0] = tags_out == 2 ? out_outer : out_inner;
			if (tags_out == 2)
				hop.vlan[1] = out_inner;
			set_next_hop(mode_next_hop(mode), hop);
			mode_expect(mode, &spec, &hop);
		}
	}
}

static void every_mode_keeps_options_and_extension_headers(void **state)
{
	static const uint8_t extensions[] = { 0, 43, 60, 60, 0xff };

	(void)state;
	for_each_mode(mode)
	{
		const struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		for_each_protocol(protocol) for (size_t option_bytes = 4; option_bytes <= 40;
						 option_bytes += 12)
		{
			struct packet_spec spec = mode_request(mode, *protocol);

			spec.option_bytes = option_bytes;
			spec.extensions = extensions + 3 - option_bytes / 12;
			spec.extension_units = option_bytes / 4;
			spec.tcp_option_bytes = option_bytes;
			mode_expect(mode, &spec, &hop);
		}
	}
}

static void every_mode_keeps_dscp_ecn_and_flow_label(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		const struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		for (unsigned int traffic_class = 0; traffic_class < 256; traffic_class += 51) {
			struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

			spec.traffic_class = traffic_class;
			spec.flow_label = 0xfffff - traffic_class;
			mode_expect(mode, &spec, &hop);
		}
	}
}

static void every_mode_takes_one_hop(void **state)
{
	static const uint8_t ttls[] = { 2, 3, 64, 128, 255 };

	(void)state;
	for_each_mode(mode)
	{
		const struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		for (size_t i = 0; i < sizeof(ttls); i++) {
			struct packet_spec spec = mode_request(mode, protocols[i % 2]);

			spec.ttl = ttls[i];
			mode_expect(mode, &spec, &hop);
		}
	}
}

static void every_mode_leaves_padding_and_absent_checksums_alone(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		const struct gw_next_hop hop = mode_hop(mode);
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		mode_open(mode);
		spec.payload_bytes = 1;
		spec.padding_bytes = 17;
		mode_expect(mode, &spec, &hop);
		spec.has_no_checksum = true;
		mode_expect(mode, &spec, &hop);
	}
}

static void every_mode_fills_the_mtu_and_no_more(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		const struct gw_next_hop hop = mode_hop(mode);
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		mode_open(mode);
		spec.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(7) };
		spec.padding_bytes = 4;
		spec.payload_bytes = hop.mtu - mode_room(mode) - 8 - (mode->is_ip6 ? 40 : 20);
		mode_expect(mode, &spec, &hop);
		spec.payload_bytes++;
		(void)run(&spec, GW_TOO_BIG_ANSWERED, XDP_TX);
	}
}

static void every_mode_forwards_jumbo_frames_in_pieces(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		hop.mtu = 9000;
		set_next_hop(mode_next_hop(mode), hop);
		for_each_protocol(protocol)
		{
			struct packet_spec spec = mode_request(mode, *protocol);

			spec.payload_bytes = 9000 - mode_room(mode) - 20 - (mode->is_ip6 ? 40 : 20);
			mode_expect(mode, &spec, &hop);
			spec.payload_bytes = 5001;
			spec.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(7) };
			mode_expect(mode, &spec, &hop);
		}
	}
}

static void every_mode_sends_by_the_device_of_arrival_itself(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_TCP);
		struct gw_next_hop hop = mode_hop(mode);
		struct frame in = frame_build(&spec), wanted, out;

		mode_open(mode);
		hop.ifindex = INGRESS;
		set_next_hop(mode_next_hop(mode), hop);
		wanted = mode_forwarded(mode, &spec, &hop);
		out = run_frame(&in, GW_FORWARDED, XDP_TX);
		assert_frame_equal(&out, &wanted);
	}
}

static void no_mode_sends_without_a_neighbour_or_out_of_a_damaged_table(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		uint32_t id = mode_service(mode, IPPROTO_TCP);
		struct packet_spec spec = mode_request(mode, IPPROTO_TCP);
		struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		hop.flags = 0;
		set_next_hop(mode_next_hop(mode), hop);
		run_to_end(&spec, GW_NO_NEXT_HOP);
		set_backend(id, BACKEND4, 8080, GW_NONE);
		run_to_end(&spec, GW_NO_NEXT_HOP);
		set_slots(id, 1000);
		run_to_end(&spec, GW_BAD_TABLE);
		set_slots(id, GW_NONE);
		(void)run(&spec, GW_REJECTED, XDP_TX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode_forwards_every_length_byte_by_byte),
		cmocka_unit_test(every_mode_has_tags_in_and_tags_out),
		cmocka_unit_test(every_mode_keeps_options_and_extension_headers),
		cmocka_unit_test(every_mode_keeps_dscp_ecn_and_flow_label),
		cmocka_unit_test(every_mode_takes_one_hop),
		cmocka_unit_test(every_mode_leaves_padding_and_absent_checksums_alone),
		cmocka_unit_test(every_mode_fills_the_mtu_and_no_more),
		cmocka_unit_test(every_mode_forwards_jumbo_frames_in_pieces),
		cmocka_unit_test(every_mode_sends_by_the_device_of_arrival_itself),
		cmocka_unit_test(no_mode_sends_without_a_neighbour_or_out_of_a_damaged_table),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

// SPDX-License-Identifier: BSD-2-Clause
/* test_forward.c - to a backend and back, byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange.h"

static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

static struct packet_spec request(bool is_ip6, uint8_t protocol)
{
	return is_ip6 ? request6(protocol) : request4(protocol);
}

static void there_and_back(const struct packet_spec *spec)
{
	struct packet_spec out = forwarded(*spec), reply = reply_to(*spec);
	struct packet_spec back = replied(reply, *spec);

	run_and_expect(spec, GW_FORWARDED, XDP_REDIRECT, &out);
	run_and_expect(&reply, GW_REPLIED, XDP_TX, &back);
}

static void requests_and_replies_are_translated_byte_by_byte(void **state)
{
	(void)state;
	world_open();
	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = request(i / 2, protocols[i % 2]);

		there_and_back(&spec);
	}
}

static void every_payload_length_keeps_its_checksum(void **state)
{
	(void)state;
	world_open();
	for (int i = 0; i < 4; i++)
		for (size_t bytes = 0; bytes < 40; bytes++) {
			struct packet_spec spec = request(i / 2, protocols[i % 2]);

			spec.payload_bytes = bytes;
			there_and_back(&spec);
		}
}

static void ethernet_padding_is_not_part_of_the_packet(void **state)
{
	struct packet_spec spec = request4(IPPROTO_UDP);

	(void)state;
	world_open();
	spec.payload_bytes = 1;
	spec.padding_bytes = 17;
	there_and_back(&spec);
}

static void udp_without_a_checksum_stays_without(void **state)
{
	struct packet_spec spec = request4(IPPROTO_UDP);

	(void)state;
	world_open();
	spec.has_no_checksum = true;
	there_and_back(&spec);
}

/* Chooses the payload so that the checksum of the packet that leaves comes to 0. */
static void a_computed_udp_checksum_of_0_is_written_as_ffff(void **state)
{
	(void)state;
	world_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec spec = request(is_ip6, IPPROTO_UDP), out;
		uint8_t payload[2] = { 0, 0 };
		struct frame frame;
		size_t checksum_at;

		spec.payload = payload;
		spec.payload_bytes = sizeof(payload);
		out = forwarded(spec);
		frame = frame_build(&out);
		checksum_at = frame.size - sizeof(payload) - 2;
		memcpy(payload, frame.bytes + checksum_at, 2);
		frame = frame_build(&out);
		assert_int_equal(get16(frame.bytes + checksum_at), 0xffff);
		run_and_expect(&spec, GW_FORWARDED, XDP_REDIRECT, &out);
	}
}

static void ip_options_and_extension_headers_go_along(void **state)
{
	static const uint8_t extensions[] = { 0, 43, 60, 60, 0xff };

	(void)state;
	world_open();
	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = request(i / 2, protocols[i % 2]);

		spec.option_bytes = 40;
		spec.extensions = extensions;
		spec.tcp_option_bytes = 40;
		there_and_back(&spec);
	}
}

static void tags_change_with_the_network(void **state)
{
	const struct gw_vlan inner = { htons(0x8100), htons(0x2064) };
	const struct gw_vlan outer = { htons(0x88a8), htons(0x0065) };
	const struct gw_vlan ways[][2] = {
		{},
		{ { htons(0x8100), htons(0x00c8) } },
		{ { htons(0x88a8), htons(0x00c8) } },
		{ { htons(0x88a8), htons(0x0ffe) }, { htons(0x8100), htons(0x0001) } },
	};

	(void)state;
	world_open();
	for (int i = 0; i < 24; i++) {
		bool is_ip6 = i % 2;
		int tags = i / 2 % 3;
		const struct gw_vlan *way = ways[i / 6];
		struct gw_next_hop hop = next_hop_to_backend(is_ip6);
		struct packet_spec spec = request(is_ip6, IPPROTO_UDP), out, reply, back;

		memcpy(hop.vlan, way, sizeof(hop.vlan));
		set_next_hop(is_ip6 ? NEXT_HOP6 : NEXT_HOP4, hop);
		spec.vlan[0] = tags == 2 ? outer : tags == 1 ? inner : (struct gw_vlan){};
		spec.vlan[1] = tags == 2 ? inner : (struct gw_vlan){};
		out = forwarded(spec);
		memcpy(out.vlan, way, sizeof(out.vlan));
		reply = reply_to(spec);
		memcpy(reply.vlan, way, sizeof(reply.vlan));
		back = replied(reply, spec);
		run_and_expect(&spec, GW_FORWARDED, XDP_REDIRECT, &out);
		run_and_expect(&reply, GW_REPLIED, XDP_TX, &back);
	}
}

static void the_device_of_arrival_sends_by_itself(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP), out = forwarded(spec);
	struct gw_next_hop hop = next_hop_to_backend(0);

	(void)state;
	world_open();
	hop.ifindex = INGRESS;
	set_next_hop(NEXT_HOP4, hop);
	run_and_expect(&spec, GW_FORWARDED, XDP_TX, &out);
}

/* For a veth, whose peer sleeps on after XDP_TX. */
static void the_device_of_arrival_may_be_redirected_to(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP), out = forwarded(spec);
	struct packet_spec reply = reply_to(spec), back = replied(reply, spec);
	struct gw_next_hop hop = next_hop_to_backend(0);
	struct gw_config config = world_config();

	(void)state;
	config.redirect_always = 1;
	world_open_with(config, LRU_ENTRIES);
	hop.ifindex = INGRESS;
	set_next_hop(NEXT_HOP4, hop);
	run_and_expect(&spec, GW_FORWARDED, XDP_REDIRECT, &out);
	run_and_expect(&reply, GW_REPLIED, XDP_REDIRECT, &back);
	spec.ttl = 1;
	(void)run(&spec, GW_TTL_ANSWERED, XDP_REDIRECT);
}

static void replies_follow_a_client_that_changes_its_link(void **state)
{
	struct packet_spec spec = request4(IPPROTO_UDP);

	(void)state;
	world_open();
	there_and_back(&spec);
	spec.src_mac.byte[5] = 0xc2;
	spec.dst_mac.byte[5] = 0xa9;
	spec.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(7) };
	there_and_back(&spec);
}

static void fail_over(uint32_t from, uint32_t to)
{
	const struct gw_failover failover = { from, to };
	uint32_t cell = from % GW_DEVICE_MAX;

	map_set(world->maps.failovers, &cell, &failover);
}

static void replies_leave_by_the_device_that_the_clients_failed_over_to(void **state)
{
	(void)state;
	for (int is_ip6 = 0; is_ip6 <= 1; is_ip6++) {
		struct packet_spec spec = request(is_ip6, IPPROTO_UDP), out = forwarded(spec);
		struct packet_spec reply = reply_to(spec), back = replied(reply, spec);

		world_open();
		run_and_expect(&spec, GW_FORWARDED, XDP_REDIRECT, &out);
		fail_over(INGRESS, EGRESS);
		run_and_expect(&reply, GW_REPLIED, XDP_REDIRECT, &back);
		fail_over(INGRESS + GW_DEVICE_MAX, EGRESS);
		run_and_expect(&reply, GW_REPLIED, XDP_TX, &back);
	}
}

/* Nobody stops it from lying, and the two may well have different ports. */
static void a_client_that_claims_the_gateways_address_gets_its_replies(void **state)
{
	(void)state;
	world_open();
	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = request(i / 2, protocols[i % 2]);

		spec.src = i / 2 ? GATEWAY6 : GATEWAY4;
		there_and_back(&spec);
	}
}

static void the_last_hop_is_not_forwarded(void **state)
{
	struct packet_spec spec = request4(IPPROTO_UDP), reply = reply_to(spec);
	struct packet_spec spec6 = request6(IPPROTO_UDP);

	(void)state;
	world_open();
	spec.ttl = spec6.ttl = 1;
	(void)run(&spec, GW_TTL_ANSWERED, XDP_TX);
	(void)run(&spec6, GW_TTL_ANSWERED, XDP_TX);
	spec.ttl = spec6.ttl = 2;
	(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
	(void)run(&spec6, GW_FORWARDED, XDP_REDIRECT);
	reply.ttl = 1;
	(void)run(&reply, GW_TTL_ANSWERED, XDP_TX);
}

static void a_jumbo_frame_in_pieces_is_forwarded_whole(void **state)
{
	struct gw_next_hop hop = next_hop_to_backend(0);
	struct packet_spec spec = request4(IPPROTO_UDP);

	(void)state;
	world_open();
	hop.mtu = 9000;
	set_next_hop(NEXT_HOP4, hop);
	spec.payload_bytes = 7000;
	there_and_back(&spec);
}

/* Metadata takes up the headroom, as it is elsewhere taken up by drivers. */
static void without_headroom_for_a_tag_nothing_is_sent(void **state)
{
	enum { METADATA_BYTES = 216 };
	struct gw_next_hop hop = next_hop_to_backend(0);
	struct packet_spec spec = request4(IPPROTO_UDP);
	struct frame frame = frame_build(&spec);
	struct xdp_md ctx = { .data = METADATA_BYTES, .data_end = METADATA_BYTES + frame.size };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.bytes, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);
	int r;

	(void)state;
	world_open();
	hop.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(7) };
	set_next_hop(NEXT_HOP4, hop);
	memmove(frame.bytes + METADATA_BYTES, frame.bytes, frame.size);
	opts.data_size_in = METADATA_BYTES + frame.size;
	r = bpf_prog_test_run_opts(bpf_program__fd(world->progs.guideway), &opts);
	if (r == -EINVAL) {
		print_message("# needs a kernel with metadata of 216 bytes\n");
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(opts.retval, XDP_DROP);
	assert_int_equal(verdict_counter(GW_NO_HEADROOM).packets, 1);
}

static void without_a_neighbour_nothing_is_sent(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);
	struct gw_next_hop hop = next_hop_to_backend(0);

	(void)state;
	world_open();
	hop.flags = 0;
	set_next_hop(NEXT_HOP4, hop);
	run_to_end(&spec, GW_NO_NEXT_HOP);
	set_backend(SERVICE_TCP4, BACKEND4, 8080, GW_NONE);
	run_to_end(&spec, GW_NO_NEXT_HOP);
	set_backend(SERVICE_TCP4, BACKEND4, 8080, 1000);
	run_to_end(&spec, GW_NO_NEXT_HOP);
}

static void without_a_gateway_address_nothing_is_sent(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);
	struct gw_next_hop hop = next_hop_to_backend(0);

	(void)state;
	world_open();
	hop.gateway_count = 0;
	set_next_hop(NEXT_HOP4, hop);
	run_to_end(&spec, GW_NO_GATEWAY_ADDRESS);
	hop.gateway_count = 1;
	hop.gateway_first = GW_GATEWAY_MAX;
	set_next_hop(NEXT_HOP4, hop);
	run_to_end(&spec, GW_NO_GATEWAY_ADDRESS);
}

static void a_table_that_points_nowhere_drops(void **state)
{
	struct gw_service far = service_in_mode(SERVICE_TCP4, GW_MODE_SNAT);
	struct gw_service modeless = service_in_mode(SERVICE_TCP4, 0);
	struct packet_spec spec = request4(IPPROTO_TCP);

	(void)state;
	world_open();
	set_slots(SERVICE_TCP4, 1000);
	run_to_end(&spec, GW_BAD_TABLE);
	far.slot_offset = 1000;
	set_service(VIP4, IPPROTO_TCP, 80, &far);
	run_to_end(&spec, GW_BAD_TABLE);
	set_slots(SERVICE_TCP4, SERVICE_TCP4);
	set_service(VIP4, IPPROTO_TCP, 80, &modeless);
	run_to_end(&spec, GW_BAD_TABLE);
}

static void a_slot_that_nobody_owns_rejects_as_a_service_without_endpoints_does(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);
	struct gw_service local = service_in_mode(SERVICE_TCP4, GW_MODE_SNAT);

	(void)state;
	world_open();
	set_slots(SERVICE_TCP4, GW_NONE);
	(void)run(&spec, GW_REJECTED, XDP_TX);
	local.flags = GW_SERVICE_DROP;
	set_service(VIP4, IPPROTO_TCP, 80, &local);
	run_to_end(&spec, GW_NO_LOCAL_ENDPOINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_and_replies_are_translated_byte_by_byte),
		cmocka_unit_test(every_payload_length_keeps_its_checksum),
		cmocka_unit_test(ethernet_padding_is_not_part_of_the_packet),
		cmocka_unit_test(udp_without_a_checksum_stays_without),
		cmocka_unit_test(a_computed_udp_checksum_of_0_is_written_as_ffff),
		cmocka_unit_test(ip_options_and_extension_headers_go_along),
		cmocka_unit_test(tags_change_with_the_network),
		cmocka_unit_test(the_device_of_arrival_sends_by_itself),
		cmocka_unit_test(the_device_of_arrival_may_be_redirected_to),
		cmocka_unit_test(replies_follow_a_client_that_changes_its_link),
		cmocka_unit_test(replies_leave_by_the_device_that_the_clients_failed_over_to),
		cmocka_unit_test(a_client_that_claims_the_gateways_address_gets_its_replies),
		cmocka_unit_test(the_last_hop_is_not_forwarded),
		cmocka_unit_test(a_jumbo_frame_in_pieces_is_forwarded_whole),
		cmocka_unit_test(without_headroom_for_a_tag_nothing_is_sent),
		cmocka_unit_test(without_a_neighbour_nothing_is_sent),
		cmocka_unit_test(without_a_gateway_address_nothing_is_sent),
		cmocka_unit_test(a_table_that_points_nowhere_drops),
		cmocka_unit_test(
			a_slot_that_nobody_owns_rejects_as_a_service_without_endpoints_does),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

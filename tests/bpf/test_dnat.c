// SPDX-License-Identifier: BSD-2-Clause
/* test_dnat.c - a backend's replies in mode dnat, which the kernel's routes take to the client. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"
#include "quotation.h"
#include "replies.h"

static void replies_get_the_services_address_byte_by_byte(void **state)
{
	static const uint8_t extensions[] = { 0, 60, 0xff };
	static const size_t lengths[] = { 0, 1, 2, 3, 700, 1400 };

	(void)state;
	dnat_open();
	for (int i = 0; i < 24; i++) {
		struct packet_spec reply = reply_in(i % 2, protocols[i / 2 % 2]);

		reply.payload_bytes = lengths[i / 4];
		if (i / 4 % 2) {
			reply.option_bytes = 8;
			reply.extensions = extensions;
			reply.vlan[0] = (struct gw_vlan){ htons(0x88a8), htons(i) };
			reply.vlan[1] = (struct gw_vlan){ htons(0x8100), htons(7) };
		}
		expect_reply(&reply);
	}
}

static void there_and_back_by_the_same_device(void **state)
{
	struct packet_spec reply = reply_in(false, IPPROTO_TCP), out = reply_out(reply);

	(void)state;
	dnat_open();
	world_ingress = if_nametoindex("clients");
	run_and_expect(&reply, GW_REPLIED, XDP_TX, &out);
}

static void a_reply_without_a_neighbour_is_translated_for_the_kernel(void **state)
{
	(void)state;
	dnat_open();
	network_do("ip neigh del " CLIENT4 " dev clients; ip neigh del " CLIENT6 " dev clients");
	for (int i = 0; i < 4; i++) {
		struct packet_spec reply = reply_in(i / 2, protocols[i % 2]);

		expect_passed(&reply);
		reply.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(7) };
		reply.ttl = 1;
		expect_passed(&reply);
	}
}

static void a_reply_by_a_device_that_is_not_ours_is_the_kernels_to_send(void **state)
{
	uint32_t clients;

	(void)state;
	dnat_open();
	clients = if_nametoindex("clients");
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(world->maps.devices), &clients), 0);
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec reply = reply_in(is_ip6, IPPROTO_TCP);

		expect_passed(&reply);
	}
}

static void a_reply_to_the_gateway_itself_is_the_kernels_to_receive(void **state)
{
	(void)state;
	dnat_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec reply = reply_in(is_ip6, IPPROTO_UDP);

		reply.dst = is_ip6 ? "2001:db8:2::1" : "198.51.100.1";
		expect_passed(&reply);
	}
}

/* It makes no difference between that and what is its own. */
static void a_reply_to_nowhere_is_the_kernels_to_refuse(void **state)
{
	(void)state;
	dnat_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec reply = reply_in(is_ip6, IPPROTO_UDP);

		reply.dst = is_ip6 ? "2001:db8:9::9" : "203.0.113.9";
		expect_passed(&reply);
	}
}

static void a_reply_that_its_route_refuses_is_dropped(void **state)
{
	static const char *const routes[] = { "unreachable", "blackhole", "prohibit" };

	(void)state;
	dnat_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec reply = reply_in(is_ip6, IPPROTO_UDP);

		reply.dst = is_ip6 ? "2001:db8:9::9" : "203.0.113.9";
		for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
			char command[100];

			snprintf(command, sizeof(command), "ip route replace %s %s", routes[i],
				 reply.dst);
			network_do(command);
			run_to_end(&reply, GW_NO_REPLY_ROUTE);
		}
	}
}

static void where_nothing_is_routed_no_reply_is(void **state)
{
	struct packet_spec reply = reply_in(false, IPPROTO_UDP);

	(void)state;
	dnat_open();
	network_forwards(false);
	run_to_end(&reply, GW_NO_REPLY_ROUTE);
}

static void a_reply_too_big_for_its_way_is_answered(void **state)
{
	(void)state;
	dnat_open();
	network_do("ip link set clients mtu 1400");
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec reply = reply_in(is_ip6, IPPROTO_UDP), answer = reply;
		size_t header_bytes = is_ip6 ? 40 : 20;
		struct frame sent, wanted, out;

		reply.payload_bytes = 1400 - 8 - header_bytes;
		expect_reply(&reply);
		reply.payload_bytes++;
		sent = frame_build(&reply);
		out = run_frame(&sent, GW_TOO_BIG_ANSWERED, XDP_TX);
		answer.src_mac = reply.dst_mac;
		answer.dst_mac = reply.src_mac;
		answer.src = reply.dst;
		answer.dst = reply.src;
		answer.icmp_type = is_ip6 ? 2 : 3;
		answer.icmp_code = is_ip6 ? 0 : 4;
		answer.icmp_rest = htonl(1400);
		answer.keeps_id_zero = true;
		answer.fragment = 0x4000;
		wanted = error_about(&answer, &sent, header_bytes + 8);
		assert_frame_equal(&out, &wanted);
	}
}

static void a_jumbo_reply_in_pieces_is_sent_whole(void **state)
{
	(void)state;
	dnat_open();
	network_do("ip link set clients mtu 9000");
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec reply = reply_in(is_ip6, IPPROTO_TCP);

		reply.payload_bytes = 9000 - 20 - (is_ip6 ? 40 : 20);
		expect_reply(&reply);
	}
}

static void the_last_hop_of_a_reply_is_not_sent(void **state)
{
	(void)state;
	dnat_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec reply = reply_in(is_ip6, IPPROTO_UDP);

		reply.ttl = 1;
		(void)run(&reply, GW_TTL_ANSWERED, XDP_TX);
		reply.ttl = 2;
		expect_reply(&reply);
	}
}

static void expect_pieces(const struct packet_spec *reply, const struct packet_spec *wanted,
			  uint32_t verdict, int action)
{
	const struct frame whole_in = frame_build(reply), whole_out = frame_build(wanted);

	for (size_t at = 0; at < 3000; at += 1000) {
		const struct piece piece = { .at = at, .bytes = 1000, .is_last = at == 2000 };
		struct frame in = fragment_of(&whole_in, &piece), expected, out;

		out = run_frame(&in, verdict, action);
		expected = fragment_of(&whole_out, &piece);
		assert_frame_equal(&out, &expected);
	}
}

static void a_replys_fragments_are_sent_or_passed_like_their_first(void **state)
{
	(void)state;
	dnat_open();
	for (int i = 0; i < 8; i++) {
		struct packet_spec reply = reply_in(i % 2, protocols[i / 2 % 2]), out;
		const struct piece second = { .at = 1000, .bytes = 1000 };
		struct frame whole, early;

		reply.payload_bytes = 3000 - (reply.protocol == IPPROTO_TCP ? 20 : 8);
		whole = frame_build(&reply);
		early = fragment_of(&whole, &second);
		map_clear(world->maps.fragments);
		(void)run_frame(&early, GW_NOT_OURS, XDP_ABORTED);
		out = i < 4 ? reply_out(reply) : translated(reply);
		if (i == 4)
			network_do("ip neigh flush dev clients nud permanent");
		expect_pieces(&reply, &out, i < 4 ? GW_REPLIED : GW_REPLY_PASSED,
			      i < 4 ? XDP_REDIRECT : XDP_PASS);
	}
}

static void a_fragment_that_is_passed_ahead_leaves_its_gap_open(void **state)
{
	static const size_t order[] = { 0, 2000, 1000 };
	struct packet_spec reply = reply_in(false, IPPROTO_UDP);
	struct frame whole;

	(void)state;
	dnat_open();
	network_do("ip neigh flush dev clients nud permanent");
	reply.payload_bytes = 2992;
	whole = frame_build(&reply);
	for (size_t i = 0; i < 3; i++) {
		const struct piece piece = { .at = order[i], .bytes = 1000, .is_last = i == 1 };
		struct frame in = fragment_of(&whole, &piece);

		(void)run_frame(&in, GW_REPLY_PASSED, XDP_PASS);
	}
}

/* From the backend, about what a client sent to it. */
static void errors_about_requests_reach_their_client(void **state)
{
	(void)state;
	dnat_open();
	for (int i = 0; i < 8; i++) {
		bool is_ip6 = i % 2, is_passed = i / 4;
		const struct mode *mode = dnat(is_ip6);
		struct packet_spec request = mode_request(mode, protocols[i / 2 % 2]);
		struct packet_spec sent = mode_inner(mode, request), error, back;
		struct frame quoted, in, wanted, out;

		if (i == 4)
			network_do("ip neigh flush dev clients nud permanent");
		request.ttl = sent.ttl;
		error = reply_in(is_ip6, request.protocol);
		error.src = is_ip6 ? "fd00:1::9" : "10.1.0.9"; /* a router on the way */
		error.icmp_type = is_ip6 ? 1 : 3;
		error.icmp_code = 1;
		error.ttl = is_passed ? 1 : 60;
		quoted = frame_build(&sent);
		in = error_about(&error, &quoted, quote_bytes(&sent, 8));
		back = is_passed ? translated(error) : reply_out(error);
		request.src_mac = sent.src_mac;
		request.dst_mac = sent.dst_mac;
		quoted = quote_translated(&sent, &request);
		wanted = error_about(&back, &quoted, quote_bytes(&request, 8));
		out = run_frame(&in, is_passed ? GW_REPLY_PASSED : GW_ICMP_REPLIED,
				is_passed ? XDP_PASS : XDP_REDIRECT);
		assert_frame_equal(&out, &wanted);
	}
}

static void what_is_no_reply_passes_untouched(void **state)
{
	const struct packet_spec reply = reply_in(false, IPPROTO_UDP);
	struct packet_spec other = reply;
	struct frame frame;

	(void)state;
	dnat_open();
	other.src_port++;
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.src = "10.1.0.2";
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.dst_mac = (struct mac_address){ { 1, 0, 0x5e, 0, 0, 1 } };
	run_to_end(&other, GW_NOT_OURS);
	other = reply;
	other.protocol = IPPROTO_GRE;
	run_to_end(&other, GW_NOT_OURS);
	other.protocol = IPPROTO_ICMP;
	other.icmp_type = 8;
	run_to_end(&other, GW_NOT_OURS);
	frame = frame_build(&reply);
	frame.bytes[14] = 0x44; /* a header of 16 bytes */
	(void)run_frame(&frame, GW_NOT_OURS, XDP_ABORTED);
	expect_reply(&reply);
}

static void a_backend_may_be_a_client(void **state)
{
	struct packet_spec request = request4(IPPROTO_TCP), out;

	(void)state;
	dnat_open();
	request.src = BACKEND4;
	request.src_port = 8080;
	out = mode_inner(dnat(false), request);
	run_and_expect(&request, GW_FORWARDED, XDP_REDIRECT, &out);
}

static void replies_are_counted_by_backend(void **state)
{
	const struct packet_spec reply = reply_in(true, IPPROTO_UDP);

	(void)state;
	dnat_open();
	expect_reply(&reply);
	expect_reply(&reply);
	assert_int_equal(traffic_of(SERVICE_UDP6).reply_packets, 2);
	assert_int_equal(traffic_of(SERVICE_UDP6).reply_bytes, 2 * frame_build(&reply).size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_get_the_services_address_byte_by_byte),
		cmocka_unit_test(there_and_back_by_the_same_device),
		cmocka_unit_test(a_reply_without_a_neighbour_is_translated_for_the_kernel),
		cmocka_unit_test(a_reply_by_a_device_that_is_not_ours_is_the_kernels_to_send),
		cmocka_unit_test(a_reply_to_the_gateway_itself_is_the_kernels_to_receive),
		cmocka_unit_test(a_reply_to_nowhere_is_the_kernels_to_refuse),
		cmocka_unit_test(a_reply_that_its_route_refuses_is_dropped),
		cmocka_unit_test(where_nothing_is_routed_no_reply_is),
		cmocka_unit_test(a_reply_too_big_for_its_way_is_answered),
		cmocka_unit_test(a_jumbo_reply_in_pieces_is_sent_whole),
		cmocka_unit_test(the_last_hop_of_a_reply_is_not_sent),
		cmocka_unit_test(a_replys_fragments_are_sent_or_passed_like_their_first),
		cmocka_unit_test(a_fragment_that_is_passed_ahead_leaves_its_gap_open),
		cmocka_unit_test(errors_about_requests_reach_their_client),
		cmocka_unit_test(what_is_no_reply_passes_untouched),
		cmocka_unit_test(a_backend_may_be_a_client),
		cmocka_unit_test(replies_are_counted_by_backend),
	};

	return cmocka_run_group_tests(tests, network_open, world_close);
}

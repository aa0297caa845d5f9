// SPDX-License-Identifier: BSD-2-Clause
/* test_recorded.c - mode dnat where one backend serves two VIPs: its replies know their flow. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"
#include "quotation.h"
#include "replies.h"

#define OTHER_VIP4 "192.0.2.77"
#define OTHER_VIP6 "2001:db8:1::77"

enum {
	OTHER_SERVICE4 = 7,
	OTHER_SERVICE6 = 8,
};

static const char *vip(bool is_ip6, bool is_other)
{
	if (is_other)
		return is_ip6 ? OTHER_VIP6 : OTHER_VIP4;
	return is_ip6 ? VIP6 : VIP4;
}

/* The second service has a number of its own for the same backend. */
static void share_backend(bool is_ip6)
{
	const char *backend = is_ip6 ? BACKEND6 : BACKEND4;
	const struct gw_reply reply = { .vip = address(vip(is_ip6, false)),
					.port = htons(53),
					.flags = GW_REPLY_RECORDED,
					.backend = mode_service(dnat(is_ip6), IPPROTO_UDP) };
	uint32_t ids[] = { mode_service(dnat(is_ip6), IPPROTO_UDP),
			   is_ip6 ? OTHER_SERVICE6 : OTHER_SERVICE4 };

	for (int i = 0; i < 2; i++) {
		struct gw_service service = service_in_mode(ids[i], GW_MODE_DNAT);

		service.flags = GW_SERVICE_RECORD;
		set_address(vip(is_ip6, i), GW_ADDRESS_VIP);
		set_service(vip(is_ip6, i), IPPROTO_UDP, 53, &service);
		set_slots(ids[i], ids[i]);
		set_backend(ids[i], backend, 8080, is_ip6 ? NEXT_HOP6 : NEXT_HOP4);
	}
	set_reply(backend, IPPROTO_UDP, &reply);
}

static void recorded_open(void)
{
	dnat_open();
	share_backend(false);
	share_backend(true);
}

/* A client's port for each VIP, if not told otherwise. */
static struct packet_spec request_to(bool is_ip6, bool is_other)
{
	struct packet_spec request = mode_request(dnat(is_ip6), IPPROTO_UDP);

	request.dst = vip(is_ip6, is_other);
	request.src_port += is_other;
	return request;
}

static void send_request(const struct packet_spec *request)
{
	const struct packet_spec out = mode_inner(dnat(spec_is_ip6(request)), *request);

	run_and_expect(request, GW_FORWARDED, XDP_REDIRECT, &out);
}

static struct packet_spec reply_of(const struct packet_spec *request)
{
	struct packet_spec reply = reply_in(spec_is_ip6(request), IPPROTO_UDP);

	reply.dst_port = request->src_port;
	return reply;
}

static void expect_reply_to(const struct packet_spec *request)
{
	struct packet_spec reply = reply_of(request), out = reply_out(reply);

	out.src = request->dst;
	run_and_expect(&reply, GW_REPLIED, XDP_REDIRECT, &out);
}

static void a_shared_backends_replies_come_from_the_vip_that_was_asked(void **state)
{
	(void)state;
	recorded_open();
	for (int i = 0; i < 4; i++) {
		const struct packet_spec request = request_to(i / 2, i % 2);

		send_request(&request);
	}
	for (int i = 0; i < 4; i++) {
		const struct packet_spec request = request_to(i / 2, i % 2);

		expect_reply_to(&request);
		send_request(&request);
		expect_reply_to(&request);
	}
}

static void one_port_cannot_be_two_flows_to_one_backend(void **state)
{
	(void)state;
	recorded_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec first = request_to(is_ip6, false);
		struct packet_spec second = request_to(is_ip6, true);

		second.src_port = first.src_port;
		send_request(&first);
		run_to_end(&second, GW_NAT_PORTS_EXHAUSTED);
		expect_reply_to(&first);
		send_request(&first);
		run_to_end(&second, GW_NAT_PORTS_EXHAUSTED);
	}
}

static void a_shared_backend_that_nobody_asked_sends_no_reply(void **state)
{
	(void)state;
	recorded_open();
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec request = request_to(is_ip6, false), reply = reply_of(&request);

		run_to_end(&reply, GW_NOT_OURS);
		send_request(&request);
		reply.dst_port++;
		run_to_end(&reply, GW_NOT_OURS);
		expect_reply_to(&request);
	}
}

static void traffic_of_a_shared_backend_is_counted_for_the_service_that_was_asked(void **state)
{
	const struct packet_spec request = request_to(false, true);

	(void)state;
	recorded_open();
	send_request(&request);
	send_request(&request);
	expect_reply_to(&request);
	assert_int_equal(traffic_of(OTHER_SERVICE4).packets, 2);
	assert_int_equal(traffic_of(OTHER_SERVICE4).flows, 1);
	assert_int_equal(traffic_of(OTHER_SERVICE4).reply_packets, 1);
	assert_int_equal(traffic_of(SERVICE_UDP4).packets, 0);
	assert_int_equal(traffic_of(SERVICE_UDP4).reply_packets, 0);
}

static void errors_about_a_shared_backends_flows_find_them(void **state)
{
	(void)state;
	recorded_open();
	for (int i = 0; i < 4; i++) {
		bool is_ip6 = i / 2;
		struct packet_spec request = request_to(is_ip6, i % 2), error, back;
		struct packet_spec sent = mode_inner(dnat(is_ip6), request);
		struct frame quoted = frame_build(&sent), in, wanted, out;

		error = reply_of(&request);
		error.icmp_type = is_ip6 ? 1 : 3;
		in = error_about(&error, &quoted, quote_bytes(&sent, 8));
		(void)run_frame(&in, GW_NOT_OURS, XDP_ABORTED);
		send_request(&request);
		back = reply_out(error);
		back.src = request.dst;
		request.ttl = sent.ttl;
		quoted = quote_translated(&sent, &request);
		wanted = error_about(&back, &quoted, quote_bytes(&request, 8));
		out = run_frame(&in, GW_ICMP_REPLIED, XDP_REDIRECT);
		assert_frame_equal(&out, &wanted);
	}
}

static void fragments_of_a_shared_backends_flows_go_both_ways(void **state)
{
	(void)state;
	recorded_open();
	for (int i = 0; i < 4; i++) {
		struct packet_spec request = request_to(i / 2, i % 2), reply = reply_of(&request);
		struct frame whole[2];

		request.payload_bytes = reply.payload_bytes = 1992;
		whole[0] = frame_build(&request);
		whole[1] = frame_build(&reply);
		map_clear(world->maps.fragments);
		for (int part = 0; part < 4; part++) {
			const struct piece piece = { .at = part % 2 * 1000,
						     .bytes = 1000,
						     .is_last = part % 2 };
			struct frame in = fragment_of(&whole[part / 2], &piece);

			(void)run_frame(&in, part < 2 ? GW_FORWARDED : GW_REPLIED, XDP_REDIRECT);
		}
	}
}

/* Untranslated, it would make its client reset the connection. */
static void a_reply_waits_for_its_flow_while_an_upgrade_brings_flows_over(void **state)
{
	const struct gw_meta meta = { .abi_version = GW_ABI_VERSION,
				      .taking_over_until_s = UINT32_MAX };
	const uint32_t first = 0;

	(void)state;
	recorded_open();
	map_set(world->maps.meta, &first, &meta);
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		const struct packet_spec request = request_to(is_ip6, true);
		struct packet_spec reply = reply_of(&request);

		run_to_end(&reply, GW_TAKING_OVER);
		send_request(&request);
		expect_reply_to(&request);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shared_backends_replies_come_from_the_vip_that_was_asked),
		cmocka_unit_test(one_port_cannot_be_two_flows_to_one_backend),
		cmocka_unit_test(a_shared_backend_that_nobody_asked_sends_no_reply),
		cmocka_unit_test(
			traffic_of_a_shared_backend_is_counted_for_the_service_that_was_asked),
		cmocka_unit_test(errors_about_a_shared_backends_flows_find_them),
		cmocka_unit_test(fragments_of_a_shared_backends_flows_go_both_ways),
		cmocka_unit_test(a_reply_waits_for_its_flow_while_an_upgrade_brings_flows_over),
	};

	return cmocka_run_group_tests(tests, network_open, world_close);
}

// SPDX-License-Identifier: BSD-2-Clause
/* test_icmp_error.c - ICMP errors find the flow that they are about, in every mode, both ways. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "modes.h"
#include "quotation.h"

#define ROUTER4 "203.0.113.5"
#define ROUTER6 "2001:db8:5::5"

struct error_type {
	uint8_t type, code;
	uint32_t rest;
};

static const struct error_type types4[] = { { 3, 0, 0 },  { 3, 1, 0 },  { 3, 3, 0 }, { 3, 4, 1400 },
					    { 11, 0, 0 }, { 11, 1, 0 }, { 12, 0, 0 } };
static const struct error_type types6[] = { { 1, 0, 0 }, { 1, 4, 0 },  { 2, 0, 1280 }, { 3, 0, 0 },
					    { 3, 1, 0 }, { 4, 1, 40 }, { 4, 2, 6 } };
enum {
	TYPES = 7,
};

static void set_type(struct packet_spec *error, int number)
{
	const struct error_type *type = spec_is_ip6(error) ? &types6[number] : &types4[number];

	error->icmp_type = type->type;
	error->icmp_code = type->code;
	error->icmp_rest = htonl(type->rest);
}

/* A service's answer to the request, as its client and the routers before it see it. */
static struct packet_spec answer_to(const struct packet_spec *request)
{
	struct packet_spec answer = *request;

	answer.src = request->dst;
	answer.dst = request->src;
	answer.src_port = request->dst_port;
	answer.dst_port = request->src_port;
	answer.tcp_flags = SYN | ACK;
	answer.ttl = 9;
	answer.payload_bytes = 700;
	return answer;
}

/* From a router on the clients' side. */
static struct packet_spec error_to_vip(const struct packet_spec *request)
{
	struct packet_spec error = *request;

	error.src = spec_is_ip6(request) ? ROUTER6 : ROUTER4;
	set_type(&error, 1);
	return error;
}

/* An error about an answer, and what of it a backend gets. */
struct error_case {
	const struct mode *mode;
	struct packet_spec request; /* of the flow */
	struct packet_spec answer;  /* is quoted */
	struct packet_spec error;
	size_t behind; /* bytes of the answer's transport header and payload */
};

static struct error_case error_case(const struct mode *mode, uint8_t protocol)
{
	struct error_case it = { .mode = mode,
				 .request = mode_request(mode, protocol),
				 .behind = QUOTE_SHORTEST };

	it.answer = answer_to(&it.request);
	it.error = error_to_vip(&it.request);
	return it;
}

/* The quoted answer, as the backend sent it. */
static struct packet_spec answer_of_backend(const struct error_case *it)
{
	const struct packet_spec seen = mode_inner(it->mode, it->request);
	struct packet_spec answer = it->answer;

	answer.src = seen.dst;
	answer.dst = seen.src;
	answer.src_port = seen.dst_port;
	answer.dst_port = seen.src_port;
	return answer;
}

static struct frame error_in(const struct error_case *it)
{
	const struct frame quoted = frame_build(&it->answer);

	return error_about(&it->error, &quoted, quote_bytes(&it->answer, it->behind));
}

static struct frame error_out(const struct error_case *it)
{
	const struct packet_spec answer = answer_of_backend(it);
	const struct frame quoted = quote_translated(&it->answer, &answer);
	const struct packet_spec outer = mode_inner(it->mode, it->error);
	const struct frame inner = error_about(&outer, &quoted, quote_bytes(&answer, it->behind));
	return mode_wrap(it->mode, &inner, &it->request);
}

static void expect_error_forwarded(const struct error_case *it)
{
	struct frame in = error_in(it), wanted = error_out(it), out;

	out = run_frame(&in, GW_ICMP_FORWARDED, XDP_REDIRECT);
	assert_frame_equal(&out, &wanted);
}

static void expect_error_ends(const struct error_case *it, uint32_t verdict)
{
	struct frame in = error_in(it);

	(void)run_frame(&in, verdict, XDP_ABORTED);
}

static void open_with_flow(const struct error_case *it)
{
	mode_open(it->mode);
	(void)run(&it->request, GW_FORWARDED, XDP_REDIRECT);
}

static void every_error_of_every_mode_reaches_the_backend(void **state)
{
	static const size_t behinds[] = { QUOTE_SHORTEST, 9, 28, 500, 8, 100, 708 };

	(void)state;
	for_each_mode(mode) for (int i = 0; i < 2; i++)
	{
		struct error_case it = error_case(mode, i ? IPPROTO_TCP : IPPROTO_UDP);

		open_with_flow(&it);
		for (int number = 0; number < TYPES; number++) {
			set_type(&it.error, number);
			it.behind = behinds[number];
			if (i == 0 && it.behind > 708)
				it.behind = 708;
			expect_error_forwarded(&it);
		}
	}
}

static void tags_options_and_extension_headers_are_no_obstacle(void **state)
{
	static const uint8_t extensions[] = { 0, 43, 60, 60, 0xff };

	(void)state;
	for_each_mode(mode) for (int i = 0; i < 8; i++)
	{
		struct error_case it = error_case(mode, i % 2 ? IPPROTO_TCP : IPPROTO_UDP);

		open_with_flow(&it);
		it.behind = 40;
		it.error.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(i) };
		it.error.option_bytes = i & 2 ? 40 : 0;
		it.error.extensions = i & 2 ? extensions : NULL;
		it.answer.option_bytes = i & 4 ? 12 : 0;
		it.answer.extensions = i & 4 ? extensions : NULL;
		it.error.padding_bytes = i;
		/* Frames to compare have the link header of what is sent. */
		expect_error_forwarded(&it);
	}
}

/* As many clients as ports: some do not get the port that they would have first. */
static void a_flow_with_another_port_than_its_first_is_found(void **state)
{
	struct error_case it = error_case(&modes[0], IPPROTO_UDP);
	struct gw_config config = world_config();

	(void)state;
	config.nat_port_count = 8;
	world_open_with(config, LRU_ENTRIES);
	for (uint16_t client = 1000; client < 1008; client++) {
		struct frame in, out;
		uint16_t port;

		it.request.src_port = it.answer.dst_port = client;
		out = run(&it.request, GW_FORWARDED, XDP_REDIRECT);
		port = get16(out.bytes + frame_network(&out) + 20);
		in = error_in(&it);
		out = run_frame(&in, GW_ICMP_FORWARDED, XDP_REDIRECT);
		/* Behind two IP headers and ICMP's: the quoted destination port. */
		assert_int_equal(get16(out.bytes + frame_network(&out) + 20 + 8 + 20 + 2), port);
	}
}

static void an_error_about_a_first_fragment_is_one_about_its_flow(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct error_case it = error_case(mode, IPPROTO_UDP);

		if (mode->is_ip6)
			continue;
		open_with_flow(&it);
		it.answer.fragment = 0x2000;
		expect_error_forwarded(&it);
		it.answer.fragment = 0x2001;
		expect_error_ends(&it, GW_ICMP_UNMATCHED);
	}
}

static void an_error_about_no_flow_of_the_vip_is_dropped(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct error_case it = error_case(mode, IPPROTO_UDP);
		const struct packet_spec answer = it.answer;

		open_with_flow(&it);
		it.answer.src = mode->is_ip6 ? "2001:db8:1::2" : "192.0.2.2"; /* not the VIP */
		expect_error_ends(&it, GW_ICMP_UNMATCHED);
		it.answer = answer;
		it.answer.src_port = 54; /* no service */
		expect_error_ends(&it, GW_ICMP_UNMATCHED);
		it.answer = answer;
		it.answer.protocol = IPPROTO_ICMP;
		expect_error_ends(&it, GW_ICMP_UNMATCHED);
		it.answer.protocol = IPPROTO_GRE;
		expect_error_ends(&it, GW_ICMP_UNMATCHED);
	}
}

static void an_error_about_an_unknown_translated_flow_is_dropped(void **state)
{
	(void)state;
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct error_case it = error_case(&modes[is_ip6], IPPROTO_UDP);

		mode_open(it.mode);
		expect_error_ends(&it, GW_ICMP_UNMATCHED);
		(void)run(&it.request, GW_FORWARDED, XDP_REDIRECT);
		it.answer.dst_port++;
		expect_error_ends(&it, GW_ICMP_UNMATCHED);
		it.answer.dst_port--;
		expect_error_forwarded(&it);
	}
}

static void errors_are_never_answered(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct error_case it = error_case(mode, IPPROTO_TCP);
		uint32_t id = mode_service(mode, IPPROTO_TCP);
		struct gw_service empty = service_in_mode(id, mode->mode);
		struct gw_next_hop hop = mode_hop(mode);

		open_with_flow(&it);
		it.error.ttl = 1;
		expect_error_ends(&it, GW_TTL_EXCEEDED);
		it.error.ttl = 2;
		hop.mtu = 100;
		set_next_hop(mode_next_hop(mode), hop);
		it.behind = 60;
		expect_error_ends(&it, GW_TOO_BIG);
		empty.slot_count = 0;
		set_service(it.request.dst, IPPROTO_TCP, 80, &empty);
		expect_error_ends(&it, GW_NO_ENDPOINT);
	}
}

static void an_error_is_no_new_flow_and_needs_no_admission(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct error_case it = error_case(mode, IPPROTO_TCP);
		uint32_t id = mode_service(mode, IPPROTO_TCP);
		struct gw_service closed = service_in_mode(id, mode->mode);

		open_with_flow(&it);
		closed.flags = GW_SERVICE_SOURCES;
		closed.flow_cost_ns = UINT32_MAX;
		set_service(it.request.dst, IPPROTO_TCP, 80, &closed);
		expect_error_forwarded(&it);
		assert_int_equal(traffic_of(id).flows, 1);
		assert_int_equal(traffic_of(id).packets, 2);
	}
}

/* From the backends' side, about a request in mode snat. */
static void every_error_about_a_request_reaches_its_client(void **state)
{
	(void)state;
	for (int i = 0; i < 4 * TYPES; i++) {
		struct packet_spec request =
			mode_request(&modes[i / 2 % 2], i % 2 ? IPPROTO_TCP : IPPROTO_UDP);
		bool is_ip6 = spec_is_ip6(&request);
		struct packet_spec sent = forwarded(request), error = sent, back;
		struct frame quoted, in, wanted, out;

		world_open();
		request.vlan[0] = (struct gw_vlan){ htons(0x8100), htons(i + 1) };
		(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
		error.src_mac = (struct mac_address)BACKEND_MAC;
		error.dst_mac = (struct mac_address)EGRESS_MAC;
		error.src = is_ip6 ? ROUTER6 : ROUTER4;
		error.dst = is_ip6 ? GATEWAY6 : GATEWAY4;
		error.ttl = 60;
		set_type(&error, i / 4);
		quoted = frame_build(&sent);
		in = error_about(&error, &quoted, quote_bytes(&sent, 8));

		back = error;
		back.src_mac = request.dst_mac;
		back.dst_mac = request.src_mac;
		back.vlan[0] = request.vlan[0];
		back.src = request.dst;
		back.dst = request.src;
		back.ttl--;
		request.ttl = sent.ttl;
		memset(request.vlan, 0, sizeof(request.vlan));
		quoted = quote_translated(&sent, &request);
		wanted = error_about(&back, &quoted, quote_bytes(&request, 8));
		out = run_frame(&in, GW_ICMP_REPLIED, XDP_TX);
		assert_frame_equal(&out, &wanted);
	}
}

static void an_error_about_nothing_that_the_gateway_sent_is_the_hosts(void **state)
{
	const struct packet_spec request = request4(IPPROTO_UDP);
	struct packet_spec sent = forwarded(request), error = sent;
	struct frame quoted, in;

	(void)state;
	world_open();
	(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
	error.src = ROUTER4;
	error.dst = GATEWAY4;
	set_type(&error, 0);
	sent.src_port++;
	quoted = frame_build(&sent);
	in = error_about(&error, &quoted, quote_bytes(&sent, 8));
	(void)run_frame(&in, GW_NOT_OURS, XDP_ABORTED);
	sent.src_port = 22;
	quoted = frame_build(&sent);
	in = error_about(&error, &quoted, quote_bytes(&sent, 8));
	(void)run_frame(&in, GW_NOT_OURS, XDP_ABORTED);
}

static void an_error_about_nothing_of_ours_passes(void **state)
{
	struct error_case it = error_case(&modes[0], IPPROTO_UDP);

	(void)state;
	world_open();
	it.error.dst = it.answer.src = "192.0.2.2";
	expect_error_ends(&it, GW_NOT_OURS);
	it = error_case(&modes[1], IPPROTO_UDP);
	it.error.dst = it.answer.src = "2001:db8:1::2";
	expect_error_ends(&it, GW_NOT_OURS);
}

static void a_vip_that_the_host_owns_leaves_it_errors_about_other_flows(void **state)
{
	struct error_case it = error_case(&modes[0], IPPROTO_UDP);

	(void)state;
	world_open();
	set_address(VIP4, GW_ADDRESS_VIP | GW_ADDRESS_LOCAL);
	it.answer.src_port = 22;
	expect_error_ends(&it, GW_NOT_OURS);
	it.answer.src_port = 53;
	expect_error_ends(&it, GW_NOT_OURS); /* no flow that we know */
	(void)run(&it.request, GW_FORWARDED, XDP_REDIRECT);
	expect_error_forwarded(&it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_of_every_mode_reaches_the_backend),
		cmocka_unit_test(tags_options_and_extension_headers_are_no_obstacle),
		cmocka_unit_test(a_flow_with_another_port_than_its_first_is_found),
		cmocka_unit_test(an_error_about_a_first_fragment_is_one_about_its_flow),
		cmocka_unit_test(an_error_about_no_flow_of_the_vip_is_dropped),
		cmocka_unit_test(an_error_about_an_unknown_translated_flow_is_dropped),
		cmocka_unit_test(errors_are_never_answered),
		cmocka_unit_test(an_error_is_no_new_flow_and_needs_no_admission),
		cmocka_unit_test(every_error_about_a_request_reaches_its_client),
		cmocka_unit_test(an_error_about_nothing_that_the_gateway_sent_is_the_hosts),
		cmocka_unit_test(an_error_about_nothing_of_ours_passes),
		cmocka_unit_test(a_vip_that_the_host_owns_leaves_it_errors_about_other_flows),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

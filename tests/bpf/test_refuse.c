// SPDX-License-Identifier: BSD-2-Clause
/* test_refuse.c - in every mode: what is too big or too old is told to its sender, in its words. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "modes.h"
#include "quotation.h"

static const struct gw_vlan outer_tag = { 0xa888, 0x6500 }, inner_tag = { 0x0081, 0x0700 };

struct told {
	uint8_t type4, code4, type6, code6;
	uint32_t rest;
};

static const struct told too_old = { 11, 0, 3, 0, 0 };

static struct told too_big(uint32_t mtu)
{
	return (struct told){ 3, 4, 2, 0, mtu };
}

/* The answer comes as the VIP and quotes headers, ports and the next four bytes. */
static void expect_told(const struct packet_spec *spec, uint32_t verdict, const struct told *told)
{
	bool is_ip6 = spec_is_ip6(spec);
	const struct packet_spec answer = {
		.src_mac = spec->dst_mac,
		.dst_mac = spec->src_mac,
		.vlan = { spec->vlan[0], spec->vlan[1] },
		.src = spec->dst,
		.dst = spec->src,
		.icmp_type = is_ip6 ? told->type6 : told->type4,
		.icmp_code = is_ip6 ? told->code6 : told->code4,
		.icmp_rest = htonl(told->rest),
		.keeps_id_zero = true,
		.fragment = 0x4000,
	};
	struct frame in = frame_build(spec), wanted, out;

	wanted = error_about(&answer, &in, quote_bytes(spec, 8));
	out = run_frame(&in, verdict, XDP_TX);
	assert_frame_equal(&out, &wanted);
}

/* Its packet is one byte too long for the way. */
static struct packet_spec oversized(const struct mode *mode, uint8_t protocol, uint32_t mtu)
{
	struct packet_spec spec = mode_request(mode, protocol);
	size_t headers = quote_bytes(&spec, protocol == IPPROTO_TCP ? 20 : 8);

	spec.payload_bytes = mtu - mode_room(mode) - headers + 1;
	return spec;
}

static void a_packet_too_big_is_told_the_mtu_of_its_way(void **state)
{
	static const uint32_t mtus[] = { 1500, 1280, 600 };

	(void)state;
	for_each_mode(mode) for (int i = 0; i < 6; i++)
	{
		uint8_t protocol = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;
		struct packet_spec spec = oversized(mode, protocol, mtus[i / 2]);
		const struct told told = too_big(mtus[i / 2] - mode_room(mode));
		struct gw_next_hop hop = mode_hop(mode);

		mode_open(mode);
		hop.mtu = mtus[i / 2];
		set_next_hop(mode_next_hop(mode), hop);
		spec.tcp_flags = ACK;
		spec.vlan[0] = i > 1 ? outer_tag : spec.vlan[0];
		spec.vlan[1] = i > 3 ? inner_tag : spec.vlan[1];
		expect_told(&spec, GW_TOO_BIG_ANSWERED, &told);
		spec.payload_bytes--;
		mode_expect(mode, &spec, &hop);
	}
}

static void a_jumbo_frame_too_big_is_answered_out_of_its_pieces(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		const struct told told = too_big(1500 - mode_room(mode));
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		mode_open(mode);
		spec.payload_bytes = 8900;
		expect_told(&spec, GW_TOO_BIG_ANSWERED, &told);
	}
}

static void a_packet_on_its_last_hop_is_told_so(void **state)
{
	(void)state;
	for_each_mode(mode) for (int i = 0; i < 4; i++)
	{
		struct packet_spec spec = mode_request(mode, i % 2 ? IPPROTO_TCP : IPPROTO_UDP);

		mode_open(mode);
		spec.ttl = 1;
		spec.payload_bytes = i * 300;
		spec.padding_bytes = i;
		spec.vlan[0] = i > 1 ? inner_tag : spec.vlan[0];
		expect_told(&spec, GW_TTL_ANSWERED, &too_old);
	}
}

static void options_and_extension_headers_are_quoted(void **state)
{
	static const uint8_t extensions[] = { 0, 43, 60, 60, 0xff };

	(void)state;
	for_each_mode(mode) for (int i = 0; i < 5; i++)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		mode_open(mode);
		spec.ttl = 1;
		spec.option_bytes = i * 8;
		spec.extensions = extensions + 4 - i;
		expect_told(&spec, GW_TTL_ANSWERED, &too_old);
	}
}

static void what_is_too_old_begins_no_flow(void **state)
{
	struct packet_spec spec = request4(IPPROTO_UDP);
	struct gw_nat_key4 key;

	(void)state;
	world_open();
	spec.ttl = 1;
	(void)run(&spec, GW_TTL_ANSWERED, XDP_TX);
	assert_int_not_equal(
		bpf_map_get_next_key(bpf_map__fd(world->maps.nat_unconfirmed4), NULL, &key), 0);
}

static void a_reset_is_never_answered(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = oversized(mode, IPPROTO_TCP, 1500);

		mode_open(mode);
		spec.tcp_flags = RST;
		run_to_end(&spec, GW_TOO_BIG);
		spec.ttl = 1;
		run_to_end(&spec, GW_TTL_EXCEEDED);
	}
}

static void a_reply_on_its_last_hop_is_told_by_the_gateway(void **state)
{
	(void)state;
	for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		struct packet_spec request = mode_request(&modes[is_ip6], IPPROTO_UDP);
		struct packet_spec reply = reply_to(request);

		world_open();
		(void)run(&request, GW_FORWARDED, XDP_REDIRECT);
		reply.ttl = 1;
		expect_told(&reply, GW_TTL_ANSWERED, &too_old);
	}
}

static void answers_have_a_rate(void **state)
{
	struct gw_config config = world_config();
	struct packet_spec old = request4(IPPROTO_UDP);
	struct packet_spec big = oversized(&modes[0], IPPROTO_TCP, 1500);
	unsigned int verdicts[GW_VERDICT_COUNT] = {};

	(void)state;
	config.answers_per_second = 5;
	world_open_with(config, LRU_ENTRIES);
	old.ttl = 1;
	for (int i = 0; i < 40; i++) {
		struct frame in = frame_build(i % 2 ? &old : &big), out = {};
		uint32_t verdict;

		(void)run_raw(&in, &out, &verdict);
		assert_in_range(verdict, 0, GW_VERDICT_COUNT - 1);
		verdicts[verdict]++;
	}
	/* The test itself takes its time, and is given tokens for up to a second of it. */
	assert_in_range(verdicts[GW_TTL_ANSWERED] + verdicts[GW_TOO_BIG_ANSWERED], 5, 10);
	assert_int_equal(verdicts[GW_TTL_ANSWERED] + verdicts[GW_TTL_EXCEEDED], 20);
	assert_int_equal(verdicts[GW_TOO_BIG_ANSWERED] + verdicts[GW_TOO_BIG], 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_too_big_is_told_the_mtu_of_its_way),
		cmocka_unit_test(a_jumbo_frame_too_big_is_answered_out_of_its_pieces),
		cmocka_unit_test(a_packet_on_its_last_hop_is_told_so),
		cmocka_unit_test(options_and_extension_headers_are_quoted),
		cmocka_unit_test(what_is_too_old_begins_no_flow),
		cmocka_unit_test(a_reset_is_never_answered),
		cmocka_unit_test(a_reply_on_its_last_hop_is_told_by_the_gateway),
		cmocka_unit_test(answers_have_a_rate),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

// SPDX-License-Identifier: BSD-2-Clause
/* test_answer.c - what the gateway says itself: echo, RST, port unreachable. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange.h"

static const struct gw_vlan outer = { 0xa888, 0x6500 }, inner = { 0x0081, 0x0700 };

static void swap_ends(struct packet_spec *spec)
{
	struct mac_address mac = spec->src_mac;
	const char *addr = spec->src;
	uint16_t port = spec->src_port;

	spec->src_mac = spec->dst_mac;
	spec->dst_mac = mac;
	spec->src = spec->dst;
	spec->dst = addr;
	spec->src_port = spec->dst_port;
	spec->dst_port = port;
}

static void echo_to_a_vip_is_answered_in_place(void **state)
{
	static const uint8_t extensions[] = { 60, 0xff };

	(void)state;
	world_open();
	for (int i = 0; i < 12; i++) {
		bool is_ip6 = i % 2;
		struct packet_spec spec =
			is_ip6 ? request6(IPPROTO_ICMPV6) : request4(IPPROTO_ICMP);
		struct packet_spec answer;

		spec.icmp_type = is_ip6 ? 128 : 8;
		spec.icmp_rest = htonl(0x12340001 + i);
		spec.payload_bytes = i * 37;
		spec.ttl = 1 + i * 20;
		spec.option_bytes = i & 2 ? 4 : 0;
		spec.extensions = i & 2 ? extensions : NULL;
		spec.vlan[0] = i > 3 ? outer : spec.vlan[0];
		spec.vlan[1] = i > 7 ? inner : spec.vlan[1];
		answer = spec;
		swap_ends(&answer);
		answer.icmp_type = is_ip6 ? 129 : 0;
		answer.ttl = 64;
		run_and_expect(&spec, GW_ECHO_REPLIED, XDP_TX, &answer);
	}
}

static void other_icmp_to_a_vip_is_dropped(void **state)
{
	static const uint8_t types4[] = { 0, 5, 13 }, types6[] = { 129, 133, 136 };
	struct packet_spec spec4 = request4(IPPROTO_ICMP), spec6 = request6(IPPROTO_ICMPV6);

	(void)state;
	world_open();
	for (size_t i = 0; i < sizeof(types4); i++) {
		spec4.icmp_type = types4[i];
		run_to_end(&spec4, GW_UNSERVED_PROTOCOL);
	}
	for (size_t i = 0; i < sizeof(types6); i++) {
		spec6.icmp_type = types6[i];
		run_to_end(&spec6, GW_UNSERVED_PROTOCOL);
	}
}

static void empty_services(uint8_t flags)
{
	const struct gw_service empty = { .id = SERVICE_TCP4,
					  .mode = GW_MODE_SNAT,
					  .flags = flags };

	set_service(VIP4, IPPROTO_TCP, 80, &empty);
	set_service(VIP4, IPPROTO_UDP, 53, &empty);
	set_service(VIP6, IPPROTO_TCP, 80, &empty);
	set_service(VIP6, IPPROTO_UDP, 53, &empty);
}

/* RFC 9293, 3.5.2 */
static struct packet_spec reset_for(const struct packet_spec *segment)
{
	struct packet_spec reset = *segment;
	uint8_t flags = segment->tcp_flags;

	swap_ends(&reset);
	reset.ttl = 64;
	reset.keeps_id_zero = true;
	reset.fragment = 0x4000;
	reset.option_bytes = reset.tcp_option_bytes = reset.payload_bytes = 0;
	reset.padding_bytes = 0;
	reset.extensions = NULL;
	reset.seq = flags & ACK ? segment->ack : 0;
	reset.ack = flags & ACK ? 0
				: segment->seq + segment->payload_bytes + !!(flags & SYN) +
					  !!(flags & FIN);
	reset.tcp_flags = flags & ACK ? RST : RST | ACK;
	return reset;
}

static void a_service_without_endpoints_resets_tcp(void **state)
{
	static const uint8_t flags[] = { SYN, ACK, SYN | ACK, FIN | ACK, FIN, 0 };
	static const uint8_t extensions[] = { 60, 0xff };

	(void)state;
	world_open();
	empty_services(0);
	for (int i = 0; i < 12; i++) {
		struct packet_spec spec = i % 2 ? request6(IPPROTO_TCP) : request4(IPPROTO_TCP);
		struct packet_spec reset;

		spec.tcp_flags = flags[i / 2];
		spec.seq = 0xfffffff0;
		spec.ack = 0x0a0b0c0d;
		spec.payload_bytes = i * 17;
		spec.tcp_option_bytes = i % 3 * 12;
		spec.option_bytes = i & 2 ? 24 : 0;
		spec.extensions = i & 2 ? extensions : NULL;
		spec.vlan[0] = i > 3 ? outer : spec.vlan[0];
		spec.vlan[1] = i > 7 ? inner : spec.vlan[1];
		reset = reset_for(&spec);
		run_and_expect(&spec, GW_REJECTED, XDP_TX, &reset);
	}
}

static void a_padded_segment_is_answered_without_padding(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP), reset;

	(void)state;
	world_open();
	empty_services(0);
	spec.payload_bytes = 0;
	spec.padding_bytes = 6;
	reset = reset_for(&spec);
	run_and_expect(&spec, GW_REJECTED, XDP_TX, &reset);
}

static void a_reset_is_never_answered(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);

	(void)state;
	world_open();
	empty_services(0);
	spec.tcp_flags = RST;
	run_to_end(&spec, GW_NO_ENDPOINT);
	spec.tcp_flags = RST | ACK;
	run_to_end(&spec, GW_NO_ENDPOINT);
}

/* The first bytes of the packet that was sent, as the error quotes them. */
static struct packet_spec unreachable_for(const struct packet_spec *spec, const struct frame *sent,
					  size_t quote_bytes)
{
	struct packet_spec answer = *spec;
	bool is_ip6 = spec_is_ip6(spec);

	swap_ends(&answer);
	answer.protocol = is_ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	answer.icmp_type = is_ip6 ? 1 : 3;
	answer.icmp_code = is_ip6 ? 4 : 3;
	answer.ttl = 64;
	answer.keeps_id_zero = true;
	answer.fragment = 0x4000;
	answer.option_bytes = 0;
	answer.extensions = NULL;
	answer.payload = sent->bytes + frame_network(sent);
	answer.payload_bytes = quote_bytes;
	return answer;
}

static void a_service_without_endpoints_says_udp_port_unreachable(void **state)
{
	static const uint8_t extensions[] = { 0, 43, 60, 60, 0xff };

	(void)state;
	world_open();
	empty_services(0);
	for (int i = 0; i < 12; i++) {
		bool is_ip6 = i % 2;
		struct packet_spec spec = is_ip6 ? request6(IPPROTO_UDP) : request4(IPPROTO_UDP);
		struct packet_spec answer;
		struct frame sent;
		size_t quote_bytes;

		spec.payload_bytes = i * 31;
		spec.option_bytes = i % 4 * 12;
		spec.extensions = extensions + 4 - i % 4;
		spec.vlan[0] = i > 3 ? outer : spec.vlan[0];
		spec.vlan[1] = i > 7 ? inner : spec.vlan[1];
		sent = frame_build(&spec);
		quote_bytes = 8 + (is_ip6 ? 40U + i % 4 * 16 : 20 + spec.option_bytes);
		answer = unreachable_for(&spec, &sent, quote_bytes);
		run_and_expect(&spec, GW_REJECTED, XDP_TX, &answer);
	}
}

static void a_quotation_has_a_limit(void **state)
{
	static const uint8_t extensions[] = { 60, 60, 0xff };
	struct packet_spec spec = request6(IPPROTO_UDP), answer;
	struct frame sent;

	(void)state;
	world_open();
	empty_services(0);
	spec.extensions = extensions;
	spec.extension_units = 5;
	sent = frame_build(&spec);
	answer = unreachable_for(&spec, &sent, 128);
	run_and_expect(&spec, GW_REJECTED, XDP_TX, &answer);
}

static void rejections_have_a_rate(void **state)
{
	struct gw_config config = world_config();
	struct packet_spec tcp = request4(IPPROTO_TCP), udp = request4(IPPROTO_UDP);
	unsigned int rejected = 0, limited = 0;

	(void)state;
	config.answers_per_second = 5;
	world_open_with(config, LRU_ENTRIES);
	empty_services(0);
	for (int i = 0; i < 40; i++) {
		struct frame in = frame_build(i % 2 ? &tcp : &udp), out = {};
		uint32_t verdict;

		(void)run_raw(&in, &out, &verdict);
		rejected += verdict == GW_REJECTED;
		limited += verdict == GW_REJECT_LIMITED;
	}
	/* The test itself takes its time, and is given tokens for up to a second of it. */
	assert_int_equal(rejected + limited, 40);
	assert_in_range(rejected, 5, 10);
}

static void rejections_may_be_turned_off(void **state)
{
	struct gw_config config = world_config();
	struct packet_spec spec = request4(IPPROTO_TCP);

	(void)state;
	config.answers_per_second = 0;
	world_open_with(config, LRU_ENTRIES);
	empty_services(0);
	run_to_end(&spec, GW_REJECT_LIMITED);
}

static void a_service_without_local_endpoints_may_drop(void **state)
{
	struct packet_spec spec = request6(IPPROTO_UDP);

	(void)state;
	world_open();
	empty_services(GW_SERVICE_DROP);
	run_to_end(&spec, GW_NO_LOCAL_ENDPOINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_to_a_vip_is_answered_in_place),
		cmocka_unit_test(other_icmp_to_a_vip_is_dropped),
		cmocka_unit_test(a_service_without_endpoints_resets_tcp),
		cmocka_unit_test(a_padded_segment_is_answered_without_padding),
		cmocka_unit_test(a_reset_is_never_answered),
		cmocka_unit_test(a_service_without_endpoints_says_udp_port_unreachable),
		cmocka_unit_test(a_quotation_has_a_limit),
		cmocka_unit_test(rejections_have_a_rate),
		cmocka_unit_test(rejections_may_be_turned_off),
		cmocka_unit_test(a_service_without_local_endpoints_may_drop),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

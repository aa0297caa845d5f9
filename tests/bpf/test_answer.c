// SPDX-License-Identifier: BSD-2-Clause
/* test_answer.c - what the gateway says itself: echo, RST, port unreachable, ARP and ND. */
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

static void set_device(void)
{
	struct gw_device device = { .mac = { 2, 0, 0, 0, 0, 0xdd } };
	uint32_t ifindex = INGRESS;

	map_set(world->maps.devices, &ifindex, &device);
}

static const struct mac_address device_mac = { { 2, 0, 0, 0, 0, 0xdd } };
static const struct mac_address client_mac = CLIENT_MAC;

struct arp_spec {
	struct mac_address dst_mac, src_mac;
	struct gw_vlan vlan[2];
	uint16_t operation;
	struct mac_address sender_mac, target_mac;
	const char *sender, *target;
};

static struct frame arp_build(const struct arp_spec *spec)
{
	const struct packet_spec link = { .src_mac = spec->src_mac,
					  .dst_mac = spec->dst_mac,
					  .vlan = { spec->vlan[0], spec->vlan[1] } };
	struct gw_addr sender = address(spec->sender), target = address(spec->target);
	struct frame frame = {};
	uint8_t *arp;

	frame_append_link(&frame, &link, 0x0806);
	arp = frame_append(&frame, 28);
	put16(arp, 1);
	put16(arp + 2, 0x0800);
	put16(arp + 4, 0x0604);
	put16(arp + 6, spec->operation);
	memcpy(arp + 8, &spec->sender_mac, 6);
	memcpy(arp + 14, &sender.word[3], 4);
	memcpy(arp + 18, &spec->target_mac, 6);
	memcpy(arp + 24, &target.word[3], 4);
	memset(frame_append(&frame, 18), 0, 18); /* to the shortest frame */
	return frame;
}

static struct arp_spec arp_request(void)
{
	return (struct arp_spec){ .dst_mac = { { 255, 255, 255, 255, 255, 255 } },
				  .src_mac = client_mac,
				  .operation = 1,
				  .sender_mac = client_mac,
				  .sender = CLIENT4,
				  .target = VIP4 };
}

static struct arp_spec arp_answer_to(const struct arp_spec *request)
{
	struct arp_spec answer = *request;

	answer.operation = 2;
	answer.dst_mac = request->src_mac;
	answer.src_mac = answer.sender_mac = device_mac;
	answer.target_mac = request->sender_mac;
	answer.sender = request->target;
	answer.target = request->sender;
	return answer;
}

static void expect_arp_answer(const struct arp_spec *request)
{
	struct arp_spec answer = arp_answer_to(request);
	struct frame in = arp_build(request), expected = arp_build(&answer), out;

	out = run_frame(&in, GW_NEIGHBOUR_REPLIED, XDP_TX);
	assert_frame_equal(&out, &expected);
}

static void expect_arp_passes(const struct arp_spec *request)
{
	struct frame in = arp_build(request);

	(void)run_frame(&in, GW_NOT_OURS, XDP_ABORTED);
}

static void arp_for_a_vip_is_answered_with_the_devices_address(void **state)
{
	struct arp_spec request = arp_request();

	(void)state;
	world_open();
	set_device();
	expect_arp_answer(&request);
	request.vlan[0] = inner;
	expect_arp_answer(&request);
	request.dst_mac = device_mac; /* a neighbour checks whether we are still there */
	expect_arp_answer(&request);
	request.sender = "0.0.0.0"; /* a host asks whether the address is free */
	expect_arp_answer(&request);
}

static void other_arp_passes(void **state)
{
	struct arp_spec request = arp_request();

	(void)state;
	world_open();
	expect_arp_passes(&request); /* a device nobody told us about */
	set_device();
	request.target = CLIENT4;
	request.sender = VIP4;
	expect_arp_passes(&request);
	request.target = VIP4; /* gratuitous */
	expect_arp_passes(&request);
	request = arp_request();
	request.operation = 2;
	expect_arp_passes(&request);
	request = arp_request();
	request.src_mac = device_mac; /* our own */
	expect_arp_passes(&request);
	request = arp_request();
	set_address(VIP4, GW_ADDRESS_VIP | GW_ADDRESS_LOCAL);
	expect_arp_passes(&request);
	set_address(VIP4, GW_ADDRESS_GATEWAY);
	expect_arp_passes(&request);
}

static void an_arp_request_cut_at_any_byte_passes(void **state)
{
	struct arp_spec request = arp_request();
	struct frame frame = arp_build(&request);

	(void)state;
	world_open();
	set_device();
	for (frame.size = ETHERNET_BYTES; frame.size < ETHERNET_BYTES + 28; frame.size++)
		(void)run_frame(&frame, GW_NOT_OURS, XDP_ABORTED);
	(void)run_frame(&frame, GW_NEIGHBOUR_REPLIED, XDP_TX);
}

struct nd_message {
	struct gw_addr target;
	uint8_t option, option_units;
	struct mac_address mac;
};

static struct nd_message nd_message(uint8_t option, struct mac_address mac)
{
	return (struct nd_message){ address(VIP6), option, 1, mac };
}

static struct packet_spec solicitation(const struct nd_message *message)
{
	return (struct packet_spec){ .src_mac = client_mac,
				     .dst_mac = { { 0x33, 0x33, 0xff, 0, 0, 1 } },
				     .src = CLIENT6,
				     .dst = "ff02::1:ff00:1",
				     .protocol = IPPROTO_ICMPV6,
				     .ttl = 255,
				     .icmp_type = 135,
				     .payload = message,
				     .payload_bytes = sizeof(*message) };
}

static struct packet_spec advertisement(const struct packet_spec *request,
					const struct nd_message *message)
{
	struct packet_spec answer = *request;

	answer.src_mac = device_mac;
	answer.dst_mac = request->src_mac;
	answer.src = VIP6;
	answer.dst = request->src;
	answer.icmp_type = 136;
	answer.icmp_rest = htonl(0x60000000); /* solicited, override */
	answer.payload = message;
	answer.payload_bytes = sizeof(*message);
	return answer;
}

static void a_solicitation_for_a_vip_is_answered(void **state)
{
	const struct nd_message asked = nd_message(1, client_mac);
	const struct nd_message told = nd_message(2, device_mac);
	struct packet_spec request = solicitation(&asked), answer;

	(void)state;
	world_open();
	set_device();
	answer = advertisement(&request, &told);
	run_and_expect(&request, GW_NEIGHBOUR_REPLIED, XDP_TX, &answer);

	request.vlan[0] = inner;
	request.dst = VIP6; /* a neighbour checks whether we are still there */
	request.dst_mac = device_mac;
	request.payload_bytes = sizeof(asked.target);
	answer = advertisement(&request, &told);
	run_and_expect(&request, GW_NEIGHBOUR_REPLIED, XDP_TX, &answer);
}

static void who_has_no_address_yet_is_answered_before_all(void **state)
{
	const struct nd_message asked = nd_message(14, client_mac); /* a nonce */
	const struct nd_message told = nd_message(2, device_mac);
	struct packet_spec request = solicitation(&asked), answer;

	(void)state;
	world_open();
	set_device();
	request.src = "::";
	answer = advertisement(&request, &told);
	answer.dst = "ff02::1";
	answer.dst_mac = (struct mac_address){ { 0x33, 0x33, 0, 0, 0, 1 } };
	answer.icmp_rest = htonl(0x20000000); /* override */
	run_and_expect(&request, GW_NEIGHBOUR_REPLIED, XDP_TX, &answer);
}

static void other_solicitations_pass(void **state)
{
	struct nd_message asked = nd_message(1, client_mac);
	struct packet_spec request = solicitation(&asked);

	(void)state;
	world_open();
	run_to_end(&request, GW_NOT_OURS); /* a device nobody told us about */
	set_device();
	request.src_mac = device_mac;
	run_to_end(&request, GW_NOT_OURS);
	request = solicitation(&asked);
	request.ttl = 254; /* from another link */
	run_to_end(&request, GW_NOT_OURS);
	request.ttl = 255;
	asked.target = address("2001:db8:1::2");
	run_to_end(&request, GW_NOT_OURS);
	asked.target = address(VIP6);
	set_address(VIP6, GW_ADDRESS_VIP | GW_ADDRESS_LOCAL);
	run_to_end(&request, GW_NOT_OURS);
}

static void neighbours_may_be_left_to_others(void **state)
{
	const struct nd_message asked = nd_message(1, client_mac);
	struct packet_spec solicit = solicitation(&asked);
	struct gw_config config = world_config();
	struct arp_spec request = arp_request();

	(void)state;
	config.answer_neighbours = 0;
	world_open_with(config, LRU_ENTRIES);
	set_device();
	expect_arp_passes(&request);
	run_to_end(&solicit, GW_NOT_OURS);
	solicit.dst = VIP6;
	run_to_end(&solicit, GW_NOT_OURS);
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
		cmocka_unit_test(arp_for_a_vip_is_answered_with_the_devices_address),
		cmocka_unit_test(other_arp_passes),
		cmocka_unit_test(an_arp_request_cut_at_any_byte_passes),
		cmocka_unit_test(a_solicitation_for_a_vip_is_answered),
		cmocka_unit_test(who_has_no_address_yet_is_answered_before_all),
		cmocka_unit_test(other_solicitations_pass),
		cmocka_unit_test(neighbours_may_be_left_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

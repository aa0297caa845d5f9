// SPDX-License-Identifier: BSD-2-Clause
/* test_neighbour.c - ARP and ND requests for a VIP are answered, others pass. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange.h"

static const struct gw_vlan tag = { 0x0081, 0x0700 };

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
	request.vlan[0] = tag;
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

	request.vlan[0] = tag;
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

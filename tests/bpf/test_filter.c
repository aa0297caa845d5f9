// SPDX-License-Identifier: BSD-2-Clause
/* test_filter.c - the filter in front of the addresses saves lookups, and decides nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"
#include "quotation.h"
#include "replies.h"

/* An address that is nobody's but meets this one in the filter. */
static const char *meets(const char *with)
{
	static char text[INET6_ADDRSTRLEN];
	bool with_ip6 = text_is_ip6(with);
	struct gw_addr known = address(with), other = address(with_ip6 ? "fd99::" : "10.9.0.0");

	for (uint32_t i = 1; i < 1U << 24; i++) {
		other.word[3] = htonl((with_ip6 ? 0 : 0x64000000) + i);
		if (gw_filter_cell(&other) != gw_filter_cell(&known))
			continue;
		assert_non_null(inet_ntop(with_ip6 ? AF_INET6 : AF_INET,
					  with_ip6 ? other.word : &other.word[3], text,
					  sizeof(text)));
		return text;
	}
	fail_msg("no address meets %s", with);
	return NULL;
}

static void an_address_that_meets_one_of_ours_is_nobodys(void **state)
{
	static const char *const ours[] = { VIP4, VIP6, GATEWAY4, GATEWAY6 };
	static const uint8_t protocols_of[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
						IPPROTO_ICMPV6, IPPROTO_GRE };

	(void)state;
	world_open();
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		for (size_t j = 0; j < sizeof(protocols_of); j++) {
			struct packet_spec spec = text_is_ip6(ours[i]) ? request6(protocols_of[j])
								       : request4(protocols_of[j]);
			struct frame frame;

			spec.dst = meets(ours[i]);
			spec.dst_port = i < 2 ? spec.dst_port : NAT_PORT;
			spec.icmp_type = text_is_ip6(ours[i]) ? 128 : 8;
			run_to_end(&spec, GW_NOT_OURS);
			spec.option_bytes = 4;
			run_to_end(&spec, GW_NOT_OURS);
			frame = frame_build(&spec);
			frame.size -= 1;
			(void)run_frame(&frame, GW_NOT_OURS, XDP_ABORTED);
		}
}

static void a_source_that_meets_a_backend_is_none(void **state)
{
	(void)state;
	dnat_open();
	for (int i = 0; i < 4; i++) {
		struct packet_spec reply = reply_in(i % 2, protocols[i / 2]);

		reply.src = meets(reply.src);
		run_to_end(&reply, GW_NOT_OURS);
	}
}

static void a_reply_to_a_client_that_meets_a_vip_is_sent(void **state)
{
	(void)state;
	dnat_open();
	network_do("ip route replace default dev clients;"
		   "ip -6 route replace default dev clients");
	for (int i = 0; i < 4; i++) {
		struct packet_spec reply = reply_in(i % 2, protocols[i / 2]);
		char command[100];

		reply.dst = meets(i % 2 ? VIP6 : VIP4);
		snprintf(command, sizeof(command),
			 "ip neigh replace %s dev clients lladdr 02:00:00:00:00:c1", reply.dst);
		network_do(command);
		expect_reply(&reply);
	}
}

/* As if all cells had met: what may be ours is everything. */
static void fill_filter(void)
{
	static struct gw_address_filter full;
	uint32_t first = 0;

	memset(&full, 0xff, sizeof(full));
	map_set(world->maps.address_filter, &first, &full);
}

enum {
	SEEN_MAX = 64,
};

/* What became of a row of packets. */
struct seen {
	size_t count;
	struct {
		uint32_t verdict;
		int action;
		struct frame out;
	} packet[SEEN_MAX];
};

static void see_frame(struct seen *seen, const struct frame *in)
{
	size_t i = seen->count++;

	assert_in_range(i, 0, SEEN_MAX - 1);
	seen->packet[i].action = run_raw(in, &seen->packet[i].out, &seen->packet[i].verdict);
}

static void see(struct seen *seen, const struct packet_spec *spec)
{
	const struct frame frame = frame_build(spec);

	see_frame(seen, &frame);
}

static void see_error(struct seen *seen, const struct packet_spec *request)
{
	struct packet_spec answer = *request, error = *request;
	struct frame quoted, in;

	answer.src = request->dst;
	answer.dst = request->src;
	answer.src_port = request->dst_port;
	answer.dst_port = request->src_port;
	error.icmp_type = spec_is_ip6(request) ? 1 : 3;
	quoted = frame_build(&answer);
	in = error_about(&error, &quoted, quote_bytes(&answer, 8));
	see_frame(seen, &in);
}

/* The request and what is like it, to a VIP, a gateway address or nobody. */
static void see_all_to(struct seen *seen, struct packet_spec spec)
{
	struct frame frame;

	see(seen, &spec);
	see(seen, &spec);
	see_error(seen, &spec);
	spec.option_bytes = 8;
	see(seen, &spec);
	frame = frame_build(&spec);
	frame.size -= 1;
	see_frame(seen, &frame);
	for (int number = 0; number < 2; number++) {
		struct packet_spec long_spec = spec;
		struct piece piece;

		long_spec.payload_bytes = PAYLOAD_BYTES;
		piece = piece_of(&long_spec, number);
		frame = frame_build(&long_spec);
		frame = fragment_of(&frame, &piece);
		see_frame(seen, &frame);
	}
	spec.option_bytes = 0;
	spec.dst_port++;
	see(seen, &spec);
	spec.protocol = spec_is_ip6(&spec) ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	spec.icmp_type = spec_is_ip6(&spec) ? 128 : 8;
	see(seen, &spec);
	spec.dst_mac = (struct mac_address){ { 1, 0, 0x5e, 0, 0, 1 } };
	see(seen, &spec);
}

static void see_all(struct seen *seen, const struct mode *mode)
{
	struct packet_spec request = mode_request(mode, IPPROTO_UDP), reply = reply_to(request);

	see_all_to(seen, request);
	request.dst = mode->is_ip6 ? "2001:db8:1::2" : "192.0.2.2";
	see_all_to(seen, request);
	request.dst = mode->is_ip6 ? GATEWAY6 : GATEWAY4;
	see_all_to(seen, request);
	see(seen, &reply);
	reply.dst = mode->is_ip6 ? CLIENT6 : CLIENT4;
	reply.dst_port = 33333;
	see_all_to(seen, reply);
}

static void a_full_filter_changes_nothing(void **state)
{
	static struct seen exact, full;

	(void)state;
	for_each_mode(mode)
	{
		memset(&exact, 0, sizeof(exact));
		memset(&full, 0, sizeof(full));
		dnat_open();
		frame_case = mode->name;
		set_mode_service(mode, IPPROTO_UDP);
		see_all(&exact, mode);
		dnat_open();
		frame_case = mode->name;
		set_mode_service(mode, IPPROTO_UDP);
		fill_filter();
		see_all(&full, mode);
		assert_int_equal(exact.count, full.count);
		for (size_t i = 0; i < exact.count; i++) {
			if (exact.packet[i].verdict != full.packet[i].verdict)
				fail_msg("%s: packet %zu: %s, with a full filter %s", frame_case, i,
					 verdict_name(exact.packet[i].verdict),
					 verdict_name(full.packet[i].verdict));
			assert_int_equal(exact.packet[i].action, full.packet[i].action);
			assert_frame_equal(&full.packet[i].out, &exact.packet[i].out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_that_meets_one_of_ours_is_nobodys),
		cmocka_unit_test(a_source_that_meets_a_backend_is_none),
		cmocka_unit_test(a_reply_to_a_client_that_meets_a_vip_is_sent),
		cmocka_unit_test(a_full_filter_changes_nothing),
	};

	return cmocka_run_group_tests(tests, network_open, world_close);
}

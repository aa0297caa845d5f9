// SPDX-License-Identifier: BSD-2-Clause
/* test_sources.c - a service's source ranges: who is in one is served, all others are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fragments.h"

enum {
	SET = 5,
	OTHER_SET = 6,
};

/* bits: of the prefix, in its family's own count */
static void add_range(uint32_t set, const char *prefix, uint32_t bits)
{
	const struct gw_source_key key = { .bits = 32 + bits + (text_is_ip6(prefix) ? 0 : 96),
					   .set = htonl(set),
					   .address = address(prefix) };
	const uint32_t present = 1;

	map_set(world->maps.sources, &key, &present);
}

static void restrict_services(const struct mode *mode)
{
	for (int i = 0; i < 2; i++) {
		uint8_t protocol = i ? IPPROTO_TCP : IPPROTO_UDP;
		struct gw_service service =
			service_in_mode(mode_service(mode, protocol), mode->mode);

		service.flags = GW_SERVICE_SOURCES;
		service.source_set = SET;
		set_service(mode->is_ip6 ? VIP6 : VIP4, protocol, i ? 80 : 53, &service);
	}
}

static void open_restricted(const struct mode *mode)
{
	mode_open(mode);
	restrict_services(mode);
}

static uint32_t verdict_for(const struct mode *mode, const char *src)
{
	struct packet_spec spec = mode_request(mode, IPPROTO_UDP);
	struct frame in, out = {};
	uint32_t verdict;

	spec.src = src;
	in = frame_build(&spec);
	(void)run_raw(&in, &out, &verdict);
	return verdict;
}

static void every_prefix_length_admits_its_own_and_nobody_else(void **state)
{
	static const struct {
		const char *prefix;
		uint32_t bits;
		const char *in[2], *out[2];
	} cases[] = {
		{ "198.51.100.7", 32, { "198.51.100.7" }, { "198.51.100.6", "198.51.100.8" } },
		{ "198.51.100.6", 31, { "198.51.100.7", "198.51.100.6" }, { "198.51.100.8" } },
		{ "198.51.100.0",
		  24,
		  { "198.51.100.0", "198.51.100.255" },
		  { "198.51.99.255", "198.51.101.0" } },
		{ "198.51.96.0", 21, { "198.51.103.255" }, { "198.51.104.0", "198.51.95.255" } },
		{ "198.0.0.0", 8, { "198.51.100.7" }, { "199.0.0.0", "197.255.255.255" } },
		{ "128.0.0.0", 1, { "198.51.100.7" }, { "126.255.255.255", "1.1.1.1" } },
		{ "0.0.0.0", 0, { "198.51.100.7", "1.1.1.1" }, { NULL } },
		{ "2001:db8:2::7", 128, { "2001:db8:2::7" }, { "2001:db8:2::6" } },
		{ "2001:db8:2::", 127, { "2001:db8:2::1" }, { "2001:db8:2::2" } },
		{ "2001:db8:2::", 64, { "2001:db8:2::ffff:1:2:3" }, { "2001:db8:2:1::" } },
		{ "2001:db8:2::", 47, { "2001:db8:3:4::5" }, { "2001:db8:4::", "2001:db8:1::" } },
		{ "2001:db8::", 32, { "2001:db8:ffff::1" }, { "2001:db9::", "2001:db7::1" } },
		{ "2000::", 3, { "2001:db8:2::7", "3fff::1" }, { "4000::1", "fd00::1" } },
		{ "::", 0, { "2001:db8:2::7", "fd00::1" }, { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mode *l2 = &modes[text_is_ip6(cases[i].prefix) ? 5 : 4];

		open_restricted(l2);
		frame_case = cases[i].prefix;
		add_range(SET, cases[i].prefix, cases[i].bits);
		for (int j = 0; j < 2; j++) {
			if (cases[i].in[j])
				assert_int_equal(verdict_for(l2, cases[i].in[j]), GW_FORWARDED);
			if (cases[i].out[j])
				assert_int_equal(verdict_for(l2, cases[i].out[j]),
						 GW_SOURCE_REFUSED);
		}
	}
}

static void a_service_without_any_range_admits_nobody(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		open_restricted(mode);
		for (int i = 0; i < 2; i++) {
			struct packet_spec spec = mode_request(mode, i ? IPPROTO_TCP : IPPROTO_UDP);

			run_to_end(&spec, GW_SOURCE_REFUSED);
			spec.tcp_flags = ACK; /* nor what pretends to belong to a flow */
			run_to_end(&spec, GW_SOURCE_REFUSED);
			spec.option_bytes = 4;
			run_to_end(&spec, GW_SOURCE_REFUSED);
		}
	}
}

static void the_ranges_of_other_services_do_not_count(void **state)
{
	const struct mode *l2 = &modes[4];

	(void)state;
	open_restricted(l2);
	add_range(OTHER_SET, CLIENT4, 32);
	add_range(OTHER_SET, "0.0.0.0", 0);
	assert_int_equal(verdict_for(l2, CLIENT4), GW_SOURCE_REFUSED);
	add_range(SET, "198.51.100.0", 24);
	assert_int_equal(verdict_for(l2, CLIENT4), GW_FORWARDED);
	assert_int_equal(verdict_for(l2, "203.0.113.1"), GW_SOURCE_REFUSED);
}

static void a_range_within_another_refuses_nobody_when_it_goes(void **state)
{
	const struct gw_source_key inner = { .bits = 32 + 128,
					     .set = htonl(SET),
					     .address = address(CLIENT4) };
	const struct mode *l2 = &modes[4];

	(void)state;
	open_restricted(l2);
	add_range(SET, "198.51.100.0", 24);
	add_range(SET, CLIENT4, 32);
	assert_int_equal(verdict_for(l2, CLIENT4), GW_FORWARDED);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(world->maps.sources), &inner), 0);
	assert_int_equal(verdict_for(l2, CLIENT4), GW_FORWARDED);
}

static void who_is_refused_leaves_nothing_behind(void **state)
{
	const struct packet_spec spec = request4(IPPROTO_UDP);
	struct gw_nat_key4 key;

	(void)state;
	open_restricted(&modes[0]);
	run_to_end(&spec, GW_SOURCE_REFUSED);
	assert_int_not_equal(
		bpf_map_get_next_key(bpf_map__fd(world->maps.nat_unconfirmed4), NULL, &key), 0);
	assert_int_equal(traffic_of(SERVICE_UDP4).packets, 0);
}

static void a_flow_ends_when_its_source_is_no_longer_admitted(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		mode_open(mode);
		(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
		restrict_services(mode);
		run_to_end(&spec, GW_SOURCE_REFUSED);
	}
}

static void later_fragments_are_asked_too(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);

		open_restricted(mode);
		add_range(SET, spec.src, mode->is_ip6 ? 128 : 32);
		spec.payload_bytes = PAYLOAD_BYTES;
		run_number(mode, &spec, 0, GW_FORWARDED);
		run_number(mode, &spec, 1, GW_FORWARDED);
		map_clear(world->maps.sources);
		run_number(mode, &spec, 2, GW_SOURCE_REFUSED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_prefix_length_admits_its_own_and_nobody_else),
		cmocka_unit_test(a_service_without_any_range_admits_nobody),
		cmocka_unit_test(the_ranges_of_other_services_do_not_count),
		cmocka_unit_test(a_range_within_another_refuses_nobody_when_it_goes),
		cmocka_unit_test(who_is_refused_leaves_nothing_behind),
		cmocka_unit_test(a_flow_ends_when_its_source_is_no_longer_admitted),
		cmocka_unit_test(later_fragments_are_asked_too),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

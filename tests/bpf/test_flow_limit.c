// SPDX-License-Identifier: BSD-2-Clause
/* test_flow_limit.c - a service's rate of new flows: what takes a token, and what needs none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "modes.h"

enum {
	COST_NS = 20 * 1000 * 1000,
};

static const uint64_t second_ns = 1000000000;

/* A service of 50 new flows a second. */
static void limit(const struct mode *mode, uint8_t protocol, uint8_t flags)
{
	struct gw_service service = service_in_mode(mode_service(mode, protocol), mode->mode);

	service.flow_cost_ns = COST_NS;
	service.flags = flags;
	set_service(mode->is_ip6 ? VIP6 : VIP4, protocol, protocol == IPPROTO_TCP ? 80 : 53,
		    &service);
}

static void open_limited(const struct mode *mode)
{
	struct gw_config config = world_config();

	config.nat_port_count = 64;
	world_open_with(config, LRU_ENTRIES);
	frame_case = mode->name;
	for (int i = 0; i < 2; i++) {
		uint8_t protocol = i ? IPPROTO_TCP : IPPROTO_UDP;

		set_mode_service(mode, protocol);
		limit(mode, protocol, 0);
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * second_ns + now.tv_nsec;
}

/* Up to when the rate is used up. */
static void set_used_until(uint32_t service, uint64_t ns)
{
	map_set(world->maps.flow_limits, &service, &ns);
}

static uint64_t used_until(uint32_t service)
{
	uint64_t ns;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world->maps.flow_limits), &service, &ns),
			 0);
	return ns;
}

/* How many tokens the packet takes, when there are plenty: half a second's. */
static uint64_t tokens(const struct packet_spec *spec, uint32_t service)
{
	uint64_t before = now_ns() + second_ns / 2, taken;

	set_used_until(service, before);
	(void)run(spec, GW_FORWARDED, XDP_REDIRECT);
	taken = used_until(service) - before;
	assert_int_equal(taken % COST_NS, 0);
	return taken / COST_NS;
}

/* No token will be free before the test is over. */
static void expect_limited(const struct packet_spec *spec, uint32_t service)
{
	uint64_t full = now_ns() + 2 * second_ns;

	set_used_until(service, full);
	run_to_end(spec, GW_FLOW_LIMITED);
	assert_true(used_until(service) == full);
}

static void a_syn_takes_one_token_in_every_mode(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_TCP);
		uint32_t id = mode_service(mode, IPPROTO_TCP);

		open_limited(mode);
		assert_int_equal(tokens(&spec, id), 1);
		spec.src_port++;
		spec.option_bytes = 4;
		assert_int_equal(tokens(&spec, id), 1);
		spec.src_port++;
		expect_limited(&spec, id);
		spec.option_bytes = 0;
		expect_limited(&spec, id);
	}
}

static void packets_of_a_connection_take_none(void **state)
{
	static const uint8_t flags[] = { ACK, SYN | ACK, FIN | ACK, RST, 0 };

	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_TCP);
		uint32_t id = mode_service(mode, IPPROTO_TCP);

		open_limited(mode);
		(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
		set_used_until(id, now_ns() + 2 * second_ns);
		for (size_t i = 0; i < sizeof(flags); i++) {
			spec.tcp_flags = flags[i];
			(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
		}
	}
}

static void udp_takes_one_where_a_flow_is_recorded(void **state)
{
	(void)state;
	for_each_mode(mode)
	{
		struct packet_spec spec = mode_request(mode, IPPROTO_UDP);
		uint32_t id = mode_service(mode, IPPROTO_UDP);
		bool is_recorded = mode_translates(mode);

		open_limited(mode);
		if (mode->mode == GW_MODE_DNAT) {
			assert_int_equal(tokens(&spec, id), 0);
			limit(mode, IPPROTO_UDP, GW_SERVICE_RECORD);
		}
		assert_int_equal(tokens(&spec, id), is_recorded);
		assert_int_equal(tokens(&spec, id), 0);
		spec.src_port++;
		if (is_recorded)
			expect_limited(&spec, id);
		else
			assert_int_equal(tokens(&spec, id), 0);
	}
}

static void a_limited_flow_leaves_nothing_behind(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct packet_spec spec = request4(i ? IPPROTO_TCP : IPPROTO_UDP);
		uint32_t id = mode_service(&modes[0], spec.protocol);
		struct gw_nat_key4 key;

		open_limited(&modes[0]);
		expect_limited(&spec, id);
		assert_int_not_equal(
			bpf_map_get_next_key(bpf_map__fd(world->maps.nat_unconfirmed4), NULL, &key),
			0);
		assert_int_equal(traffic_of(id).flows, 0);
	}
}

static void a_second_of_tokens_may_be_taken_at_once(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);
	const struct mode *l2 = &modes[4];
	unsigned int admitted = 0;
	uint64_t began_ns;

	(void)state;
	open_limited(l2);
	began_ns = now_ns();
	for (int i = 0; i < 100; i++) {
		struct frame in = frame_build(&spec), out = {};
		uint32_t verdict;

		(void)run_raw(&in, &out, &verdict);
		assert_true(verdict == GW_FORWARDED || verdict == GW_FLOW_LIMITED);
		admitted += verdict == GW_FORWARDED;
	}
	assert_in_range(admitted, 50, 50 + (now_ns() - began_ns) / COST_NS + 1);
}

static void tokens_of_an_idle_service_are_those_of_a_second(void **state)
{
	struct packet_spec spec = request4(IPPROTO_TCP);
	uint64_t before_ns;

	(void)state;
	open_limited(&modes[4]);
	before_ns = now_ns();
	set_used_until(SERVICE_TCP4, before_ns - 100 * second_ns);
	(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
	assert_true(used_until(SERVICE_TCP4) >= before_ns + COST_NS);
}

static void each_service_has_its_own_rate(void **state)
{
	const struct packet_spec spec4 = request4(IPPROTO_TCP);
	const struct packet_spec spec6 = request6(IPPROTO_TCP);

	(void)state;
	open_limited(&modes[4]);
	set_mode_service(&modes[5], IPPROTO_TCP);
	limit(&modes[5], IPPROTO_TCP, 0);
	expect_limited(&spec4, SERVICE_TCP4);
	(void)run(&spec6, GW_FORWARDED, XDP_REDIRECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_takes_one_token_in_every_mode),
		cmocka_unit_test(packets_of_a_connection_take_none),
		cmocka_unit_test(udp_takes_one_where_a_flow_is_recorded),
		cmocka_unit_test(a_limited_flow_leaves_nothing_behind),
		cmocka_unit_test(a_second_of_tokens_may_be_taken_at_once),
		cmocka_unit_test(tokens_of_an_idle_service_are_those_of_a_second),
		cmocka_unit_test(each_service_has_its_own_rate),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

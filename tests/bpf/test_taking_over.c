// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_taking_over.c - while an upgrade brings translated flows over, those that are not there
 * yet are not taken for new ones, and the host is not asked about them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nat_entry.h"

static void take_over_until(uint32_t time_s)
{
	const struct gw_meta meta = { .abi_version = GW_ABI_VERSION,
				      .taking_over_until_s = time_s };
	const uint32_t first = 0;

	map_set(world->maps.meta, &first, &meta);
}

/* From now on, since opening may take long. */
static void open_world(int32_t seconds)
{
	world_open();
	take_over_until(now_s() + seconds);
}

static bool has_entry(void)
{
	union nat_entry entry;

	return nat_get(confirmed(), IPPROTO_TCP, NAT_PORT, &entry) ||
	       nat_get(unconfirmed(), IPPROTO_TCP, NAT_PORT, &entry);
}

static enum gw_verdict send_to_vip(uint8_t tcp_flags)
{
	return send_from(33333, IPPROTO_TCP, tcp_flags, NULL);
}

static void a_flow_that_is_not_known_waits(void **state)
{
	(void)state;
	open_world(10);
	assert_int_equal(send_to_vip(ACK), GW_TAKING_OVER);
	assert_int_equal(send_to_vip(FIN | ACK), GW_TAKING_OVER);
	assert_false(has_entry());
	take_over_until(0);
	assert_int_equal(send_to_vip(ACK), GW_FORWARDED);
	assert_true(has_entry());
}

static void a_flow_that_begins_does_not_wait(void **state)
{
	(void)state;
	open_world(10);
	client_sends(IPPROTO_TCP, SYN);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	client_sends(IPPROTO_TCP, ACK);
	client_sends(IPPROTO_UDP, 0);
	backend_sends(IPPROTO_UDP, 0);
}

static void a_reply_of_a_flow_that_is_not_known_does_not_reach_the_host(void **state)
{
	struct packet_spec reply = reply_to(request(IPPROTO_TCP));

	(void)state;
	open_world(10);
	reply.tcp_flags = ACK;
	run_to_end(&reply, GW_TAKING_OVER);
	take_over_until(0);
	run_to_end(&reply, GW_NOT_OURS);
}

static void an_agent_that_died_meanwhile_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	open_world(-1);
	assert_int_equal(send_to_vip(ACK), GW_FORWARDED);
}

/* Another flow may have taken the port in the old maps after they were copied. */
static void a_reply_to_a_flow_that_was_silent_waits(void **state)
{
	struct packet_spec reply = reply_to(request(IPPROTO_TCP));
	uint32_t silent_since;

	(void)state;
	open_world(0);
	client_sends(IPPROTO_TCP, SYN);
	backend_sends(IPPROTO_TCP, SYN | ACK);
	client_sends(IPPROTO_TCP, ACK);
	take_over_until(now_s() + 10);
	backend_sends(IPPROTO_TCP, ACK);

	silent_since = now_s() - 4;
	age_entry(confirmed(), IPPROTO_TCP, silent_since);
	reply.tcp_flags = ACK;
	run_to_end(&reply, GW_TAKING_OVER);
	assert_int_equal(entry_in(confirmed(), IPPROTO_TCP).common.seen, silent_since);
	/* Its client says that it is still its own. */
	client_sends(IPPROTO_TCP, ACK);
	backend_sends(IPPROTO_TCP, ACK);

	age_entry(confirmed(), IPPROTO_TCP, silent_since);
	take_over_until(0);
	backend_sends(IPPROTO_TCP, ACK);
}

static void hand_over(bool is_handing_over)
{
	const struct gw_meta meta = { .abi_version = GW_ABI_VERSION,
				      .is_handing_over = is_handing_over };
	const uint32_t first = 0;

	map_set(world->maps.meta, &first, &meta);
}

/* Bit 0: even ones, bit 1: odd ones. */
static uint32_t parities_of_new_flows(uint16_t first_client)
{
	uint32_t seen = 0;

	for (uint16_t i = 0; i < 64; i++) {
		uint16_t port;

		assert_int_equal(send_from(first_client + i, IPPROTO_TCP, SYN, &port),
				 GW_FORWARDED);
		seen |= 1U << (port & 1);
	}
	return seen;
}

static void two_programs_give_no_two_flows_one_port(void **state)
{
	struct gw_config config = world_config();

	(void)state;
	config.nat_port_count = 20000;
	world_open_with(config, LRU_ENTRIES);
	assert_int_equal(parities_of_new_flows(1000), 3);
	hand_over(true);
	assert_int_equal(parities_of_new_flows(2000), 1);
	take_over_until(now_s() + 10);
	assert_int_equal(parities_of_new_flows(3000), 2);
	/* What has begun keeps its port, whichever it is. */
	for (uint16_t i = 0; i < 64; i++) {
		uint16_t before, after;

		take_over_until(0);
		assert_int_equal(send_from(4000 + i, IPPROTO_TCP, SYN, &before), GW_FORWARDED);
		take_over_until(now_s() + 10);
		assert_int_equal(send_from(4000 + i, IPPROTO_TCP, SYN, &after), GW_FORWARDED);
		assert_int_equal(before, after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH_FAMILIES(a_flow_that_is_not_known_waits),
		IN_BOTH_FAMILIES(a_flow_that_begins_does_not_wait),
		IN_BOTH_FAMILIES(a_reply_of_a_flow_that_is_not_known_does_not_reach_the_host),
		IN_BOTH_FAMILIES(an_agent_that_died_meanwhile_is_not_waited_for_for_ever),
		IN_BOTH_FAMILIES(a_reply_to_a_flow_that_was_silent_waits),
		IN_BOTH_FAMILIES(two_programs_give_no_two_flows_one_port),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

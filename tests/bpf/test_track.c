// SPDX-License-Identifier: BSD-2-Clause
/* test_track.c - a flow of a slot that changes its owner goes to its own backend. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tracked.h"

static bool is_tcp(const struct tracked *it)
{
	return it->protocol == IPPROTO_TCP;
}

static void a_syn_goes_to_the_current_owner_and_is_recorded(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		if (!is_tcp(&it))
			continue;
		expect_flags_at(&it, SYN, CURRENT);
		assert_recorded(&it, CURRENT, GW_FLOW_NEW);
		assert_tracked(1, 1);
		expect_flags_at(&it, SYN, CURRENT);
		assert_recorded(&it, CURRENT, GW_FLOW_NEW);
		expect_flags_at(&it, ACK, CURRENT);
		assert_recorded(&it, CURRENT, GW_FLOW_CONFIRMED);
		assert_tracked(1, 1);
	}
}

/* UDP has no start to recognise. A SYN with ACK begins nothing. */
static void what_begins_no_flow_goes_to_the_base_owner_and_is_recorded(void **state)
{
	static const uint8_t flags[] = { ACK, SYN | ACK, 0, ACK | 8 };

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++)
		for_each_tracked(it)
		{
			expect_flags_at(&it, flags[i], BASE);
			assert_recorded(&it, BASE, GW_FLOW_CONFIRMED);
			assert_tracked(1, 1);
			expect_flags_at(&it, ACK, BASE);
			assert_tracked(1, 1);
		}
}

static void a_recorded_flow_stays_however_often_its_slot_changes(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		uint32_t backend = is_tcp(&it) ? CURRENT : BASE;

		expect_flags_at(&it, SYN, backend);
		set_current(&it, NEXT | GW_SLOT_TRACK);
		expect_flags_at(&it, ACK, backend);
		set_base(&it, NEXT);
		expect_flags_at(&it, ACK, backend);
		set_current(&it, CURRENT | GW_SLOT_TRACK);
		expect_flags_at(&it, ACK, backend);
		set_current(&it, GW_NONE | GW_SLOT_TRACK);
		expect_flags_at(&it, ACK, backend);
		assert_recorded(&it, backend, GW_FLOW_CONFIRMED);
		assert_tracked(1, 1);
	}
}

/* The flow began before its slot was tracked. */
static void an_old_flow_stays_when_its_slot_begins_to_change(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		set_current(&it, BASE);
		expect_flags_at(&it, SYN, BASE);
		expect_flags_at(&it, ACK, BASE);
		assert_int_equal(track_counter(GW_TRACK_LOOKUPS), 0);
		set_current(&it, CURRENT | GW_SLOT_TRACK);
		expect_flags_at(&it, ACK, BASE);
		set_current(&it, NEXT | GW_SLOT_TRACK);
		set_base(&it, CURRENT);
		expect_flags_at(&it, ACK, BASE);
		assert_tracked(1, 1);
	}
}

/* Anybody can send a SYN: it neither moves a flow nor confirms it. */
static void a_syn_does_not_change_a_flow_of_a_backend_that_takes_new_ones(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, 0);
		expect_flags_at(&it, SYN, NEXT);
		assert_recorded(&it, NEXT, GW_FLOW_CONFIRMED);
		if (!is_tcp(&it))
			continue;
		set_tracked_entry(&it, NEXT, GW_FLOW_NEW, 0);
		expect_flags_at(&it, SYN, NEXT);
		assert_recorded(&it, NEXT, GW_FLOW_NEW);
		assert_tracked(0, 0);
	}
}

static void a_draining_backend_keeps_its_flows(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		set_tracked_backend(&it, NEXT, it.service.id, GW_BACKEND_DRAINING);
		set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, 3);
		expect_flags_at(&it, ACK, NEXT);
		assert_recorded(&it, NEXT, GW_FLOW_CONFIRMED);
		set_tracked_backend(&it, BASE, it.service.id, GW_BACKEND_DRAINING);
		set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, 300); /* over */
		expect_flags_at(&it, ACK, BASE);
		assert_tracked(1, 1);
	}
}

static void a_syn_with_the_ports_of_a_draining_backends_flow_goes_to_the_current_owner(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		if (!is_tcp(&it))
			continue;
		expect_flags_at(&it, ACK, BASE);
		set_tracked_backend(&it, BASE, it.service.id, GW_BACKEND_DRAINING);
		expect_flags_at(&it, ACK, BASE);
		expect_flags_at(&it, SYN, CURRENT);
		assert_recorded(&it, CURRENT, GW_FLOW_NEW);
		assert_tracked(2, 2);
		expect_flags_at(&it, ACK, CURRENT);
		assert_recorded(&it, CURRENT, GW_FLOW_CONFIRMED);
	}
}

/* It left, its number is another service's by now, or it never was. */
static void instead_of_a_dead_base_owner_the_current_one_is_taken(void **state)
{
	static const uint32_t dead[] = { BASE, BASE, GW_NONE, 5000 };

	(void)state;
	for (size_t i = 0; i < sizeof(dead) / sizeof(dead[0]); i++)
		for_each_tracked(it)
		{
			set_tracked_backend(&it, BASE, i == 0 ? 0 : 42, 0);
			set_base(&it, dead[i]);
			expect_flags_at(&it, ACK, CURRENT);
			assert_recorded(&it, CURRENT, GW_FLOW_CONFIRMED);
			assert_tracked(1, 1);
		}
}

static void a_flow_whose_recorded_backend_died_is_like_an_unknown_one(void **state)
{
	static const uint32_t services[] = { 0, 42 };

	(void)state;
	for (int i = 0; i < 4; i++)
		for_each_tracked(it)
		{
			uint8_t flags = i / 2 ? SYN : ACK;
			uint32_t backend = is_tcp(&it) && flags == SYN ? CURRENT : BASE;

			set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, 0);
			set_tracked_backend(&it, NEXT, services[i % 2], 0);
			expect_flags_at(&it, flags, backend);
			assert_recorded(&it, backend,
					backend == CURRENT ? GW_FLOW_NEW : GW_FLOW_CONFIRMED);
			assert_tracked(1, 1);
		}
}

static void fin_and_rst_close_a_flow(void **state)
{
	static const uint8_t ends[] = { FIN | ACK, RST, RST | ACK, FIN };

	(void)state;
	for (size_t i = 0; i < sizeof(ends); i++)
		for_each_tracked(it)
		{
			if (!is_tcp(&it))
				continue;
			expect_flags_at(&it, SYN, CURRENT);
			expect_flags_at(&it, ACK, CURRENT);
			expect_flags_at(&it, ends[i], CURRENT);
			assert_recorded(&it, CURRENT, GW_FLOW_CLOSING);
			expect_flags_at(&it, ACK, CURRENT);
			assert_recorded(&it, CURRENT, GW_FLOW_CLOSING);
			expect_flags_at(&it, SYN, CURRENT);
			assert_recorded(&it, CURRENT, GW_FLOW_NEW);
			assert_tracked(1, 1);
		}
}

/* Two units of time to either side are safe from the clock. */
static void a_flow_is_over_after_its_idle_time(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		const struct gw_config config = world_config();
		uint32_t idle = is_tcp(&it) ? config.tcp_idle : config.udp_idle;

		set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, idle - 2);
		expect_flags_at(&it, ACK, NEXT);
		assert_recorded(&it, NEXT, GW_FLOW_CONFIRMED);
		set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, idle + 2);
		expect_flags_at(&it, ACK, BASE);
		assert_recorded(&it, BASE, GW_FLOW_CONFIRMED);
		if (!is_tcp(&it))
			continue;
		set_tracked_entry(&it, NEXT, GW_FLOW_CLOSING, GW_FLOW_UNCONFIRMED_IDLE - 2);
		expect_flags_at(&it, ACK, NEXT);
		set_tracked_entry(&it, NEXT, GW_FLOW_CLOSING, GW_FLOW_UNCONFIRMED_IDLE + 2);
		expect_flags_at(&it, SYN, CURRENT);
		assert_recorded(&it, CURRENT, GW_FLOW_NEW);
	}
}

/* Then nothing is recorded but what differs; what is recorded is still obeyed. */
static void once_the_current_table_is_the_base_only_deviations_are_recorded(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		it.service.base_offset = it.service.slot_offset;
		it.service.base_count = it.service.slot_count;
		set_tracked_service(&it);
		expect_flags_at(&it, SYN, CURRENT);
		expect_flags_at(&it, ACK, CURRENT);
		assert_int_equal(tracked_entry(&it), 0);
		assert_int_equal(track_counter(GW_TRACK_RECORDED), 0);
		set_tracked_entry(&it, NEXT, GW_FLOW_CONFIRMED, 3);
		expect_flags_at(&it, ACK, NEXT);
		assert_recorded(&it, NEXT, GW_FLOW_CONFIRMED);
	}
}

static void where_nobody_gets_new_flows_old_ones_go_on(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		const struct packet_spec syn = tracked_packet(&it, SYN);

		set_current(&it, GW_NONE | GW_SLOT_TRACK);
		if (is_tcp(&it))
			(void)run(&syn, GW_REJECTED, XDP_TX);
		assert_int_equal(tracked_entry(&it), 0);
		expect_flags_at(&it, ACK, BASE);
		assert_recorded(&it, BASE, GW_FLOW_CONFIRMED);
		set_tracked_backend(&it, BASE, 0, 0);
		set_tracked_bucket(&it, &(struct gw_flow_bucket){});
		(void)run(&syn, GW_REJECTED, XDP_TX);
		assert_int_equal(tracked_entry(&it), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_goes_to_the_current_owner_and_is_recorded),
		cmocka_unit_test(what_begins_no_flow_goes_to_the_base_owner_and_is_recorded),
		cmocka_unit_test(a_recorded_flow_stays_however_often_its_slot_changes),
		cmocka_unit_test(an_old_flow_stays_when_its_slot_begins_to_change),
		cmocka_unit_test(a_syn_does_not_change_a_flow_of_a_backend_that_takes_new_ones),
		cmocka_unit_test(a_draining_backend_keeps_its_flows),
		cmocka_unit_test(
			a_syn_with_the_ports_of_a_draining_backends_flow_goes_to_the_current_owner),
		cmocka_unit_test(instead_of_a_dead_base_owner_the_current_one_is_taken),
		cmocka_unit_test(a_flow_whose_recorded_backend_died_is_like_an_unknown_one),
		cmocka_unit_test(fin_and_rst_close_a_flow),
		cmocka_unit_test(a_flow_is_over_after_its_idle_time),
		cmocka_unit_test(once_the_current_table_is_the_base_only_deviations_are_recorded),
		cmocka_unit_test(where_nobody_gets_new_flows_old_ones_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_affinity_flows.c - where a client's new flows go is one thing, where its old ones are is
 * another: none moves when the client is sent elsewhere, or forgotten.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tracked.h"

enum {
	TIMEOUT_S = 600,
	FIRST_PORT = 40000,
};

/* The number of a flow of the client says its port. */
static struct packet_spec packet_of(const struct tracked *it, uint16_t flow, uint8_t tcp_flags)
{
	struct packet_spec spec = tracked_packet(it, tcp_flags);

	spec.src_port = FIRST_PORT + flow;
	return spec;
}

static void expect_flow_at(const struct tracked *it, uint16_t flow, uint8_t tcp_flags,
			   uint32_t backend)
{
	const struct packet_spec spec = packet_of(it, flow, tcp_flags);
	struct frame in = frame_build(&spec);

	(void)run_to_backend(&in, GW_FORWARDED, backend);
}

static void begin_flow(const struct tracked *it, uint16_t flow, uint32_t backend)
{
	if (it->protocol == IPPROTO_TCP)
		expect_flow_at(it, flow, SYN, backend);
	expect_flow_at(it, flow, ACK, backend);
}

/* As the agent has it: every slot is tracked, in tables that are each one backend's. */
static void set_owners(struct tracked *it, uint32_t current, uint32_t base, bool is_rebased)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		set_slot(it->service.slot_offset + i, current | GW_SLOT_TRACK);
	for (uint32_t i = 0; i < BASE_SLOTS; i++)
		set_slot(BASE_OFFSET + i, base | GW_SLOT_TRACK);
	it->service.base_offset = is_rebased ? it->service.slot_offset : BASE_OFFSET;
	it->service.base_count = is_rebased ? SLOTS : BASE_SLOTS;
	set_tracked_service(it);
}

static void open_affine(struct tracked *it)
{
	it->service.flags = GW_SERVICE_AFFINITY;
	it->service.affinity_timeout_s = TIMEOUT_S;
	set_owners(it, CURRENT, CURRENT, true);
}

static struct gw_affinity_key client_key(const struct tracked *it)
{
	const struct packet_spec spec = tracked_packet(it, ACK);

	return (struct gw_affinity_key){ address(spec.src), it->service.id };
}

/* GW_NONE: nobody. */
static uint32_t backend_of_client(const struct tracked *it)
{
	const struct gw_affinity_key key = client_key(it);
	struct gw_affinity known;

	if (bpf_map_lookup_elem(bpf_map__fd(world->maps.affinities), &key, &known) < 0)
		return GW_NONE;
	return known.backend;
}

static void forget_client(const struct tracked *it)
{
	const struct gw_affinity_key key = client_key(it);

	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(world->maps.affinities), &key), 0);
}

static void a_flow_stays_when_its_client_is_forgotten_and_sent_elsewhere(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		open_affine(&it);
		begin_flow(&it, 0, CURRENT);
		set_owners(&it, NEXT, CURRENT, false);
		expect_flow_at(&it, 0, ACK, CURRENT);
		set_owners(&it, NEXT, NEXT, true);
		forget_client(&it);
		begin_flow(&it, 1, NEXT);
		assert_int_equal(backend_of_client(&it), NEXT);
		expect_flow_at(&it, 0, ACK, CURRENT);
		expect_flow_at(&it, 1, ACK, NEXT);
		assert_int_equal(backend_of_client(&it), NEXT);
	}
}

static void
a_draining_backend_gets_no_new_flows_of_its_clients_and_keeps_their_old_ones(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		if (it.protocol != IPPROTO_TCP)
			continue;
		open_affine(&it);
		begin_flow(&it, 0, CURRENT);
		set_tracked_backend(&it, CURRENT, it.service.id, GW_BACKEND_DRAINING);
		set_owners(&it, NEXT, CURRENT, false);
		expect_flow_at(&it, 0, ACK, CURRENT);
		begin_flow(&it, 1, NEXT);
		assert_int_equal(backend_of_client(&it), NEXT);
		expect_flow_at(&it, 0, ACK, CURRENT);
		/* Not because the slot says so. */
		set_owners(&it, WRONG, CURRENT, false);
		begin_flow(&it, 2, NEXT);
		expect_flow_at(&it, 0, ACK, CURRENT);
	}
}

static void a_client_is_known_when_a_flow_is_confirmed(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		const struct packet_spec syn = packet_of(&it, 0, SYN);
		struct frame in = frame_build(&syn);

		open_affine(&it);
		if (it.protocol == IPPROTO_TCP) {
			(void)run_to_backend(&in, GW_FORWARDED, CURRENT);
			assert_int_equal(backend_of_client(&it), GW_NONE);
		}
		expect_flow_at(&it, 0, ACK, CURRENT);
		assert_int_equal(backend_of_client(&it), CURRENT);
	}
}

static void without_a_base_of_its_own_an_unknown_clients_flow_goes_on_where_it_was(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		open_affine(&it);
		/* As when affinity was switched on just now. */
		set_owners(&it, CURRENT, BASE, false);
		expect_flow_at(&it, 0, ACK, BASE);
		assert_int_equal(backend_of_client(&it), BASE);
		expect_flow_at(&it, 0, ACK, BASE);
		begin_flow(&it, 1, BASE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_stays_when_its_client_is_forgotten_and_sent_elsewhere),
		cmocka_unit_test(
			a_draining_backend_gets_no_new_flows_of_its_clients_and_keeps_their_old_ones),
		cmocka_unit_test(a_client_is_known_when_a_flow_is_confirmed),
		cmocka_unit_test(
			without_a_base_of_its_own_an_unknown_clients_flow_goes_on_where_it_was),
	};

	tracked_nat_ports = 64;
	return cmocka_run_group_tests(tests, NULL, world_close);
}

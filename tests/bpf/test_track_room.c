// SPDX-License-Identifier: BSD-2-Clause
/* test_track_room.c - who makes room for whom in a full bucket of recorded flows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tracked.h"

/* A packet finds its bucket full of these. */
struct full_case {
	const char *name;
	uint32_t state, age; /* of seven of the entries; 4 s are a unit */
	uint32_t one_state, one_age;
	bool makes_room_for_syn, makes_room; /* the one; for a packet that begins a flow, or not */
	bool is_counted;                     /* as evicted */
};

enum {
	ODD_WAY = 5,
	OLD = GW_FLOW_SILENT + 2,
	RECENT = GW_FLOW_SILENT - 2,
	OVER = 230,
};

/* Away from each limit by two units, which are safe from the clock. */
static const struct full_case cases[] = {
	{ "confirmed", GW_FLOW_CONFIRMED, 1, GW_FLOW_CONFIRMED, RECENT, false, false, false },
	{ "confirmed, one silent", GW_FLOW_CONFIRMED, 1, GW_FLOW_CONFIRMED, OLD, false, true,
	  true },
	{ "silent, one longer", GW_FLOW_CONFIRMED, OLD, GW_FLOW_CONFIRMED, 90, false, true, true },
	{ "one over", GW_FLOW_CONFIRMED, OLD, GW_FLOW_CONFIRMED, OVER, true, true, false },
	{ "one new", GW_FLOW_CONFIRMED, OLD, GW_FLOW_NEW, 0, true, true, true },
	{ "one new, long ago", GW_FLOW_NEW, 2, GW_FLOW_NEW, 7, true, true, true },
	{ "one new, too long ago", GW_FLOW_NEW, 2, GW_FLOW_NEW, OLD, true, true, false },
	{ "one closing", GW_FLOW_CONFIRMED, OLD, GW_FLOW_CLOSING, 1, false, true, true },
	{ "one closed", GW_FLOW_CONFIRMED, OLD, GW_FLOW_CLOSING, OLD, true, true, false },
	{ "closing, one new", GW_FLOW_CLOSING, 9, GW_FLOW_NEW, 0, true, true, true },
	{ "new, one closed", GW_FLOW_NEW, 9, GW_FLOW_CLOSING, OLD, true, true, false },
};

static struct gw_flow_bucket full_bucket(const struct tracked *it, const struct full_case *full)
{
	uint32_t now = flow_time(), tag = it->hash >> 32;
	struct gw_flow_bucket bucket;

	for (uint32_t way = 0; way < GW_FLOW_WAYS; way++)
		bucket.entry[way] =
			gw_flow_entry(tag + 1 + way, WRONG, full->state, now - full->age);
	bucket.entry[ODD_WAY] = gw_flow_entry(tag - 1, WRONG, full->one_state, now - full->one_age);
	return bucket;
}

/* But for the flow's own entry, if it is in, the bucket is as it was. */
static void assert_others_stayed(const struct tracked *it, const struct gw_flow_bucket *before,
				 bool makes_room)
{
	const struct gw_flow_bucket after = tracked_bucket(it);

	for (uint32_t way = 0; way < GW_FLOW_WAYS; way++)
		if ((after.entry[way] == before->entry[way]) == (way == ODD_WAY && makes_room))
			fail_msg("%s: way %u", frame_case, way);
}

static void meets_full_bucket(struct tracked *it, const struct full_case *full, uint8_t tcp_flags)
{
	bool is_first = it->protocol == IPPROTO_TCP && tcp_flags == SYN;
	bool makes_room = is_first ? full->makes_room_for_syn : full->makes_room;
	const struct gw_flow_bucket bucket = full_bucket(it, full);
	/* Without a record its next packet would be looked for on the base owner. */
	uint32_t backend = is_first && makes_room ? CURRENT : BASE;

	frame_case = full->name;
	set_tracked_bucket(it, &bucket);
	expect_flags_at(it, tcp_flags, backend);
	assert_int_equal(track_counter(GW_TRACK_RECORDED), makes_room);
	assert_int_equal(track_counter(GW_TRACK_EVICTED), makes_room && full->is_counted);
	/* In mode snat a flow's first packet asks twice. */
	if (it->mode->mode == GW_MODE_SNAT)
		assert_int_equal(!track_counter(GW_TRACK_UNRECORDED), makes_room);
	else
		assert_int_equal(track_counter(GW_TRACK_UNRECORDED), !makes_room);
	assert_others_stayed(it, &bucket, makes_room);
	if (makes_room)
		assert_recorded(it, backend, is_first ? GW_FLOW_NEW : GW_FLOW_CONFIRMED);
}

static void a_flow_that_begins_is_recorded_where_an_unconfirmed_one_makes_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for_each_tracked(it) if (it.protocol == IPPROTO_TCP)
			meets_full_bucket(&it, &cases[i], SYN);
}

static void a_flow_that_is_alive_is_recorded_where_a_silent_one_makes_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for_each_tracked(it) if (it.protocol == IPPROTO_TCP)
			meets_full_bucket(&it, &cases[i], ACK);
}

/* UDP's idle time is shorter: silent is over, and makes room without being counted. */
static void udp_is_recorded_where_a_silent_flow_makes_room(void **state)
{
	static const struct full_case udp[] = {
		{ "udp, recent", GW_FLOW_CONFIRMED, 1, GW_FLOW_CONFIRMED, 13, false, false, false },
		{ "udp, one over", GW_FLOW_CONFIRMED, 1, GW_FLOW_CONFIRMED, 18, true, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(udp) / sizeof(udp[0]); i++)
		for_each_tracked(it) if (it.protocol == IPPROTO_UDP)
			meets_full_bucket(&it, &udp[i], 0);
}

/* Neither the flood's own nor anybody else's packet may cost an established flow its place. */
static void a_flood_of_syns_leaves_confirmed_flows_recorded(void **state)
{
	static const struct full_case half = {
		"flood", GW_FLOW_CONFIRMED, 60, GW_FLOW_NEW, 0, true, true, true
	};

	(void)state;
	for_each_tracked(it)
	{
		struct gw_flow_bucket before, after;
		struct packet_spec spec = tracked_packet(&it, SYN);

		if (it.protocol != IPPROTO_TCP || it.mode->mode == GW_MODE_SNAT)
			continue;
		for (uint32_t i = 0; i < SLOTS; i++)
			set_slot(it.service.slot_offset + i, CURRENT | GW_SLOT_TRACK);
		before = full_bucket(&it, &half);
		for (uint32_t index = 0; index < FLOW_BUCKETS; index++)
			map_set(world->maps.flows, &index, &before);
		for (uint16_t port = 1000; port < 1500; port++) {
			spec.src_port = port;
			(void)run(&spec, GW_FORWARDED, XDP_REDIRECT);
		}
		assert_int_equal(track_counter(GW_TRACK_RECORDED), 500);
		assert_int_equal(track_counter(GW_TRACK_EVICTED), 500);
		for (uint32_t index = 0; index < FLOW_BUCKETS; index++) {
			assert_int_equal(
				bpf_map_lookup_elem(bpf_map__fd(world->maps.flows), &index, &after),
				0);
			after.entry[ODD_WAY] = before.entry[ODD_WAY];
			assert_memory_equal(&after, &before, sizeof(before));
		}
	}
}

static void a_flow_takes_its_own_place_again(void **state)
{
	(void)state;
	for_each_tracked(it)
	{
		struct gw_flow_bucket bucket = full_bucket(&it, &cases[0]), before = bucket;

		bucket.entry[2] =
			gw_flow_entry(it.hash >> 32, NEXT, GW_FLOW_CONFIRMED, flow_time() - OVER);
		set_tracked_bucket(&it, &bucket);
		expect_flags_at(&it, ACK, BASE);
		assert_recorded(&it, BASE, GW_FLOW_CONFIRMED);
		assert_tracked(1, 1);
		bucket = tracked_bucket(&it);
		assert_int_equal(gw_flow_tag(bucket.entry[2]), it.hash >> 32);
		bucket.entry[2] = before.entry[2];
		assert_memory_equal(&bucket, &before, sizeof(before));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_flow_that_begins_is_recorded_where_an_unconfirmed_one_makes_room),
		cmocka_unit_test(a_flow_that_is_alive_is_recorded_where_a_silent_one_makes_room),
		cmocka_unit_test(udp_is_recorded_where_a_silent_flow_makes_room),
		cmocka_unit_test(a_flood_of_syns_leaves_confirmed_flows_recorded),
		cmocka_unit_test(a_flow_takes_its_own_place_again),
	};

	return cmocka_run_group_tests(tests, NULL, world_close);
}

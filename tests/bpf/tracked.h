/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracked.h - one flow whose slot is changing its owner, in every mode and family and of both
 * protocols. Only its own slots, one in each of the service's two tables, name the backends
 * that may get it; all others name a backend that must not. A backend is known by its MAC
 * address, and where the mode writes it by its IP address.
 */
#ifndef TESTS_BPF_TRACKED_H
#define TESTS_BPF_TRACKED_H

#include <time.h>

#include <guideway/flow_table.h>

#include "modes.h"

/* Backends, and their next hops; the last byte of their MAC addresses. */
enum {
	BASE = 20, /* of the flow's slot in the base table */
	CURRENT,   /* in the current one */
	NEXT,      /* nobody's yet */
	WRONG,     /* of all other slots */
	BACKENDS_END,
};

enum {
	BASE_OFFSET = 64,
	BASE_SLOTS = 5,
};

struct tracked {
	unsigned int number; /* of the cases begun */
	const struct mode *mode;
	uint8_t protocol;
	struct gw_service service;
	uint64_t hash; /* of the flow */
	char name[64];
};

/* A packet of the flow; tcp_flags are left out in UDP. */
static inline struct packet_spec tracked_packet(const struct tracked *it, uint8_t tcp_flags)
{
	struct packet_spec spec = mode_request(it->mode, it->protocol);

	spec.tcp_flags = tcp_flags;
	return spec;
}

static inline const char *tracked_address(const struct tracked *it, uint32_t backend)
{
	static char text[32];

	snprintf(text, sizeof(text), it->mode->has_ip6_backend ? "fd00:1::%u" : "10.1.0.%u",
		 backend);
	return text;
}

/* service: whose it is; flags: beside those of its family. */
static inline void set_tracked_backend(const struct tracked *it, uint32_t id, uint32_t service,
				       uint16_t flags)
{
	const struct gw_backend backend = {
		.address = address(tracked_address(it, id)),
		.port = htons(8080),
		.flags = flags | (it->mode->has_ip6_backend ? 0 : GW_BACKEND_IPV4),
		.service = service,
		.next_hop = id,
	};
	struct gw_next_hop hop = mode_hop(it->mode);

	hop.dst_mac[5] = id;
	set_next_hop(id, hop);
	map_set(world->maps.backends, &id, &backend);
}

/* Of the flow's slot in the current table, with GW_SLOT_TRACK or without. */
static inline void set_current(const struct tracked *it, uint32_t owner)
{
	set_slot(it->service.slot_offset + gw_hash_slot(it->hash, it->service.slot_count), owner);
}

static inline void set_base(const struct tracked *it, uint32_t owner)
{
	set_slot(it->service.base_offset + gw_hash_slot(it->hash, it->service.base_count), owner);
}

static inline void set_tracked_service(const struct tracked *it)
{
	set_service(it->mode->is_ip6 ? VIP6 : VIP4, it->protocol,
		    it->protocol == IPPROTO_TCP ? 80 : 53, &it->service);
}

/* All that a packet leaves behind but counters: much faster than world_open(). */
static inline void tracked_clear(void)
{
	const struct bpf_map *const maps[] = {
		world->maps.flows,      world->maps.track_counts,     world->maps.nat4,
		world->maps.nat6,       world->maps.nat_unconfirmed4, world->maps.nat_unconfirmed6,
		world->maps.affinities, world->maps.fragments,
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		map_clear(maps[i]);
}

/* The two tables differ in size, and so in where the flow's slot is. */
static inline void tracked_open(struct tracked *it, const struct mode *mode, uint8_t protocol)
{
	const struct packet_spec spec = mode_request(mode, protocol);
	uint32_t id = mode_service(mode, protocol);

	it->mode = mode;
	it->protocol = protocol;
	it->hash = flow_hash_of(&spec);
	it->service = service_in_mode(id, mode->mode);
	it->service.base_offset = BASE_OFFSET;
	it->service.base_count = BASE_SLOTS;
	snprintf(it->name, sizeof(it->name), "%s, %s", mode->name,
		 protocol == IPPROTO_TCP ? "TCP" : "UDP");
	frame_case = it->name;
	for (uint32_t backend = BASE; backend < BACKENDS_END; backend++)
		set_tracked_backend(it, backend, id, 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		set_slot(it->service.slot_offset + i, WRONG | GW_SLOT_TRACK);
	for (uint32_t i = 0; i < BASE_SLOTS; i++)
		set_slot(BASE_OFFSET + i, WRONG);
	set_current(it, CURRENT | GW_SLOT_TRACK);
	set_base(it, BASE);
	set_tracked_service(it);
}

/* Ports of mode snat, in a test whose flows need more than the world has; set before it begins. */
static uint16_t tracked_nat_ports;

static inline void tracked_open_world(void)
{
	struct gw_config config = world_config();

	if (tracked_nat_ports)
		config.nat_port_count = tracked_nat_ports;
	world_open_with(config, LRU_ENTRIES);
}

/* Begins the next case, with no flows; false: there are no more. */
static inline bool tracked_next(struct tracked *it)
{
	unsigned int number = it->number++;

	if (number >= 2 * sizeof(modes) / sizeof(modes[0]))
		return false;
	if (number)
		tracked_clear();
	else
		tracked_open_world();
	tracked_open(it, &modes[number / 2], number % 2 ? IPPROTO_UDP : IPPROTO_TCP);
	return true;
}

#define for_each_tracked(it) for (struct tracked it = {}; tracked_next(&(it));)

static inline uint64_t track_counter(enum gw_track_count what)
{
	uint64_t per_cpu[CPU_MAX], sum = 0;
	uint32_t index = what;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(world->maps.track_counts), &index, per_cpu), 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += per_cpu[cpu];
	return sum;
}

/*
 * missed: lookups that found nothing. In mode snat a flow's first packet asks twice, and
 * finds the second time what it recorded the first.
 */
static inline void assert_tracked(uint64_t missed, uint64_t recorded)
{
	uint64_t lookups = track_counter(GW_TRACK_LOOKUPS), found = track_counter(GW_TRACK_FOUND);

	if (lookups - found != missed || track_counter(GW_TRACK_RECORDED) != recorded ||
	    track_counter(GW_TRACK_UNRECORDED) || track_counter(GW_TRACK_EVICTED))
		fail_msg("%s: of %lu lookups %lu found, %lu recorded; expected %lu missed, %lu "
			 "recorded",
			 frame_case, lookups, found, track_counter(GW_TRACK_RECORDED), missed,
			 recorded);
}

static inline struct gw_flow_bucket tracked_bucket(const struct tracked *it)
{
	uint32_t index = gw_flow_bucket_index(it->hash, FLOW_BUCKETS - 1);
	struct gw_flow_bucket bucket;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world->maps.flows), &index, &bucket), 0);
	return bucket;
}

static inline void set_tracked_bucket(const struct tracked *it, const struct gw_flow_bucket *bucket)
{
	uint32_t index = gw_flow_bucket_index(it->hash, FLOW_BUCKETS - 1);

	map_set(world->maps.flows, &index, bucket);
}

/* As the program counts it: in units of 4 s. */
static inline uint32_t flow_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec >> GW_FLOW_TIME_SHIFT;
}

/* What is recorded of the flow; 0: nothing. */
static inline uint64_t tracked_entry(const struct tracked *it)
{
	const struct gw_flow_bucket bucket = tracked_bucket(it);
	uint32_t way = gw_flow_find(&bucket, it->hash >> 32);

	return way < GW_FLOW_WAYS ? bucket.entry[way] : 0;
}

/* Records the flow, and nothing else in its bucket. */
static inline void set_tracked_entry(const struct tracked *it, uint32_t backend, uint32_t state,
				     uint32_t age)
{
	const struct gw_flow_bucket bucket = {
		.entry = { 0, 0, gw_flow_entry(it->hash >> 32, backend, state, flow_time() - age) }
	};

	set_tracked_bucket(it, &bucket);
}

/* By a packet that was sent just now. */
static inline void assert_recorded(const struct tracked *it, uint32_t backend, uint32_t state)
{
	uint64_t entry = tracked_entry(it);

	if (!entry)
		fail_msg("%s: not recorded", frame_case);
	if (gw_flow_backend(entry) != backend || gw_flow_state(entry) != state ||
	    gw_flow_age(entry, flow_time()) > 1)
		fail_msg("%s: recorded on %u in state %u, expected %u in %u", frame_case,
			 gw_flow_backend(entry), gw_flow_state(entry), backend, state);
}

/* Runs it; what is sent must go to this backend. */
static inline struct frame run_to_backend(const struct frame *in, uint32_t verdict,
					  uint32_t backend)
{
	uint64_t before = traffic_of(backend).packets;
	struct frame out = run_frame(in, verdict, XDP_REDIRECT);

	if (out.bytes[5] != backend || traffic_of(backend).packets != before + 1)
		fail_msg("%s: sent to %u, expected %u", frame_case, out.bytes[5], backend);
	return out;
}

/* A packet of the flow, which must leave for this backend, byte by byte. */
static inline void expect_at(const struct tracked *it, const struct packet_spec *spec,
			     uint32_t backend)
{
	struct packet_spec inner = mode_inner(it->mode, *spec);
	struct outer_spec outer = mode_outer(it->mode, spec);
	struct frame in = frame_build(spec), out, wanted;

	inner.dst_mac.byte[5] = backend;
	if (mode_translates(it->mode))
		inner.dst = tracked_address(it, backend);
	outer.dst = address(tracked_address(it, backend));
	wanted = frame_build(&inner);
	if (mode_wraps(it->mode))
		wanted = frame_wrap(&wanted, &outer);
	out = run_to_backend(&in, GW_FORWARDED, backend);
	assert_frame_equal(&out, &wanted);
}

static inline void expect_flags_at(const struct tracked *it, uint8_t tcp_flags, uint32_t backend)
{
	const struct packet_spec spec = tracked_packet(it, tcp_flags);

	expect_at(it, &spec, backend);
}

#endif

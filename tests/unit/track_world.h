/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * track_world.h - the program's tracked.h and the agent's datapath room in one process: the code
 * that runs in the kernel, compiled for here, and the code that changes its tables, over the
 * same memory, with a clock that the test sets.
 *
 * What libbpf would do to maps is done to arrays here: these functions come before the library's.
 *
 * There are two worlds, of two gateways, with one clock: everything is done in the one that is
 * here.
 */
#ifndef TESTS_UNIT_TRACK_WORLD_H
#define TESTS_UNIT_TRACK_WORLD_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "datapath/ids.h"
#include "datapath/internal.h"
#include "datapath/regions.h"
#include "guideway.skel.h"
#include "lib/error.h"
#include "model/address.h"

#define WORLD_SLOTS (1U << 16)
#define WORLD_BUCKETS (1U << 12)
#define WORLD_HOUR_S 3600

static uint64_t world_now_s = WORLD_HOUR_S;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	*ret = (struct timespec){ .tv_sec = (time_t)world_now_s };
	return 0;
}

/* The program's side. */
#define libbpf_tristate program_tristate
#define TRI_NO PROGRAM_TRI_NO
#define TRI_YES PROGRAM_TRI_YES
#define TRI_MODULE PROGRAM_TRI_MODULE
#include <bpf/bpf_helpers.h>
#undef SEC
#define SEC(name)
#define BPF_CONFIG_H
static struct gw_config config;
static void *world_lookup(const void *map, const void *key);
#define bpf_map_lookup_elem world_lookup
static long world_update(void *map, const void *key, const void *value, uint64_t flags);
#define bpf_map_update_elem world_update
#define bpf_ktime_get_coarse_ns() (world_now_s * NS_PER_S)
static void *world_reserve(void *map, uint64_t size, uint64_t flags);
static void world_submit(void *record, uint64_t flags);
#define bpf_ringbuf_reserve world_reserve
#define bpf_ringbuf_submit world_submit
#include "../../bpf/tracked.h"
#undef bpf_map_lookup_elem
#undef bpf_map_update_elem
#undef bpf_ringbuf_reserve
#undef bpf_ringbuf_submit

#define WORLD_TOLD 64
#define WORLD_CLIENTS 32 /* 10.9.0.0 and those that follow */

struct world {
	struct gw_slot_pack *slots;
	struct gw_flow_bucket *flows;
	struct gw_backend *backends;
	uint64_t counts[GW_TRACK_COUNT_MAX];
	uint64_t untold;
	struct gw_meta meta;
	struct gw_told told[WORLD_TOLD];
	size_t told_count;
	ring_buffer_sample_fn on_told;
	void *told_owner;
	struct gw_service service; /* what packets see; id 0: nothing */
	struct gw_affinity affinities[WORLD_CLIENTS];
	bool has_affinity[WORLD_CLIENTS];
	struct tracked tracked;
	int fds[2];
};

static struct world worlds[2], *here = &worlds[0];

static void *world_reserve(void *map, uint64_t size, uint64_t flags)
{
	assert_ptr_equal(map, &told);
	assert_int_equal(size, sizeof(struct gw_told));
	(void)flags;
	return here->told_count < WORLD_TOLD ? &here->told[here->told_count] : NULL;
}

static void world_submit(void *record, uint64_t flags)
{
	assert_ptr_equal(record, &here->told[here->told_count]);
	(void)flags;
	here->told_count++;
}

static struct gw_addr world_client(uint32_t client)
{
	return (struct gw_addr){ .word = { 0, 0, htonl(0xffff), htonl(0x0a090000 + client) } };
}

static uint32_t world_client_of(const void *key)
{
	const struct gw_affinity_key *affinity = key;
	uint32_t client = ntohl(affinity->client.word[3]) - 0x0a090000;

	assert_in_range(client, 0, WORLD_CLIENTS - 1);
	return client;
}

static long world_update(void *map, const void *key, const void *value, uint64_t flags)
{
	uint32_t client = world_client_of(key);

	assert_ptr_equal(map, &affinities);
	(void)flags;
	here->affinities[client] = *(const struct gw_affinity *)value;
	here->has_affinity[client] = true;
	return 0;
}

static void *world_lookup_client(const void *key)
{
	uint32_t client = world_client_of(key);

	return here->has_affinity[client] ? &here->affinities[client] : NULL;
}

static void *world_lookup(const void *map, const void *key)
{
	uint32_t index;

	if (map == &affinities)
		return world_lookup_client(key);
	if (map == &tracked)
		return &here->tracked;
	memcpy(&index, key, sizeof(index));
	if (map == &slots)
		return index < WORLD_SLOTS / GW_SLOTS_PACKED ? &here->slots[index] : NULL;
	if (map == &flows)
		return index < WORLD_BUCKETS ? &here->flows[index] : NULL;
	if (map == &backends)
		return index < GW_BACKEND_MAX ? &here->backends[index] : NULL;
	if (map == &meta)
		return &here->meta;
	return map == &untold ? &here->untold : &here->counts[index];
}

/* The agent's side: maps are known by their address in world_maps. */
enum world_map { WORLD_MAP_SLOTS, WORLD_MAP_FLOWS, WORLD_MAP_SERVICES, WORLD_MAP_OTHER };
static char world_maps[WORLD_MAP_OTHER + 1];

static struct bpf_map *world_map(enum world_map which)
{
	return (struct bpf_map *)&world_maps[which];
}

/* Only slots and flows are files. */
int bpf_map__fd(const struct bpf_map *map)
{
	size_t which = (size_t)((const char *)map - world_maps);

	return which <= WORLD_MAP_FLOWS ? here->fds[which] : -1;
}

/* Asked for services and flows. */
__u32 bpf_map__value_size(const struct bpf_map *map)
{
	return map == world_map(WORLD_MAP_FLOWS) ? sizeof(struct gw_flow_bucket)
						 : sizeof(struct gw_service);
}

/* Asked for flows only. */
__u32 bpf_map__max_entries(const struct bpf_map *map)
{
	assert_ptr_equal(map, world_map(WORLD_MAP_FLOWS));
	return WORLD_BUCKETS;
}

int bpf_map__update_elem(const struct bpf_map *map, const void *key, size_t key_size,
			 const void *value, size_t value_size, __u64 flags)
{
	(void)key;
	(void)key_size;
	(void)flags;
	if (map == world_map(WORLD_MAP_SERVICES))
		memcpy(&here->service, value, value_size);
	return 0;
}

int bpf_map__delete_elem(const struct bpf_map *map, const void *key, size_t key_size, __u64 flags)
{
	(void)key;
	(void)key_size;
	(void)flags;
	if (map == world_map(WORLD_MAP_SERVICES))
		memset(&here->service, 0, sizeof(here->service));
	return 0;
}

int bpf_map__lookup_elem(const struct bpf_map *map, const void *key, size_t key_size, void *value,
			 size_t value_size, __u64 flags)
{
	(void)map;
	(void)key;
	(void)key_size;
	(void)flags;
	memset(value, 0, value_size);
	return 0;
}

/* The agent's end of the ring buffer is the world. */
struct ring_buffer *ring_buffer__new(int map_fd, ring_buffer_sample_fn on_sample, void *owner,
				     const struct ring_buffer_opts *options)
{
	(void)map_fd;
	(void)options;
	here->on_told = on_sample;
	here->told_owner = owner;
	return (struct ring_buffer *)here;
}

int ring_buffer__consume(struct ring_buffer *ring)
{
	(void)ring;
	for (size_t i = 0; i < here->told_count; i++)
		(void)here->on_told(here->told_owner, &here->told[i], sizeof(here->told[i]));
	here->told_count = 0;
	return 0;
}

void ring_buffer__free(struct ring_buffer *ring)
{
	(void)ring;
}

static void *world_memory(int *fd, size_t bytes)
{
	void *memory;

	*fd = memfd_create("guideway-test", MFD_CLOEXEC);
	assert_true(*fd >= 0);
	assert_int_equal(ftruncate(*fd, (off_t)bytes), 0);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

/* As what backends_map() makes: datapath_close() unmaps it. */
static void *world_array(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static struct datapath *world_create(uint32_t tcp_idle_s, uint32_t udp_idle_s)
{
	struct datapath *datapath = calloc(1, sizeof(*datapath));

	assert_non_null(datapath);
	*datapath = (struct datapath){
		.skeleton = calloc(1, sizeof(struct guideway_bpf)),
		.lock_fd = -1,
		.map_set = MAP_SET_NONE,
		.old_map_set = MAP_SET_NONE,
		.cpu_count = 1,
		.backends = world_array(GW_BACKEND_MAX * sizeof(struct gw_backend)),
		.next_hops = world_array(GW_NEXT_HOP_MAX * sizeof(struct gw_next_hop)),
		.service_ids = ids_create(GW_SERVICE_MAX, NULL, NULL),
		.backend_ids = ids_create(WORLD_BACKEND_IDS, tending_purge, datapath),
		.next_hop_ids = ids_create(GW_NEXT_HOP_MAX, NULL, NULL),
		.regions = regions_create(WORLD_SLOTS),
		.slot_max = WORLD_SLOTS,
		.next_hop_users = calloc(GW_NEXT_HOP_MAX, sizeof(uint32_t)),
		.backend_links = calloc(GW_BACKEND_MAX, sizeof(struct backend_link)),
		.slot_counts = calloc(GW_BACKEND_MAX, sizeof(uint32_t)),
		.flow_bucket_count = WORLD_BUCKETS,
		.tcp_idle_s = tcp_idle_s,
		.udp_idle_s = udp_idle_s,
	};
	for (struct bpf_map **map = (struct bpf_map **)&datapath->skeleton->maps;
	     map < (struct bpf_map **)(&datapath->skeleton->maps + 1); map++)
		*map = world_map(WORLD_MAP_OTHER);
	datapath->skeleton->maps.slots = world_map(WORLD_MAP_SLOTS);
	datapath->skeleton->maps.flows = world_map(WORLD_MAP_FLOWS);
	datapath->skeleton->maps.services4 = world_map(WORLD_MAP_SERVICES);
	*here = (struct world){ .backends = datapath->backends };
	here->slots =
		world_memory(&here->fds[WORLD_MAP_SLOTS], WORLD_SLOTS * sizeof(struct gw_slot));
	here->flows = world_memory(&here->fds[WORLD_MAP_FLOWS],
				   WORLD_BUCKETS * sizeof(struct gw_flow_bucket));
	config.flow_bucket_mask = WORLD_BUCKETS - 1;
	config.tcp_idle = tcp_idle_s >> GW_FLOW_TIME_SHIFT;
	config.udp_idle = udp_idle_s >> GW_FLOW_TIME_SHIFT;
	return datapath;
}

static void world_destroy(struct datapath *datapath)
{
	datapath_close(datapath);
	munmap(here->slots, WORLD_SLOTS * sizeof(struct gw_slot));
	munmap(here->flows, WORLD_BUCKETS * sizeof(struct gw_flow_bucket));
	close(here->fds[WORLD_MAP_SLOTS]);
	close(here->fds[WORLD_MAP_FLOWS]);
}

static struct service_key world_key(uint8_t protocol)
{
	struct service_key key = { .port = 80,
				   .protocol =
					   protocol == IPPROTO_UDP ? PROTOCOL_UDP : PROTOCOL_TCP };

	assert_int_equal(address_parse("192.0.2.1", &key.vip, NULL), 0);
	return key;
}

/*
 * What the model would hand down: backends by their port, from 1 to count; with affinity unless
 * affinity_s is 0.
 */
static void world_set_service(struct datapath *datapath, uint8_t protocol, const bool *exists,
			      const uint32_t *weights, uint16_t count, uint32_t affinity_s)
{
	const struct service_key key = world_key(protocol);
	struct service *service = service_create(&key, "default", "web", "", count, 0);
	struct error error = { 0 };
	struct address address;

	assert_non_null(service);
	assert_int_equal(address_parse("10.0.0.1", &address, NULL), 0);
	service->mode = FORWARDING_MODE_L2;
	service->affinity = affinity_s > 0;
	service->affinity_timeout_s = affinity_s;
	service->backend_count = 0;
	for (uint16_t i = 1; i <= count; i++)
		if (exists[i])
			service->backends[service->backend_count++] =
				(struct backend){ address, i, weights[i], BACKEND_READY };
	if (datapath_set_service(datapath, service, &error) < 0)
		fail_msg("%s", error.text);
	service_unref(service);
}

/* splitmix64 */
static uint64_t world_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* The port of the backend that the packet goes to; 0 when none gets it. */
static uint16_t world_way(const struct packet *packet, uint64_t hash)
{
	uint32_t backend = GW_NONE;

	if (here->service.slot_count == 0)
		return 0;
	if (flow_backend(packet, &here->service, hash, &backend) != UNDECIDED || backend == GW_NONE)
		return 0;
	return bpf_ntohs(here->backends[backend].port);
}

/* The way of a packet of the client's flow with this hash. */
static uint16_t world_packet(uint64_t hash, uint32_t client, uint8_t protocol, uint8_t tcp_flags)
{
	const struct packet packet = { .protocol = protocol,
				       .src = world_client(client),
				       .tcp_flags = tcp_flags,
				       .is_plain = true };

	return world_way(&packet, hash);
}

/* The way that a packet of a flow would go that has begun: nothing remembers it. */
static inline uint16_t world_look(uint64_t hash, uint8_t protocol)
{
	const struct packet packet = {
		.protocol = protocol, .src = world_client(0), .is_plain = true, .is_error = true
	};

	return world_way(&packet, hash);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - the real program with small maps, and what the agent would write into
 * them: a VIP of each family with TCP 80 and UDP 53, one backend behind each.
 *
 * Loading takes more than a second, so a program is kept for the next test that wants the
 * same configuration, and finds the maps empty.
 */
#ifndef TESTS_BPF_WORLD_H
#define TESTS_BPF_WORLD_H

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <guideway/address_filter.h>

#include "frame.h"
#include "guideway.skel.h"

#define VIP4 "192.0.2.1"
#define VIP6 "2001:db8:1::1"
#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:2::7"
#define BACKEND4 "10.1.0.1"
#define BACKEND6 "fd00:1::1"
#define GATEWAY4 "10.1.0.254"
#define GATEWAY6 "fd00:1::fe"
#define ENCAP4 "10.255.0.0" /* sources of encapsulated packets: the flow fills the zeros */
#define ENCAP6 "fd00:ffff::"

#define CLIENT_MAC                                                                                 \
	{                                                                                          \
		{                                                                                  \
			2, 0, 0, 0, 0, 0xc1                                                        \
		}                                                                                  \
	}
#define GATEWAY_MAC                                                                                \
	{                                                                                          \
		{                                                                                  \
			2, 0, 0, 0, 0, 0xa1                                                        \
		}                                                                                  \
	} /* on the client's side */
#define EGRESS_MAC                                                                                 \
	{                                                                                          \
		{                                                                                  \
			2, 0, 0, 0, 0, 0xa2                                                        \
		}                                                                                  \
	} /* on the backends' side */
#define BACKEND_MAC                                                                                \
	{                                                                                          \
		{                                                                                  \
			2, 0, 0, 0, 0, 0xb1                                                        \
		}                                                                                  \
	}

enum {
	INGRESS = 1,   /* lo: where every packet of a test run arrives */
	EGRESS = 4242, /* the backends' device */
	NAT_PORT = 20000,
	SLOTS = 7, /* of each service */
	NEXT_HOP4 = 1,
	NEXT_HOP6 = 2,
	LRU_ENTRIES = 4096, /* of each table of flows */
	FLOW_BUCKETS = 64,
};

/* Also the number of the service's one backend. 0 is nobody's. */
enum service_id {
	SERVICE_TCP4 = 1,
	SERVICE_UDP4,
	SERVICE_TCP6,
	SERVICE_UDP6,
};

static struct guideway_bpf *world;

/* The device where frames arrive; 0: the kernel's choice, lo. */
static uint32_t world_ingress;

/* What it was loaded with. */
static struct gw_config world_config_loaded;
static uint32_t world_lru_entries;

/* The group's teardown. */
static int world_close(void **state)
{
	(void)state;
	guideway_bpf__destroy(world);
	world = NULL;
	return 0;
}

static inline void map_set(const struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

/* As the agent does: the filter's cell has the flags of all that meet there. */
static inline void set_address(const char *text, uint32_t flags)
{
	static struct gw_address_filter filter;
	struct gw_addr addr = address(text);
	uint32_t first = 0;

	map_set(world->maps.addresses, &addr, &flags);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(world->maps.address_filter), &first, &filter), 0);
	filter.flags[gw_filter_cell(&addr)] |= flags;
	map_set(world->maps.address_filter, &first, &filter);
}

static inline struct gw_socket4 socket4(const char *text, uint8_t protocol, uint16_t port)
{
	return (struct gw_socket4){ .address = address(text).word[3],
				    .port = htons(port),
				    .protocol = protocol };
}

static inline struct gw_socket socket6(const char *text, uint8_t protocol, uint16_t port)
{
	return (struct gw_socket){ .address = address(text),
				   .port = htons(port),
				   .protocol = protocol };
}

static inline void set_service(const char *vip, uint8_t protocol, uint16_t port,
			       const struct gw_service *service)
{
	const struct gw_socket4 key4 = socket4(vip, protocol, port);
	const struct gw_socket key6 = socket6(vip, protocol, port);

	if (text_is_ip6(vip))
		map_set(world->maps.services6, &key6, service);
	else
		map_set(world->maps.services4, &key4, service);
}

/* owner: with GW_SLOT_TRACK or without */
static inline void set_slot(uint32_t index, uint32_t owner)
{
	uint32_t pack_index = index / GW_SLOTS_PACKED;
	struct gw_slot_pack pack;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world->maps.slots), &pack_index, &pack),
			 0);
	pack.slot[index % GW_SLOTS_PACKED].owner = owner;
	map_set(world->maps.slots, &pack_index, &pack);
}

static inline void set_slots(uint32_t service, uint32_t backend)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		set_slot(service * SLOTS + i, backend);
	}
}

static inline void set_backend(uint32_t id, const char *text, uint16_t port, uint32_t next_hop)
{
	struct gw_backend backend = { .address = address(text),
				      .port = htons(port),
				      .flags = text_is_ip6(text) ? 0 : GW_BACKEND_IPV4,
				      .service = id,
				      .next_hop = next_hop };

	map_set(world->maps.backends, &id, &backend);
}

/* gateway: 0 for IPv4, 1 for IPv6, others are a test's own */
static inline struct gw_next_hop next_hop_to_backend(uint16_t gateway)
{
	return (struct gw_next_hop){ .dst_mac = { 2, 0, 0, 0, 0, 0xb1 },
				     .flags = GW_NEXT_HOP_RESOLVED,
				     .src_mac = { 2, 0, 0, 0, 0, 0xa2 },
				     .ifindex = EGRESS,
				     .mtu = 1500,
				     .gateway_first = gateway,
				     .gateway_count = 1,
				     .encap_source = address(gateway == 1 ? ENCAP6 : ENCAP4) };
}

static inline void set_next_hop(uint32_t id, struct gw_next_hop hop)
{
	map_set(world->maps.next_hops, &id, &hop);
}

static inline void set_gateway(uint32_t index, const char *text)
{
	struct gw_addr addr = address(text);

	map_set(world->maps.gateways, &index, &addr);
	set_address(text, GW_ADDRESS_GATEWAY);
}

static inline struct gw_service service_in_mode(uint32_t id, enum gw_mode mode)
{
	return (struct gw_service){
		.id = id,
		.slot_offset = id * SLOTS,
		.slot_count = SLOTS,
		.base_offset = id * SLOTS,
		.base_count = SLOTS,
		.mode = mode,
	};
}

static inline void world_furnish_service(uint32_t id, const char *vip, uint8_t protocol,
					 uint16_t port)
{
	const struct gw_service service = service_in_mode(id, GW_MODE_SNAT);
	bool is_ip6 = text_is_ip6(vip);

	set_service(vip, protocol, port, &service);
	set_slots(id, id);
	set_backend(id, is_ip6 ? BACKEND6 : BACKEND4, 8080, is_ip6 ? NEXT_HOP6 : NEXT_HOP4);
}

static inline void world_furnish(void)
{
	set_address(VIP4, GW_ADDRESS_VIP);
	set_address(VIP6, GW_ADDRESS_VIP);
	world_furnish_service(SERVICE_TCP4, VIP4, IPPROTO_TCP, 80);
	world_furnish_service(SERVICE_UDP4, VIP4, IPPROTO_UDP, 53);
	world_furnish_service(SERVICE_TCP6, VIP6, IPPROTO_TCP, 80);
	world_furnish_service(SERVICE_UDP6, VIP6, IPPROTO_UDP, 53);
	set_next_hop(NEXT_HOP4, next_hop_to_backend(0));
	set_next_hop(NEXT_HOP6, next_hop_to_backend(1));
	set_gateway(0, GATEWAY4);
	set_gateway(1, GATEWAY6);
}

/* Those that take memory before anything is in them. */
static inline void world_shrink_maps(uint32_t lru_entries)
{
	struct bpf_map *const lru[] = { world->maps.nat4,
					world->maps.nat6,
					world->maps.nat_unconfirmed4,
					world->maps.nat_unconfirmed6,
					world->maps.affinities,
					world->maps.fragments };
	struct bpf_map *const arrays[] = { world->maps.slots,           world->maps.backends,
					   world->maps.backend_traffic, world->maps.next_hops,
					   world->maps.flow_limits,     world->maps.service_drops,
					   world->maps.service_past,    world->maps.flows };

	for (size_t i = 0; i < sizeof(lru) / sizeof(lru[0]); i++)
		bpf_map__set_max_entries(lru[i], lru_entries);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		bpf_map__set_max_entries(arrays[i], 64);
}

static inline void world_map_arrays(void)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, world->obj) if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY &&
						      !bpf_map__is_internal(map))
		bpf_map__set_map_flags(map, BPF_F_MMAPABLE);
}

static inline struct gw_config world_config(void)
{
	struct gw_config config = { .nat_port_first = NAT_PORT,
				    .nat_port_count = 1,
				    .answers_per_second = 1000,
				    .answer_neighbours = 1,
				    .encap_mask = { htonl(0xffffffff), htonl(0xffff) },
				    .flow_bucket_mask = FLOW_BUCKETS - 1,
				    .tcp_idle = 225,
				    .udp_idle = 15 };

	for (int i = 0; i < GW_HASH_KEY_WORDS; i++)
		config.hash_key[i] = 0x9e3779b97f4a7c15ULL * (i + 1);
	return config;
}

static inline void map_clear_hash(const struct bpf_map *map)
{
	int fd = bpf_map__fd(map);
	uint8_t key[256];

	assert_true(bpf_map__key_size(map) <= sizeof(key));
	while (!bpf_map_get_next_key(fd, NULL, key))
		assert_int_equal(bpf_map_delete_elem(fd, key), 0);
}

/* An array's memory: world_load() has made it mmapable. A store is cheaper than a system call. */
static inline void *map_memory(const struct bpf_map *map, size_t *ret_bytes)
{
	size_t value_bytes = (bpf_map__value_size(map) + 7) / 8 * 8;
	size_t bytes = bpf_map__max_entries(map) * value_bytes;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	*ret_bytes = bytes;
	return memory;
}

static inline void map_clear_array(const struct bpf_map *map)
{
	size_t bytes;
	void *memory = map_memory(map, &bytes);

	memset(memory, 0, bytes);
	munmap(memory, bytes);
}

static inline void map_clear_per_cpu(const struct bpf_map *map)
{
	size_t value_bytes = (bpf_map__value_size(map) + 7) / 8 * 8;
	void *values = calloc(libbpf_num_possible_cpus(), value_bytes);

	assert_non_null(values);
	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++)
		map_set(map, &i, values);
	free(values);
}

static inline void map_clear(const struct bpf_map *map)
{
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_PROG_ARRAY:
		break;
	case BPF_MAP_TYPE_ARRAY:
		map_clear_array(map);
		break;
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		map_clear_per_cpu(map);
		break;
	default:
		map_clear_hash(map);
	}
}

static inline void world_clear(void)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, world->obj) if (!bpf_map__is_internal(map)) map_clear(map);
}

/* Skips the test where the kernel does not let us load the program. */
static inline void world_load(const struct gw_config *config, uint32_t lru_entries)
{
	int r;

	(void)world_close(NULL);
	world = guideway_bpf__open();
	assert_non_null(world);
	world_shrink_maps(lru_entries);
	world_map_arrays();
	memcpy((void *)&world->rodata->config, config, sizeof(*config));
	r = guideway_bpf__load(world);
	if (r == -EPERM) {
		(void)world_close(NULL);
		print_message("# needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN\n");
		skip();
	}
	assert_int_equal(r, 0);
	world_config_loaded = *config;
	world_lru_entries = lru_entries;
}

static inline void world_open_with(struct gw_config config, uint32_t lru_entries)
{
	cpu_set_t one_cpu;

	frame_case = "";
	world_ingress = 0;
	/* Per-CPU state such as the token bucket must be one. */
	CPU_ZERO(&one_cpu);
	CPU_SET(sched_getcpu(), &one_cpu);
	sched_setaffinity(0, sizeof(one_cpu), &one_cpu);

	if (world && lru_entries == world_lru_entries &&
	    !memcmp(&config, &world_config_loaded, sizeof(config)))
		world_clear();
	else
		world_load(&config, lru_entries);
	world_furnish();
}

static inline void world_open(void)
{
	world_open_with(world_config(), LRU_ENTRIES);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - the real program with small maps, and what the agent would write into
 * them: a VIP of each family with TCP 80 and UDP 53, one backend behind each.
 *
 * Every packet that is run is watched: its verdict is the one counter that
 * moved, by one packet and its bytes; what passes must pass as it came.
 */
#ifndef TESTS_BPF_WORLD_H
#define TESTS_BPF_WORLD_H

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <guideway/address_filter.h>

#include "frame.h"
#include "guideway.skel.h"

#define TEST(name) cmocka_unit_test_teardown(name, world_close)

#define VIP4 "192.0.2.1"
#define VIP6 "2001:db8:1::1"
#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:2::7"
#define BACKEND4 "10.1.0.1"
#define BACKEND6 "fd00:1::1"
#define GATEWAY4 "10.1.0.254"
#define GATEWAY6 "fd00:1::fe"

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
	CPU_MAX = 1024,
	NEXT_HOP4 = 1,
	NEXT_HOP6 = 2,
	LRU_ENTRIES = 4096, /* of each table of flows */
};

/* Also the number of the service's one backend. 0 is nobody's. */
enum service_id {
	SERVICE_TCP4 = 1,
	SERVICE_UDP4,
	SERVICE_TCP6,
	SERVICE_UDP6,
};

static struct guideway_bpf *world;

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

static inline void set_slots(enum service_id service, uint32_t backend)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct gw_slot slot = { backend, backend };
		uint32_t index = service * SLOTS + i;

		map_set(world->maps.slots, &index, &slot);
	}
}

static inline void set_backend(enum service_id id, const char *text, uint16_t port,
			       uint32_t next_hop)
{
	struct gw_backend backend = { .address = address(text),
				      .port = htons(port),
				      .flags = text_is_ip6(text) ? 0 : GW_BACKEND_IPV4,
				      .service = id,
				      .next_hop = next_hop };
	uint32_t index = id;

	map_set(world->maps.backends, &index, &backend);
}

static inline struct gw_next_hop next_hop_to_backend(uint16_t gateway)
{
	return (struct gw_next_hop){ .dst_mac = { 2, 0, 0, 0, 0, 0xb1 },
				     .flags = GW_NEXT_HOP_RESOLVED,
				     .src_mac = { 2, 0, 0, 0, 0, 0xa2 },
				     .ifindex = EGRESS,
				     .mtu = 1500,
				     .gateway_first = gateway,
				     .gateway_count = 1 };
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

static inline struct gw_service service_in_mode(enum service_id id, enum gw_mode mode)
{
	return (struct gw_service){
		.id = id, .slot_offset = id * SLOTS, .slot_count = SLOTS, .mode = mode
	};
}

static inline void world_furnish_service(enum service_id id, const char *vip, uint8_t protocol,
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
					   world->maps.service_past };

	for (size_t i = 0; i < sizeof(lru) / sizeof(lru[0]); i++)
		bpf_map__set_max_entries(lru[i], lru_entries);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		bpf_map__set_max_entries(arrays[i], 64);
}

static inline struct gw_config world_config(void)
{
	struct gw_config config = { .nat_port_first = NAT_PORT,
				    .nat_port_count = 1,
				    .answers_per_second = 1000,
				    .answer_neighbours = 1 };

	for (int i = 0; i < GW_HASH_KEY_WORDS; i++)
		config.hash_key[i] = 0x9e3779b97f4a7c15ULL * (i + 1);
	return config;
}

/* Skips the test where the kernel does not let us load the program. */
static inline void world_open_with(struct gw_config config, uint32_t lru_entries)
{
	cpu_set_t one_cpu;
	int r;

	/* Per-CPU state such as the token bucket must be one. */
	CPU_ZERO(&one_cpu);
	CPU_SET(sched_getcpu(), &one_cpu);
	sched_setaffinity(0, sizeof(one_cpu), &one_cpu);

	world = guideway_bpf__open();
	assert_non_null(world);
	world_shrink_maps(lru_entries);
	memcpy((void *)&world->rodata->config, &config, sizeof(config));
	r = guideway_bpf__load(world);
	if (r == -EPERM) {
		print_message("# needs root, or CAP_BPF and CAP_NET_ADMIN\n");
		skip();
	}
	assert_int_equal(r, 0);
	world_furnish();
}

static inline void world_open(void)
{
	world_open_with(world_config(), LRU_ENTRIES);
}

static inline struct gw_counter verdict_counter(uint32_t verdict)
{
	struct gw_counter per_cpu[CPU_MAX] = {}, sum = {};

	assert_true(libbpf_num_possible_cpus() <= CPU_MAX);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world->maps.verdicts), &verdict, per_cpu),
			 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		sum.packets += per_cpu[cpu].packets;
		sum.bytes += per_cpu[cpu].bytes;
	}
	return sum;
}

/* Of the service's one backend. */
static inline struct gw_traffic traffic_of(enum service_id service)
{
	struct gw_traffic per_cpu[CPU_MAX] = {}, sum = {};
	uint32_t index = service;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(world->maps.backend_traffic), &index, per_cpu), 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		sum.packets += per_cpu[cpu].packets;
		sum.bytes += per_cpu[cpu].bytes;
		sum.flows += per_cpu[cpu].flows;
		sum.reply_packets += per_cpu[cpu].reply_packets;
		sum.reply_bytes += per_cpu[cpu].reply_bytes;
	}
	return sum;
}

static inline const char *verdict_name(uint32_t verdict)
{
	static const char *const names[] = {
#define X(name, text, action, help) text,
		GW_VERDICTS(X)
#undef X
	};

	return verdict < GW_VERDICT_COUNT ? names[verdict] : "none";
}

/* The one verdict that was counted between the two readings. */
static inline uint32_t verdict_between(const struct gw_counter *before, uint64_t bytes)
{
	uint32_t found = GW_VERDICT_COUNT;

	for (uint32_t verdict = 0; verdict < GW_VERDICT_COUNT; verdict++) {
		struct gw_counter after = verdict_counter(verdict);

		if (after.packets == before[verdict].packets)
			continue;
		assert_int_equal(found, GW_VERDICT_COUNT);
		assert_int_equal(after.packets, before[verdict].packets + 1);
		assert_int_equal(after.bytes, before[verdict].bytes + bytes);
		found = verdict;
	}
	return found;
}

static inline int xdp_of(uint32_t verdict, int sends)
{
	enum { PASS, DROP, SEND };
	static const uint8_t actions[] = {
#define X(name, text, action, help) action,
		GW_VERDICTS(X)
#undef X
	};

	switch (actions[verdict]) {
	case PASS:
		return XDP_PASS;
	case DROP:
		return XDP_DROP;
	default:
		return sends;
	}
}

/* Runs the program on in. Returns the XDP action, and in *ret_verdict its reason. */
static inline int run_raw(const struct frame *in, struct frame *out, uint32_t *ret_verdict)
{
	struct gw_counter before[GW_VERDICT_COUNT];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = out->bytes, .data_size_out = sizeof(out->bytes), .repeat = 1);

	for (uint32_t verdict = 0; verdict < GW_VERDICT_COUNT; verdict++)
		before[verdict] = verdict_counter(verdict);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(world->progs.guideway), &opts), 0);
	out->size = opts.data_size_out;
	*ret_verdict = verdict_between(before, in->size);
	if (opts.retval == XDP_PASS)
		assert_frame_equal(out, in);
	return opts.retval;
}

/* Runs it and expects the verdict; what is sent leaves as sends: XDP_TX or XDP_REDIRECT. */
static inline struct frame run_frame(const struct frame *in, uint32_t expected, int sends)
{
	struct frame out = {};
	uint32_t verdict;
	int action = run_raw(in, &out, &verdict);

	if (verdict != expected)
		fail_msg("verdict %s, expected %s", verdict_name(verdict), verdict_name(expected));
	assert_int_equal(action, xdp_of(verdict, sends));
	return out;
}

static inline struct frame run(const struct packet_spec *spec, uint32_t expected, int sends)
{
	struct frame in = frame_build(spec);

	return run_frame(&in, expected, sends);
}

/* A packet that gets no answer. */
static inline void run_to_end(const struct packet_spec *spec, uint32_t expected)
{
	(void)run(spec, expected, XDP_ABORTED);
}

static inline void run_and_expect(const struct packet_spec *spec, uint32_t verdict, int sends,
				  const struct packet_spec *expected)
{
	struct frame out = run(spec, verdict, sends), wanted = frame_build(expected);

	assert_frame_equal(&out, &wanted);
}

/* From the client to the VIP, as they are in the world; the fields may be changed. */
static inline struct packet_spec request4(uint8_t protocol)
{
	return (struct packet_spec){ .src_mac = CLIENT_MAC,
				     .dst_mac = GATEWAY_MAC,
				     .src = CLIENT4,
				     .dst = VIP4,
				     .src_port = 33333,
				     .dst_port = protocol == IPPROTO_TCP ? 80 : 53,
				     .protocol = protocol,
				     .tcp_flags = SYN,
				     .seq = 0x01020304,
				     .payload_bytes = 11 };
}

static inline struct packet_spec request6(uint8_t protocol)
{
	struct packet_spec spec = request4(protocol);

	spec.src = CLIENT6;
	spec.dst = VIP6;
	return spec;
}

/* What a request looks like when it leaves for the backend. */
static inline struct packet_spec forwarded(struct packet_spec spec)
{
	bool is_ip6 = spec_is_ip6(&spec);

	spec.src_mac = (struct mac_address)EGRESS_MAC;
	spec.dst_mac = (struct mac_address)BACKEND_MAC;
	memset(spec.vlan, 0, sizeof(spec.vlan));
	spec.src = is_ip6 ? GATEWAY6 : GATEWAY4;
	spec.dst = is_ip6 ? BACKEND6 : BACKEND4;
	spec.src_port = NAT_PORT;
	spec.dst_port = 8080;
	spec.ttl = (spec.ttl ? spec.ttl : 64) - 1;
	return spec;
}

/* The backend's answer to it, as it arrives at the gateway. */
static inline struct packet_spec reply_to(struct packet_spec spec)
{
	struct packet_spec reply = forwarded(spec);
	const char *src = reply.src;
	uint16_t src_port = reply.src_port;

	reply.src_mac = (struct mac_address)BACKEND_MAC;
	reply.dst_mac = (struct mac_address)EGRESS_MAC;
	reply.src = reply.dst;
	reply.dst = src;
	reply.src_port = reply.dst_port;
	reply.dst_port = src_port;
	reply.ttl = 64;
	reply.tcp_flags = SYN | ACK;
	reply.payload_bytes = 23;
	return reply;
}

/* And as it leaves for the client of the request. */
static inline struct packet_spec replied(struct packet_spec reply, struct packet_spec request)
{
	reply.src_mac = request.dst_mac;
	reply.dst_mac = request.src_mac;
	memcpy(reply.vlan, request.vlan, sizeof(reply.vlan));
	reply.src = request.dst;
	reply.dst = request.src;
	reply.src_port = request.dst_port;
	reply.dst_port = request.src_port;
	reply.ttl--;
	return reply;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tables.h - what the agent would have written, and the kernel's routes: the model's input,
 * in plain arrays.
 */
#ifndef TESTS_BPF_REFERENCE_TABLES_H
#define TESTS_BPF_REFERENCE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include <guideway/abi.h>

/* Of arrays, here and of the kernel's maps. */
enum {
	TABLE_SLOTS = 4096,
	TABLE_BACKENDS = 1024,
	TABLE_NEXT_HOPS = 64,
	TABLE_SERVICES = 512,
	TABLE_ADDRESSES = 1024,
	TABLE_GATEWAYS = 16,
	TABLE_DEVICES = 8,
	TABLE_REPLIES = 512,
	TABLE_SOURCES = 32,
	TABLE_ROUTES = 32,
	TABLE_NEIGHBOURS = 64,
	TABLE_AFFINITIES = 256,
	TABLE_RECORDS = 4096,
	TABLE_FLOW_BUCKETS = 1024, /* a power of two */
};

struct address_row {
	struct gw_addr address;
	uint32_t flags;
};

struct service_row {
	struct gw_socket socket;
	struct gw_service service;
	bool is_ipv6;
};

struct device_row {
	uint32_t ifindex;
	struct gw_device device;
	bool is_ours;       /* in the map devices */
	bool forwards;      /* the kernel routes what arrives there */
	uint8_t address[6]; /* of the device */
};

struct reply_row {
	struct gw_socket socket;
	struct gw_reply reply;
	bool is_ipv6;
};

struct source_row {
	uint32_t set;
	struct gw_addr prefix;
	uint32_t bits; /* of 128 */
};

enum route_kind {
	ROUTE_TO_DEVICE,
	ROUTE_REFUSED, /* unreachable, blackhole, prohibit */
};

struct route_row {
	struct gw_addr prefix;
	uint32_t bits; /* of 128 */
	enum route_kind kind;
	const char *word; /* for ip route: "unreachable", ... */
	uint32_t ifindex;
	uint32_t mtu; /* 0: that of the device, which nothing is larger than */
};

struct neighbour_row {
	struct gw_addr address;
	uint32_t ifindex;
	uint8_t mac[6];
};

struct affinity_row {
	struct gw_affinity_key key;
	uint32_t backend;
	uint32_t age_s; /* at the start */
};

/* A flow that is recorded from the start; at most one row a flow, and the last in a place holds. */
struct record_row {
	uint32_t bucket, way;
	uint32_t tag, backend;
	uint32_t state; /* enum gw_flow_state */
	uint32_t age;   /* in units of the table's time */
};

struct tables {
	struct gw_config config;
	struct address_row addresses[TABLE_ADDRESSES];
	struct service_row services[TABLE_SERVICES];
	struct gw_slot slots[TABLE_SLOTS];
	struct gw_backend backends[TABLE_BACKENDS];
	struct gw_next_hop next_hops[TABLE_NEXT_HOPS];
	struct gw_addr gateways[TABLE_GATEWAYS];
	struct device_row devices[TABLE_DEVICES];
	struct reply_row replies[TABLE_REPLIES];
	struct source_row sources[TABLE_SOURCES];
	struct route_row routes[TABLE_ROUTES];
	struct neighbour_row neighbours[TABLE_NEIGHBOURS];
	struct affinity_row affinities[TABLE_AFFINITIES];
	struct record_row records[TABLE_RECORDS];
	uint32_t address_count, service_count, slot_count, backend_count, next_hop_count,
		gateway_count, device_count, reply_count, source_count, route_count,
		neighbour_count, affinity_count, record_count;
};

/* Lookups. 0 or NULL: there is none. */
uint32_t tables_address_flags(const struct tables *tables, const struct gw_addr *address);
const struct gw_service *tables_service(const struct tables *tables, bool is_ipv6,
					const struct gw_socket *socket);
const struct gw_reply *tables_reply(const struct tables *tables, bool is_ipv6,
				    const struct gw_socket *socket);
const struct gw_device *tables_device(const struct tables *tables, uint32_t ifindex);
const struct gw_backend *tables_backend(const struct tables *tables, uint32_t id);
/* NULL also when its MAC address is not known. */
const struct gw_next_hop *tables_next_hop(const struct tables *tables, uint32_t id);
bool tables_source_is_in(const struct tables *tables, uint32_t set, const struct gw_addr *source);

/* What the kernel says about a packet that arrives on one device and goes to dst. */
enum route_result {
	ROUTE_FOUND,   /* and the neighbour's MAC address is known */
	ROUTE_PASSED,  /* the kernel's to deliver, to resolve or to refuse */
	ROUTE_TOO_BIG, /* *ret_mtu is set */
	ROUTE_NONE,
};

struct route {
	uint32_t ifindex;
	uint32_t mtu;
	uint8_t dst_mac[6], src_mac[6];
};

enum route_result tables_route(const struct tables *tables, uint32_t ingress,
			       const struct gw_addr *dst, uint32_t ip_bytes,
			       struct route *ret_route);

static inline bool addresses_equal(const struct gw_addr *a, const struct gw_addr *b)
{
	return a->word[3] == b->word[3] && a->word[2] == b->word[2] && a->word[1] == b->word[1] &&
	       a->word[0] == b->word[0];
}

bool address_is_in(const struct gw_addr *address, const struct gw_addr *prefix, uint32_t bits);

#endif

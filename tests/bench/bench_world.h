/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_world.h - a datapath for the bench, filled through its public interface: services
 * in one forwarding mode, in a network namespace of our own. Everything arrives at one
 * device and leaves there again.
 */
#ifndef TESTS_BENCH_WORLD_H
#define TESTS_BENCH_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/internal.h"
#include "lib/error.h"

#define BACKENDS_OF_ONE 100 /* of the service when there is one */
#define BACKENDS_OF_MANY 2  /* of each when there are thousands */
#define BACKEND_PORT 8080
#define TCP_PORT 80
#define UDP_PORT 53
#define EMPTY_PORT 81    /* a service without endpoints */
#define UNSERVED_PORT 82 /* no service */
#define GATEWAY_COUNT 4

/* First addresses; those that follow are counted up. IPv4 in 198.18/15 and so on is nobody's. */
#define VIP4 "198.18.0.1"
#define VIP6 "2001:db8:1::1"
#define CLIENT4 "100.64.0.1"
#define CLIENT6 "2001:db8:2::1"
#define BACKEND4 "10.1.0.1"
#define BACKEND6 "fd00:1::1"
#define GATEWAY4 "10.0.0.1"
#define GATEWAY6 "fd00::1"
#define FOREIGN4 "203.0.113.1"
#define FOREIGN6 "2001:db8:3::1"

/* A bridge without ports: the device with a MAC address that the tests' kernels have anyway. */
#define DEVICE "bench0"
#define DEVICE_MAC "02:00:00:00:00:a1"
#define CLIENT_MAC "02:00:00:00:00:c1"

struct world {
	struct datapath *datapath;
	enum forwarding_mode mode;
	bool is_changing;  /* all slots got another owner, and the old ones have their flows */
	uint32_t services; /* of each family and protocol, each on a VIP of its own */
};

static inline struct address address_at(const char *first, uint32_t index)
{
	struct address address = { { 0 } };
	uint32_t last;

	(void)address_parse(first, &address, NULL);
	memcpy(&last, address.bytes + 12, sizeof(last));
	last = htonl(ntohl(last) + index);
	memcpy(address.bytes + 12, &last, sizeof(last));
	return address;
}

/* Host order. */
static inline uint32_t address_last_word(const struct address *address)
{
	uint32_t last;

	memcpy(&last, address->bytes + 12, sizeof(last));
	return ntohl(last);
}

static inline const char *pick(bool is_ipv6, const char *ipv4, const char *ipv6)
{
	return is_ipv6 ? ipv6 : ipv4;
}

static inline int world_set_next_hop(struct world *world, const struct address *backend,
				     struct error *error)
{
	const struct next_hop hop = {
		.state = NEXT_HOP_RESOLVED,
		.ifindex = if_nametoindex(DEVICE),
		.mtu = 1500,
		.src_mac = { 2, 0, 0, 0, 0, 0xa1 },
		.dst_mac = { 2, 0, 0, 1, backend->bytes[14], backend->bytes[15] },
		.neighbour = *backend,
	};

	return datapath_set_next_hop(world->datapath, backend, &hop, error);
}

/* drained_count: of the backends, so many keep their flows and get no new ones. */
static inline int world_set_service(struct world *world, const struct service_key *key,
				    uint32_t first_backend, size_t backend_count,
				    size_t drained_count, struct error *error)
{
	struct service *service = service_create(key, "bench", "bench", "", backend_count, 0);
	bool is_ipv6 = !address_is_ipv4(&key->vip);
	int r = datapath_add_vip(world->datapath, &key->vip, error);

	if (!service)
		return error_set(error, -ENOMEM, "no memory for a service");
	service->mode = world->mode;
	for (size_t i = 0; r == 0 && i < backend_count; i++) {
		service->backends[i].address =
			address_at(pick(is_ipv6, BACKEND4, BACKEND6), first_backend + (uint32_t)i);
		service->backends[i].port =
			forwarding_mode_keeps_port(world->mode) ? key->port : BACKEND_PORT;
		service->backends[i].weight = i >= drained_count;
		service->backends[i].state = i >= drained_count ? BACKEND_READY : BACKEND_DRAINED;
		r = world_set_next_hop(world, &service->backends[i].address, error);
	}
	if (r == 0)
		r = datapath_set_service(world->datapath, service, error);
	service_unref(service);
	return r;
}

/* As many backends again take the place of the first, which are drained. */
static inline int world_set_in_turn(struct world *world, const struct service_key *key,
				    uint32_t first_backend, size_t backend_count,
				    struct error *error)
{
	int r = world_set_service(world, key, first_backend, backend_count, 0, error);

	if (r < 0 || !world->is_changing)
		return r;
	return world_set_service(world, key, first_backend, 2 * backend_count, backend_count,
				 error);
}

static inline int world_set_services_of(struct world *world, bool is_ipv6, struct error *error)
{
	size_t backends = world->services > 1 ? BACKENDS_OF_MANY : BACKENDS_OF_ONE;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < world->services; i++) {
		struct service_key key = { .vip = address_at(pick(is_ipv6, VIP4, VIP6), i),
					   .port = TCP_PORT,
					   .protocol = PROTOCOL_TCP };

		r = world_set_in_turn(world, &key, i * BACKENDS_OF_MANY, backends, error);
		if (r < 0 || world->services > 1)
			continue;
		key.port = EMPTY_PORT;
		r = world_set_service(world, &key, 0, 0, 0, error);
		key.port = UDP_PORT;
		key.protocol = PROTOCOL_UDP;
		if (r == 0)
			r = world_set_in_turn(world, &key, 0, backends, error);
	}
	return r;
}

static inline int world_fill(struct world *world, struct error *error)
{
	struct address gateways[2 * GATEWAY_COUNT];
	int r;

	for (uint32_t i = 0; i < GATEWAY_COUNT; i++) {
		gateways[i] = address_at(GATEWAY4, i);
		gateways[GATEWAY_COUNT + i] = address_at(GATEWAY6, i);
	}
	r = datapath_set_gateway_addresses(world->datapath, gateways, 2 * GATEWAY_COUNT, error);
	if (r == 0)
		r = world_set_services_of(world, false, error);
	/* Thousands in one family are enough. */
	if (r == 0 && world->services == 1)
		r = world_set_services_of(world, true, error);
	return r;
}

/*
 * A network namespace with a way to the clients, by a neighbour that the kernel knows: for
 * the modes whose replies the program routes. 0 or negative errno.
 */
static inline int world_create_network(void)
{
	static const char *const commands =
		"echo 1 >/proc/sys/net/ipv4/conf/all/forwarding &&"
		"echo 1 >/proc/sys/net/ipv6/conf/all/forwarding &&"
		"PATH=$PATH:/usr/sbin:/sbin &&"
		"ip link add " DEVICE " type bridge &&"
		"ip link set " DEVICE " address " DEVICE_MAC " up &&"
		"ip address add 10.255.0.1/24 dev " DEVICE " &&"
		"ip address add fd00:255::1/64 dev " DEVICE " nodad &&"
		"ip neighbour add 10.255.0.2 lladdr " CLIENT_MAC " dev " DEVICE " &&"
		"ip neighbour add fd00:255::2 lladdr " CLIENT_MAC " dev " DEVICE " &&"
		"ip route add 100.64.0.0/10 via 10.255.0.2 &&"
		"ip route add 2001:db8:2::/48 via fd00:255::2";

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	return system(commands) == 0 ? 0 : -ENODEV;
}

static inline void world_close(struct world *world)
{
	datapath_close(world->datapath); /* which removes the pins, as nothing was attached */
	world->datapath = NULL;
}

static inline struct prefix encap_prefix(const char *text)
{
	struct prefix prefix = { 0 };

	(void)prefix_parse(text, &prefix, NULL);
	return prefix;
}

/* Settings are the agent's defaults where it has some. 0 or negative errno. */
static inline int world_open(struct world *world, enum forwarding_mode mode, uint32_t services,
			     bool is_changing, struct error *error)
{
	struct interface interface = { .name = DEVICE, .device_count = 1 };
	char pin_dir[64];
	struct datapath_settings settings = {
		.pin_dir = pin_dir,
		.interfaces = &interface,
		.interface_count = 1,
		.hash_key = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.snat_port_first = 1024,
		.snat_port_last = 32767,
		.encap_sources = { encap_prefix("fd00:2::/96"), encap_prefix("10.2.0.0/16") },
		.answer_neighbours = true,
		.slot_max = GW_SLOT_MAX,
		.flow_max = GW_FLOW_BUCKET_MAX * GW_FLOW_WAYS,
		.tcp_idle_s = 900,
		.udp_idle_s = 60,
	};
	int r;

	interface.ifindex = if_nametoindex(DEVICE);
	interface.devices[0].ifindex = interface.ifindex;
	(void)snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/guideway-test-%d", (int)getpid());
	*world = (struct world){ .mode = mode, .is_changing = is_changing, .services = services };
	r = datapath_open(&settings, &world->datapath, error);
	/* As attaching would: frames may be sent from there. */
	if (r == 0)
		r = devices_store(world->datapath, interface.ifindex, error);
	if (r == 0)
		r = world_fill(world, error);
	if (r < 0)
		world_close(world);
	return r;
}

/* Packets that ended with this verdict so far. */
struct verdict_search {
	const char *name;
	uint64_t packets;
};

static inline void on_verdict(const struct verdict_count *count, void *context)
{
	struct verdict_search *search = context;

	if (strcmp(count->name, search->name) == 0)
		search->packets = count->packets;
}

static inline uint64_t world_verdicts(const struct world *world, const char *name)
{
	struct verdict_search search = { .name = name };

	(void)datapath_for_each_verdict(world->datapath, on_verdict, &search);
	return search.packets;
}

/* A count by its name, of what happened to packets in slots that are tracked. */
struct track_search {
	const char *name;
	uint64_t count;
};

static inline void on_track_count(const struct track_count *count, void *context)
{
	struct track_search *search = context;

	if (strcmp(count->name, search->name) == 0)
		search->count = count->count;
}

static inline uint64_t world_track_count(const struct world *world, const char *name)
{
	struct track_search search = { .name = name };

	(void)datapath_for_each_track_count(world->datapath, on_track_count, &search);
	return search.count;
}

/* Flows that began so far. */
static inline uint64_t world_new_flows(const struct world *world)
{
	const struct service_key *keys;
	size_t count = datapath_services(world->datapath, &keys);
	uint64_t flows = 0;

	for (size_t i = 0; i < count; i++) {
		struct traffic traffic = { 0 };

		(void)datapath_service_traffic(world->datapath, &keys[i], &traffic);
		flows += traffic.flows;
	}
	return flows;
}

#endif

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * abi.h - what the XDP program and the agent both know: the layout of every
 * map, the list of verdicts and the limits.
 *
 * Rules: fixed-width types only, no implicit padding, every size asserted.
 * Addresses and ports (__be*) are in network order, everything else in host
 * order. Padding is called zero and must be zero: keys are compared as bytes.
 */
#ifndef GUIDEWAY_ABI_H
#define GUIDEWAY_ABI_H

#include <linux/types.h>

/* Changes with every incompatible change of a layout below. Kept in the map `meta`. */
#define GW_ABI_VERSION 2

#define GW_SERVICE_MAX (1U << 16) /* entries of services and service_traffic */
#define GW_SLOT_MAX (1U << 22)    /* entries of slots unless told otherwise: 8 bytes each */
#define GW_BACKEND_MAX (1U << 18) /* entries of backends; ids fit in 20 bits */
#define GW_NEXT_HOP_MAX (1U << 16)
#define GW_GATEWAY_MAX 256
#define GW_DEVICE_MAX 1024
#define GW_ADDRESS_MAX (1U << 16)
#define GW_NAT_MAX (1U << 20)         /* confirmed flows in mode snat */
#define GW_UNCONFIRMED_MAX (1U << 17) /* flows that sent a first packet only */

/* Backend 0 and next hop 0 are never given to anybody: 0 means "none". */
#define GW_NONE 0

/* An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct gw_addr {
	__be32 word[4];
};

/* services: hash, written by the agent. */
struct gw_service_key {
	struct gw_addr vip;
	__be16 port;
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 zero;
};

enum gw_mode {
	GW_MODE_SNAT = 1, /* destination and source rewritten; replies through the gateway */
};

enum gw_service_flag {
	/* No endpoint may be used here although there are some elsewhere: drop, do not reject. */
	GW_SERVICE_DROP = 1 << 0,
};

struct gw_service {
	__u32 id;          /* index into service_traffic */
	__u32 slot_offset; /* first slot of the table in slots */
	__u32 slot_count;  /* M, a prime; 0: no usable endpoint, reject */
	__u8 mode;         /* enum gw_mode */
	__u8 flags;        /* enum gw_service_flag */
	__u8 zero[2];
};

/* slots: mmapable array, written by the agent with plain stores. */
#define GW_SLOT_TRACK (1U << 31)
struct gw_slot {
	__u32 current; /* backend that gets new flows */
	__u32 base;    /* backend that gets flows nobody recorded, and GW_SLOT_TRACK */
};

/* backends: mmapable array, written by the agent. */
struct gw_backend {
	struct gw_addr address;
	__be16 port;
	__u8 zero[2];
	__u32 next_hop; /* index into next_hops, GW_NONE while unknown; stored last, alone */
	__u32 reserved[2];
};

enum gw_next_hop_flag {
	GW_NEXT_HOP_RESOLVED = 1 << 0,
};

/* One VLAN tag as on the wire; tpid 0 means no tag. */
struct gw_vlan {
	__be16 tpid;
	__be16 tci;
};

/*
 * next_hops: mmapable array, written by the agent. Each group of 8 bytes is
 * stored as one word, so that a MAC address is never seen half changed. Two
 * entries fill a cache line.
 */
struct gw_next_hop {
	__u8 dst_mac[6]; /* together with flags: the neighbour's answer */
	__u16 flags;     /* enum gw_next_hop_flag */
	__u8 src_mac[6];
	__u16 mtu;              /* largest IP packet, bytes */
	struct gw_vlan vlan[2]; /* tags of the frames sent there: outer first, tpid 0 ends them */
	__u32 ifindex;          /* device that sends */
	__u16 gateway_first;    /* source addresses for snat: gateways[first .. first + count) */
	__u16 gateway_count;
};

/* gateways: array of struct gw_addr, written by the agent. */

enum gw_address_flag {
	GW_ADDRESS_VIP = 1 << 0,     /* a service has this address */
	GW_ADDRESS_GATEWAY = 1 << 1, /* snat uses it as a source: replies arrive here */
	GW_ADDRESS_LOCAL = 1 << 2, /* the host itself owns it: what we do not serve is the host's */
};

/* addresses: hash, struct gw_addr -> __u32 flags, written by the agent. */

/* devices: hash, __u32 ifindex -> struct gw_device, written by the agent: answers to ARP and ND. */
struct gw_device {
	__u8 mac[6];
	__u8 zero[2];
};

/* nat and nat_unconfirmed: LRU hash, written by the datapath. The key is the reply's tuple. */
struct gw_nat_key {
	struct gw_addr backend;
	struct gw_addr gateway;
	__be16 backend_port;
	__be16 gateway_port;
	__u8 protocol;
	__u8 zero[3];
};

enum gw_nat_state {
	GW_NAT_REPLIED = 1 << 0, /* the backend has answered */
	GW_NAT_CLIENT_FIN = 1 << 1,
	GW_NAT_BACKEND_FIN = 1 << 2,
	GW_NAT_RESET = 1 << 3,
	GW_NAT_BACKEND_CLOSED_FIRST = 1 << 4, /* so TIME_WAIT is the backend's */
};

struct gw_nat {
	struct gw_addr client;
	struct gw_addr vip;
	__be16 client_port;
	__be16 vip_port;
	__u32 service; /* index into service_traffic */
	__u32 backend; /* index into backend_traffic */
	__u32 ifindex; /* where the client's packets arrive: replies leave there */
	__u8 client_mac[6];
	__u8 gateway_mac[6];
	struct gw_vlan vlan[2]; /* outer first, as the client's packets carry them */
	__u32 seen;             /* seconds of the coarse monotonic clock, last packet either way */
	__u32 state;            /* enum gw_nat_state */
};

/* service_traffic, backend_traffic: per-CPU arrays, written by the datapath. */
struct gw_traffic {
	__u64 packets; /* from clients */
	__u64 bytes;   /* of frames, from clients */
	__u64 flows;   /* new ones */
	__u64 reply_packets;
	__u64 reply_bytes;
};

/* verdicts: per-CPU array by enum gw_verdict, written by the datapath. */
struct gw_counter {
	__u64 packets;
	__u64 bytes;
};

/*
 * Every way a packet can end, once: X(NAME, "name", action, "what it means").
 * The enum, the counters, metric labels and command output come from here.
 * Actions: PASS to the kernel's stack, DROP, SEND (transmit or redirect).
 */
#define GW_VERDICTS(X)                                                                             \
	X(NOT_OURS, "not_ours", PASS, "not for a VIP: left to the kernel")                         \
	X(FORWARDED, "forwarded", SEND, "sent to a backend")                                       \
	X(REPLIED, "replied", SEND, "a backend's reply sent to its client")                        \
	X(ECHO_REPLIED, "echo_replied", SEND, "ICMP echo to a VIP answered")                       \
	X(NEIGHBOUR_REPLIED, "neighbour_replied", SEND, "ARP or ND request for a VIP answered")    \
	X(REJECTED, "rejected", SEND, "service without endpoints: RST or port unreachable sent")   \
	X(TRUNCATED, "truncated", DROP, "to a VIP, shorter than its headers say")                  \
	X(BAD_HEADER, "bad_header", DROP, "to a VIP, with a header that contradicts itself")       \
	X(FRAGMENT, "fragment", DROP, "to a VIP, an IP fragment")                                  \
	X(UNSERVED_PORT, "unserved_port", DROP, "to a VIP, a port that no service has")            \
	X(UNSERVED_PROTOCOL, "unserved_protocol", DROP,                                            \
	  "to a VIP, neither TCP, UDP nor ICMP echo")                                              \
	X(NO_LOCAL_ENDPOINT, "no_local_endpoint", DROP, "externalTrafficPolicy Local, none here")  \
	X(NO_ENDPOINT, "no_endpoint", DROP, "service without endpoints, a RST: never answered")    \
	X(REJECT_LIMITED, "reject_limited", DROP, "not rejected: above the rate of rejections")    \
	X(TTL_EXCEEDED, "ttl_exceeded", DROP, "TTL or hop limit used up")                          \
	X(TOO_BIG, "too_big", DROP, "larger than the next hop's MTU")                              \
	X(NO_NEXT_HOP, "no_next_hop", DROP, "backend's next hop has no known MAC address")         \
	X(NO_GATEWAY_ADDRESS, "no_gateway_address", DROP, "no source address for snat")            \
	X(NAT_PORTS_EXHAUSTED, "nat_ports_exhausted", DROP, "no free source port towards backend") \
	X(NAT_TABLE_FULL, "nat_table_full", DROP, "the kernel refused a new NAT entry")            \
	X(NO_HEADROOM, "no_headroom", DROP, "the driver left no room for a header")                \
	X(BAD_TABLE, "bad_table", DROP, "a slot or backend is out of range")

enum gw_verdict {
#define X(name, text, action, help) GW_##name,
	GW_VERDICTS(X)
#undef X
		GW_VERDICT_COUNT,
};

/* meta: array of one, written by the agent when it creates the maps. */
struct gw_meta {
	__u32 abi_version;
	__u32 zero;
};

/*
 * config: constants the loader writes into the program's read-only data
 * before load, where the verifier sees them as known values.
 */
#define GW_HASH_KEY_WORDS 11
struct gw_config {
	__u64 hash_key[GW_HASH_KEY_WORDS]; /* flow_hash.h */
	__u16 nat_port_first;              /* host order: source ports for snat */
	__u16 nat_port_count;
	__u16 reject_per_second; /* rejections a second and CPU */
	__u8 answer_neighbours;  /* answer ARP and ND for VIPs */
	__u8 redirect_always;    /* never XDP_TX: see xdp_send() */
};

_Static_assert(sizeof(struct gw_addr) == 16, "ABI: gw_addr");
_Static_assert(sizeof(struct gw_service_key) == 20, "ABI: gw_service_key");
_Static_assert(sizeof(struct gw_service) == 16, "ABI: gw_service");
_Static_assert(sizeof(struct gw_slot) == 8, "ABI: gw_slot");
_Static_assert(sizeof(struct gw_backend) == 32, "ABI: gw_backend");
_Static_assert(sizeof(struct gw_next_hop) == 32, "ABI: gw_next_hop");
_Static_assert(sizeof(struct gw_device) == 8, "ABI: gw_device");
_Static_assert(sizeof(struct gw_nat_key) == 40, "ABI: gw_nat_key");
_Static_assert(sizeof(struct gw_nat) == 76, "ABI: gw_nat");
_Static_assert(sizeof(struct gw_traffic) == 40, "ABI: gw_traffic");
_Static_assert(sizeof(struct gw_counter) == 16, "ABI: gw_counter");
_Static_assert(sizeof(struct gw_meta) == 8, "ABI: gw_meta");
_Static_assert(sizeof(struct gw_config) == 96, "ABI: gw_config");

#endif

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

/*
 * Changes with every change of a layout below. Kept in the map `meta`. The agent moves what
 * maps of another version hold, field by field of the same name (user/datapath/migrate.c): so a
 * field keeps its meaning, its unit and its byte order as long as it keeps its name, and lists
 * grow at their end.
 */
#define GW_ABI_VERSION 5

#define GW_SERVICE_MAX                                                                             \
	(1U << 16)                /* entries of services, of each family, and of what they index   \
				   */
#define GW_SLOT_MAX (1U << 22)    /* entries of slots unless told otherwise: 4 bytes each */
#define GW_BACKEND_MAX (1U << 18) /* entries of backends; ids fit in 20 bits */
#define GW_NEXT_HOP_MAX (1U << 16)
#define GW_GATEWAY_MAX 256
#define GW_DEVICE_MAX 1024
#define GW_ADDRESS_MAX (1U << 16)
#define GW_REPLY_MAX (1U << 18)       /* of each family */
#define GW_SOURCE_MAX (1U << 20)      /* source ranges of all services together */
#define GW_NAT_MAX (1U << 20)         /* confirmed IPv4 flows in a NAT mode */
#define GW_NAT6_MAX (1U << 18)        /* confirmed IPv6 flows */
#define GW_UNCONFIRMED_MAX (1U << 17) /* flows that sent a first packet only, of each family */
#define GW_AFFINITY_MAX (1U << 18)    /* clients of services with affinity */
#define GW_FRAGMENT_MAX (1U << 14)    /* datagrams in fragments */
#define GW_FLOW_BUCKET_MAX (1U << 19) /* of 8 flows each, 64 bytes; a power of two */

/* Backend 0 and next hop 0 are never given to anybody: 0 means "none". */
#define GW_NONE 0

/* An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct gw_addr {
	__be32 word[4];
};

/* An address and port: of a service, a backend. IPv4 has a short key, which is looked up faster. */
struct gw_socket {
	struct gw_addr address;
	__be16 port;
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 zero;
};

struct gw_socket4 {
	__be32 address;
	__be16 port;
	__u8 protocol;
	__u8 zero;
};

enum gw_mode {
	GW_MODE_SNAT = 1, /* destination and source rewritten; replies through the gateway */
	GW_MODE_DNAT,     /* destination rewritten; replies through the gateway */
	GW_MODE_L2,       /* destination MAC address rewritten; replies do not come here */
	GW_MODE_IPIP,     /* in an IP header: IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 2473) */
	GW_MODE_GUE,      /* in UDP, GUE variant 1 (draft-ietf-intarea-gue) */
};

#define GW_GUE_PORT 6080

enum gw_service_flag {
	/* No endpoint may be used here although there are some elsewhere: drop, do not reject. */
	GW_SERVICE_DROP = 1 << 0,
	GW_SERVICE_AFFINITY = 1 << 1, /* all flows of a client to one backend */
	GW_SERVICE_SOURCES = 1 << 2,  /* only sources in its source set are admitted */
	GW_SERVICE_RECORD = 1 << 3,   /* dnat: a backend serves others too, so flows are recorded */
};

/* services4, services6: hash, struct gw_socket4 or gw_socket ->, written by the agent. */
struct gw_service {
	__u32 id;          /* index into service_drops, service_past and flow_limits */
	__u32 slot_offset; /* first slot of the current table, in slots */
	__u32 slot_count;  /* M, a prime; 0: no usable endpoint, reject */
	__u32 base_offset; /* the base table: the same one, unless the service is changing */
	__u32 base_count;
	__u8 mode;                /* enum gw_mode */
	__u8 flags;               /* enum gw_service_flag */
	__u16 tcp_mss;            /* larger ones in a SYN are lowered to this; 0: none are */
	__u32 source_set;         /* with GW_SERVICE_SOURCES: which ranges of sources are its own */
	__u32 flow_cost_ns;       /* what one new flow takes of a second; 0: no limit */
	__u32 affinity_timeout_s; /* with GW_SERVICE_AFFINITY: after the client's last packet */
};

/*
 * slots: mmapable array, written by the agent with plain stores. A table is so many in a row. A
 * service has two: the slot of its current table says who gets new flows, and that of its base
 * table who gets the flows that nobody recorded. With GW_SLOT_TRACK, in the current table only,
 * the two may differ, or a flow may be recorded: look into flows.
 */
#define GW_SLOT_TRACK (1U << 31)
struct gw_slot {
	__u32 owner; /* index into backends, and GW_SLOT_TRACK; GW_NONE: new flows are rejected */
};

/* What the map holds: the kernel would round a single slot up to as much. */
#define GW_SLOTS_PACKED 2
struct gw_slot_pack {
	struct gw_slot slot[GW_SLOTS_PACKED];
};

enum gw_backend_flag {
	GW_BACKEND_IPV4 = 1 << 0,     /* of its address */
	GW_BACKEND_DRAINING = 1 << 1, /* keeps its flows and gets no new ones */
};

/* backends: mmapable array, written by the agent. */
struct gw_backend {
	struct gw_addr address;
	__be16 port;
	__u16 flags;    /* enum gw_backend_flag */
	__u32 service;  /* id of the one service it serves, stored last of all; 0: it left */
	__u32 next_hop; /* index into next_hops, GW_NONE while unknown; stored alone */
	__u32 reserved;
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
 * stored as one word, so that a MAC address is never seen half changed.
 */
struct gw_next_hop {
	__u8 dst_mac[6]; /* together with flags: the neighbour's answer */
	__u16 flags;     /* enum gw_next_hop_flag */
	__u8 src_mac[6];
	__u8 zero[2];
	struct gw_vlan vlan[2]; /* tags of the frames sent there, outer first */
	__u32 ifindex;          /* device that sends */
	__u32 mtu;              /* largest IP packet, bytes */
	__u16 gateway_first;    /* sources for snat: gateways[first .. first + count) */
	__u16 gateway_count;
	__u32 zero2;
	/*
	 * Source of encapsulated packets: gw_config.encap_mask says which of its bits are the
	 * flow's. :: (all zero): there is none.
	 */
	struct gw_addr encap_source;
	__u64 zero3;
};

/* gateways: array of struct gw_addr, written by the agent. */

enum gw_address_flag {
	GW_ADDRESS_VIP = 1 << 0,     /* a service has this address */
	GW_ADDRESS_GATEWAY = 1 << 1, /* snat uses it as a source: replies arrive here */
	GW_ADDRESS_LOCAL = 1 << 2, /* the host itself owns it: what we do not serve is the host's */
	GW_ADDRESS_BACKEND = 1 << 3, /* a backend in mode dnat: its replies pass here */
};

/* addresses: hash, struct gw_addr -> __u32 flags, written by the agent. */

/*
 * address_filter: mmapable array of one, written by the agent. The cell of an
 * address (address_filter.h) has all its flags, and those of others that meet
 * there: 0 says that an address is not in addresses.
 */
#define GW_FILTER_CELLS (1U << 18)
struct gw_address_filter {
	__u8 flags[GW_FILTER_CELLS];
};

/* devices: hash, __u32 ifindex -> struct gw_device, written by the agent: answers to ARP and ND. */
struct gw_device {
	__u8 mac[6];
	__u8 zero[2];
};

/*
 * failovers: array by ifindex % GW_DEVICE_MAX, written by the agent: what is to leave by a
 * bond's slave that takes no part leaves by another. Who shares a cell has to do without.
 */
struct gw_failover {
	__u32 from; /* ifindex; 0: the cell is empty */
	__u32 to;
};

/* replies4, replies6: hash, a backend's struct gw_socket4 or gw_socket -> in mode dnat; the
 * agent's. */
enum gw_reply_flag {
	GW_REPLY_RECORDED = 1 << 0, /* several services have this backend: see nat for the flow */
};

struct gw_reply {
	struct gw_addr vip;
	__be16 port;
	__u16 flags;   /* enum gw_reply_flag */
	__u32 backend; /* index into backend_traffic */
};

/* sources: LPM trie -> __u32 1, written by the agent. An IPv4 /24 is a /120 here. */
struct gw_source_key {
	__u32 bits; /* of what follows: 32 and the prefix's */
	__be32 set; /* gw_service.source_set, in network order: a trie is walked by bytes */
	struct gw_addr address;
};

/*
 * nat4 and nat6, nat_unconfirmed4 and 6: LRU hash, written by the datapath. The key
 * is the reply's tuple; in mode dnat gateway is the client itself.
 */
struct gw_nat_key {
	struct gw_addr backend;
	struct gw_addr gateway;
	__be16 backend_port;
	__be16 gateway_port;
	__u8 protocol;
	__u8 is_ipv6; /* 1: an IPv4 flow's key is gw_nat_key4 */
	__u8 zero[2];
};

struct gw_nat_key4 {
	__be32 backend;
	__be32 gateway;
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

/* What both families know of a flow; the kernel's element of nat4 is two cache lines. */
struct gw_nat {
	__u32 seen;    /* seconds of the coarse monotonic clock, last packet either way */
	__u32 state;   /* enum gw_nat_state */
	__u32 backend; /* index into backend_traffic */
	__u32 ifindex; /* where the client's packets arrive, and replies leave: but see failovers */
	__u8 client_mac[6];
	__u8 gateway_mac[6];
	struct gw_vlan vlan[2]; /* outer first, as the client's packets carry them */
	__be16 client_port;
	__be16 vip_port;
};

struct gw_nat4 {
	struct gw_nat common;
	__be32 client;
	__be32 vip;
	__u32 zero[4];
};

struct gw_nat6 {
	struct gw_nat common;
	struct gw_addr client;
	struct gw_addr vip;
};

/*
 * flows: mmapable array of buckets, one cache line each; written by the datapath, swept by the
 * agent. An entry is 0, or one word that flow_table.h describes.
 */
#define GW_FLOW_WAYS 8
struct gw_flow_bucket {
	__u64 entry[GW_FLOW_WAYS];
};

/*
 * told: ring buffer of these, for the agent to tell other gateways, which would send the flow
 * elsewhere: it is on no base owner. One a flow, when it is confirmed. untold: per-CPU array of
 * one __u64, those that found no room.
 */
#define GW_TOLD_BYTES (1U << 18)
struct gw_told {
	__u32 tag; /* flow_table.h */
	__u32 bucket;
	__u32 backend;
	__u32 zero;
};

/* track_counts: per-CPU array of __u64 by what happened in flows, written by the datapath. */
#define GW_TRACK_COUNTS(X)                                                                         \
	X(LOOKUPS, "lookups", "packets whose flow was looked up, in a slot that is tracked")       \
	X(FOUND, "found", "of these, with a recorded backend")                                     \
	X(RECORDED, "recorded", "flows recorded")                                                  \
	X(EVICTED, "evicted", "recorded flows that made room for another")                         \
	X(UNRECORDED, "unrecorded",                                                                \
	  "flows that found no room, and so went to the slot's former owner")

enum gw_track_count {
#define X(name, text, help) GW_TRACK_##name,
	GW_TRACK_COUNTS(X)
#undef X
		GW_TRACK_COUNT_MAX,
};

/* affinities: LRU hash, written by the datapath. */
struct gw_affinity_key {
	struct gw_addr client;
	__u32 service;
};

struct gw_affinity {
	__u32 backend;
	__u32 seen; /* as in gw_nat */
};

/* fragments: LRU hash, written by the datapath: what the first fragment of a datagram said. */
struct gw_fragment_key {
	struct gw_addr src;
	struct gw_addr dst;
	__u32 id;       /* as on the wire */
	__u32 protocol; /* of an IPv4 datagram; IPv6's ids are of all protocols (RFC 8200, 4.5) */
};

struct gw_fragment {
	__be16 src_port;
	__be16 dst_port;
	__u32 backend;    /* 0: a reply, whose flow is known by its ports */
	__u16 next_units; /* of 8 bytes: up to where the fragments came without a gap */
	__u8 protocol;    /* of the datagram: TCP or UDP */
	__u8 zero;
	__u32 seen; /* as in gw_nat */
};

/* flow_limits: array of __u64 by service id: up to when its rate of new flows is used up, ns. */

/*
 * backend_traffic: per-CPU array by backend id, written by the datapath. A service's
 * traffic is that of its backends and, in the array service_past, of those that left, where
 * the agent adds them up. service_drops: per-CPU array of __u64 packets by service id.
 */
struct gw_traffic {
	__u64 packets; /* from clients */
	__u64 bytes;   /* of frames, from clients */
	__u64 flows;   /* new ones: TCP by their SYN, UDP only where the mode keeps state */
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
	X(REPLY_PASSED, "reply_passed", PASS,                                                      \
	  "a backend's reply, translated and left to the kernel's routing")                        \
	X(ICMP_FORWARDED, "icmp_forwarded", SEND,                                                  \
	  "an ICMP error about a flow, sent to its backend")                                       \
	X(ICMP_REPLIED, "icmp_replied", SEND, "an ICMP error about a flow, sent to its client")    \
	X(FRAGMENT_AHEAD, "fragment_ahead", SEND,                                                  \
	  "a fragment that came before an earlier one, forwarded")                                 \
	X(ECHO_REPLIED, "echo_replied", SEND, "ICMP echo to a VIP answered")                       \
	X(NEIGHBOUR_REPLIED, "neighbour_replied", SEND, "ARP or ND request for a VIP answered")    \
	X(REJECTED, "rejected", SEND, "service without endpoints: RST or port unreachable sent")   \
	X(TOO_BIG_ANSWERED, "too_big_answered", SEND,                                              \
	  "larger than the way to the backend: sender told its MTU")                               \
	X(TTL_ANSWERED, "ttl_answered", SEND, "TTL or hop limit used up: sender told so")          \
	X(TRUNCATED, "truncated", DROP, "to a VIP, shorter than its headers say")                  \
	X(BAD_HEADER, "bad_header", DROP, "to a VIP, with a header that contradicts itself")       \
	X(FRAGMENT_EARLY, "fragment_early", DROP, "a fragment whose first one has not come")       \
	X(FRAGMENT_OVERLAP, "fragment_overlap", DROP,                                              \
	  "a fragment that overlaps or repeats an earlier one")                                    \
	X(UNSERVED_PORT, "unserved_port", DROP, "to a VIP, a port that no service has")            \
	X(UNSERVED_PROTOCOL, "unserved_protocol", DROP,                                            \
	  "to a VIP, neither TCP, UDP nor ICMP echo")                                              \
	X(ICMP_UNMATCHED, "icmp_unmatched", DROP,                                                  \
	  "an ICMP error to a VIP, about no flow of a service")                                    \
	X(SOURCE_REFUSED, "source_refused", DROP,                                                  \
	  "its source is in none of the service's loadBalancerSourceRanges")                       \
	X(FLOW_LIMITED, "flow_limited", DROP, "a new flow above the service's rate")               \
	X(NO_LOCAL_ENDPOINT, "no_local_endpoint", DROP, "externalTrafficPolicy Local, none here")  \
	X(NO_ENDPOINT, "no_endpoint", DROP,                                                        \
	  "service without endpoints, and nothing that may be answered")                           \
	X(REJECT_LIMITED, "reject_limited", DROP, "not rejected: above the rate of answers")       \
	X(TTL_EXCEEDED, "ttl_exceeded", DROP, "TTL or hop limit used up, not answered")            \
	X(TOO_BIG, "too_big", DROP, "larger than the way to the backend, not answered")            \
	X(NO_NEXT_HOP, "no_next_hop", DROP, "backend's next hop has no known MAC address")         \
	X(NO_REPLY_ROUTE, "no_reply_route", DROP,                                                  \
	  "a backend's reply, and the kernel has no route to its client")                          \
	X(NO_GATEWAY_ADDRESS, "no_gateway_address", DROP,                                          \
	  "no source address for what is sent to the backend")                                     \
	X(NAT_PORTS_EXHAUSTED, "nat_ports_exhausted", DROP, "no free source port towards backend") \
	X(NAT_TABLE_FULL, "nat_table_full", DROP, "the kernel refused a new NAT entry")            \
	X(NO_HEADROOM, "no_headroom", DROP, "the driver left no room for a header")                \
	X(BAD_TABLE, "bad_table", DROP, "a slot or backend is out of range")                       \
	X(TAKING_OVER, "taking_over", DROP,                                                        \
	  "maybe of a flow that an upgrade has not brought over yet: for a moment only")

enum gw_verdict {
#define X(name, text, action, help) GW_##name,
	GW_VERDICTS(X)
#undef X
		GW_VERDICT_COUNT,
};

/*
 * meta: array of one, written by the agent when it takes over the maps, and by the next one when
 * it is about to replace the program. Of every version this is the layout.
 */
struct gw_meta {
	__u32 abi_version;
	/*
	 * The next program has copied the flows that are recorded: what begins now goes to the
	 * base owner, where that program will look for it, and from an even port.
	 */
	__u32 is_handing_over;
	/*
	 * Not every flow of the maps before has been copied: a translated one that is not known
	 * is not taken for a new one, until then in seconds of the coarse monotonic clock.
	 */
	__u32 taking_over_until_s;
	__u32 reserved[5];
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
	__u16 answers_per_second; /* rejections and ICMP errors, a second and CPU */
	__u8 answer_neighbours;   /* answer ARP and ND for VIPs */
	__u8 redirect_always;     /* never XDP_TX: see xdp_send() */
	/* Bits of the last word of gw_next_hop.encap_source that the flow's hash fills. */
	__be32 encap_mask[2];   /* of IPv6, of IPv4 */
	__u32 flow_bucket_mask; /* entries of flows - 1 */
	__u32 tcp_idle,
		udp_idle;  /* a flow that was silent for longer is over: flow_table.h's time */
	__u32 tells_flows; /* there are gateways to tell: see told */
};

_Static_assert(sizeof(struct gw_addr) == 16, "ABI: gw_addr");
_Static_assert(sizeof(struct gw_socket) == 20, "ABI: gw_socket");
_Static_assert(sizeof(struct gw_socket4) == 8, "ABI: gw_socket4");
_Static_assert(sizeof(struct gw_service) == 36, "ABI: gw_service");
_Static_assert(sizeof(struct gw_slot) == 4, "ABI: gw_slot");
_Static_assert(sizeof(struct gw_slot_pack) == 8, "ABI: gw_slot_pack");
_Static_assert(sizeof(struct gw_flow_bucket) == 64, "ABI: gw_flow_bucket");
_Static_assert(sizeof(struct gw_told) == 16, "ABI: gw_told");
_Static_assert(sizeof(struct gw_backend) == 32, "ABI: gw_backend");
_Static_assert(sizeof(struct gw_next_hop) == 64, "ABI: gw_next_hop");
_Static_assert(sizeof(struct gw_device) == 8, "ABI: gw_device");
_Static_assert(sizeof(struct gw_failover) == 8, "ABI: gw_failover");
_Static_assert(sizeof(struct gw_reply) == 24, "ABI: gw_reply");
_Static_assert(sizeof(struct gw_source_key) == 24, "ABI: gw_source_key");
_Static_assert(sizeof(struct gw_nat_key) == 40, "ABI: gw_nat_key");
_Static_assert(sizeof(struct gw_nat_key4) == 16, "ABI: gw_nat_key4");
_Static_assert(sizeof(struct gw_nat) == 40, "ABI: gw_nat");
_Static_assert(sizeof(struct gw_nat4) == 64, "ABI: gw_nat4");
_Static_assert(sizeof(struct gw_nat6) == 72, "ABI: gw_nat6");
_Static_assert(sizeof(struct gw_affinity_key) == 20, "ABI: gw_affinity_key");
_Static_assert(sizeof(struct gw_affinity) == 8, "ABI: gw_affinity");
_Static_assert(sizeof(struct gw_fragment_key) == 40, "ABI: gw_fragment_key");
_Static_assert(sizeof(struct gw_fragment) == 16, "ABI: gw_fragment");
_Static_assert(sizeof(struct gw_traffic) == 40, "ABI: gw_traffic");
_Static_assert(sizeof(struct gw_counter) == 16, "ABI: gw_counter");
_Static_assert(sizeof(struct gw_meta) == 32, "ABI: gw_meta");
_Static_assert(sizeof(struct gw_config) == 120, "ABI: gw_config");

#endif

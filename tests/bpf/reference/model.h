/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - what Guideway does to a packet, written a second time: in plain C, from the
 * meaning of its tables and the wire formats, with checksums summed in full.
 *
 * A packet is parsed once and goes one way, where the program in bpf/ has many; it shares
 * with it the layouts of abi.h and the flow's hash.
 */
#ifndef TESTS_BPF_REFERENCE_MODEL_H
#define TESTS_BPF_REFERENCE_MODEL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference/map.h"
#include "reference/tables.h"

#define REFERENCE_FRAME_MAX 10240

struct frame {
	uint8_t bytes[REFERENCE_FRAME_MAX];
	size_t size;
};

/* Between the stages: there is no verdict yet. */
#define UNDECIDED GW_VERDICT_COUNT

/* A translated flow: the value to a struct gw_nat_key. */
struct nat_flow {
	struct gw_nat6 entry;
	bool is_confirmed;
};

/* A flow of a slot that is changing its owner. */
struct record {
	uint32_t tag;     /* of the flow's hash */
	uint32_t backend; /* GW_NONE: the place is empty */
	uint32_t state, seen;
};

/* Without hash tables of its own the model would take minutes. */
struct state {
	uint32_t now_s;
	struct map *nat;        /* struct gw_nat_key -> struct nat_flow */
	struct map *moved;      /* uint64_t, a bit of nat_moved -> uint8_t */
	struct map *fragments;  /* struct gw_fragment_key -> struct gw_fragment */
	struct map *affinities; /* struct gw_affinity_key -> struct gw_affinity */
	struct record records[TABLE_FLOW_BUCKETS][GW_FLOW_WAYS];
	struct gw_traffic traffic[TABLE_BACKENDS];
	uint64_t drops[TABLE_SERVICES];
};

struct model {
	const struct tables *tables;
	struct state state;
};

/* A flow as the packet has it; of an ICMP error: as the answer to what it quotes would. */
struct flow {
	struct gw_addr src, dst;
	__be16 src_port, dst_port;
	uint8_t protocol;
};

struct ends {
	struct gw_addr src, dst;
	__be16 src_port, dst_port;
};

struct link {
	uint8_t dst_mac[6], src_mac[6];
	struct gw_vlan tags[2]; /* outer first; tpid 0 ends them */
	uint32_t ifindex;
};

enum transport {
	TRANSPORT_NONE, /* unknown, or of a later fragment */
	TRANSPORT_TCP,
	TRANSPORT_UDP,
	TRANSPORT_ICMP, /* of either family */
};

/* Offsets are from the frame's start. */
struct packet {
	struct frame frame; /* changed on its way: all behind network is what will leave */
	size_t frame_bytes; /* as it came */
	uint32_t ingress;
	struct link link; /* as it came */
	uint16_t ethertype;
	size_t network;
	bool is_ipv6;
	struct gw_addr src, dst; /* of the IP header */
	uint8_t ttl;
	size_t header_bytes; /* of IP header, options and extension headers */
	size_t ip_bytes;
	enum transport transport;
	size_t transport_at;
	uint8_t tcp_flags;
	struct flow flow;

	bool is_first_fragment, is_later_fragment, is_fragment_ahead;
	struct gw_fragment_key fragment_key;
	size_t fragment_from, fragment_bytes; /* of the datagram */
	uint32_t backend; /* of a later fragment: that of the first; then the one selected */

	bool is_error;                     /* ICMP's, about the flow */
	size_t quoted_at, quoted_ports_at; /* in the error */
	uint32_t mtu;                      /* with TOO_BIG */
};

struct outcome {
	enum gw_verdict verdict;
	int action;      /* XDP_... */
	uint32_t egress; /* ifindex, when it is sent */
	struct frame frame;
};

void model_init(struct model *model, const struct tables *tables);
void model_finish(struct model *model);
/* Forgets all flows and counters; affinities are those of the tables. */
void model_reset(struct model *model, uint32_t now_s);

/* What becomes of the frame that arrives on the device with this index. */
void model_run(struct model *model, const struct frame *frame, uint32_t ingress,
	       struct outcome *ret_outcome);

/* parse.c; the verdict that a packet to a VIP has, or UNDECIDED */
bool parse_link(struct packet *packet);
bool parse_network(struct packet *packet);
enum gw_verdict parse_rest(struct packet *packet);
bool packet_has(const struct packet *packet, size_t at, size_t bytes);
struct gw_addr address_at(const uint8_t *bytes, bool is_ipv6);
bool packet_skip_extensions(const struct packet *packet, size_t *at, uint8_t *protocol,
			    enum gw_verdict *ret_verdict);

/* quote.c */
bool icmp_is_error(const struct packet *packet);
enum gw_verdict quote_parse(struct packet *packet);
/* Gives the error to to.dst, from sender, about a packet from to.dst to to.src. */
void quote_translate(struct packet *packet, const struct ends *to, const struct gw_addr *sender,
		     uint8_t hops);

/* rewrite.c */
void packet_pass_hop(struct packet *packet);
void packet_translate(struct packet *packet, const struct ends *to, uint8_t hops);
void packet_rewrite_ip(struct packet *packet, const struct gw_addr *src, const struct gw_addr *dst,
		       uint8_t hops);
uint64_t sum_pseudo_header(const struct gw_addr *src, const struct gw_addr *dst, bool is_ipv6,
			   size_t bytes, uint8_t protocol);
void packet_clamp_mss(struct packet *packet, uint16_t mss);
size_t write_ip_header(uint8_t *at, const struct gw_addr *src, const struct gw_addr *dst,
		       bool is_ipv6, uint8_t protocol, uint8_t hop_limit, size_t payload_bytes);
/* The packet as it is now, in front of it the bytes of outer, framed for link. */
void packet_send(const struct packet *packet, const struct link *link, uint16_t ethertype,
		 const uint8_t *outer, size_t outer_bytes, struct outcome *outcome);

/* serve.c: a packet whose flow is known, to a VIP with that service */
enum gw_verdict serve(struct model *model, struct packet *packet, const struct gw_service *service,
		      uint32_t address_flags, struct outcome *outcome);

/*
 * track.c; current: who gets what begins, which is_new_of_client says of what is not known.
 * GW_NONE: nobody gets the packet.
 */
uint32_t track_flow(struct model *model, const struct packet *packet,
		    const struct gw_service *service, uint64_t hash, uint32_t current, bool begins,
		    bool is_new_of_client);
/* As the program's table has it. */
uint64_t record_word(const struct record *record);
uint32_t record_time(uint32_t now_s);
/* Of the tables, at their age now. */
struct record record_at_start(const struct record_row *row, uint32_t now_s);

/* nat.c */
enum gw_verdict nat_forward(struct model *model, struct packet *packet,
			    const struct gw_service *service, const struct gw_next_hop *hop,
			    uint64_t hash, struct ends *ret_to, bool *ret_is_new);
/* The flow that a reply in this mode belongs to; NULL. */
struct nat_flow *nat_find_reply(struct model *model, const struct packet *packet,
				enum gw_mode mode);
void nat_see_reply(struct nat_flow *flow, const struct packet *packet);

/* reply.c; UNDECIDED: it is no reply */
enum gw_verdict snat_reply(struct model *model, struct packet *packet, struct outcome *outcome);
enum gw_verdict dnat_reply(struct model *model, struct packet *packet, struct outcome *outcome);

/* fragment.c */
enum gw_verdict fragment_recall(struct model *model, struct packet *packet);
void fragment_remember(struct model *model, const struct packet *packet, enum gw_verdict verdict);

/* answer.c; the verdict */
enum gw_verdict answer_neighbour(const struct model *model, const struct packet *packet,
				 struct outcome *outcome);
enum gw_verdict answer_echo(struct packet *packet, struct outcome *outcome);
enum gw_verdict answer_refusal(const struct model *model, const struct packet *packet,
			       enum gw_verdict reason, struct outcome *outcome);

#endif

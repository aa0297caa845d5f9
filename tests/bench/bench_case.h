/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_case.h - the cases of bench_datapath: what packets, into what tables, what is the goal. */
#ifndef TESTS_BENCH_CASE_H
#define TESTS_BENCH_CASE_H

#include "bench_frame.h"
#include "bench_world.h"

#define NAME_SIZE 64

enum packet_kind {
	REQUEST,   /* of flows that are established in modes that keep state */
	CHANGING,  /* the same, recorded while all slots have another owner than before */
	NEW_FLOWS, /* a SYN each, all different */
	REPLY,
	FOREIGN, /* to an address that is nobody's here */
	ARP,
	UNSERVED,
	NO_ENDPOINT, /* far above the rate of rejections */
	ECHO_REQUEST,
	TRUNCATED,
};

static const struct kind_text {
	const char *name;
	const char *verdict; /* which all packets must get */
} kinds[] = {
	[REQUEST] = { "forward", "forwarded" },
	[CHANGING] = { "in transition", "forwarded" },
	[NEW_FLOWS] = { "new flows", "forwarded" },
	[REPLY] = { "reply", "replied" },
	[FOREIGN] = { "not ours", "not_ours" },
	[ARP] = { "not ours", "not_ours" },
	[UNSERVED] = { "unserved port", "unserved_port" },
	[NO_ENDPOINT] = { "no endpoint", "reject_limited" },
	[ECHO_REQUEST] = { "echo answered", "echo_replied" },
	[TRUNCATED] = { "truncated", "truncated" },
};

/* For the 10th percentile; 0: no such goal. */
struct goal {
	double ns;
	double times_push; /* of the bare IPIP push in the same run */
	double times_p1;   /* of row P1's first case, which must come earlier */
};

struct bench_case {
	const char *row; /* of the project's list of goals, "-" when it has none */
	enum forwarding_mode mode;
	bool is_ipv6;
	uint8_t protocol;
	enum packet_kind kind;
	uint32_t flows;    /* sources; with many services: services that are hit, by one source */
	uint32_t services; /* of each protocol and family */
	struct goal goal;
};

#define SNAT FORWARDING_MODE_SNAT
#define DNAT FORWARDING_MODE_DNAT
#define L2 FORWARDING_MODE_L2
#define IPIP FORWARDING_MODE_IPIP
#define GUE FORWARDING_MODE_GUE
#define IPV4 false
#define IPV6 true
#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP
#define ICMP4 IPPROTO_ICMP
#define ICMP6 IPPROTO_ICMPV6
#define HOT 1
#define MANY 100000
#define MILLION 1000000
#define ALL_DIFFERENT (1U << 22) /* then again, from the next port */
#define SERVICES 10000

/* Cases of one mode, transition and number of services stand together: each change sets up all
 * anew. */
static const struct bench_case cases[] = {
	{ "P1", IPIP, IPV4, TCP, REQUEST, HOT, 1, { .ns = 20, .times_push = 3.5 } },
	{ "P2", IPIP, IPV4, TCP, REQUEST, MANY, 1, { .times_p1 = 1.4 } },
	{ "P2", IPIP, IPV4, TCP, REQUEST, MILLION, 1, { .times_p1 = 1.4 } },
	{ "P3", IPIP, IPV4, TCP, NEW_FLOWS, ALL_DIFFERENT, 1, { .times_p1 = 1.4 } },
	{ "P4", IPIP, IPV4, UDP, REQUEST, HOT, 1, { .ns = 25 } },
	{ "P4", IPIP, IPV6, TCP, REQUEST, HOT, 1, { .ns = 22 } },
	{ "-", IPIP, IPV6, TCP, REQUEST, MANY, 1, { .ns = 0 } },
	{ "P4", GUE, IPV4, TCP, REQUEST, HOT, 1, { .ns = 30 } },
	{ "P4", GUE, IPV4, UDP, REQUEST, HOT, 1, { .ns = 25 } },
	{ "P4", GUE, IPV6, TCP, REQUEST, HOT, 1, { .ns = 30 } },
	{ "P5", L2, IPV4, TCP, REQUEST, HOT, 1, { .ns = 16 } },
	{ "P5", L2, IPV6, TCP, REQUEST, HOT, 1, { .ns = 16 } },
	{ "P5", DNAT, IPV4, TCP, REQUEST, HOT, 1, { .ns = 25 } },
	{ "P5", DNAT, IPV4, TCP, REPLY, HOT, 1, { .ns = 50 } },
	{ "P5", DNAT, IPV4, TCP, REQUEST, MANY, 1, { .ns = 25 } },
	{ "P5", DNAT, IPV4, TCP, REPLY, MANY, 1, { .ns = 50 } },
	{ "P5", DNAT, IPV6, TCP, REQUEST, HOT, 1, { .ns = 25 } },
	{ "P5", DNAT, IPV6, TCP, REPLY, HOT, 1, { .ns = 50 } },
	{ "P6", SNAT, IPV4, TCP, REQUEST, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV4, TCP, REPLY, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV4, TCP, REQUEST, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV4, TCP, REPLY, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV4, UDP, REQUEST, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV4, UDP, REPLY, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV4, UDP, REQUEST, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV4, UDP, REPLY, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV6, TCP, REQUEST, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV6, TCP, REPLY, HOT, 1, { .ns = 45 } },
	{ "P6", SNAT, IPV6, TCP, REQUEST, MANY, 1, { .ns = 150 } },
	{ "P6", SNAT, IPV6, TCP, REPLY, MANY, 1, { .ns = 150 } },
	{ "-", SNAT, IPV4, TCP, NEW_FLOWS, ALL_DIFFERENT, 1, { .ns = 0 } },
	{ "P7", IPIP, IPV4, TCP, CHANGING, HOT, 1, { .ns = 30 } },
	{ "P7", IPIP, IPV4, TCP, CHANGING, MANY, 1, { .ns = 150 } },
	{ "P7", IPIP, IPV6, TCP, CHANGING, HOT, 1, { .ns = 30 } },
	{ "P7", IPIP, IPV6, TCP, CHANGING, MANY, 1, { .ns = 150 } },
	{ "P7", SNAT, IPV4, TCP, CHANGING, HOT, 1, { .ns = 0 } },
	{ "P7", SNAT, IPV4, TCP, CHANGING, MANY, 1, { .ns = 0 } },
	{ "P8", SNAT, IPV4, TCP, FOREIGN, HOT, 1, { .ns = 8 } },
	{ "P8", SNAT, IPV4, TCP, FOREIGN, MANY, 1, { .ns = 8 } },
	{ "P8", SNAT, IPV6, TCP, FOREIGN, HOT, 1, { .ns = 8 } },
	{ "P8", SNAT, IPV4, 0, ARP, HOT, 1, { .ns = 8 } },
	{ "-", SNAT, IPV4, TCP, UNSERVED, HOT, 1, { .ns = 0 } },
	{ "-", SNAT, IPV4, TCP, NO_ENDPOINT, HOT, 1, { .ns = 0 } },
	{ "-", SNAT, IPV4, ICMP4, ECHO_REQUEST, HOT, 1, { .ns = 0 } },
	{ "-", SNAT, IPV6, ICMP6, ECHO_REQUEST, HOT, 1, { .ns = 0 } },
	{ "-", SNAT, IPV4, TCP, TRUNCATED, HOT, 1, { .ns = 0 } },
	{ "P14", IPIP, IPV4, TCP, REQUEST, HOT, SERVICES, { .times_p1 = 1.5 } },
	{ "P14", IPIP, IPV4, TCP, REQUEST, SERVICES, SERVICES, { .times_p1 = 1.5 } },
	{ "-", SNAT, IPV4, TCP, REQUEST, SERVICES, SERVICES, { .ns = 0 } },
};

/* Row P13: the same on two cores, with flows of their own, against one. */
#define TWO_CORES_GOAL 1.9
static const struct bench_case two_core_cases[] = {
	{ "P13", IPIP, IPV4, TCP, REQUEST, HOT, 1, { .ns = 0 } },
	{ "P13", IPIP, IPV4, TCP, REQUEST, MANY, 1, { .ns = 0 } },
	{ "P13", SNAT, IPV4, TCP, REQUEST, HOT, 1, { .ns = 0 } },
	{ "P13", SNAT, IPV4, TCP, REQUEST, MANY, 1, { .ns = 0 } },
};

static inline const char *protocol_text(uint8_t protocol)
{
	switch (protocol) {
	case TCP:
		return "TCP";
	case UDP:
		return "UDP";
	case ICMP4:
	case ICMP6:
		return "ICMP";
	default:
		return "ARP";
	}
}

static inline void case_name_add(char buffer[static NAME_SIZE], uint32_t count, const char *what)
{
	size_t used = strlen(buffer);

	if (count > 1)
		(void)snprintf(buffer + used, NAME_SIZE - used, ", %u %s", count, what);
}

/* "snat TCP IPv4 forward, 100000 flows" */
static inline const char *case_name(const struct bench_case *test, char buffer[static NAME_SIZE])
{
	bool has_mode = test->kind <= REPLY;

	(void)snprintf(buffer, NAME_SIZE, "%s%s%s %s %s",
		       has_mode ? forwarding_mode_name(test->mode) : "", has_mode ? " " : "",
		       protocol_text(test->protocol), test->is_ipv6 ? "IPv6" : "IPv4",
		       kinds[test->kind].name);
	if (test->kind == NEW_FLOWS)
		return buffer;
	if (test->services == 1)
		case_name_add(buffer, test->flows, "flows");
	case_name_add(buffer, test->services, test->flows > 1 ? "services hit" : "services");
	return buffer;
}

/* Both directions of its flows pass the gateway, and are known there. */
static inline bool case_has_replies(const struct bench_case *test)
{
	return test->mode == SNAT || test->mode == DNAT;
}

static inline struct frame_spec case_frame(const struct bench_case *test)
{
	struct frame_spec spec = {
		.src = address_at(pick(test->is_ipv6, CLIENT4, CLIENT6), 0),
		.dst = address_at(pick(test->is_ipv6, VIP4, VIP6), 0),
		.src_port = 33333,
		.dst_port = test->protocol == UDP ? UDP_PORT : TCP_PORT,
		.protocol = test->protocol,
		.tcp_flags = test->kind == NEW_FLOWS ? TH_SYN : TH_ACK,
		.is_arp = test->kind == ARP,
		.is_truncated = test->kind == TRUNCATED,
	};

	if (test->kind == FOREIGN || test->kind == ARP)
		spec.dst = address_at(pick(test->is_ipv6, FOREIGN4, FOREIGN6), 0);
	if (test->kind == UNSERVED)
		spec.dst_port = UNSERVED_PORT;
	if (test->kind == NO_ENDPOINT)
		spec.dst_port = EMPTY_PORT;
	return spec;
}

static inline uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* About the golden section of count: visits all, and neighbours in time are far apart. */
static inline uint32_t stride_for(uint32_t count)
{
	uint32_t stride = (uint32_t)((double)count * 0.618) | 1;

	while (greatest_common_divisor(stride, count) != 1)
		stride += 2;
	return stride < count ? stride : 1;
}

/* What has no ports must keep the bytes where they would be. */
static inline enum bench_stepping case_stepping(const struct bench_case *test)
{
	if (test->services > 1 || (test->protocol != TCP && test->protocol != UDP))
		return BENCH_STEP_DESTINATION;
	return BENCH_STEP_SOURCE;
}

/* The order in which the client's packets are handed out. */
static inline struct bench_steps case_steps(const struct bench_case *test)
{
	struct frame_spec spec = case_frame(test);

	return (struct bench_steps){
		.stepping = case_stepping(test),
		.is_ipv6 = test->is_ipv6,
		.limit = test->flows,
		.stride = stride_for(test->flows),
		.port_step = test->kind == NEW_FLOWS,
		.src_base = address_last_word(&spec.src),
		.dst_base = address_last_word(&spec.dst),
		.src_port = spec.src_port,
	};
}

#endif

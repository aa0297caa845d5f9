/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange.h - a client's request and its backend's reply in mode snat, at each of their steps. */
#ifndef TESTS_BPF_EXCHANGE_H
#define TESTS_BPF_EXCHANGE_H

#include "run.h"

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

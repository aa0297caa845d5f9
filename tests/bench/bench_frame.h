/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_frame.h - the frames of the bench: 128 bytes each, sums only where somebody looks. */
#ifndef TESTS_BENCH_FRAME_H
#define TESTS_BENCH_FRAME_H

#include <net/if_arp.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "bench_wrapper.h"
#include "model/address.h"

#define ANY_CHECKSUM htons(0x1234) /* changed step by step, never verified */

struct frame_spec {
	struct address src, dst; /* of one family, which is the frame's */
	uint16_t src_port, dst_port;
	uint8_t protocol; /* IPPROTO_*; an echo request for ICMP */
	uint8_t tcp_flags;
	bool is_arp;       /* a request for dst */
	bool is_truncated; /* the IP header promises more than there is */
};

struct frame {
	uint8_t bytes[BENCH_FRAME_BYTES];
};

static inline uint16_t frame_ip4_sum(const struct ip *ip)
{
	const uint16_t *words = (const uint16_t *)ip;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(*ip) / sizeof(*words); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static inline uint8_t *frame_write_ip4(uint8_t *at, const struct frame_spec *spec)
{
	size_t bytes = BENCH_FRAME_BYTES - sizeof(struct ether_header);
	struct ip ip = {
		.ip_v = 4,
		.ip_hl = sizeof(ip) / 4,
		.ip_len = htons((uint16_t)(spec->is_truncated ? 2 * bytes : bytes)),
		.ip_id = htons(0x1234),
		.ip_off = htons(IP_DF),
		.ip_ttl = 64,
		.ip_p = spec->protocol,
	};

	memcpy(&ip.ip_src, spec->src.bytes + 12, sizeof(ip.ip_src));
	memcpy(&ip.ip_dst, spec->dst.bytes + 12, sizeof(ip.ip_dst));
	ip.ip_sum = frame_ip4_sum(&ip);
	memcpy(at, &ip, sizeof(ip));
	return at + sizeof(ip);
}

static inline uint8_t *frame_write_ip6(uint8_t *at, const struct frame_spec *spec)
{
	size_t bytes = BENCH_FRAME_BYTES - sizeof(struct ether_header) - sizeof(struct ip6_hdr);
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons((uint16_t)(spec->is_truncated ? 2 * bytes : bytes)),
		.ip6_nxt = spec->protocol,
		.ip6_hlim = 64,
	};

	memcpy(&ip.ip6_src, spec->src.bytes, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, spec->dst.bytes, sizeof(ip.ip6_dst));
	memcpy(at, &ip, sizeof(ip));
	return at + sizeof(ip);
}

static inline void frame_write_tcp(uint8_t *at, const struct frame_spec *spec)
{
	struct tcphdr tcp = {
		.th_sport = htons(spec->src_port),
		.th_dport = htons(spec->dst_port),
		.th_off = sizeof(tcp) / 4,
		.th_flags = spec->tcp_flags,
		.th_sum = ANY_CHECKSUM,
	};

	memcpy(at, &tcp, sizeof(tcp));
}

static inline void frame_write_udp(uint8_t *at, const struct frame_spec *spec, size_t bytes)
{
	struct udphdr udp = {
		.uh_sport = htons(spec->src_port),
		.uh_dport = htons(spec->dst_port),
		.uh_ulen = htons((uint16_t)bytes),
		.uh_sum = ANY_CHECKSUM,
	};

	memcpy(at, &udp, sizeof(udp));
}

static inline void frame_write_echo(uint8_t *at, const struct frame_spec *spec)
{
	struct icmphdr icmp = {
		.type = spec->protocol == IPPROTO_ICMP ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
		.checksum = ANY_CHECKSUM,
	};

	memcpy(at, &icmp, sizeof(icmp));
}

static inline void frame_write_arp(uint8_t *at, const struct frame_spec *spec)
{
	struct arphdr arp = {
		.ar_hrd = htons(ARPHRD_ETHER),
		.ar_pro = htons(ETHERTYPE_IP),
		.ar_hln = ETH_ALEN,
		.ar_pln = 4,
		.ar_op = htons(ARPOP_REQUEST),
	};

	memcpy(at, &arp, sizeof(arp));
	at += sizeof(arp) + ETH_ALEN;
	memcpy(at, spec->src.bytes + 12, 4);
	memcpy(at + 4 + ETH_ALEN, spec->dst.bytes + 12, 4);
}

static inline struct frame frame_build(const struct frame_spec *spec)
{
	bool is_ipv4 = address_is_ipv4(&spec->dst);
	struct ether_header link = {
		.ether_dhost = { 2, 0, 0, 0, 0, 0xa1 },
		.ether_shost = { 2, 0, 0, 0, 0, 0xc1 },
		.ether_type = htons(spec->is_arp ? ETHERTYPE_ARP
				    : is_ipv4    ? ETHERTYPE_IP
						 : ETHERTYPE_IPV6),
	};
	struct frame frame = { 0 };
	uint8_t *at = frame.bytes + sizeof(link);

	memcpy(frame.bytes, &link, sizeof(link));
	if (spec->is_arp) {
		frame_write_arp(at, spec);
		return frame;
	}
	at = is_ipv4 ? frame_write_ip4(at, spec) : frame_write_ip6(at, spec);
	if (spec->protocol == IPPROTO_TCP)
		frame_write_tcp(at, spec);
	else if (spec->protocol == IPPROTO_UDP)
		frame_write_udp(at, spec, BENCH_FRAME_BYTES - (size_t)(at - frame.bytes));
	else
		frame_write_echo(at, spec);
	return frame;
}

#endif

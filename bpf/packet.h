/* SPDX-License-Identifier: GPL-2.0-only */
/* packet.h - parse: bytes -> struct packet. After it no stage reads raw offsets. */
#ifndef BPF_PACKET_H
#define BPF_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <guideway/abi.h>

/* Answers that are no verdicts. */
enum {
	UNDECIDED = GW_VERDICT_COUNT, /* a stage's, when the packet's way goes on */
	UNUSUAL,                      /* not plain: for the whole way */
	NEIGHBOUR_REQUEST,            /* for the way of those */
	ICMP_ERROR,                   /* likewise */
	STRANGER,                     /* of a flow, but to nobody of ours: likewise */
	UNSETTLED,                    /* a translated flow without an entry yet: likewise */
	TRACKED,                      /* a flow whose slot is tracked, and not plain: likewise */
	UNKNOWN_REPLY,                /* looks like one, and no flow of ours is known: likewise */
};

#define VLAN_TAGS_MAX 2
#define IP4_MAPPED bpf_htonl(0xffff)

#define ND_HOP_LIMIT 255 /* proves that the sender is on this link */

/* Of linux/if_arp.h and linux/icmp.h, which drag in the C library. */
enum {
	ARP_ETHERNET = 1,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_UNREACHABLE_PORT = 3,
	ICMP4_TOO_BIG = 4, /* a code of unreachable: fragmentation needed */
	ICMP4_ECHO_REQUEST = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP6_UNREACHABLE = 1,
	ICMP6_UNREACHABLE_PORT = 4,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
	ICMP6_SOLICITATION = 135,
	ICMP6_ADVERTISEMENT = 136,
};

enum tcp_flag {
	TCP_FIN = 1 << 0,
	TCP_SYN = 1 << 1,
	TCP_RST = 1 << 2,
	TCP_ACK = 1 << 4,
};

/* In halves of words: a frame's IP header is aligned, its MAC addresses are not. */
struct mac {
	__u16 part[3];
};

struct arp_request {
	__be16 hardware, protocol;
	__u8 hardware_bytes, protocol_bytes;
	__be16 operation;
	struct mac sender_mac;
	__be16 sender[2];
	struct mac target_mac;
	__be16 target[2];
};

struct solicitation {
	struct icmp6hdr icmp;
	struct gw_addr target;
};

/* What the frame begins with. */
struct link_header {
	struct mac dst, src;
	__be16 ethertype;
};

/*
 * Pointers are NULL for what the packet is not, and void once the frame's size
 * has changed. Where a header is read, its pointer is what is tested and no
 * flag: the verifier (6.1 to 6.18 at least) forgets a byte that it spills to
 * the stack, but not a pointer. And each is tested, "else if" to the last: 6.1
 * does not know that a pointer into a packet is not NULL.
 *
 * src to protocol are the flow's: of a fragment those of the datagram, of an ICMP
 * error those of the quoted packet turned round, as if its answer had come.
 */
struct packet {
	struct xdp_md *ctx;
	struct link_header *link;
	struct iphdr *ip4;
	struct ipv6hdr *ip6;
	struct arp_request *arp;
	struct tcphdr *tcp;
	struct udphdr *udp;
	struct icmp6hdr *icmp; /* ICMP's begins the same */
	__be16 *ports;         /* of TCP or UDP: source, destination */
	__sum16 *checksum;     /* of TCP or UDP */
	struct gw_addr src;
	struct gw_addr dst; /* of a neighbour request: the address asked for */
	__be16 src_port, dst_port;
	struct gw_vlan vlan[VLAN_TAGS_MAX]; /* outer first */
	__be16 ethertype;                   /* behind the tags */
	__u32 link_bytes;                   /* of Ethernet header and tags */
	__u32 header_bytes;                 /* of IP header, options and extension headers */
	__u32 ip_bytes;                     /* of the IP packet, as it says itself */
	__u32 frame_bytes;
	__u32 egress_ifindex;   /* where verdicts that send, send */
	__u32 mtu;              /* with TOO_BIG: what would not have been */
	__u32 quoted_bytes;     /* of what an ICMP error quotes: up to its ports */
	__u32 fragment_id;      /* as on the wire */
	__u16 fragment_units;   /* offset, in units of 8 bytes */
	__u16 fragment_bytes;   /* of the datagram, extension headers in it included */
	__u32 fragment_backend; /* of the datagram: where its first fragment went */
	__u8 is_first_fragment; /* and others follow */
	__u8 is_later_fragment; /* no ports, no checksum */
	__u8 is_fragment_ahead; /* there is a gap before it */
	/* Constants where the packet's way begins, so that its code is for these only. */
	__u8 is_ipv6;
	__u8 is_error; /* ICMP's: the flow is that of the packet it quotes */
	__u8 is_plain; /* plain.h's: what is not, is UNUSUAL */

	__u8 is_settled;      /* it was here before, and its flow has an entry now */
	__u8 is_tracked;      /* it was here before, and its backend is known */
	__u8 is_solicitation; /* ND's request */
	__u8 protocol;
	__u8 ttl;
	__u8 tcp_flags; /* enum tcp_flag */
	__u8 icmp_type;
};

struct cursor {
	void *at;
	void *end;
};

static __always_inline struct cursor cursor_at_start(struct xdp_md *ctx)
{
	return (struct cursor){ (void *)(long)ctx->data, (void *)(long)ctx->data_end };
}

/* The next size bytes, or NULL when the frame ends before them. */
static __always_inline void *cursor_take(struct cursor *cursor, __u32 size)
{
	void *header = cursor->at;

	if (header + size > cursor->end)
		return NULL;
	cursor->at = header + size;
	return header;
}

static __always_inline struct gw_addr addr_from_ip4(__be32 ip4)
{
	return (struct gw_addr){ { 0, 0, IP4_MAPPED, ip4 } };
}

static __always_inline struct gw_addr addr_from_ip6(const struct in6_addr *ip6)
{
	struct gw_addr addr;

	__builtin_memcpy(&addr, ip6, sizeof(addr));
	return addr;
}

static __always_inline bool addr_equal(const struct gw_addr *a, const struct gw_addr *b)
{
	return !((a->word[3] ^ b->word[3]) | (a->word[2] ^ b->word[2]) | (a->word[1] ^ b->word[1]) |
		 (a->word[0] ^ b->word[0]));
}

static __always_inline bool mac_equal(const struct mac *a, const struct mac *b)
{
	return !((a->part[0] ^ b->part[0]) | (a->part[1] ^ b->part[1]) | (a->part[2] ^ b->part[2]));
}

/* The group bit is the first octet's lowest, whatever the host's byte order. */
static __always_inline bool mac_is_group(const struct mac *mac)
{
	return mac->part[0] & bpf_htons(0x0100);
}

/* Ethernet and up to two tags: 12 bytes of addresses, then types with tags between. */
static __always_inline enum gw_verdict parse_link(struct packet *packet, struct cursor *cursor)
{
	struct link_header *link = cursor_take(cursor, sizeof(*link));

	if (!link)
		return GW_NOT_OURS;
	packet->link = link;
	packet->ethertype = link->ethertype;
	packet->link_bytes = sizeof(*link);

#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct tag {
			__be16 tci, ethertype;
		} * tag;

		if (packet->ethertype != bpf_htons(ETH_P_8021Q) &&
		    packet->ethertype != bpf_htons(ETH_P_8021AD))
			break;
		tag = cursor_take(cursor, sizeof(*tag));
		if (!tag)
			return GW_NOT_OURS;
		packet->vlan[i].tpid = packet->ethertype;
		packet->vlan[i].tci = tag->tci;
		packet->ethertype = tag->ethertype;
		packet->link_bytes += sizeof(*tag);
	}
	return UNDECIDED;
}

static __always_inline enum gw_verdict parse_arp(struct packet *packet, struct cursor *cursor)
{
	struct arp_request *arp = cursor_take(cursor, sizeof(*arp));

	if (!arp || arp->hardware != bpf_htons(ARP_ETHERNET) ||
	    arp->protocol != bpf_htons(ETH_P_IP) || arp->hardware_bytes != ETH_ALEN ||
	    arp->protocol_bytes != sizeof(__be32) || arp->operation != bpf_htons(ARP_REQUEST))
		return GW_NOT_OURS;
	packet->arp = arp;
	__builtin_memcpy(&packet->src.word[3], arp->sender, sizeof(arp->sender));
	__builtin_memcpy(&packet->dst.word[3], arp->target, sizeof(arp->target));
	packet->src.word[2] = packet->dst.word[2] = IP4_MAPPED;
	return UNDECIDED;
}

static __always_inline enum gw_verdict parse_ip4(struct packet *packet, struct cursor *cursor)
{
	struct iphdr *ip = cursor_take(cursor, sizeof(*ip));

	if (!ip)
		return GW_NOT_OURS;
	packet->ip4 = ip;
	packet->src = addr_from_ip4(ip->saddr);
	packet->dst = addr_from_ip4(ip->daddr);
	packet->protocol = ip->protocol;
	packet->ttl = ip->ttl;
	return UNDECIDED;
}

/*
 * A solicitation goes to a multicast address as a rule; the address it asks
 * for is what decides whether it is ours.
 */
static __always_inline void parse_solicitation(struct packet *packet, struct cursor cursor)
{
	struct solicitation *request = cursor_take(&cursor, sizeof(*request));

	if (!request || request->icmp.icmp6_type != ICMP6_SOLICITATION ||
	    request->icmp.icmp6_code != 0)
		return;
	packet->is_solicitation = true;
	packet->dst = request->target;
}

static __always_inline enum gw_verdict parse_ip6(struct packet *packet, struct cursor *cursor)
{
	struct ipv6hdr *ip = cursor_take(cursor, sizeof(*ip));

	if (!ip)
		return GW_NOT_OURS;
	packet->ip6 = ip;
	packet->src = addr_from_ip6(&ip->saddr);
	packet->dst = addr_from_ip6(&ip->daddr);
	packet->protocol = ip->nexthdr;
	packet->ttl = ip->hop_limit;
	if (ip->nexthdr == IPPROTO_ICMPV6 && ip->hop_limit == ND_HOP_LIMIT)
		parse_solicitation(packet, *cursor);
	return UNDECIDED;
}

/*
 * Up to the destination address, which is all that traffic of others costs.
 * What is too short to have one is nobody's.
 */
static __always_inline enum gw_verdict packet_parse_network(struct packet *packet,
							    struct cursor *cursor)
{
	enum gw_verdict verdict = parse_link(packet, cursor);

	if (verdict != UNDECIDED)
		return verdict;
	switch (packet->ethertype) {
	case bpf_htons(ETH_P_IP):
		return parse_ip4(packet, cursor);
	case bpf_htons(ETH_P_IPV6):
		packet->is_ipv6 = true;
		return parse_ip6(packet, cursor);
	case bpf_htons(ETH_P_ARP):
		return parse_arp(packet, cursor);
	default:
		return GW_NOT_OURS;
	}
}

static __always_inline bool tcp_begins(__u8 flags)
{
	return (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static __always_inline bool packet_is_first_of_tcp(const struct packet *packet)
{
	return tcp_begins(packet->tcp_flags);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* solicitation.c - the bytes of ARP requests (RFC 826) and neighbour solicitations (RFC 4861). */
#include "net/solicitation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>

#include "lib/error.h"

#define HOP_LIMIT 255 /* others are ignored: they could come from another link */
#define IPV4_AT 12    /* in 16 bytes */

struct arp_request {
	struct arphdr header;
	uint8_t sender_mac[6], sender[4], target_mac[6], target[4];
} __attribute__((packed));

struct nd_request {
	struct ip6_hdr ip;
	struct nd_neighbor_solicit solicit;
	struct nd_opt_hdr option;
	uint8_t mac[6];
};

_Static_assert(sizeof(struct arp_request) == 28, "as RFC 826 has it");
_Static_assert(sizeof(struct nd_request) == 40 + 24 + 8, "without gaps");

int solicitation_open(int *ret_fd, struct error *error)
{
	/* Of no protocol: it receives nothing. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_set(error, -errno, "packet socket: %s (it needs CAP_NET_RAW)",
				 strerror(errno));
	*ret_fd = fd;
	return 0;
}

static void send_frame(int fd, const struct solicitation *solicitation, uint16_t protocol,
		       const uint8_t *dst_mac, const void *bytes, size_t size)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)solicitation->ifindex,
		.sll_halen = ETH_ALEN,
	};

	memcpy(to.sll_addr, dst_mac, ETH_ALEN);
	(void)sendto(fd, bytes, size, 0, (const struct sockaddr *)&to, sizeof(to));
}

static void send_arp(int fd, const struct solicitation *solicitation)
{
	static const uint8_t broadcast[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const uint8_t *dst_mac = solicitation->dst_mac ? solicitation->dst_mac : broadcast;
	struct arp_request request = {
		.header = {
			.ar_hrd = htons(ARPHRD_ETHER),
			.ar_pro = htons(ETH_P_IP),
			.ar_hln = ETH_ALEN,
			.ar_pln = sizeof(request.sender),
			.ar_op = htons(ARPOP_REQUEST),
		},
	};

	memcpy(request.sender_mac, solicitation->src_mac, sizeof(request.sender_mac));
	memcpy(request.sender, solicitation->source.bytes + IPV4_AT, sizeof(request.sender));
	memcpy(request.target, solicitation->target.bytes + IPV4_AT, sizeof(request.target));
	send_frame(fd, solicitation, ETH_P_ARP, dst_mac, &request, sizeof(request));
}

/* The sum of RFC 1071 over ICMPv6 and its pseudo header: the addresses, length and protocol. */
static uint16_t checksum(const struct nd_request *request)
{
	const uint8_t *bytes = (const uint8_t *)request;
	uint32_t sum = sizeof(*request) - sizeof(request->ip) + IPPROTO_ICMPV6;

	for (size_t i = offsetof(struct nd_request, ip.ip6_src); i < sizeof(*request); i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void send_nd(int fd, const struct solicitation *solicitation)
{
	const uint8_t *target = solicitation->target.bytes;
	const uint8_t group[16] = { 0xff,       2,          [11] = 1,  [12] = 0xff,
				    target[13], target[14], target[15] };
	const uint8_t group_mac[ETH_ALEN] = {
		0x33, 0x33, 0xff, target[13], target[14], target[15]
	};
	const uint8_t *to = solicitation->dst_mac ? target : group;
	const uint8_t *dst_mac = solicitation->dst_mac ? solicitation->dst_mac : group_mac;
	struct nd_request request = {
		.solicit.nd_ns_type = ND_NEIGHBOR_SOLICIT,
		.option = { ND_OPT_SOURCE_LINKADDR, 1 },
	};

	request.ip.ip6_vfc = 6 << 4;
	request.ip.ip6_plen = htons(sizeof(request) - sizeof(request.ip));
	request.ip.ip6_nxt = IPPROTO_ICMPV6;
	request.ip.ip6_hlim = HOP_LIMIT;
	memcpy(&request.ip.ip6_src, solicitation->source.bytes, sizeof(request.ip.ip6_src));
	memcpy(&request.ip.ip6_dst, to, sizeof(request.ip.ip6_dst));
	memcpy(&request.solicit.nd_ns_target, target, sizeof(request.solicit.nd_ns_target));
	memcpy(request.mac, solicitation->src_mac, sizeof(request.mac));
	request.solicit.nd_ns_cksum = checksum(&request);
	send_frame(fd, solicitation, ETH_P_IPV6, dst_mac, &request, sizeof(request));
}

void solicitation_send(int fd, const struct solicitation *solicitation)
{
	if (address_is_ipv4(&solicitation->target))
		send_arp(fd, solicitation);
	else
		send_nd(fd, solicitation);
}

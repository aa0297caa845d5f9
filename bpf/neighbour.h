/* SPDX-License-Identifier: GPL-2.0-only */
/* neighbour.h - ARP and ND requests for a VIP that no host owns are answered: owns devices. */
#ifndef BPF_NEIGHBOUR_H
#define BPF_NEIGHBOUR_H

#include "address.h"
#include "answer.h"
#include "config.h"

#define ND_TARGET_LINK_ADDRESS 2
#define ND_SOLICITED 0x40
#define ND_OVERRIDE 0x20

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_DEVICE_MAX);
	__type(key, __u32);
	__type(value, struct gw_device);
} devices SEC(".maps");

/* Whether our program is on the device, which so is one that frames can be redirected to. */
static __always_inline bool device_is_ours(__u32 ifindex)
{
	return bpf_map_lookup_elem(&devices, &ifindex);
}

struct advertisement {
	struct icmp6hdr icmp;
	struct gw_addr target;
	__u8 option;
	__u8 option_units; /* of 8 bytes */
	struct mac mac;
};

/* An address that announces itself asks nobody. One with no sender yet does: it is taken. */
static __always_inline enum gw_verdict arp_answer(struct packet *packet, struct link *link)
{
	struct arp_request *arp = packet->arp;
	enum gw_verdict verdict;
	struct cursor cursor;

	if (addr_equal(&packet->src, &packet->dst))
		return GW_NOT_OURS;
	arp->operation = bpf_htons(ARP_REPLY);
	arp->target_mac = arp->sender_mac;
	arp->sender_mac = link->src;
	__builtin_memcpy(arp->sender, &packet->dst.word[3], sizeof(arp->sender));
	__builtin_memcpy(arp->target, &packet->src.word[3], sizeof(arp->target));
	verdict = frame_write(packet, link, 0, &cursor);
	return verdict == UNDECIDED ? GW_NEIGHBOUR_REPLIED : verdict;
}

/* RFC 4861, 7.2.4: who asks without an address of its own is answered before everybody. */
static __always_inline __u8 nd_receiver(const struct packet *packet, struct link *link,
					struct gw_addr *ret_to)
{
	*ret_to = packet->src;
	if (packet->src.word[0] | packet->src.word[1] | packet->src.word[2] | packet->src.word[3])
		return ND_SOLICITED | ND_OVERRIDE;
	*ret_to = (struct gw_addr){ { bpf_htonl(0xff020000), 0, 0, bpf_htonl(1) } };
	link->dst = (struct mac){ { bpf_htons(0x3333), 0, bpf_htons(1) } };
	return ND_OVERRIDE;
}

static __always_inline void advertisement_write(struct advertisement *advert,
						const struct packet *packet,
						const struct gw_addr *to, const struct mac *mac,
						__u8 flags)
{
	__u64 sum;

	*advert = (struct advertisement){
		.icmp.icmp6_type = ICMP6_ADVERTISEMENT,
		.icmp.icmp6_dataun.un_data8[0] = flags,
		.target = packet->dst,
		.option = ND_TARGET_LINK_ADDRESS,
		.option_units = 1,
		.mac = *mac,
	};
	sum = csum_add_pseudo_header(0, &packet->dst, to, sizeof(*advert), IPPROTO_ICMPV6);
	advert->icmp.icmp6_cksum = csum_finish(csum_add(sum, advert, sizeof(*advert)));
}

static __always_inline enum gw_verdict nd_answer(struct packet *packet, struct link *link)
{
	struct advertisement *advert;
	enum gw_verdict verdict;
	struct cursor cursor;
	struct ipv6hdr *ip;
	struct gw_addr to;
	__u8 flags = nd_receiver(packet, link, &to);

	if (!answer_resize(packet, sizeof(*ip) + sizeof(*advert)))
		return GW_NO_HEADROOM;
	verdict = frame_write(packet, link, 0, &cursor);
	if (verdict != UNDECIDED)
		return verdict;
	ip = cursor_take(&cursor, sizeof(*ip));
	advert = cursor_take(&cursor, sizeof(*advert));
	if (!ip || !advert)
		return GW_NO_HEADROOM;
	answer_write_ip6(ip, packet, &to, IPPROTO_ICMPV6, sizeof(*advert), ND_HOP_LIMIT);
	advertisement_write(advert, packet, &to, &link->src, flags);
	return GW_NEIGHBOUR_REPLIED;
}

/* With the MAC address of the device where the question came: a request is sent to everybody. */
static __always_inline enum gw_verdict neighbour_answer(struct packet *packet)
{
	__u32 ifindex = packet->ctx->ingress_ifindex;
	struct link link = answer_link(packet);
	const struct gw_device *device;

	device = bpf_map_lookup_elem(&devices, &ifindex);
	if (!device)
		return GW_NOT_OURS;
	__builtin_memcpy(&link.src, device->mac, sizeof(link.src));
	if (mac_equal(&packet->link->src, &link.src))
		return GW_NOT_OURS;
	if (packet->arp)
		return arp_answer(packet, &link);
	return packet->ip6 ? nd_answer(packet, &link) : GW_NOT_OURS;
}

static __always_inline enum gw_verdict balance_neighbour(struct packet *packet)
{
	struct cursor cursor = cursor_at_start(packet->ctx);

	if (!config.answer_neighbours || packet_parse_network(packet, &cursor) != UNDECIDED)
		return GW_NOT_OURS;
	if (!packet->arp && !packet->is_solicitation)
		return GW_NOT_OURS;
	if (address_refuse(address_find(&packet->dst), UNDECIDED) != UNDECIDED)
		return GW_NOT_OURS;
	return neighbour_answer(packet);
}

#endif

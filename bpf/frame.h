/* SPDX-License-Identifier: GPL-2.0-only */
/* frame.h - the Ethernet header and VLAN tags of a frame that leaves. */
#ifndef BPF_FRAME_H
#define BPF_FRAME_H

#include "packet.h"

struct link {
	struct mac dst, src;
	struct gw_vlan vlan[VLAN_TAGS_MAX]; /* outer first, tpid 0 ends them */
	__u32 ifindex;
};

static __always_inline __u32 link_bytes(const struct link *link)
{
	if (!link->vlan[0].tpid)
		return ETH_HLEN;
	return ETH_HLEN + sizeof(struct gw_vlan) * (link->vlan[1].tpid ? 2 : 1);
}

static __always_inline bool frame_write_tags(struct cursor *cursor, const struct link *link)
{
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct gw_vlan *tag;

		if (!link->vlan[i].tpid)
			break;
		tag = cursor_take(cursor, sizeof(*tag));
		if (!tag)
			return false;
		*tag = link->vlan[i];
	}
	return true;
}

/*
 * Moves the frame's start so that room bytes and link's header fit in front of the IP header.
 * When the tags take as much as those that came, the distance is known where room is: what
 * then happens to the frame need not wait for all that led to the link.
 */
static __always_inline bool frame_move_start(struct packet *packet, const struct link *link,
					     __u32 room)
{
	__u32 bytes = link_bytes(link);

	if (bytes == packet->link_bytes)
		return room == 0 || !bpf_xdp_adjust_head(packet->ctx, -(int)room);
	return !bpf_xdp_adjust_head(packet->ctx, (int)packet->link_bytes - (int)(bytes + room));
}

/*
 * Frames the packet for link, with room bytes for a new header in front of the
 * IP header. Leaves the cursor there; pointers into the packet are void.
 */
static __always_inline enum gw_verdict frame_write(struct packet *packet, const struct link *link,
						   __u32 room, struct cursor *cursor)
{
	struct mac *macs;
	__be16 *ethertype;

	if (!frame_move_start(packet, link, room))
		return GW_NO_HEADROOM;

	*cursor = cursor_at_start(packet->ctx);
	macs = cursor_take(cursor, 2 * sizeof(*macs));
	if (!macs || !frame_write_tags(cursor, link))
		return GW_NO_HEADROOM;
	ethertype = cursor_take(cursor, sizeof(*ethertype));
	if (!ethertype)
		return GW_NO_HEADROOM;

	macs[0] = link->dst;
	macs[1] = link->src;
	*ethertype = packet->ethertype;
	packet->egress_ifindex = link->ifindex;
	return UNDECIDED;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fragment.h - only the first fragment of a datagram has the ports: what it said is
 * remembered for the others. Owns fragments.
 *
 * A piece is let through when it begins where the pieces before it ended, or behind that:
 * then there is a gap, which is counted. One that begins earlier overlaps or repeats what
 * was let through and is dropped (RFC 5722 for IPv6, RFC 1858 for IPv4).
 */
#ifndef BPF_FRAGMENT_H
#define BPF_FRAGMENT_H

#include "clock.h"
#include "packet.h"

#define FRAGMENT_LIFE_S 30 /* as long as Linux waits for the rest of a datagram */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_FRAGMENT_MAX);
	__type(key, struct gw_fragment_key);
	__type(value, struct gw_fragment);
} fragments SEC(".maps");

/* Where a key and a value are put together: the stack has other uses. */
struct fragment_room {
	struct gw_fragment_key key;
	struct gw_fragment said;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fragment_room);
} fragment_room SEC(".maps");

static __always_inline struct fragment_room *fragment_room_of(const struct packet *packet)
{
	__u32 first = 0;
	struct fragment_room *room = bpf_map_lookup_elem(&fragment_room, &first);

	if (!room)
		return NULL;
	room->key = (struct gw_fragment_key){ .src = packet->src,
					      .dst = packet->dst,
					      .id = packet->fragment_id,
					      .protocol = packet->is_ipv6 ? 0 : packet->protocol };
	return room;
}

static __always_inline __u16 fragment_units(const struct packet *packet)
{
	return (packet->fragment_bytes + 7) / 8;
}

/* backend: GW_NONE for a reply. Without room the others find nothing, and are counted so. */
static __always_inline void fragment_remember(const struct packet *packet, __u32 backend)
{
	struct fragment_room *room = fragment_room_of(packet);

	if (!room)
		return;
	room->said = (struct gw_fragment){ .src_port = packet->src_port,
					   .dst_port = packet->dst_port,
					   .backend = backend,
					   .next_units = fragment_units(packet),
					   .protocol = packet->protocol,
					   .seen = clock_s() };
	(void)bpf_map_update_elem(&fragments, &room->key, &room->said, BPF_ANY);
}

/* Up to the end of this one the fragments came without a gap. */
static __always_inline void fragment_grow(const struct packet *packet)
{
	struct fragment_room *room = fragment_room_of(packet);
	struct gw_fragment *said = room ? bpf_map_lookup_elem(&fragments, &room->key) : NULL;

	if (said && said->next_units == packet->fragment_units)
		said->next_units += fragment_units(packet);
}

/* Once the packet's way has ended, as it may be gone twice. backend: as above. */
static __always_inline void fragment_account(const struct packet *packet, enum gw_verdict verdict,
					     __u32 backend)
{
	if (verdict != GW_FORWARDED && verdict != GW_REPLIED && verdict != GW_REPLY_PASSED)
		return;
	if (packet->is_first_fragment)
		fragment_remember(packet, backend);
	else if (packet->is_later_fragment)
		fragment_grow(packet);
}

/* Gives a later fragment what the first one said. */
static __always_inline enum gw_verdict fragment_recall(struct packet *packet)
{
	struct fragment_room *room = fragment_room_of(packet);
	struct gw_fragment *said = room ? bpf_map_lookup_elem(&fragments, &room->key) : NULL;

	if (!said || clock_s() - said->seen > FRAGMENT_LIFE_S)
		return GW_FRAGMENT_EARLY;
	if (packet->fragment_units < said->next_units)
		return GW_FRAGMENT_OVERLAP;
	packet->is_fragment_ahead = packet->fragment_units > said->next_units;
	packet->src_port = said->src_port;
	packet->dst_port = said->dst_port;
	packet->protocol = said->protocol;
	packet->fragment_backend = said->backend;
	return UNDECIDED;
}

#endif

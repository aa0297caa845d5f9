/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracked.h - a packet on its way through track: owns tracked.
 *
 * Plain ways have room for flow_track() on their stack. Others go on as track, which is a
 * program of its own, and come back with a backend. What knows its clients has no room for
 * them on any.
 */
#ifndef BPF_TRACKED_H
#define BPF_TRACKED_H

#include "affinity.h"
#include "packet.h"
#include "track.h"

struct tracked {
	__u64 hash;
	__u32 owner;
	__u32 base_slot;
	__u32 service;
	__u32 flags;   /* enum track_flag */
	__u32 backend; /* that was found */
	__u8 is_found; /* for the packet that comes next */
	__u8 is_ipv6, is_error;
	__u8 is_settled; /* likewise: what it was */
	struct affinity client;
};

/* One a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tracked);
} tracked SEC(".maps");

static __always_inline struct tracked *tracked_here(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&tracked, &first);
}

/*
 * Where a packet's way begins, behind nat_comes_settled(): whether it comes from track, and
 * what it was when it went there. Asked once. To the verifier the answers are numbers that it
 * does not know: it need not walk all that follows for each.
 */
static __always_inline void track_resume(struct packet *packet)
{
	struct tracked *here = tracked_here();

	if (!here)
		return;
	packet->is_tracked = *(volatile __u8 *)&here->is_found;
	packet->is_settled |= *(volatile __u8 *)&here->is_settled;
	here->is_found = 0;
	here->is_settled = 0;
}

/*
 * Anybody can send a SYN in anybody's name, and an error: the client is known when it goes on.
 * Not inlined, for the sake of the plain ways' stack.
 */
static __noinline void tracked_find(struct tracked *here)
{
	struct affinity *client = &here->client;
	struct gw_affinity *known = client->timeout_s ? affinity_find(client) : NULL;
	__u32 owner = here->owner, flags = here->flags;

	if (client->timeout_s && affinity_may_begin(flags))
		owner = affinity_owner(client, known, &flags);
	here->backend = flow_track(here->hash, owner, here->base_slot, here->service, flags);
	if (client->timeout_s && !(flags & (TRACK_FIRST | TRACK_LOOK)))
		affinity_note(client, known, here->backend);
}

/* The way of track: the packet then goes on where it came from, and its backend is known. */
static __always_inline struct tracked *track_find(void)
{
	struct tracked *here = tracked_here();

	if (!here)
		return NULL;
	tracked_find(here);
	here->is_found = true;
	return here;
}

static __always_inline void tracked_write(struct tracked *here, const struct packet *packet,
					  const struct gw_service *service, __u64 hash, __u32 owner,
					  __u32 base_slot)
{
	here->hash = hash;
	here->owner = owner;
	here->base_slot = base_slot;
	here->service = service->id;
	here->flags = track_flags(packet, service);
	here->is_ipv6 = packet->is_ipv6;
	here->is_error = packet->is_error;
	here->is_settled = packet->is_settled;
	affinity_ask(packet, service, here->flags, &here->client);
}

static __always_inline enum gw_verdict track_there(const struct packet *packet,
						   const struct gw_service *service, __u64 hash,
						   __u32 owner, __u32 base_slot, __u32 *ret)
{
	struct tracked *here = tracked_here();

	if (!here)
		return GW_BAD_TABLE;
	if (!packet->is_tracked) {
		tracked_write(here, packet, service, hash, owner, base_slot);
		if (!packet->is_plain)
			return TRACKED;
		tracked_find(here);
	}
	*ret = here->backend;
	return UNDECIDED;
}

/* The flow's backend in *ret, GW_NONE when there is none for it. */
static __always_inline enum gw_verdict
flow_backend(const struct packet *packet, const struct gw_service *service, __u64 hash, __u32 *ret)
{
	__u32 owner = slot_current(service, hash), base_slot;

	*ret = owner;
	if (!(owner & GW_SLOT_TRACK))
		return UNDECIDED;
	owner &= ~GW_SLOT_TRACK;
	base_slot = service->base_offset + gw_hash_slot(hash, service->base_count);
	if (!packet->is_plain || service->flags & GW_SERVICE_AFFINITY)
		return track_there(packet, service, hash, owner, base_slot, ret);
	*ret = flow_track(hash, owner, base_slot, service->id, track_flags(packet, service));
	return UNDECIDED;
}

#endif

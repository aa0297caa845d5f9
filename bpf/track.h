/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * track.h - slot -> backend, and the flows that are recorded while slots change owner: owns
 * slots, backends, flows, track_counts, told and untold.
 *
 * INVARIANT: every live flow that is not on its slot's base owner is in flows. So a flow that
 * is not there is on the base owner, whoever owns the slot now. It is kept here, where a
 * flow of a tracked slot is recorded as it begins, and by the agent, which tracks a slot
 * before its owner changes, and makes the new owner the base only when every flow that
 * is alive had the time to be recorded (user/datapath/transition.h).
 *
 * Where a gateway's flows come from another that died, it must hold for those too. So
 * flows that are on no base owner are told, as they are confirmed, and the agent that hears
 * of one records it and has its slot tracked (user/datapath/telling.c).
 */
#ifndef BPF_TRACK_H
#define BPF_TRACK_H

#include <guideway/flow_table.h>

#include "clock.h"
#include "config.h"
#include "handover.h"
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GW_SLOT_MAX / GW_SLOTS_PACKED);
	__type(key, __u32);
	__type(value, struct gw_slot_pack);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GW_BACKEND_MAX);
	__type(key, __u32);
	__type(value, struct gw_backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GW_FLOW_BUCKET_MAX);
	__type(key, __u32);
	__type(value, struct gw_flow_bucket);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GW_TRACK_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} track_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, GW_TOLD_BYTES);
} told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} untold SEC(".maps");

static __always_inline void track_count(enum gw_track_count what)
{
	__u32 index = what;
	__u64 *count = bpf_map_lookup_elem(&track_counts, &index);

	if (count)
		(*count)++;
}

/* Nobody's id: the tables are damaged. */
#define SLOT_OUT_OF_RANGE (GW_SLOT_TRACK - 1)

static __always_inline __u32 slot_read(__u32 index)
{
	__u32 pack_index = index / GW_SLOTS_PACKED;
	const struct gw_slot_pack *pack = bpf_map_lookup_elem(&slots, &pack_index);

	return pack ? pack->slot[index % GW_SLOTS_PACKED].owner : SLOT_OUT_OF_RANGE;
}

/* The hash's slot in the current table. */
static __always_inline __u32 slot_current(const struct gw_service *service, __u64 hash)
{
	return slot_read(service->slot_offset + gw_hash_slot(hash, service->slot_count));
}

/* Whoever gets the hash's new flows; GW_NONE: nobody does. */
static __always_inline __u32 slot_owner(const struct gw_service *service, __u64 hash)
{
	return slot_current(service, hash) & ~GW_SLOT_TRACK;
}

/* The backend when it is one of the service's, else NULL. */
static __always_inline const struct gw_backend *backend_of(__u32 id, __u32 service)
{
	const struct gw_backend *backend = bpf_map_lookup_elem(&backends, &id);

	return backend && backend->service == service ? backend : NULL;
}

/* What flow_track() is told of a packet and its service. */
enum track_flag {
	TRACK_UDP = 1 << 0,
	TRACK_FIRST = 1 << 1,   /* begins a flow of TCP */
	TRACK_ENDS = 1 << 2,    /* has FIN or RST */
	TRACK_LOOK = 1 << 3,    /* about the flow, and not of it: nothing is recorded */
	TRACK_REBASED = 1 << 4, /* the base table is the current one */
	TRACK_CLIENT = 1 << 5   /* UDP, with affinity: what is not recorded begins */
};

/* Time as in flow_table.h. */
static __always_inline __u32 flow_now(void)
{
	return clock_s() >> GW_FLOW_TIME_SHIFT;
}

static __always_inline __u32 flow_idle(__u32 flags)
{
	return flags & TRACK_UDP ? config.udp_idle : config.tcp_idle;
}

/* Of a flow in this state, after the packet. Anybody can send a SYN: it confirms nothing. */
static __always_inline __u32 flow_state_after(__u32 state, __u32 flags)
{
	if (flags & TRACK_ENDS)
		return GW_FLOW_CLOSING;
	if (flags & TRACK_FIRST)
		return state & GW_FLOW_CONFIRMED ? state : GW_FLOW_NEW;
	return state == GW_FLOW_CLOSING ? state : GW_FLOW_CONFIRMED;
}

/*
 * The recorded backend, if the packet may go there; GW_NONE. *ret_confirms: the packet is the
 * one that confirms the flow.
 */
static __always_inline __u32 flow_recall(__u64 *entry, __u32 service, __u32 flags, __u32 now,
					 bool *ret_confirms)
{
	__u64 known = *entry;
	__u32 id = gw_flow_backend(known), state = gw_flow_state(known);
	const struct gw_backend *backend = backend_of(id, service);

	if (!backend || gw_flow_is_over(known, now, flow_idle(flags)))
		return GW_NONE;
	/* It begins anew, with the ports of an old one. */
	if (flags & TRACK_FIRST && backend->flags & GW_BACKEND_DRAINING)
		return GW_NONE;
	known = gw_flow_entry(gw_flow_tag(known), id, flow_state_after(state, flags), now);
	if (flags & TRACK_LOOK || *entry == known)
		return id;
	*entry = known;
	*ret_confirms = state == GW_FLOW_NEW && gw_flow_state(known) == GW_FLOW_CONFIRMED;
	return id;
}

/* Nobody is woken: the agent looks from time to time. */
static __always_inline void flow_tell(__u32 tag, __u32 bucket, __u32 backend)
{
	struct gw_told *telling = bpf_ringbuf_reserve(&told, sizeof(*telling), 0);
	__u32 first = 0;
	__u64 *count;

	if (telling) {
		*telling = (struct gw_told){ tag, bucket, backend, 0 };
		bpf_ringbuf_submit(telling, BPF_RB_NO_WAKEUP);
		return;
	}
	count = bpf_map_lookup_elem(&untold, &first);
	if (count)
		(*count)++;
}

/*
 * The entry of a way. The compiler knows that way is in range and would leave out what makes
 * it so, which Linux 6.1 forgets of what was on the stack in between.
 */
static __always_inline __u64 *flow_entry(struct gw_flow_bucket *bucket, __u32 way)
{
	asm volatile("" : "+r"(way));
	return &bucket->entry[way % GW_FLOW_WAYS];
}

/* False: there is no room. */
static __always_inline bool flow_record(struct gw_flow_bucket *bucket, __u64 entry, __u32 way,
					__u32 flags, __u32 now)
{
	__u32 rank = GW_FLOW_RANK_EMPTY;

	if (way >= GW_FLOW_WAYS)
		way = gw_flow_victim(bucket, now, flow_idle(flags), &rank);
	if (!gw_flow_makes_room(rank, flags & TRACK_FIRST)) {
		track_count(GW_TRACK_UNRECORDED);
		return false;
	}
	if (rank < GW_FLOW_RANK_OVER)
		track_count(GW_TRACK_EVICTED);
	*flow_entry(bucket, way) = entry;
	track_count(GW_TRACK_RECORDED);
	return true;
}

/*
 * The backend of a flow in a tracked slot; GW_NONE when nobody gets it. base_slot: the index
 * of its slot in the base table. A function of its own with nothing but numbers as arguments,
 * so that the verifier walks through it once, and not for every way to come here.
 */
__noinline __u32 flow_track(__u64 hash, __u32 owner, __u32 base_slot, __u32 service, __u32 flags)
{
	__u32 index = gw_flow_bucket_index(hash, config.flow_bucket_mask);
	struct gw_flow_bucket *bucket = bpf_map_lookup_elem(&flows, &index);
	__u32 tag = hash >> 32, now = flow_now(), base, chosen, way;
	bool confirms = false;

	if (!bucket)
		return owner;
	track_count(GW_TRACK_LOOKUPS);
	way = gw_flow_find(bucket, tag);
	if (way < GW_FLOW_WAYS) {
		chosen = flow_recall(flow_entry(bucket, way), service, flags, now, &confirms);
		if (chosen != GW_NONE) {
			track_count(GW_TRACK_FOUND);
			if (config.tells_flows && confirms &&
			    chosen != (slot_read(base_slot) & ~GW_SLOT_TRACK))
				flow_tell(tag, index, chosen);
			return chosen;
		}
	}
	/* A base owner that died has no flows. */
	base = slot_read(base_slot) & ~GW_SLOT_TRACK;
	if (!backend_of(base, service))
		base = owner;
	chosen = flags & (TRACK_FIRST | TRACK_CLIENT) && !is_handing_over() ? owner : base;
	/*
	 * Once the base is the owner, only what differs from it is worth a record; but what is
	 * recorded of a flow is never wrong.
	 */
	if (chosen == GW_NONE || flags & TRACK_LOOK ||
	    (way == GW_FLOW_WAYS && chosen == base &&
	     (flags & (TRACK_REBASED | TRACK_CLIENT)) == TRACK_REBASED))
		return chosen;
	/* Without a record the next packet looks at the base owner: so that is where it begins. */
	return flow_record(bucket,
			   gw_flow_entry(tag, chosen, flow_state_after(GW_FLOW_NEW, flags), now),
			   way, flags, now)
		       ? chosen
		       : base;
}

static __always_inline __u32 track_flags(const struct packet *packet,
					 const struct gw_service *service)
{
	return (packet->protocol == IPPROTO_UDP ? TRACK_UDP : 0) |
	       (packet_is_first_of_tcp(packet) ? TRACK_FIRST : 0) |
	       (packet->tcp_flags & (TCP_FIN | TCP_RST) ? TRACK_ENDS : 0) |
	       (packet->is_error ? TRACK_LOOK : 0) |
	       (service->base_offset == service->slot_offset ? TRACK_REBASED : 0);
}

#endif

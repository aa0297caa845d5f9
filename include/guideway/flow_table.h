/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * flow_table.h - entries of the map flows, and which of a bucket's makes room: the same in
 * the XDP program, the agent's sweep and the tests.
 *
 *	tag:32 | backend:18 | state:2 | seen:12
 *
 * Bucket: low bits of the finished flow hash; tag: the high 32 bits of the flow hash, from
 * which the flow's slot follows in a table of any size. An entry is read and written as one
 * word. The backend says which service it is: its id is one service's.
 */
#ifndef GUIDEWAY_FLOW_TABLE_H
#define GUIDEWAY_FLOW_TABLE_H

#include <guideway/flow_hash.h>

#define GW_FLOW_INLINE static inline __attribute__((always_inline))

enum gw_flow_state {
	GW_FLOW_NEW, /* only its SYN was seen, which anybody can send */
	GW_FLOW_CONFIRMED,
	GW_FLOW_CLOSING, /* the client sent FIN or RST */
	GW_FLOW_TOLD,    /* as confirmed; another gateway forwards it, and has told of it */
};

#define GW_FLOW_SEEN_BITS 12
#define GW_FLOW_STATE_BITS 2
#define GW_FLOW_BACKEND_BITS 18
#define GW_FLOW_SEEN_MASK ((1U << GW_FLOW_SEEN_BITS) - 1)

/* Time here counts in units of 4 s of the coarse monotonic clock, modulo 2^12: 4.5 hours. */
#define GW_FLOW_TIME_SHIFT 2
#define GW_FLOW_IDLE_MAX (GW_FLOW_SEEN_MASK / 2)
/* A flow that is closing is over, and one that is new is worth no room, after so long. */
#define GW_FLOW_UNCONFIRMED_IDLE (64 >> GW_FLOW_TIME_SHIFT)
/* A confirmed flow that was silent for so long may make room for one that is not. */
#define GW_FLOW_SILENT (64 >> GW_FLOW_TIME_SHIFT)

_Static_assert(GW_FLOW_SEEN_BITS + GW_FLOW_STATE_BITS + GW_FLOW_BACKEND_BITS == 32,
	       "a flow's entry is one word");
_Static_assert(GW_BACKEND_MAX <= 1U << GW_FLOW_BACKEND_BITS, "a backend's id fits into an entry");

GW_FLOW_INLINE __u64 gw_flow_entry(__u32 tag, __u32 backend, __u32 state, __u32 seen)
{
	return (__u64)tag << 32 | backend << (GW_FLOW_SEEN_BITS + GW_FLOW_STATE_BITS) |
	       state << GW_FLOW_SEEN_BITS | (seen & GW_FLOW_SEEN_MASK);
}

GW_FLOW_INLINE __u32 gw_flow_tag(__u64 entry)
{
	return entry >> 32;
}

GW_FLOW_INLINE __u32 gw_flow_backend(__u64 entry)
{
	return (__u32)entry >> (GW_FLOW_SEEN_BITS + GW_FLOW_STATE_BITS);
}

GW_FLOW_INLINE __u32 gw_flow_state(__u64 entry)
{
	return ((__u32)entry >> GW_FLOW_SEEN_BITS) & ((1U << GW_FLOW_STATE_BITS) - 1);
}

/* How long the flow was silent. */
GW_FLOW_INLINE __u32 gw_flow_age(__u64 entry, __u32 now)
{
	return (now - (__u32)entry) & GW_FLOW_SEEN_MASK;
}

/* idle: the service's, at most GW_FLOW_IDLE_MAX. */
GW_FLOW_INLINE int gw_flow_is_over(__u64 entry, __u32 now, __u32 idle)
{
	if (gw_flow_state(entry) == GW_FLOW_CLOSING && idle > GW_FLOW_UNCONFIRMED_IDLE)
		idle = GW_FLOW_UNCONFIRMED_IDLE;
	return gw_flow_age(entry, now) > idle;
}

/* hash: gw_flow_hash(). */
GW_FLOW_INLINE __u32 gw_flow_bucket_index(__u64 hash, __u32 bucket_mask)
{
	return (__u32)gw_hash_finish(hash) & bucket_mask;
}

/*
 * The ways of a bucket are compared without a branch, which would have the verifier walk
 * through all that follows once for each of them; the compiler must not know better.
 */
#ifdef __clang__
#define GW_FLOW_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GW_FLOW_UNROLL
#endif
#define GW_FLOW_OPAQUE(value) __asm__ volatile("" : "+r"(value))

/* All bits set when a < b, else none; both below 2^63. */
GW_FLOW_INLINE __u64 gw_flow_below(__u64 a, __u64 b)
{
	__u64 difference = a - b;

	GW_FLOW_OPAQUE(difference);
	return (__u64)((__s64)difference >> 63);
}

/* The way that has the tag, or GW_FLOW_WAYS. */
GW_FLOW_INLINE __u32 gw_flow_find(const struct gw_flow_bucket *bucket, __u32 tag)
{
	__u64 way = GW_FLOW_WAYS;

	GW_FLOW_UNROLL
	for (__u64 i = 0; i < GW_FLOW_WAYS; i++) {
		__u64 entry = bucket->entry[i];
		__u64 differs = (entry >> 32 ^ tag) | gw_flow_below(entry & 0xffffffff, 1);
		__u64 found = gw_flow_below(differs & 0xffffffff, 1);

		way = (way & ~found) | (i & found);
	}
	return way;
}

/*
 * How readily an entry makes room: empty, over, new, closing, confirmed, and in each of these
 * the one that was silent for longest.
 */
#define GW_FLOW_RANK_EMPTY (5U << GW_FLOW_SEEN_BITS)
#define GW_FLOW_RANK_OVER (4U << GW_FLOW_SEEN_BITS)
#define GW_FLOW_RANK_NEW (3U << GW_FLOW_SEEN_BITS)
#define GW_FLOW_RANK_CLOSING (2U << GW_FLOW_SEEN_BITS)
/* By state, 16 bits each; confirmed and told are 0. */
#define GW_FLOW_RANKS (GW_FLOW_RANK_NEW | (__u64)GW_FLOW_RANK_CLOSING << 32)

GW_FLOW_INLINE __u64 gw_flow_rank(__u64 entry, __u32 now, __u32 idle)
{
	__u64 age = gw_flow_age(entry, now), state = gw_flow_state(entry);
	__u64 unconfirmed = (state & GW_FLOW_CONFIRMED) - 1; /* neither confirmed nor told */
	__u64 limit = (idle & ~unconfirmed) | (GW_FLOW_UNCONFIRMED_IDLE & unconfirmed);
	__u64 is_over = gw_flow_below(limit, age);
	__u64 is_empty = gw_flow_below(entry & 0xffffffff, 1);
	__u64 rank = GW_FLOW_RANKS >> (state * 16) & 0xffff;

	rank = (rank & ~is_over) | (GW_FLOW_RANK_OVER & is_over);
	return ((rank + age) & ~is_empty) | (GW_FLOW_RANK_EMPTY & is_empty);
}

/* The way that makes room most readily, and its rank. */
GW_FLOW_INLINE __u32 gw_flow_victim(const struct gw_flow_bucket *bucket, __u32 now, __u32 idle,
				    __u32 *ret_rank)
{
	__u64 way = 0, best = 0;

	GW_FLOW_UNROLL
	for (__u64 i = 0; i < GW_FLOW_WAYS; i++) {
		__u64 rank = gw_flow_rank(bucket->entry[i], now, idle);
		__u64 stays = gw_flow_below(rank, best);

		way = (way & stays) | (i & ~stays);
		best = (best & stays) | (rank & ~stays);
	}
	*ret_rank = best;
	return way;
}

/*
 * Whether an entry of this rank makes room. For a flow's first packet, which anybody can
 * send, only what is worth no more: a flood of SYNs displaces SYNs.
 */
GW_FLOW_INLINE int gw_flow_makes_room(__u32 rank, int for_first)
{
	return rank >= (for_first ? GW_FLOW_RANK_NEW : GW_FLOW_SILENT);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * affinity.h - whom a client has: owns affinities.
 *
 * With affinity all slots are tracked, and flows are tracked as any others; only where one goes
 * that begins is its client's. So a flow stays where it is when its client is sent elsewhere,
 * or forgotten.
 */
#ifndef BPF_AFFINITY_H
#define BPF_AFFINITY_H

#include <guideway/flow_hash.h>

#include "clock.h"
#include "config.h"
#include "track.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_AFFINITY_MAX);
	__type(key, struct gw_affinity_key);
	__type(value, struct gw_affinity);
} affinities SEC(".maps");

/* The client of a packet; in a map, since the program's stack has no room for it. */
struct affinity {
	struct gw_affinity_key key;
	struct gw_affinity now; /* room for what is noted */
	__u32 owner; /* of the slot that its address hashes to, if the packet may begin a flow */
	__u32 timeout_s; /* 0: the service knows no clients */
};

/* Whether a packet with these flags of track.h goes where its client is, unless its flow is known.
 */
static __always_inline bool affinity_may_begin(__u32 flags)
{
	return flags & (TRACK_FIRST | TRACK_UDP);
}

static __always_inline void affinity_ask(const struct packet *packet,
					 const struct gw_service *service, __u32 flags,
					 struct affinity *ret)
{
	ret->timeout_s = service->flags & GW_SERVICE_AFFINITY ? service->affinity_timeout_s : 0;
	if (!ret->timeout_s)
		return;
	ret->key.client = packet->src;
	ret->key.service = service->id;
	if (affinity_may_begin(flags))
		ret->owner = slot_owner(
			service, gw_client_hash(config.hash_key, &packet->src, packet->is_ipv6));
}

/* Whether the client's new flows may go there. */
static __always_inline bool affinity_may_be(const struct affinity *client, __u32 id)
{
	const struct gw_backend *backend = backend_of(id, client->key.service);

	return backend && !(backend->flags & GW_BACKEND_DRAINING);
}

/* Whom the client has, as long as it was not silent for the timeout and that gets new flows. */
static __always_inline struct gw_affinity *affinity_find(const struct affinity *client)
{
	struct gw_affinity *known = bpf_map_lookup_elem(&affinities, &client->key);

	if (!known || (int)(clock_s() - known->seen) > (int)client->timeout_s ||
	    !affinity_may_be(client, known->backend))
		return NULL;
	return known;
}

/*
 * Who gets the client's new flows; known: affinity_find()'s. Those without a packet that begins
 * them are all recorded, so that one that is not begins: but while owners change, those of an
 * unknown client may be from before its affinity.
 */
static __always_inline __u32 affinity_owner(const struct affinity *client,
					    const struct gw_affinity *known, __u32 *flags)
{
	if (*flags & TRACK_UDP && (known || *flags & TRACK_REBASED))
		*flags |= TRACK_CLIENT;
	return known ? known->backend : client->owner;
}

/* The client has spoken, to that backend; known: affinity_find()'s. */
static __always_inline void affinity_note(struct affinity *client, struct gw_affinity *known,
					  __u32 backend)
{
	client->now = (struct gw_affinity){ .backend = backend, .seen = clock_s() };
	if (known && known->backend == backend && known->seen != client->now.seen)
		known->seen = client->now.seen;
	/* Without room the client is served as its slot says, as long as the table stays. */
	if (!known && affinity_may_be(client, backend))
		(void)bpf_map_update_elem(&affinities, &client->key, &client->now, BPF_ANY);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dnat.h - replies in mode dnat, which the gateway routes: they get the service's address
 * back. Owns replies4 and replies6.
 *
 * A reply is known by the backend it comes from. Only where several services share a
 * backend are flows recorded, in the tables of nat_table.h.
 */
#ifndef BPF_DNAT_H
#define BPF_DNAT_H

#include "address.h"
#include "nat.h"
#include "neighbour.h"
#include "service.h"

enum {
	FIB_INET = 2,   /* AF_INET */
	FIB_INET6 = 10, /* AF_INET6 */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_REPLY_MAX);
	__type(key, struct gw_socket4);
	__type(value, struct gw_reply);
} replies4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_REPLY_MAX);
	__type(key, struct gw_socket);
	__type(value, struct gw_reply);
} replies6 SEC(".maps");

/* For bpf_fib_lookup: the stack has other uses for 64 bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_fib_lookup);
} route_query SEC(".maps");

static __always_inline const struct gw_reply *reply_find(const struct packet *packet)
{
	if (packet->is_ipv6) {
		const struct gw_socket key =
			socket_of(&packet->src, packet->src_port, packet->protocol);

		return bpf_map_lookup_elem(&replies6, &key);
	} else {
		const union socket4 key =
			socket4_of(&packet->src, packet->src_port, packet->protocol);

		return bpf_map_lookup_elem(&replies4, &key);
	}
}

/* Where the kernel would send it; BPF_FIB_LKUP_RET_... */
static __always_inline long reply_route(struct packet *packet, const struct gw_addr *vip,
					struct link *ret_link)
{
	__u32 first = 0;
	struct bpf_fib_lookup *fib = bpf_map_lookup_elem(&route_query, &first);
	long result;

	if (!fib)
		return BPF_FIB_LKUP_RET_UNREACHABLE;
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = packet->is_ipv6 ? FIB_INET6 : FIB_INET;
	fib->l4_protocol = packet->protocol;
	fib->tot_len = packet->ip_bytes;
	fib->ifindex = packet->ctx->ingress_ifindex;
	if (packet->is_ipv6) {
		__builtin_memcpy(fib->ipv6_src, vip, sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, &packet->dst, sizeof(fib->ipv6_dst));
	} else {
		fib->ipv4_src = vip->word[3];
		fib->ipv4_dst = packet->dst.word[3];
	}
	result = bpf_fib_lookup(packet->ctx, fib, sizeof(*fib), 0);
	*ret_link = (struct link){ .ifindex = fib->ifindex };
	__builtin_memcpy(&ret_link->dst, fib->dmac, sizeof(ret_link->dst));
	__builtin_memcpy(&ret_link->src, fib->smac, sizeof(ret_link->src));
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		packet->mtu = fib->mtu_result;
	return result;
}

static __always_inline void reply_rewrite(struct packet *packet, const struct gw_reply *reply,
					  __u8 hops)
{
	const struct ends to = { reply->vip, packet->dst, reply->port, packet->dst_port };

	if (packet->is_error)
		quote_rewrite(packet, &to, &to.src, hops);
	else
		packet_rewrite(packet, &to, hops);
	count_reply(reply->backend, packet->frame_bytes);
}

/* What has no neighbour yet, or leaves by a device without our program, is the kernel's to send. */
static __always_inline enum gw_verdict reply_send(struct packet *packet,
						  const struct gw_reply *reply)
{
	enum gw_verdict verdict;
	struct cursor cursor;
	struct link link;

	switch (reply_route(packet, &reply->vip, &link)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		if (device_is_ours(link.ifindex))
			break;
		reply_rewrite(packet, reply, 0);
		return GW_REPLY_PASSED;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		reply_rewrite(packet, reply, 0);
		return GW_REPLY_PASSED;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return GW_TOO_BIG;
	default:
		return GW_NO_REPLY_ROUTE;
	}
	if (packet->ttl <= 1)
		return GW_TTL_EXCEEDED;
	reply_rewrite(packet, reply, 1);
	verdict = frame_write(packet, &link, 0, &cursor);
	return verdict == UNDECIDED ? replied_verdict(packet) : verdict;
}

/* Of a backend that several services have: the flow's own service. False: no flow of ours. */
static __always_inline bool reply_recall(const struct packet *packet, struct gw_reply *reply)
{
	const struct gw_nat_key key = nat_key_from(packet);
	struct gw_nat_key4 room;
	const void *map_key = nat_map_key(&key, packet->is_ipv6, &room);
	struct gw_nat *entry = nat_find(map_key, packet->is_ipv6).entry;
	struct nat_ends flow;

	if (!entry || !nat_refresh(entry, clock_s()))
		return false;
	if (!packet->is_error)
		nat_state_write(entry, entry->state, nat_state_after_reply(packet, entry->state));
	flow = nat_ends_of(entry, packet->is_ipv6);
	reply->vip = flow.vip;
	reply->port = flow.vip_port;
	reply->backend = entry->backend;
	return true;
}

/*
 * A packet for nobody of ours, from an address that may be a backend's. UNDECIDED: no reply;
 * UNKNOWN_REPLY: none that we know of.
 */
static __always_inline enum gw_verdict dnat_reply(struct packet *packet)
{
	const struct gw_reply *known = reply_find(packet);
	struct gw_reply reply;

	if (!known)
		return UNDECIDED;
	reply = *known;
	if (reply.flags & GW_REPLY_RECORDED && !reply_recall(packet, &reply))
		return UNKNOWN_REPLY;
	return reply_send(packet, &reply);
}

#endif

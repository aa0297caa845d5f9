/* SPDX-License-Identifier: GPL-2.0-only */
/* service.h - classify: whose is this packet? Owns addresses and services. */
#ifndef BPF_SERVICE_H
#define BPF_SERVICE_H

#include "icmp.h"
#include "nat.h"
#include "neighbour.h"
#include "reject.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_ADDRESS_MAX);
	__type(key, struct gw_addr);
	__type(value, __u32);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GW_SERVICE_MAX);
	__type(key, struct gw_service_key);
	__type(value, struct gw_service);
} services SEC(".maps");

/* What a VIP does not serve is refused for this reason, unless the host has a use for it. */
static __always_inline enum gw_verdict address_refuse(__u32 address_flags, enum gw_verdict reason)
{
	bool is_only_vip = (address_flags & (GW_ADDRESS_VIP | GW_ADDRESS_LOCAL)) == GW_ADDRESS_VIP;

	return is_only_vip ? reason : GW_NOT_OURS;
}

/*
 * A packet in a group frame is for no one host (RFC 1122, 3.3.6): nothing may
 * answer it, and its frame would give replies a sender that none may have.
 */
static __always_inline enum gw_verdict address_classify(struct packet *packet,
							__u32 *ret_address_flags)
{
	const __u32 *flags = bpf_map_lookup_elem(&addresses, &packet->dst);

	if (!flags)
		return GW_NOT_OURS;
	*ret_address_flags = *flags;
	if (packet->arp || packet->is_solicitation) {
		if (address_refuse(*flags, UNDECIDED) != UNDECIDED)
			return GW_NOT_OURS;
		return neighbour_answer(packet);
	}
	return mac_is_group(&packet->dst_mac) ? GW_NOT_OURS : UNDECIDED;
}

static __always_inline enum gw_verdict service_find(struct packet *packet,
						    const struct gw_service **ret_service)
{
	const struct gw_service_key key = {
		.vip = packet->dst,
		.port = packet->dst_port,
		.protocol = packet->protocol,
	};
	const struct gw_service *service = bpf_map_lookup_elem(&services, &key);

	if (!service)
		return GW_UNSERVED_PORT;
	if (service->slot_count == 0)
		return service->flags & GW_SERVICE_DROP ? GW_NO_LOCAL_ENDPOINT : reject(packet);
	*ret_service = service;
	return UNDECIDED;
}

static __always_inline enum gw_verdict service_classify(struct packet *packet, __u32 address_flags,
							const struct gw_service **ret_service)
{
	enum gw_verdict verdict;

	if (!packet->ports) {
		if (echo_is_request(packet) &&
		    address_refuse(address_flags, UNDECIDED) == UNDECIDED)
			return echo_answer(packet);
		return address_refuse(address_flags, GW_UNSERVED_PROTOCOL);
	}
	if (address_flags & GW_ADDRESS_GATEWAY && nat_is_reply_port(packet->dst_port)) {
		verdict = nat_reply(packet);
		if (verdict != UNDECIDED)
			return verdict;
	}
	if (!(address_flags & GW_ADDRESS_VIP))
		return GW_NOT_OURS;
	verdict = service_find(packet, ret_service);
	return verdict == GW_UNSERVED_PORT ? address_refuse(address_flags, verdict) : verdict;
}

#endif

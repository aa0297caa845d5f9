/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decap_remove.h - the only writer: takes the outer headers away. What they say of
 * congestion goes into the inner header first (RFC 6040, 4.2); its DSCP and TTL stay.
 */
#ifndef BPF_DECAP_REMOVE_H
#define BPF_DECAP_REMOVE_H

#include "decap_parse.h"

enum ecn {
	ECN_NOT_ECT,
	ECN_ECT_1,
	ECN_ECT_0,
	ECN_CE,
};

/* RFC 1624, equation 3. */
static __always_inline void csum_replace(__sum16 *checksum, __be16 old, __be16 new)
{
	__u32 sum = (__u16) ~*checksum + (__u16)~old + new;

	sum = (sum & 0xffff) + (sum >> 16);
	*checksum = ~(sum + (sum >> 16));
}

static __always_inline void ecn_set4(struct iphdr *ip, enum ecn ecn)
{
	__be16 *first = (__be16 *)ip; /* version, header length, TOS */
	__be16 old = *first;

	ip->tos = (ip->tos & ~3) | ecn;
	csum_replace(&ip->check, old, *first);
}

static __always_inline void ecn_set6(struct ipv6hdr *ip, enum ecn ecn)
{
	ip->flow_lbl[0] = (ip->flow_lbl[0] & ~0x30) | ecn << 4;
}

static __always_inline enum gw_decap_verdict ecn_combine(const struct tunnel *tunnel)
{
	__u8 ecn = ECN_NOT_ECT;

	if (tunnel->inner4)
		ecn = tunnel->inner4->tos & 3;
	else if (tunnel->inner6)
		ecn = tunnel->inner6->flow_lbl[0] >> 4 & 3;

	if (ecn == ECN_NOT_ECT && tunnel->ecn == ECN_CE)
		return GW_DECAP_ECN_LOST;
	/* Only ECT(1) and CE outside tell more than what the sender may have written inside. */
	if (ecn == ECN_NOT_ECT || ecn == ECN_CE ||
	    (tunnel->ecn != ECN_ECT_1 && tunnel->ecn != ECN_CE))
		return UNDECIDED;
	if (tunnel->inner4)
		ecn_set4(tunnel->inner4, tunnel->ecn);
	else if (tunnel->inner6)
		ecn_set6(tunnel->inner6, tunnel->ecn);
	return UNDECIDED;
}

/* As it was, but for what follows. */
static __always_inline bool write_link(const struct tunnel *tunnel)
{
	struct cursor cursor = cursor_at_start(tunnel->ctx);
	__u16 *macs = cursor_take(&cursor, sizeof(tunnel->macs));
	__be16 *ethertype;

	if (!macs)
		return false;
	__builtin_memcpy(macs, tunnel->macs, sizeof(tunnel->macs));
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct gw_vlan *vlan;

		if (!tunnel->vlan[i].tpid)
			break;
		vlan = cursor_take(&cursor, sizeof(*vlan));
		if (!vlan)
			return false;
		*vlan = tunnel->vlan[i];
	}
	ethertype = cursor_take(&cursor, sizeof(*ethertype));
	if (!ethertype)
		return false;
	*ethertype = bpf_htons(tunnel->inner_version == 4 ? ETH_P_IP : ETH_P_IPV6);
	return true;
}

static __always_inline enum gw_decap_verdict remove_outer(struct tunnel *tunnel)
{
	if (bpf_xdp_adjust_head(tunnel->ctx, tunnel->outer_bytes) || !write_link(tunnel))
		return GW_DECAP_NOT_REMOVED;
	return tunnel->unwrapped;
}

#endif

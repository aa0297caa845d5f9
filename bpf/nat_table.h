/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat_table.h - one entry per translated flow: owns nat and nat_unconfirmed.
 *
 * The key is the reply's full tuple. At most one of the two maps has an entry
 * of a key; who moves or replaces one follows an order that keeps it so:
 * promotion inserts into nat before it deletes from nat_unconfirmed, and who
 * has inserted into nat_unconfirmed looks into nat once more. Only nat_claim()'s
 * winner may remove another flow's entry. Elements of LRU maps may be evicted
 * at any time: a flow that finds nothing takes a new port.
 */
#ifndef BPF_NAT_TABLE_H
#define BPF_NAT_TABLE_H

#include "nat_state.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_NAT_MAX);
	__type(key, struct gw_nat_key);
	__type(value, struct gw_nat);
} nat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GW_UNCONFIRMED_MAX);
	__type(key, struct gw_nat_key);
	__type(value, struct gw_nat);
} nat_unconfirmed SEC(".maps");

struct nat_holder {
	struct gw_nat *entry; /* NULL: the key is free */
	bool is_confirmed;
};

static __always_inline struct nat_holder nat_find(const struct gw_nat_key *key)
{
	struct gw_nat *entry = bpf_map_lookup_elem(&nat, key);

	if (entry)
		return (struct nat_holder){ entry, true };
	entry = bpf_map_lookup_elem(&nat_unconfirmed, key);
	if (entry)
		return (struct nat_holder){ entry, false };
	/* Promoted between the two looks. */
	entry = bpf_map_lookup_elem(&nat, key);
	return (struct nat_holder){ entry, true };
}

static __always_inline bool nat_is_of(const struct gw_nat *entry, const struct gw_addr *client,
				      const struct gw_addr *vip, __be16 client_port,
				      __be16 vip_port)
{
	return entry->client_port == client_port && entry->vip_port == vip_port &&
	       addr_equal(&entry->client, client) && addr_equal(&entry->vip, vip);
}

/* Once a second and flow. False when another flow is just taking the entry. */
static __always_inline bool nat_refresh(struct gw_nat *entry, __u32 now_s)
{
	__u32 seen = *(volatile __u32 *)&entry->seen;

	if (seen == now_s)
		return true;
	if (seen == NAT_CLAIMED)
		return false;
	return __sync_val_compare_and_swap(&entry->seen, seen, now_s) != NAT_CLAIMED;
}

/* Takes the key from a flow that has been silent for too long. */
static __always_inline bool nat_claim(const struct gw_nat_key *key, struct nat_holder holder,
				      __u32 now_s)
{
	__u32 seen = *(volatile __u32 *)&holder.entry->seen;
	__u32 timeout_s = nat_timeout_s(holder.entry->state, key->protocol, holder.is_confirmed);

	/* Another CPU's clock may be ahead of ours by a tick: an age is signed. */
	if (seen == NAT_CLAIMED || (int)(now_s - seen) <= (int)timeout_s)
		return false;
	if (__sync_val_compare_and_swap(&holder.entry->seen, seen, NAT_CLAIMED) != seen)
		return false;
	if (holder.is_confirmed)
		bpf_map_delete_elem(&nat, key);
	else
		bpf_map_delete_elem(&nat_unconfirmed, key);
	return true;
}

/*
 * Both sides have spoken: out of reach of those who only send SYNs. When the
 * entry was evicted and its key taken by another flow meanwhile, that flow
 * keeps it: replies must have one receiver. entry may be void afterwards.
 */
static __always_inline void nat_promote(const struct gw_nat_key *key, const struct gw_nat *entry,
					const struct packet *packet)
{
	const struct gw_nat *left;

	if (bpf_map_update_elem(&nat, key, entry, BPF_NOEXIST))
		return;
	left = bpf_map_lookup_elem(&nat_unconfirmed, key);
	if (!left)
		return;
	if (nat_is_of(left, &packet->src, &packet->dst, packet->src_port, packet->dst_port))
		bpf_map_delete_elem(&nat_unconfirmed, key);
	else
		bpf_map_delete_elem(&nat, key);
}

#endif

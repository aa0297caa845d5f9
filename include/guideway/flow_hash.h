/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * flow_hash.h - the keyed 64-bit hash of a flow, the same in the XDP program,
 * the agent and the tests.
 *
 * Multilinear hashing: sum of key[i] * word[i] modulo 2^64 over 32-bit words.
 * Its high 32 bits are strongly universal, so whoever does not know the key
 * cannot choose packets that meet in one slot (Lemire and Kaser, "Strongly
 * universal string hashing is fast", 2013, section 3). The low 32 bits are not:
 * who needs those finishes the hash first, with a bijection (MurmurHash3's
 * fmix64) that spreads the strength over all bits.
 */
#ifndef GUIDEWAY_FLOW_HASH_H
#define GUIDEWAY_FLOW_HASH_H

#include <guideway/abi.h>

static inline __attribute__((always_inline)) __u64 gw_hash_finish(__u64 h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	h ^= h >> 33;
	return h;
}

/*
 * key has GW_HASH_KEY_WORDS words. Words enter as they lie in memory (network
 * order); gateways of different byte order would disagree, none are supported.
 * The first half of IPv4-mapped addresses is constant and is left out.
 */
static inline __attribute__((always_inline)) __u64
gw_flow_hash(const volatile __u64 *key, const struct gw_addr *src, const struct gw_addr *dst,
	     __be16 src_port, __be16 dst_port, __u8 protocol, int is_ipv6)
{
	__u32 ports = (__u32)src_port << 16 | dst_port;
	__u64 h = key[0] + key[1] * protocol + key[2] * ports;

	h += key[3] * src->word[3] + key[4] * dst->word[3];
	if (is_ipv6) {
		h += key[5] * src->word[0] + key[6] * src->word[1] + key[7] * src->word[2];
		h += key[8] * dst->word[0] + key[9] * dst->word[1] + key[10] * dst->word[2];
	}
	return h;
}

/* Of a client alone, for affinity: all its flows in one slot. */
static inline __attribute__((always_inline)) __u64
gw_client_hash(const volatile __u64 *key, const struct gw_addr *client, int is_ipv6)
{
	__u64 h = key[0] + key[3] * client->word[3];

	if (is_ipv6)
		h += key[5] * client->word[0] + key[6] * client->word[1] + key[7] * client->word[2];
	return h;
}

/* The slot of a table of slot_count slots: high 32 bits, scaled. */
static inline __attribute__((always_inline)) __u32 gw_hash_slot(__u64 hash, __u32 slot_count)
{
	return ((hash >> 32) * slot_count) >> 32;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * csum.h - Internet checksums: the only place that touches them.
 *
 * A sum is kept in 64 bits and folded once. Changes are RFC 1624, equation 3:
 * HC' = ~(~HC + ~m + m'). Addresses enter as 16 bytes in both families: the
 * ffff of an IPv4-mapped one is zero in ones' complement.
 */
#ifndef BPF_CSUM_H
#define BPF_CSUM_H

#include "packet.h"

#define CSUM_WORDS_MAX 32

/* The carry of each step may be of one bit more. */
static __always_inline __u16 csum_fold(__u64 sum)
{
	__u32 half;

	sum = (sum & 0xffffffff) + (sum >> 32);
	half = (sum & 0xffff) + (sum >> 16);
	half = (half & 0xffff) + (half >> 16);
	return half + (half >> 16);
}

static __always_inline __u64 csum_change(__u64 sum, __u32 old, __u32 new)
{
	return sum + (__u32)~old + new;
}

static __always_inline __u64 csum_change_addr(__u64 sum, const struct gw_addr *old,
					      const struct gw_addr *new)
{
	for (int i = 0; i < 4; i++)
		sum = csum_change(sum, old->word[i], new->word[i]);
	return sum;
}

static __always_inline void csum_apply(__sum16 *checksum, __u64 change)
{
	*checksum = ~csum_fold(change + (__u16) ~*checksum);
}

/* A TTL that is one less: as much more in the sum's upper byte, and the carry (RFC 1141). */
static __always_inline void csum_pass_hop(struct iphdr *ip)
{
	__u32 check = ip->check + bpf_htons(0x0100);

	ip->check = check + (check >= 0xffff);
}

/* In UDP 0 says that there is no checksum, and 0xffff is the other way to write 0. */
static __always_inline void csum_apply_transport(__sum16 *checksum, __u64 change, __u8 protocol)
{
	if (protocol == IPPROTO_UDP && *checksum == 0)
		return;
	csum_apply(checksum, change);
	if (protocol == IPPROTO_UDP && *checksum == 0)
		*checksum = 0xffff;
}

/* bytes: a constant, a multiple of 4 */
static __always_inline __u64 csum_add(__u64 sum, const void *data, __u32 bytes)
{
	const __u32 *word = data;

#pragma unroll
	for (__u32 i = 0; i < bytes / 4; i++)
		sum += word[i];
	return sum;
}

/* The next bytes of the frame, a multiple of 4 and at most CSUM_WORDS_MAX words. */
static __always_inline __u64 csum_add_frame(__u64 sum, struct cursor *cursor, __u32 bytes)
{
	for (__u32 i = 0; i < CSUM_WORDS_MAX && i * 4 < bytes; i++) {
		__u32 *word = cursor_take(cursor, sizeof(*word));

		if (!word)
			break;
		sum += *word;
	}
	return sum;
}

static __always_inline __u64 csum_add_pseudo_header(__u64 sum, const struct gw_addr *src,
						    const struct gw_addr *dst, __u32 bytes,
						    __u8 protocol)
{
	sum = csum_add(sum, src, sizeof(*src));
	sum = csum_add(sum, dst, sizeof(*dst));
	return sum + bpf_htonl(bytes) + bpf_htonl(protocol);
}

static __always_inline __sum16 csum_finish(__u64 sum)
{
	return ~csum_fold(sum);
}

#endif

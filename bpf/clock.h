/* SPDX-License-Identifier: GPL-2.0-only */
/* clock.h - the coarse monotonic clock: 3 ns to read, where the exact one takes 26. */
#ifndef BPF_CLOCK_H
#define BPF_CLOCK_H

#include "packet.h"

#define NS_PER_S 1000000000ULL

/* In seconds, never 0. */
static __always_inline __u32 clock_s(void)
{
	__u32 now_s = bpf_ktime_get_coarse_ns() / NS_PER_S;

	return now_s ? now_s : 1;
}

/*
 * A token bucket of one second's tokens, as the generic cell rate algorithm writes it:
 * a token costs its share of a second, and what is used, up to *used_until_ns, may be
 * ahead of the clock by a second. Returns up to when it is used once a token is taken;
 * 0 when there is none.
 */
static __always_inline __u64 bucket_after_token(__u64 used_until_ns, __u64 cost_ns, __u64 now_ns)
{
	if (used_until_ns < now_ns)
		used_until_ns = now_ns;
	if (used_until_ns + cost_ns > now_ns + NS_PER_S)
		return 0;
	return used_until_ns + cost_ns;
}

#endif

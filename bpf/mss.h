/* SPDX-License-Identifier: GPL-2.0-only */
/* mss.h - lowers the maximum segment size that a client's SYN offers (RFC 9293, 3.7.1). */
#ifndef BPF_MSS_H
#define BPF_MSS_H

#include "csum.h"
#include "transport.h"

#define TCP_OPTION_NOP 1
#define TCP_OPTION_MSS 2
#define TCP_OPTIONS_MAX 40 /* bytes, and so the most there can be */
#define TCP_OPTION_AT_MASK 0x3f
#define TCP_OFFSET_MASK 0x3fff

struct mss_option {
	__u8 kind, bytes;
	__be16 mss;
} __attribute__((packed));

/* In 16-bit words of the segment: an option at an odd place straddles two of them. */
static __always_inline void mss_lower(struct tcphdr *tcp, struct mss_option *option, __u16 mss,
				      bool is_odd)
{
	__be16 old = option->mss, new = bpf_htons(mss);

	option->mss = new;
	if (is_odd) {
		old = (__u16)(old << 8 | old >> 8);
		new = (__u16)(new << 8 | new >> 8);
	}
	csum_apply(&tcp->check, csum_change(0, old, new));
}

/*
 * How far it is to the next option; 0: there is none. NOP alone has no length, the others
 * have one of 2 or more. Without a branch, or the verifier would go both ways at each of
 * forty options.
 */
static __always_inline __u32 mss_option_step(const struct mss_option *option)
{
	__u32 is_nop = ((option->kind ^ TCP_OPTION_NOP) - 1U) >> 31;
	__u32 is_end = (option->kind - 1U) >> 31;
	__u32 is_short = (option->bytes - 2U) >> 31;

	return ((option->bytes & (is_short - 1) & (is_nop - 1)) | is_nop) & (is_end - 1);
}

/* The TCP header begins at the frame's offset. By itself, since a loop is a lot to verify. */
__noinline int tcp_clamp_mss(struct xdp_md *ctx, __u32 offset, __u32 mss)
{
	struct cursor cursor = cursor_at_start(ctx);
	struct tcphdr *tcp;
	__u32 at = 0, option_bytes;

	if (!cursor_take(&cursor, offset & TCP_OFFSET_MASK))
		return 0;
	tcp = cursor_take(&cursor, sizeof(*tcp));
	if (!tcp)
		return 0;
	option_bytes = tcp->doff * 4 - sizeof(*tcp);
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		struct mss_option *option = cursor.at + (at & TCP_OPTION_AT_MASK);
		__u32 step;

		if (at + sizeof(*option) > option_bytes || (void *)(option + 1) > cursor.end)
			return 0;
		if (option->kind == TCP_OPTION_MSS && option->bytes == sizeof(*option)) {
			if (bpf_ntohs(option->mss) > mss)
				mss_lower(tcp, option, mss, at & 1);
			return 0;
		}
		step = mss_option_step(option);
		if (step == 0)
			return 0;
		at += step;
	}
	return 0;
}

#endif

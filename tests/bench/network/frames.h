/* SPDX-License-Identifier: BSD-2-Clause */
/* frames.h - the frame that the generator sends, for both its sides. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/types.h>
#include <linux/udp.h>

#define FRAME_BYTES 60 /* the smallest on Ethernet, without its checksum */
#define FRAME_WORDS (FRAME_BYTES / 4)

#define BURST 64 /* frames that are sent at once: what NAPI takes at once */

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	__u8 payload[18];
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == FRAME_BYTES, "one frame");

#endif

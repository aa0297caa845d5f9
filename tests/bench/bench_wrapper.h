/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* bench_wrapper.h - what the wrapper and bench_datapath both know. */
#ifndef TESTS_BENCH_WRAPPER_H
#define TESTS_BENCH_WRAPPER_H

#include <linux/types.h>

#define BENCH_FRAME_BYTES 128 /* of every frame */
/* How much of it is written anew every time: 2 bytes and then whole words, see copy_template(). */
#define BENCH_COPY_BYTES 98
#define BENCH_CHUNK_PACKETS 4096
#define BENCH_STAMPS_MAX 1024    /* one more than chunks in a run; a power of two */
#define BENCH_FLOWS_MAX 1048576U /* entries of flows */

/* What tells one packet from the next. */
enum bench_stepping {
	BENCH_STEP_SOURCE,      /* source address counted up from src_base */
	BENCH_STEP_DESTINATION, /* destination address counted up from dst_base */
	BENCH_STEP_TABLE,       /* everything from the map flows */
};

/* The flow's number runs over [first, limit) in strides, so that neighbours are not related. */
struct bench_steps {
	__u32 stepping; /* enum bench_stepping */
	__u32 is_ipv6;
	__u32 first, limit;
	__u32 stride;    /* relatively prime to limit - first, and not above it */
	__u32 port_step; /* added to the source port when all numbers were used */
	__u32 src_base;  /* last word of the address of flow 0, host order */
	__u32 dst_base;
	__u16 src_port;
	__u16 zero;
};

/* Network order. IPv4 addresses are in word 3. */
struct bench_flow {
	__u32 src[4];
	__u32 dst[4];
	__u16 src_port, dst_port;
};

/* Two bytes in front, so that the words that are copied are aligned. */
struct bench_template {
	__u8 zero[2];
	__u8 frame[BENCH_FRAME_BYTES];
} __attribute__((aligned(4)));

/* Where the wrapper is. */
struct bench_state {
	__u64 head; /* address of the frame's first byte, as the kernel gave it */
	__u64 now;  /* of the first byte as the program before left it */
	__u32 packets;
	__u32 flow;  /* number of the next */
	__u32 learn; /* index into flows of the next reply that is learned */
	__u16 src_port;
	__u16 zero;
};

#endif

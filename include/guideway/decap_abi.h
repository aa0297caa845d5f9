/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * decap_abi.h - what bpf/decap.bpf.c and who loads it both know. The rules are those
 * of abi.h.
 */
#ifndef GUIDEWAY_DECAP_ABI_H
#define GUIDEWAY_DECAP_ABI_H

#include <guideway/abi.h>

#define GW_DECAP_GUE_PORT 6080   /* IANA's, unless told otherwise */
#define GW_DECAP_PREFIX_MAX 256U /* entries of sources and of destinations */

/*
 * sources, destinations: LPM tries, written by the loader before load. The family is
 * a part of the prefix: ::/0 is all of IPv6, not of IPv4 mapped into it.
 */
#define GW_DECAP_FAMILY_BITS 32
struct gw_decap_prefix {
	__u32 bits; /* GW_DECAP_FAMILY_BITS and those of the address in 16 bytes */
	__u32 is_ipv6;
	struct gw_addr address;
};

/* counters: per-CPU array of struct gw_counter by enum gw_decap_verdict, written by the datapath.
 */

/* Every way a packet can end, once, as GW_VERDICTS. What is a tunnel packet is for this host. */
#define GW_DECAP_VERDICTS(X)                                                                       \
	X(PASSED, "passed", PASS, "no tunnel packet for this host: left as it was")                \
	X(UNWRAPPED_IPIP, "unwrapped_ipip", PASS,                                                  \
	  "IP in IP: the inner packet given to the kernel")                                        \
	X(UNWRAPPED_GUE, "unwrapped_gue", PASS, "GUE: the inner packet given to the kernel")       \
	X(SOURCE_REFUSED, "source_refused", DROP, "outer source in no --from")                     \
	X(DESTINATION_REFUSED, "destination_refused", DROP, "inner destination in no --to")        \
	X(FRAGMENT, "fragment", DROP, "the outer packet is a fragment")                            \
	X(TRUNCATED, "truncated", DROP, "shorter than its headers say")                            \
	X(BAD_HEADER, "bad_header", DROP, "outer header that contradicts itself")                  \
	X(BAD_INNER, "bad_inner", DROP, "inner header that contradicts itself or the outer one")   \
	X(ECN_LOST, "ecn_lost", DROP,                                                              \
	  "congestion marked outside, which the inner packet cannot tell (RFC 6040)")              \
	X(NOT_REMOVED, "not_removed", DROP, "the kernel refused to remove the outer header")

enum gw_decap_verdict {
#define X(name, text, action, help) GW_DECAP_##name,
	GW_DECAP_VERDICTS(X)
#undef X
		GW_DECAP_VERDICT_COUNT,
};

/* config: read-only data of the program, as struct gw_config. */
struct gw_decap_config {
	__be16 gue_port;
	__u8 checks_source;      /* only what sources has is unwrapped */
	__u8 checks_destination; /* only what destinations has is unwrapped */
};

_Static_assert(sizeof(struct gw_decap_prefix) == 24, "ABI: gw_decap_prefix");
_Static_assert(sizeof(struct gw_decap_config) == 4, "ABI: gw_decap_config");

#endif

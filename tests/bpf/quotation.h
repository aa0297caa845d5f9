/* SPDX-License-Identifier: BSD-2-Clause */
/* quotation.h - ICMP errors: who sends one, and what it quotes. */
#ifndef TESTS_BPF_QUOTATION_H
#define TESTS_BPF_QUOTATION_H

#include "frame.h"

enum {
	QUOTE_SHORTEST = 8, /* bytes behind the quoted IP header */
};

/* What is quoted of a frame: its IP header with options, and bytes behind it. */
static inline size_t quote_bytes(const struct packet_spec *quoted, size_t behind)
{
	size_t bytes = (spec_is_ip6(quoted) ? 40 : 20 + quoted->option_bytes) + behind;
	const uint8_t *extension = quoted->extensions;

	for (; spec_is_ip6(quoted) && extension && *extension != 0xff; extension++)
		bytes += 8 + (quoted->extension_units ? quoted->extension_units : 1) * 8;
	return bytes;
}

/* outer: everything but protocol and payload. */
static inline struct frame error_about(const struct packet_spec *outer, const struct frame *quoted,
				       size_t bytes)
{
	struct packet_spec spec = *outer;

	spec.protocol = spec_is_ip6(outer) ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	spec.payload = quoted->bytes + frame_network(quoted);
	spec.payload_bytes = bytes;
	return frame_build(&spec);
}

/*
 * The quoted packet translated, with the checksum of TCP or UDP that it had before: nobody
 * can tell what it would be, as what it sums is cut off.
 */
static inline struct frame quote_translated(const struct packet_spec *was,
					    const struct packet_spec *is)
{
	struct frame before = frame_build(was), after = frame_build(is);
	size_t at = frame_network(&after) + quote_bytes(is, is->protocol == IPPROTO_TCP ? 16 : 6);

	assert_int_equal(frame_network(&before), frame_network(&after));
	memcpy(after.bytes + at, before.bytes + at, 2);
	return after;
}

#endif

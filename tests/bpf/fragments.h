/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fragments.h - a frame's IP packet cut into pieces, as a router or its sender would, and
 * what becomes of them.
 */
#ifndef TESTS_BPF_FRAGMENTS_H
#define TESTS_BPF_FRAGMENTS_H

#include "modes.h"

struct piece {
	size_t at, bytes; /* of what lies behind the IP header */
	bool is_last;
	uint32_t id;    /* default: the packet's own, and in IPv6 0x1234 */
	size_t headers; /* IPv6: extension headers that every fragment has */
};

static inline uint8_t *append_bytes(struct frame *frame, const uint8_t *bytes, size_t size)
{
	return memcpy(frame_append(frame, size), bytes, size);
}

static inline void append_piece4(struct frame *frame, const uint8_t *ip, const struct piece *piece)
{
	size_t header_bytes = ip[0] % 16 * 4;
	uint8_t *header = append_bytes(frame, ip, header_bytes);

	put16(header + 2, header_bytes + piece->bytes);
	if (piece->id)
		put16(header + 4, piece->id);
	put16(header + 6, (piece->is_last ? 0 : 0x2000) | piece->at / 8);
	put16(header + 10, 0);
	put16(header + 10, sum_finish(sum_bytes(0, header, header_bytes)));
	append_bytes(frame, ip + header_bytes + piece->at, piece->bytes);
}

static inline void append_piece6(struct frame *frame, const uint8_t *ip, const struct piece *piece)
{
	size_t header_bytes = 40, next_at = 6;
	uint8_t *header, *fragment;

	for (size_t i = 0; i < piece->headers; i++) {
		next_at = header_bytes;
		header_bytes += 8 + ip[next_at + 1] * 8;
	}
	header = append_bytes(frame, ip, header_bytes);
	fragment = frame_append(frame, 8);
	fragment[0] = header[next_at];
	header[next_at] = IPPROTO_FRAGMENT;
	put16(fragment + 2, piece->at | !piece->is_last);
	put32(fragment + 4, piece->id ? piece->id : 0x1234);
	put16(header + 4, header_bytes - 40 + 8 + piece->bytes);
	append_bytes(frame, ip + header_bytes + piece->at, piece->bytes);
}

static inline struct frame fragment_of(const struct frame *whole, const struct piece *piece)
{
	size_t link_bytes = frame_network(whole);
	struct frame frame = {};

	append_bytes(&frame, whole->bytes, link_bytes);
	if (whole->bytes[link_bytes] >> 4 == 6)
		append_piece6(&frame, whole->bytes + link_bytes, piece);
	else
		append_piece4(&frame, whole->bytes + link_bytes, piece);
	return frame;
}

enum {
	PAYLOAD_BYTES = 3000,
	PIECE_BYTES = 1200,
};

/* What most tests cut: a datagram of UDP in IPv4. */
static inline struct packet_spec long_datagram(void)
{
	struct packet_spec spec = request4(IPPROTO_UDP);

	spec.payload_bytes = PAYLOAD_BYTES;
	return spec;
}

static inline size_t cut_bytes(const struct packet_spec *spec)
{
	return spec->payload_bytes + (spec->protocol == IPPROTO_TCP ? 20 : 8);
}

/* The pieces of a packet, number 0 to 2. */
static inline struct piece piece_of(const struct packet_spec *spec, int number)
{
	size_t at = number * PIECE_BYTES, left = cut_bytes(spec) - at;

	return (struct piece){ .at = at,
			       .bytes = left < PIECE_BYTES ? left : PIECE_BYTES,
			       .is_last = left <= PIECE_BYTES };
}

/* Sends the piece; what is forwarded is the same piece of the packet that is expected out. */
static inline void run_piece(const struct mode *mode, const struct packet_spec *spec,
			     const struct piece *piece, uint32_t verdict)
{
	struct packet_spec inner = mode_inner(mode, *spec);
	struct frame whole = frame_build(spec), in = fragment_of(&whole, piece), wanted, out;

	out = run_frame(&in, verdict, XDP_REDIRECT);
	if (verdict != GW_FORWARDED && verdict != GW_FRAGMENT_AHEAD)
		return;
	whole = frame_build(&inner);
	wanted = fragment_of(&whole, piece);
	wanted = mode_wrap(mode, &wanted, spec);
	assert_frame_equal(&out, &wanted);
}

static inline void run_number(const struct mode *mode, const struct packet_spec *spec, int number,
			      uint32_t verdict)
{
	struct piece piece = piece_of(spec, number);

	run_piece(mode, spec, &piece, verdict);
}

/* In mode snat, where nothing is said of the bytes. */
static inline void run_at(size_t at, size_t bytes, bool is_last, uint32_t verdict)
{
	const struct packet_spec spec = long_datagram();
	const struct piece piece = { .at = at, .bytes = bytes, .is_last = is_last };

	run_piece(&modes[0], &spec, &piece, verdict);
}

#endif

// SPDX-License-Identifier: BSD-2-Clause
/* mutate.c - what broken and hostile senders do to a frame. */
#include <string.h>

#include "reference/bytes.h"
#include "reference/generate.h"

/* What the kernel hands over is no shorter; what is longer than a page has its headers whole. */
enum {
	FRAME_MIN = 14,
	ONE_PAGE = 3000,
	HEADERS = 120, /* where most of a frame's meaning is */
};

static size_t some_place(struct random *random, const struct frame *frame)
{
	size_t end = frame->size;

	if (end > HEADERS && random_permille(random, 900))
		end = HEADERS;
	return random_below(random, end);
}

static void flip_bit(struct random *random, struct frame *frame)
{
	frame->bytes[some_place(random, frame)] ^= 1 << random_below(random, 8);
}

static void set_byte(struct random *random, struct frame *frame)
{
	static const uint8_t usual[] = { 0, 1, 0x7f, 0x80, 0xff, 4, 6, 17, 44, 58, 60, 43 };
	uint8_t value = random_permille(random, 500) ? usual[random_below(random, sizeof(usual))]
						     : random_next(random);

	frame->bytes[some_place(random, frame)] = value;
}

static void set_word(struct random *random, struct frame *frame)
{
	static const uint16_t usual[] = { 0,      1,  0xffff, 0xfffe, 0x7fff,
					  0x8000, 20, 8,      0x2000, 0x1fff };
	size_t at = some_place(random, frame) & ~(size_t)1;

	if (at + 2 <= frame->size)
		put16(frame->bytes + at, usual[random_below(random, 10)]);
}

static void truncate_frame(struct random *random, struct frame *frame)
{
	size_t size = random_permille(random, 700) ? some_place(random, frame)
						   : random_below(random, frame->size);

	frame->size = size < FRAME_MIN ? FRAME_MIN : size;
}

/* A length field that is a little wrong, where such fields are without tags and options. */
static void lie_about_length(struct random *random, struct frame *frame)
{
	static const uint8_t places[] = { 14, 16, 18, 38, 46, 58, 55, 20, 54 };
	size_t at = places[random_below(random, sizeof(places))];
	int off = (int)random_below(random, 33) - 16;

	if (at + 2 > frame->size)
		return;
	if (at == 14 || at == 46 || at == 55)
		frame->bytes[at] += off;
	else
		put16(frame->bytes + at, get16(frame->bytes + at) + off);
}

static void remove_piece(struct random *random, struct frame *frame)
{
	size_t at = some_place(random, frame), bytes = 1 + random_below(random, 24);

	if (at + bytes > frame->size || frame->size - bytes < FRAME_MIN)
		return;
	memmove(frame->bytes + at, frame->bytes + at + bytes, frame->size - at - bytes);
	frame->size -= bytes;
}

static void repeat_piece(struct random *random, struct frame *frame)
{
	size_t at = some_place(random, frame), bytes = 1 + random_below(random, 24);

	if (at + bytes > frame->size)
		return;
	memmove(frame->bytes + at + bytes, frame->bytes + at, frame->size - at);
	frame->size += bytes;
}

static void scribble(struct random *random, struct frame *frame)
{
	size_t at = some_place(random, frame), bytes = 1 + random_below(random, 16);

	for (size_t i = at; i < at + bytes && i < frame->size; i++)
		frame->bytes[i] = random_next(random);
}

static void put_anything(struct random *random, struct frame *frame)
{
	frame->size = FRAME_MIN + random_below(random, 100);
	for (size_t i = 12; i < frame->size; i++)
		frame->bytes[i] = random_next(random);
	if (random_permille(random, 700))
		put16(frame->bytes + 12, random_below(random, 2) ? 0x0800 : 0x86dd);
}

static void (*const ways[])(struct random *random, struct frame *frame) = {
	flip_bit,         flip_bit,     set_byte,     set_word, truncate_frame,
	lie_about_length, remove_piece, repeat_piece, scribble, put_anything,
};

void mutate(struct random *random, struct frame *frame)
{
	uint32_t times = 1 + random_below(random, 3);

	if (frame->size > ONE_PAGE)
		return;
	while (times--)
		ways[random_below(random, random_permille(random, 950) ? 9 : 10)](random, frame);
}

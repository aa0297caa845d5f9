/* SPDX-License-Identifier: BSD-2-Clause */
/* frame.c - a byte at a time: how deep it is, and whether it is within a string. */
#include "kube/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"

/* Objects of the API are a tenth as deep. */
#define DEPTH_MAX 128
/* What a buffer keeps for the next object. */
#define KEPT_BYTES ((size_t)256 * 1024)

struct buffer {
	char *bytes;
	size_t length, capacity;
};

struct frame {
	enum frame_shape shape;
	struct buffer around; /* of a list: the envelope */
	struct buffer object;
	char closing[DEPTH_MAX]; /* what each open bracket wants */
	size_t depth;
	bool in_string, is_escaped;
	bool is_whole; /* the list, or the object that the last call gave */
	/* Of a list: */
	bool in_items;    /* within the array */
	size_t key_start; /* the last string at depth 1, in around */
	size_t key_length;
	bool is_key_items; /* and it is the key "items" */
};

struct frame *frame_create(enum frame_shape shape)
{
	struct frame *frame = calloc(1, sizeof(*frame));

	if (frame)
		frame->shape = shape;
	return frame;
}

void frame_destroy(struct frame *frame)
{
	if (!frame)
		return;
	free(frame->around.bytes);
	free(frame->object.bytes);
	free(frame);
}

static int append(struct buffer *buffer, char byte, struct error *error)
{
	if (buffer->length == buffer->capacity) {
		size_t capacity = buffer->capacity ? buffer->capacity * 2 : 4096;
		char *larger;

		if (buffer->length >= FRAME_OBJECT_MAX)
			return error_set(error, -EFBIG, "an object of more than %d MiB",
					 FRAME_OBJECT_MAX / 1024 / 1024);
		larger = realloc(buffer->bytes, capacity);
		if (!larger)
			return error_set(error, -ENOMEM, "no memory for an object of %zu bytes",
					 capacity);
		buffer->bytes = larger;
		buffer->capacity = capacity;
	}
	buffer->bytes[buffer->length++] = byte;
	return 0;
}

static void empty(struct buffer *buffer)
{
	buffer->length = 0;
	if (buffer->capacity <= KEPT_BYTES)
		return;
	free(buffer->bytes);
	buffer->bytes = NULL;
	buffer->capacity = 0;
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static int refuse(char byte, const char *expected, struct error *error)
{
	return error_set(error, -EINVAL, "not JSON: byte 0x%02x, expected %s", (unsigned char)byte,
			 expected);
}

/* The depth at which the objects stand that are cut. */
static size_t object_depth(const struct frame *frame)
{
	return frame->shape == FRAME_STREAM ? 0 : 2;
}

static bool in_object(const struct frame *frame)
{
	return frame->depth > object_depth(frame) &&
	       (frame->shape == FRAME_STREAM || frame->in_items);
}

static int open_bracket(struct frame *frame, char byte, struct error *error)
{
	if (frame->depth == DEPTH_MAX)
		return error_set(error, -EINVAL, "JSON of more than %d levels", DEPTH_MAX);
	if (frame->shape == FRAME_LIST && frame->depth == 1)
		frame->in_items = byte == '[' && frame->is_key_items;
	frame->closing[frame->depth++] = byte == '{' ? '}' : ']';
	return 0;
}

static int close_bracket(struct frame *frame, char byte, struct error *error)
{
	if (frame->depth == 0 || frame->closing[frame->depth - 1] != byte)
		return refuse(byte, frame->depth && byte == '}' ? "]" : "}", error);
	frame->depth--;
	if (frame->shape == FRAME_LIST && frame->depth == 1)
		frame->in_items = false;
	return 0;
}

static void pass_string_byte(struct frame *frame, char byte)
{
	if (frame->is_escaped)
		frame->is_escaped = false;
	else if (byte == '\\')
		frame->is_escaped = true;
	else if (byte == '"')
		frame->in_string = false;
}

/* Outside objects of a list: which key a value is of. */
static void note_key(struct frame *frame, char byte)
{
	static const char items[] = "\"items\"";

	if (frame->shape != FRAME_LIST || frame->depth != 1)
		return;
	if (frame->in_string) {
		frame->key_length++;
		return;
	}
	if (byte == '"') {
		frame->key_length++;
		frame->is_key_items = false;
	} else if (byte == ':') {
		frame->is_key_items = frame->key_length == sizeof(items) - 1 &&
				      memcmp(frame->around.bytes + frame->key_start, items,
					     sizeof(items) - 1) == 0;
	} else if (byte == ',') {
		frame->is_key_items = false;
	}
}

/* What brackets and quotes byte is. */
static int pass_byte(struct frame *frame, char byte, struct error *error)
{
	if (frame->in_string) {
		pass_string_byte(frame, byte);
		return 0;
	}
	switch (byte) {
	case '"':
		frame->in_string = true;
		return 0;
	case '{':
	case '[':
		return open_bracket(frame, byte, error);
	case '}':
	case ']':
		return close_bracket(frame, byte, error);
	default:
		return 0;
	}
}

/* 1 when byte ends an object that is cut. */
static int take_object_byte(struct frame *frame, char byte, struct error *error)
{
	int r = append(&frame->object, byte, error);

	if (r == 0)
		r = pass_byte(frame, byte, error);
	if (r < 0)
		return r;
	frame->is_whole = frame->depth == object_depth(frame);
	return frame->is_whole;
}

/* Between the objects of a watch, or the items of a list. */
static int take_between(struct frame *frame, char byte, struct error *error)
{
	if (byte == '{')
		return take_object_byte(frame, byte, error);
	if (is_space(byte) || (frame->shape == FRAME_LIST && byte == ','))
		return 0;
	return refuse(byte, "an object", error);
}

static int take_envelope_byte(struct frame *frame, char byte, struct error *error)
{
	int r;

	if (frame->is_whole || frame->depth == 0) {
		if (is_space(byte))
			return 0;
		if (frame->is_whole || byte != '{')
			return refuse(byte, frame->is_whole ? "nothing more" : "an object", error);
	}
	if (byte == '"' && !frame->in_string && frame->depth == 1) {
		frame->key_start = frame->around.length;
		frame->key_length = 0;
	}
	r = append(&frame->around, byte, error);
	if (r < 0)
		return r;
	note_key(frame, byte);
	r = pass_byte(frame, byte, error);
	frame->is_whole = frame->depth == 0;
	return r;
}

static int take_byte(struct frame *frame, char byte, struct error *error)
{
	if (in_object(frame))
		return take_object_byte(frame, byte, error);
	if (frame->shape == FRAME_STREAM || (frame->in_items && byte != ']'))
		return take_between(frame, byte, error);
	return take_envelope_byte(frame, byte, error);
}

int frame_next(struct frame *frame, const char **data, size_t *length, const char **ret_object,
	       size_t *ret_length, struct error *error)
{
	int r = 0;

	if (!in_object(frame))
		empty(&frame->object);
	while (*length > 0 && r == 0) {
		r = take_byte(frame, **data, error);
		(*data)++;
		(*length)--;
	}
	if (r == 1) {
		frame->is_whole = false;
		*ret_object = frame->object.bytes;
		*ret_length = frame->object.length;
	}
	return r;
}

const char *frame_envelope(const struct frame *frame, size_t *ret_length)
{
	if (frame->shape != FRAME_LIST || !frame->is_whole)
		return NULL;
	*ret_length = frame->around.length;
	return frame->around.bytes;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* message.c - the layout of messages, byte by byte. */
#include "peer/message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
	HEADER_BYTES = 32, /* version:1 zero:3 bucket_count:4 key_print:8 sender:8 stamp:8 */
	GROUP_BYTES = 40,  /* kind:1 protocol:1 value:2 vip:16 port:2 backend port:2 backend:16 */
	FLOW_BYTES = 10,   /* tag:4 bucket:4 closing:1 bit silent:15 bits */
	GROUPS_END = MESSAGE_BYTES_MAX - SEAL_BYTES,
	FLOWS_MAX = (GROUPS_END - HEADER_BYTES - GROUP_BYTES) / FLOW_BYTES,
	KIND_FLOWS = 1,    /* value: how many of them follow */
	KIND_LEARNING = 2, /* value: seconds */
	CLOSING = 1 << 15,
};

static void put(uint8_t **at, uint64_t number, size_t bytes)
{
	for (size_t i = bytes; i-- > 0; number >>= 8)
		(*at)[i] = (uint8_t)number;
	*at += bytes;
}

static uint64_t take(const uint8_t **at, size_t bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < bytes; i++)
		number = number << 8 | (*at)[i];
	*at += bytes;
	return number;
}

static void put_address(uint8_t **at, const struct address *address)
{
	memcpy(*at, address->bytes, sizeof(address->bytes));
	*at += sizeof(address->bytes);
}

static void take_address(const uint8_t **at, struct address *ret)
{
	memcpy(ret->bytes, *at, sizeof(ret->bytes));
	*at += sizeof(ret->bytes);
}

static void put_header(uint8_t *bytes, const struct message_header *header)
{
	uint8_t *at = bytes;

	put(&at, MESSAGE_VERSION, 1);
	put(&at, 0, 3);
	put(&at, header->bucket_count, 4);
	put(&at, header->key_print, 8);
	put(&at, header->sender, 8);
	put(&at, header->stamp_us, 8);
}

void message_flush(struct message_writer *writer)
{
	size_t length = writer->length ? writer->length : HEADER_BYTES;

	writer->header.stamp_us = writer->next_stamp_us(writer->owner);
	put_header(writer->bytes, &writer->header);
	seal_make(writer->key, writer->bytes, length, writer->bytes + length);
	writer->length = 0;
	writer->on_message(writer->bytes, length + SEAL_BYTES, writer->owner);
}

/* Room for so many bytes, in the next message when this one has it not. */
static uint8_t *make_room(struct message_writer *writer, size_t bytes)
{
	if (writer->length + bytes > GROUPS_END)
		message_flush(writer);
	if (writer->length == 0)
		writer->length = HEADER_BYTES;
	return writer->bytes + writer->length;
}

static void put_group(uint8_t **at, const struct telling *telling, uint32_t kind, uint64_t value)
{
	put(at, kind, 1);
	put(at, telling->service.protocol == PROTOCOL_UDP, 1);
	put(at, value, 2);
	put_address(at, &telling->service.vip);
	put(at, telling->service.port, 2);
	put(at, telling->backend_port, 2);
	put_address(at, &telling->backend);
}

static size_t flows_that_fit(const struct message_writer *writer)
{
	return (GROUPS_END - writer->length - GROUP_BYTES) / FLOW_BYTES;
}

/* As many of the flows as fit; returns how many. */
static size_t write_flows(struct message_writer *writer, const struct telling *telling,
			  const struct told_flow *flows, size_t count)
{
	uint8_t *at = make_room(writer, GROUP_BYTES + FLOW_BYTES);
	size_t room = flows_that_fit(writer);

	count = count < room ? count : room;
	put_group(&at, telling, KIND_FLOWS, count);
	for (size_t i = 0; i < count; i++) {
		put(&at, flows[i].tag, 4);
		put(&at, flows[i].bucket, 4);
		put(&at, (flows[i].silent & TOLD_SILENT_MAX) | (flows[i].is_closing ? CLOSING : 0),
		    2);
	}
	writer->length = (size_t)(at - writer->bytes);
	return count;
}

void message_write(struct message_writer *writer, const struct telling *telling)
{
	uint8_t *at;

	for (size_t i = 0; i < telling->count;)
		i += write_flows(writer, telling, telling->flows + i, telling->count - i);
	if (telling->count)
		return;
	at = make_room(writer, GROUP_BYTES);
	put_group(&at, telling, KIND_LEARNING,
		  telling->learning_s < UINT16_MAX ? telling->learning_s : UINT16_MAX);
	writer->length = (size_t)(at - writer->bytes);
}

int message_open(const uint8_t key[static SEAL_KEY_BYTES], const uint8_t *bytes, size_t length,
		 struct message_header *ret)
{
	const uint8_t *at = bytes + 4;

	if (length < HEADER_BYTES + SEAL_BYTES || length > MESSAGE_BYTES_MAX)
		return -EBADMSG;
	if (bytes[0] != MESSAGE_VERSION)
		return -EPROTO;
	if (!seal_is_right(key, bytes, length - SEAL_BYTES, bytes + length - SEAL_BYTES))
		return -EBADMSG;
	ret->bucket_count = (uint32_t)take(&at, 4);
	ret->key_print = take(&at, 8);
	ret->sender = take(&at, 8);
	ret->stamp_us = take(&at, 8);
	return 0;
}

/* The group's value, or -EBADMSG. */
static int take_group(const uint8_t **at, struct telling *ret, uint64_t *ret_kind)
{
	uint64_t kind = take(at, 1), protocol = take(at, 1), value = take(at, 2);

	take_address(at, &ret->service.vip);
	ret->service.port = (uint16_t)take(at, 2);
	ret->backend_port = (uint16_t)take(at, 2);
	take_address(at, &ret->backend);
	ret->service.protocol = protocol ? PROTOCOL_UDP : PROTOCOL_TCP;
	*ret_kind = kind;
	if (protocol > 1 || (kind != KIND_FLOWS && kind != KIND_LEARNING) ||
	    (kind == KIND_FLOWS && (value == 0 || value > FLOWS_MAX)))
		return -EBADMSG;
	return (int)value;
}

static void take_flows(const uint8_t **at, struct told_flow *flows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t silent;

		flows[i].tag = (uint32_t)take(at, 4);
		flows[i].bucket = (uint32_t)take(at, 4);
		silent = take(at, 2);
		flows[i].silent = silent & TOLD_SILENT_MAX;
		flows[i].is_closing = silent & CLOSING;
	}
}

int message_read(const uint8_t *bytes, size_t length, telling_on_telling *on_telling, void *owner)
{
	const uint8_t *at = bytes + HEADER_BYTES, *end = bytes + length - SEAL_BYTES;
	struct told_flow flows[FLOWS_MAX];

	while (at < end) {
		struct telling telling = { 0 };
		uint64_t kind;
		int value;

		if (end - at < GROUP_BYTES)
			return -EBADMSG;
		value = take_group(&at, &telling, &kind);
		if (value < 0)
			return value;
		if (kind == KIND_LEARNING) {
			telling.learning_s = (uint32_t)value;
		} else {
			if (end - at < value * FLOW_BYTES)
				return -EBADMSG;
			take_flows(&at, flows, (size_t)value);
			telling.flows = flows;
			telling.count = (size_t)value;
		}
		on_telling(&telling, owner);
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message.h - what gateways tell each other, as datagrams. Pure: no sockets, no clock.
 *
 *	header | groups | seal
 *
 * A group is a service with one of its backends and flows on it, or with how long it learns its
 * flows still. Numbers are in network order. The seal (seal.h) is over all in front of it.
 */
#ifndef PEER_MESSAGE_H
#define PEER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "model/telling.h"
#include "peer/seal.h"

#define MESSAGE_VERSION 1
/* Fits into the smallest packet that every IPv6 network carries (RFC 8200, 5), with its headers. */
#define MESSAGE_BYTES_MAX 1232

struct message_header {
	uint64_t key_print; /* of the flow hash's key: tags and buckets mean something with it only
			     */
	uint32_t bucket_count; /* of the sender's flow table */
	uint64_t sender;       /* another number at each start */
	uint64_t stamp_us;     /* Unix time; each message of a sender has a later one */
};

/* Fills messages and hands each out when it is full, sealed; bytes are valid during the call. */
struct message_writer {
	const uint8_t *key;
	struct message_header header; /* but for the stamp */
	uint64_t (*next_stamp_us)(void *owner);
	void (*on_message)(const uint8_t *bytes, size_t length, void *owner);
	void *owner;
	uint8_t bytes[MESSAGE_BYTES_MAX];
	size_t length; /* 0: nothing in it */
};

void message_write(struct message_writer *writer, const struct telling *telling);
/* Hands out what is in it; an empty message, too, says that the sender is there. */
void message_flush(struct message_writer *writer);

/*
 * Whose message it is. -EBADMSG: no message, or not sealed with the key; -EPROTO: of a version
 * that is not ours.
 */
int message_open(const uint8_t key[static SEAL_KEY_BYTES], const uint8_t *bytes, size_t length,
		 struct message_header *ret);

/*
 * What an opened message tells. -EBADMSG when it is malformed; the groups in front of that were
 * told. How many flows are in groups already told is no concern of the caller's.
 */
int message_read(const uint8_t *bytes, size_t length, telling_on_telling *on_telling, void *owner);

#endif

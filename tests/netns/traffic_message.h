/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic_message.h - the numbered messages of converse and answer: the client numbers them,
 * the server adds its name and how many it has had on this connection.
 */
#ifndef TRAFFIC_MESSAGE_H
#define TRAFFIC_MESSAGE_H

#include "traffic_common.h"

#define NUMBERED_MAGIC 0x47754d73U

struct message {
	uint32_t magic;
	uint32_t connection;
	uint32_t sequence; /* from 1 */
	uint32_t count;    /* answers: messages of this connection so far */
	char name[NAME_SIZE];
};

/* A message that arrives in pieces. */
struct message_input {
	struct message message;
	size_t fill;
};

enum message_result {
	MESSAGE_WHOLE,
	MESSAGE_PART,  /* there may be more to read */
	MESSAGE_WAIT,  /* nothing to read now */
	MESSAGE_END,   /* the other end has closed in an orderly way */
	MESSAGE_ERROR, /* errno says which */
};

static inline enum message_result message_read(int fd, struct message_input *input)
{
	ssize_t count = recv(fd, (char *)&input->message + input->fill,
			     sizeof(input->message) - input->fill, 0);

	if (count == 0)
		return MESSAGE_END;
	if (count < 0)
		return errno == EAGAIN ? MESSAGE_WAIT : MESSAGE_ERROR;
	input->fill += (size_t)count;
	if (input->fill < sizeof(input->message))
		return MESSAGE_PART;
	input->fill = 0;
	return MESSAGE_WHOLE;
}

/* One message at a time is under way, so that it always fits the socket's buffer. */
static inline bool message_write(int fd, const struct message *message)
{
	ssize_t sent = send(fd, message, sizeof(*message), MSG_NOSIGNAL);

	if (sent >= 0 && sent < (ssize_t)sizeof(*message))
		errno = EMSGSIZE;
	return sent == (ssize_t)sizeof(*message);
}

#endif

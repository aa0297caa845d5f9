/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic_conversation.h - one TCP connection with numbered messages, one under way at a time.
 * It ends in exactly one way, which conversation_advance returns.
 */
#ifndef TRAFFIC_CONVERSATION_H
#define TRAFFIC_CONVERSATION_H

#include "traffic_message.h"

/* Kept, or ended by the backend, or what went wrong. */
#define ENDINGS(X)                                                                                 \
	X(KEPT, "kept")                                                                            \
	X(CLOSED, "closed by backend")                                                             \
	X(MOVED, "moved")                                                                          \
	X(REFUSED, "refused")                                                                      \
	X(RESET, "reset")                                                                          \
	X(TIMEOUT, "timeout")                                                                      \
	X(CORRUPT, "wrong data")                                                                   \
	X(UNOPENED, "no local port")

enum ending {
	ENDING_NONE, /* it goes on */
#define X(name, text) ENDING_##name,
	ENDINGS(X)
#undef X
		ENDING_COUNT,
};

enum conversation_state {
	CONVERSATION_FREE,
	CONVERSATION_CONNECTING,
	CONVERSATION_OPEN,
	CONVERSATION_CLOSING, /* our end is shut */
};

struct conversation {
	enum conversation_state state;
	int fd;
	bool is_held; /* stays to the end of the run */
	uint32_t number;
	uint32_t sent, answered;
	uint64_t started_ns, next_message_ns; /* of a free held one: when it opens again */
	uint64_t waiting_ns;                  /* since when an answer is missing; 0: none is */
	uint64_t waited_ns;                   /* the longest wait that had an end */
	char name[NAME_SIZE];                 /* the backend's; empty before the first answer */
	struct message_input input;
};

static inline enum ending ending_of_errno(int code)
{
	switch (code) {
	case ECONNREFUSED:
		return ENDING_REFUSED;
	case ECONNRESET:
	case EPIPE:
	case ECONNABORTED:
		return ENDING_RESET;
	case EADDRNOTAVAIL:
	case EADDRINUSE:
	case EMFILE:
		return ENDING_UNOPENED;
	default:
		return ENDING_TIMEOUT; /* ETIMEDOUT, EHOSTUNREACH and the like */
	}
}

/* number: no other conversation's. The clock of the first answer runs from here. */
static inline enum ending conversation_start(struct conversation *conversation,
					     struct route_pair *pair, int epoll, uint32_t number)
{
	bool is_held = conversation->is_held;

	memset(conversation, 0, sizeof(*conversation));
	conversation->is_held = is_held;
	conversation->number = number;
	conversation->started_ns = now_ns();
	conversation->waiting_ns = conversation->started_ns;
	conversation->fd = connect_next(pair, SOCK_STREAM);
	if (conversation->fd < 0)
		return ending_of_errno(errno);
	conversation->state = CONVERSATION_CONNECTING;
	epoll_watch(epoll, conversation->fd, EPOLLIN | EPOLLOUT | EPOLLET, conversation);
	return ENDING_NONE;
}

static inline enum ending conversation_send(struct conversation *conversation, uint64_t now)
{
	struct message message = {
		.magic = NUMBERED_MAGIC,
		.connection = conversation->number,
		.sequence = conversation->sent + 1,
	};

	if (!message_write(conversation->fd, &message))
		return ending_of_errno(errno);
	if (conversation->waiting_ns == 0)
		conversation->waiting_ns = now;
	conversation->sent++;
	return ENDING_NONE;
}

static inline enum ending conversation_finish_connect(struct conversation *conversation)
{
	socklen_t size = sizeof(int);
	int code = 0;

	if (getsockopt(conversation->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		code = errno;
	if (code != 0)
		return ending_of_errno(code);
	conversation->state = CONVERSATION_OPEN;
	return conversation_send(conversation, now_ns());
}

/* The answer to the last message, from the backend that gave all others. */
static inline enum ending conversation_check(struct conversation *conversation)
{
	struct message *message = &conversation->input.message;

	message->name[NAME_SIZE - 1] = '\0';
	if (message->magic != NUMBERED_MAGIC || message->connection != conversation->number ||
	    message->sequence != conversation->sent ||
	    conversation->answered + 1 != conversation->sent || !message->name[0])
		return ENDING_CORRUPT;
	if (conversation->name[0] && strcmp(conversation->name, message->name) != 0)
		return ENDING_MOVED;
	if (message->count != message->sequence)
		return ENDING_CORRUPT;
	memcpy(conversation->name, message->name, NAME_SIZE);
	return ENDING_NONE;
}

static inline void conversation_note_answer(struct conversation *conversation)
{
	uint64_t waited_ns = now_ns() - conversation->waiting_ns;

	conversation->answered++;
	conversation->waiting_ns = 0;
	if (waited_ns > conversation->waited_ns)
		conversation->waited_ns = waited_ns;
}

static inline enum ending conversation_receive(struct conversation *conversation)
{
	enum ending ending;

	for (;;) {
		switch (message_read(conversation->fd, &conversation->input)) {
		case MESSAGE_PART:
			break;
		case MESSAGE_WAIT:
			return ENDING_NONE;
		case MESSAGE_END:
			return conversation->state == CONVERSATION_CLOSING ? ENDING_KEPT
									   : ENDING_CLOSED;
		case MESSAGE_ERROR:
			return ending_of_errno(errno);
		case MESSAGE_WHOLE:
			ending = conversation_check(conversation);
			if (ending != ENDING_NONE)
				return ending;
			conversation_note_answer(conversation);
		}
	}
}

/* After an event of epoll: does what can be done now. */
static inline enum ending conversation_advance(struct conversation *conversation)
{
	enum ending ending = ENDING_NONE;

	if (conversation->state == CONVERSATION_CONNECTING)
		ending = conversation_finish_connect(conversation);
	return ending == ENDING_NONE ? conversation_receive(conversation) : ending;
}

/* Our end first, so that no backend is left with a port in TIME_WAIT. */
static inline void conversation_close(struct conversation *conversation, uint64_t now)
{
	(void)shutdown(conversation->fd, SHUT_WR);
	conversation->state = CONVERSATION_CLOSING;
	conversation->waiting_ns = now;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic_stream.h - one TCP connection of a client: reads the server's name, sends the
 * pattern, checks the echo, and closes first.
 */
#ifndef TRAFFIC_STREAM_H
#define TRAFFIC_STREAM_H

#include "traffic_common.h"

enum stream_state {
	STREAM_FREE,
	STREAM_CONNECTING,
	STREAM_OPEN,
	STREAM_CLOSING, /* our end is shut */
	/* How it ended: */
	STREAM_OK,
	STREAM_REFUSED,
	STREAM_RESET, /* or closed by the server */
	STREAM_TIMEOUT,
	STREAM_CORRUPT,
	STREAM_UNOPENED, /* no local port, or the time was up */
	STREAM_STATE_COUNT,
};

struct stream {
	enum stream_state state;
	int fd;
	uint32_t seed;
	bool is_last; /* nothing is sent behind target */
	bool was_opened;
	bool has_name;
	size_t name_length;
	char name[NAME_SIZE];
	uint64_t target; /* bytes to send up to now */
	uint64_t sent, echoed;
	uint64_t started_ns;
};

static inline bool stream_has_ended(const struct stream *stream)
{
	return stream->state >= STREAM_OK;
}

static inline void stream_end(struct stream *stream, enum stream_state state)
{
	stream->state = state;
	(void)close(stream->fd);
	stream->fd = -1;
}

static inline enum stream_state stream_state_of_errno(int code)
{
	switch (code) {
	case ECONNREFUSED:
		return STREAM_REFUSED;
	case ECONNRESET:
	case EPIPE:
	case ECONNABORTED:
		return STREAM_RESET;
	case EADDRNOTAVAIL:
	case EADDRINUSE:
	case EMFILE:
		return STREAM_UNOPENED;
	default:
		return STREAM_TIMEOUT; /* ETIMEDOUT, EHOSTUNREACH and the like */
	}
}

/* The stream's slot is free or ended. */
static inline void stream_start(struct stream *stream, struct route_pair *pair, int epoll,
				uint32_t seed, uint64_t target, bool is_last)
{
	memset(stream, 0, sizeof(*stream));
	stream->seed = seed;
	stream->target = target;
	stream->is_last = is_last;
	stream->started_ns = now_ns();
	stream->fd = connect_next(pair, SOCK_STREAM);
	if (stream->fd < 0) {
		stream->state = stream_state_of_errno(errno);
		return;
	}
	stream->state = STREAM_CONNECTING;
	epoll_watch(epoll, stream->fd, EPOLLIN | EPOLLOUT | EPOLLET, stream);
}

static inline void stream_finish_connect(struct stream *stream)
{
	socklen_t size = sizeof(int);
	int code = 0;

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		code = errno;
	if (code != 0) {
		stream_end(stream, stream_state_of_errno(code));
		return;
	}
	stream->state = STREAM_OPEN;
	stream->was_opened = true;
}

static inline void stream_send(struct stream *stream)
{
	uint8_t bytes[16384];

	while (stream->sent < stream->target) {
		uint64_t left = stream->target - stream->sent;
		size_t size = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
		ssize_t sent;

		pattern_write(stream->seed, stream->sent, bytes, size);
		sent = send(stream->fd, bytes, size, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno != EAGAIN)
				stream_end(stream, stream_state_of_errno(errno));
			return;
		}
		stream->sent += (uint64_t)sent;
	}
}

/* Takes the name's bytes off the front; how many they were. */
static inline size_t stream_take_name(struct stream *stream, const uint8_t *bytes, size_t count)
{
	size_t i = 0;

	while (i < count && !stream->has_name) {
		if (bytes[i] == '\n')
			stream->has_name = true;
		else if (stream->name_length < NAME_SIZE - 1)
			stream->name[stream->name_length++] = (char)bytes[i];
		i++;
	}
	return i;
}

/* What was read is the name and then what was sent, and nothing else. */
static inline bool stream_check(struct stream *stream, const uint8_t *bytes, size_t count)
{
	size_t taken = stream_take_name(stream, bytes, count);

	if (stream->has_name && stream->name_length == 0)
		return false;
	count -= taken;
	if (count > stream->sent - stream->echoed ||
	    !pattern_matches(stream->seed, stream->echoed, bytes + taken, count))
		return false;
	stream->echoed += count;
	return true;
}

static inline void stream_receive(struct stream *stream)
{
	uint8_t bytes[16384];

	for (;;) {
		ssize_t count = recv(stream->fd, bytes, sizeof(bytes), 0);

		if (count < 0) {
			if (errno != EAGAIN)
				stream_end(stream, stream_state_of_errno(errno));
			return;
		}
		if (count == 0) {
			stream_end(stream,
				   stream->state == STREAM_CLOSING ? STREAM_OK : STREAM_RESET);
			return;
		}
		if (!stream_check(stream, bytes, (size_t)count)) {
			stream_end(stream, STREAM_CORRUPT);
			return;
		}
	}
}

/* Does what can be done now; the caller looks at state. */
static inline void stream_advance(struct stream *stream)
{
	if (stream->state == STREAM_CONNECTING)
		stream_finish_connect(stream);
	if (stream->state == STREAM_OPEN)
		stream_send(stream);
	if (stream->state == STREAM_OPEN || stream->state == STREAM_CLOSING)
		stream_receive(stream);
	if (stream->state == STREAM_OPEN && stream->is_last && stream->has_name &&
	    stream->echoed == stream->target) {
		(void)shutdown(stream->fd, SHUT_WR);
		stream->state = STREAM_CLOSING;
	}
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic_hold.h - TCP connections that stay, each with a message now and then. */
#ifndef TRAFFIC_HOLD_H
#define TRAFFIC_HOLD_H

#include "traffic_stream.h"

#define MESSAGE_BYTES 64
#define STALL_NS (3 * NS_PER_S)
#define HOLD_TICK_MS 5
#define CLOSE_TIMEOUT_NS (10 * NS_PER_S)

struct held {
	struct stream stream; /* first: epoll's events point at it */
	uint64_t next_message_ns;
	uint64_t waiting_ns; /* since when an echo is missing; 0: none is */
	bool has_stalled;
};

struct hold_run {
	const struct options *options;
	struct route_pair pair;
	struct held *held;
	int epoll;
	unsigned long opened, kept, corrupt, stalled;
	uint64_t begin_ns, longest_stall_ns;
};

static void hold_note_wait(struct hold_run *run, struct held *held, uint64_t now)
{
	uint64_t waited_ns = held->waiting_ns ? now - held->waiting_ns : 0;

	if (waited_ns > run->longest_stall_ns)
		run->longest_stall_ns = waited_ns;
	if (waited_ns > STALL_NS && !held->has_stalled) {
		held->has_stalled = true;
		run->stalled++;
	}
}

static void hold_advance(struct hold_run *run, struct held *held, uint64_t now)
{
	struct stream *stream = &held->stream;
	uint64_t echoed = stream->echoed;

	stream_advance(stream);
	if (stream->echoed > echoed) {
		hold_note_wait(run, held, now);
		held->waiting_ns = stream->echoed < stream->target ? now : 0;
	}
}

/* Sends the messages that are due, and looks for those whose echo is overdue. */
static void hold_tick(struct hold_run *run, uint64_t now)
{
	for (size_t i = 0; i < run->options->count; i++) {
		struct held *held = &run->held[i];

		if (held->stream.state != STREAM_OPEN)
			continue;
		hold_note_wait(run, held, now);
		if (now < held->next_message_ns)
			continue;
		held->next_message_ns += run->options->interval_ms * NS_PER_MS;
		held->stream.target += MESSAGE_BYTES;
		if (held->waiting_ns == 0)
			held->waiting_ns = now;
		hold_advance(run, held, now);
	}
}

static void hold_poll(struct hold_run *run)
{
	struct epoll_event events[EVENT_COUNT];
	int count = epoll_wait(run->epoll, events, EVENT_COUNT, HOLD_TICK_MS);
	uint64_t now = now_ns();

	for (int i = 0; i < count; i++) {
		struct held *held = events[i].data.ptr;

		if (!stream_has_ended(&held->stream))
			hold_advance(run, held, now);
	}
}

static size_t hold_count(const struct hold_run *run, enum stream_state state)
{
	size_t found = 0;

	for (size_t i = 0; i < run->options->count; i++)
		found += run->held[i].stream.state == state;
	return found;
}

/* Opens all, a window of them at a time so that no backlog overflows. */
static void hold_open_all(struct hold_run *run, uint64_t end_ns)
{
	const struct options *options = run->options;
	uint64_t step_ns = options->interval_ms * NS_PER_MS / options->count;
	size_t started = 0;

	while (now_ns() < end_ns &&
	       (started < options->count || hold_count(run, STREAM_CONNECTING) > 0)) {
		size_t limit = hold_count(run, STREAM_CONNECTING) >= options->parallel
				       ? started
				       : started + options->parallel;

		for (; started < options->count && started < limit; started++)
			stream_start(&run->held[started].stream, &run->pair, run->epoll,
				     (uint32_t)started, 0, false);
		hold_poll(run);
	}
	for (size_t i = 0; i < options->count; i++) {
		run->held[i].next_message_ns = now_ns() + i * step_ns;
		run->opened += run->held[i].stream.was_opened;
	}
	(void)fprintf(stderr, "traffic: holding %lu connections\n", run->opened);
}

/* Our end first, as in connect. */
static void hold_close_all(struct hold_run *run, uint64_t end_ns)
{
	for (size_t i = 0; i < run->options->count; i++) {
		struct held *held = &run->held[i];

		held->stream.is_last = true;
		if (held->stream.state == STREAM_OPEN)
			hold_advance(run, held, now_ns());
	}
	while (now_ns() < end_ns &&
	       hold_count(run, STREAM_OPEN) + hold_count(run, STREAM_CLOSING) > 0)
		hold_poll(run);
	for (size_t i = 0; i < run->options->count; i++)
		if (run->held[i].stream.state != STREAM_FREE &&
		    !stream_has_ended(&run->held[i].stream))
			stream_end(&run->held[i].stream, STREAM_TIMEOUT);
}

static void hold_print(struct hold_run *run)
{
	struct shares *shares = allocate(1, sizeof(*shares));

	for (size_t i = 0; i < run->options->count; i++)
		if (run->held[i].stream.state == STREAM_OK)
			shares->servers[shares_index(shares, run->held[i].stream.name)].count++;
	run->kept = hold_count(run, STREAM_OK);
	run->corrupt = hold_count(run, STREAM_CORRUPT);
	(void)printf("{\"opened\":%lu,\"kept\":%lu,\"broken\":%lu,\"stalled\":%lu,\"corrupt\":%lu,"
		     "\"longest_stall_ms\":%llu,",
		     run->opened, run->kept, run->options->count - run->kept - run->corrupt,
		     run->stalled, run->corrupt,
		     (unsigned long long)(run->longest_stall_ns / NS_PER_MS));
	shares_print(shares);
	(void)printf(",\"seconds\":%.3f}\n", (double)(now_ns() - run->begin_ns) / NS_PER_S);
	free(shares);
}

static int command_hold(const struct options *options)
{
	struct hold_run run = { .options = options, .pair = parse_route(options) };
	uint64_t hold_end_ns, end_ns;

	run.held = allocate(options->count, sizeof(*run.held));
	run.epoll = create_epoll();
	run.begin_ns = now_ns();
	end_ns = run.begin_ns + options->timeout_s * NS_PER_S;
	hold_open_all(&run, end_ns);
	hold_end_ns = now_ns() + options->seconds * NS_PER_S;
	for (uint64_t now = now_ns(); now < hold_end_ns && now < end_ns; now = now_ns()) {
		hold_tick(&run, now);
		hold_poll(&run);
	}
	hold_close_all(&run, now_ns() + CLOSE_TIMEOUT_NS);
	hold_print(&run);
	(void)close(run.epoll);
	free(run.held);
	return run.kept == options->count && run.stalled == 0 ? 0 : 1;
}

#endif

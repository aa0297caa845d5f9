/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic_requests.h - TCP connections that each ask again as soon as they are answered. */
#ifndef TRAFFIC_REQUESTS_H
#define TRAFFIC_REQUESTS_H

#include "traffic_stream.h"

#define REQUESTS_CLOSE_NS (10 * NS_PER_S)

struct requests_run {
	const struct options *options;
	struct route_pair pair;
	struct shares shares;
	struct stream *streams;
	int epoll;
	bool is_over; /* no new request; those under way are answered and not counted */
	unsigned long ended, answered;
	unsigned long ends[STREAM_STATE_COUNT];
};

static void requests_end(struct requests_run *run, const struct stream *stream)
{
	run->ended++;
	run->ends[stream->state]++;
	if (stream->state == STREAM_OK)
		run->shares.servers[shares_index(&run->shares, stream->name)].count++;
}

static void requests_handle(struct requests_run *run, struct stream *stream)
{
	if (stream_has_ended(stream))
		return;
	stream_advance(stream);
	if (stream->state == STREAM_OPEN && stream->has_name && stream->echoed == stream->target) {
		run->answered += !run->is_over && stream->target > 0;
		stream->is_last = run->is_over;
		stream->target += run->is_over ? 0 : run->options->bytes;
		stream_advance(stream);
	}
	if (stream_has_ended(stream))
		requests_end(run, stream);
}

static void requests_poll_until(struct requests_run *run, uint64_t end_ns)
{
	struct epoll_event events[EVENT_COUNT];

	while (run->ended < run->options->count && now_ns() < end_ns) {
		int count = epoll_wait(run->epoll, events, EVENT_COUNT, 10);

		for (int i = 0; i < count; i++)
			requests_handle(run, events[i].data.ptr);
	}
}

static void requests_print(const struct requests_run *run)
{
	unsigned long ok = run->ends[STREAM_OK], corrupt = run->ends[STREAM_CORRUPT];

	(void)printf("{\"answered\":%lu,\"kept\":%lu,\"broken\":%lu,\"corrupt\":%lu,",
		     run->answered, ok, run->options->count - ok - corrupt, corrupt);
	shares_print(&run->shares);
	(void)printf(",\"seconds\":%lu,\"cpu_seconds\":%.6f}\n", run->options->seconds,
		     cpu_seconds());
}

static int command_requests(const struct options *options)
{
	struct requests_run *run = allocate(1, sizeof(*run));
	bool is_ok;

	run->options = options;
	run->pair = parse_route(options);
	run->streams = allocate(options->count, sizeof(*run->streams));
	run->epoll = create_epoll();
	for (size_t i = 0; i < options->count; i++) {
		stream_start(&run->streams[i], &run->pair, run->epoll, (uint32_t)i, 0, false);
		if (stream_has_ended(&run->streams[i]))
			requests_end(run, &run->streams[i]);
	}
	requests_poll_until(run, now_ns() + options->seconds * NS_PER_S);
	run->is_over = true;
	requests_poll_until(run, now_ns() + REQUESTS_CLOSE_NS);
	requests_print(run);
	is_ok = run->ends[STREAM_OK] == options->count;
	(void)close(run->epoll);
	free(run->streams);
	free(run);
	return is_ok ? 0 : 1;
}

#endif

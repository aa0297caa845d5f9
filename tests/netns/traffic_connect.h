/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic_connect.h - many short TCP connections. */
#ifndef TRAFFIC_CONNECT_H
#define TRAFFIC_CONNECT_H

#include "traffic_stream.h"

#define CONNECTION_TIMEOUT_NS (30 * NS_PER_S)
#define SWEEP_PERIOD_NS (NS_PER_S / 4)

struct connect_run {
	const struct options *options;
	struct route_pair pair;
	struct shares shares;
	struct stream *streams; /* parallel of them, used again and again */
	uint32_t *free_slots;
	size_t free_count;
	int epoll;
	unsigned long started, opened, ended;
	unsigned long ends[STREAM_STATE_COUNT];
	uint64_t begin_ns, longest_ns, swept_ns;
};

static void connect_end(struct connect_run *run, struct stream *stream)
{
	uint64_t took_ns = now_ns() - stream->started_ns;

	run->ends[stream->state]++;
	run->ended++;
	run->opened += stream->was_opened;
	if (stream->state == STREAM_OK)
		run->shares.servers[shares_index(&run->shares, stream->name)].count++;
	if (took_ns > run->longest_ns)
		run->longest_ns = took_ns;
	stream->state = STREAM_FREE;
	run->free_slots[run->free_count++] = (uint32_t)(stream - run->streams);
}

static unsigned long connect_allowed(const struct connect_run *run)
{
	const struct options *options = run->options;
	uint64_t allowed = options->count;

	if (options->rate > 0)
		allowed = 1 + (now_ns() - run->begin_ns) / 1000 * options->rate / 1000000;
	return allowed < options->count ? (unsigned long)allowed : options->count;
}

static void connect_start_some(struct connect_run *run)
{
	unsigned long allowed = connect_allowed(run);

	while (run->free_count > 0 && run->started < allowed) {
		struct stream *stream = &run->streams[run->free_slots[--run->free_count]];

		stream_start(stream, &run->pair, run->epoll, (uint32_t)run->started,
			     run->options->bytes, true);
		run->started++;
		if (stream_has_ended(stream))
			connect_end(run, stream);
	}
}

static void connect_handle(struct connect_run *run, struct stream *stream)
{
	stream_advance(stream);
	if (stream_has_ended(stream))
		connect_end(run, stream);
}

static void connect_sweep(struct connect_run *run, uint64_t now, bool is_over)
{
	if (!is_over && now - run->swept_ns < SWEEP_PERIOD_NS)
		return;
	run->swept_ns = now;
	for (size_t i = 0; i < run->options->parallel; i++) {
		struct stream *stream = &run->streams[i];

		if (stream->state == STREAM_FREE ||
		    (!is_over && now - stream->started_ns < CONNECTION_TIMEOUT_NS))
			continue;
		stream_end(stream, STREAM_TIMEOUT);
		connect_end(run, stream);
	}
}

static void connect_loop(struct connect_run *run)
{
	struct epoll_event events[EVENT_COUNT];
	uint64_t end_ns = run->begin_ns + run->options->timeout_s * NS_PER_S;

	while (run->ended < run->options->count && now_ns() < end_ns) {
		int count;

		connect_start_some(run);
		count = epoll_wait(run->epoll, events, EVENT_COUNT, run->options->rate ? 1 : 50);
		for (int i = 0; i < count; i++)
			connect_handle(run, events[i].data.ptr);
		connect_sweep(run, now_ns(), false);
	}
	connect_sweep(run, now_ns(), true);
	run->ends[STREAM_UNOPENED] += run->options->count - run->started;
}

static void connect_print(const struct connect_run *run)
{
	const unsigned long *ends = run->ends;

	(void)printf("{\"opened\":%lu,\"ok\":%lu,\"refused\":%lu,\"reset\":%lu,\"timeout\":%lu,"
		     "\"corrupt\":%lu,\"unopened\":%lu,",
		     run->opened, ends[STREAM_OK], ends[STREAM_REFUSED], ends[STREAM_RESET],
		     ends[STREAM_TIMEOUT], ends[STREAM_CORRUPT], ends[STREAM_UNOPENED]);
	shares_print(&run->shares);
	(void)printf(",\"seconds\":%.3f,\"longest_ms\":%llu,\"cpu_seconds\":%.6f}\n",
		     (double)(now_ns() - run->begin_ns) / NS_PER_S,
		     (unsigned long long)(run->longest_ns / NS_PER_MS), cpu_seconds());
}

static int command_connect(const struct options *options)
{
	struct connect_run *run = allocate(1, sizeof(*run));
	bool is_ok;

	run->options = options;
	run->pair = parse_route(options);
	run->streams = allocate(options->parallel, sizeof(*run->streams));
	run->free_slots = allocate(options->parallel, sizeof(*run->free_slots));
	for (size_t i = 0; i < options->parallel; i++)
		run->free_slots[run->free_count++] = (uint32_t)i;
	run->epoll = create_epoll();
	run->begin_ns = now_ns();
	connect_loop(run);
	connect_print(run);
	is_ok = run->ends[STREAM_OK] == options->count;
	(void)close(run->epoll);
	free(run->free_slots);
	free(run->streams);
	free(run);
	return is_ok ? 0 : 1;
}

#endif

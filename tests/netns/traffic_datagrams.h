/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic_datagrams.h - UDP datagrams over many flows, each answer checked. */
#ifndef TRAFFIC_DATAGRAMS_H
#define TRAFFIC_DATAGRAMS_H

#include "traffic_common.h"

#define ANSWER_TIMEOUT_NS (2 * NS_PER_S)
#define DATAGRAM_SWEEP_NS (100 * NS_PER_MS)
#define BATCH 64
#define NO_SERVER SIZE_MAX

struct outstanding {
	uint64_t sequence;
	uint64_t sent_ns; /* 0: answered or lost */
};

struct flow {
	int fd;
	uint32_t number;
	uint64_t next_sequence, quota; /* quota: how many datagrams it sends in total */
	size_t server;                 /* who answered first, or NO_SERVER */
	unsigned long outstanding_count;
	struct outstanding *window; /* by sequence modulo its size */
};

struct datagram_run {
	const struct options *options;
	struct flow *flows;
	struct outstanding *windows;
	struct shares shares;
	int epoll;
	unsigned long sent, answered, lost, misdelivered, late, refused;
	unsigned long outstanding; /* unanswered, over all flows */
	size_t cursor;             /* the flow that sends next */
	uint64_t begin_ns, longest_ns;
	struct mmsghdr headers[BATCH];
	struct iovec vectors[BATCH];
	uint8_t bytes[BATCH][DATAGRAM_MAX + NAME_SIZE];
};

/* The next datagrams that the flow's window has room for; how many. */
static size_t datagrams_prepare(struct datagram_run *run, struct flow *flow)
{
	size_t count = 0;

	while (count < BATCH && flow->next_sequence + count < flow->quota) {
		uint64_t sequence = flow->next_sequence + count;

		if (flow->window[sequence % run->options->window].sent_ns != 0 ||
		    flow->outstanding_count + count >= run->options->window ||
		    run->outstanding + count >= run->options->outstanding)
			break;
		datagram_write(flow->number, sequence, run->bytes[count], run->options->bytes);
		run->vectors[count].iov_len = run->options->bytes;
		count++;
	}
	return count;
}

static void datagrams_send(struct datagram_run *run, struct flow *flow)
{
	size_t count = datagrams_prepare(run, flow);
	uint64_t now = now_ns();
	int sent;

	if (count == 0)
		return;
	sent = sendmmsg(flow->fd, run->headers, (unsigned int)count, 0);
	if (sent < 0) {
		run->refused += errno == ECONNREFUSED;
		return; /* the sweep tries again */
	}
	for (int i = 0; i < sent; i++) {
		uint64_t sequence = flow->next_sequence++;

		flow->window[sequence % run->options->window] =
			(struct outstanding){ .sequence = sequence, .sent_ns = now };
	}
	flow->outstanding_count += (unsigned long)sent;
	run->outstanding += (unsigned long)sent;
	run->sent += (unsigned long)sent;
}

static void datagrams_settle(struct datagram_run *run, struct flow *flow, uint64_t sequence)
{
	struct outstanding *slot = &flow->window[sequence % run->options->window];
	uint64_t took_ns;

	if (slot->sent_ns == 0 || slot->sequence != sequence) {
		run->late++;
		return;
	}
	took_ns = now_ns() - slot->sent_ns;
	if (took_ns > run->longest_ns)
		run->longest_ns = took_ns;
	slot->sent_ns = 0;
	flow->outstanding_count--;
	run->outstanding--;
	run->answered++;
	run->shares.servers[flow->server].count++;
}

/* "NAME " and the id. Of another flow, or by another server than before: misdelivered. */
static void datagrams_check(struct datagram_run *run, struct flow *flow, uint8_t *bytes,
			    size_t count)
{
	uint8_t *space = memchr(bytes, ' ', count < NAME_SIZE ? count : NAME_SIZE);
	size_t name_length = space ? (size_t)(space - bytes) : 0;
	uint64_t sequence;
	uint32_t number;
	size_t server;

	if (name_length == 0 ||
	    !datagram_read_id(space + 1, count - name_length - 1, &number, &sequence) ||
	    number != flow->number || sequence >= flow->next_sequence) {
		run->misdelivered++;
		return;
	}
	*space = '\0';
	server = shares_index(&run->shares, (const char *)bytes);
	if (flow->server == NO_SERVER)
		flow->server = server;
	if (flow->server != server)
		run->misdelivered++;
	datagrams_settle(run, flow, sequence);
}

static void datagrams_receive(struct datagram_run *run, struct flow *flow)
{
	int count;

	for (size_t i = 0; i < BATCH; i++)
		run->vectors[i].iov_len = sizeof(run->bytes[i]);
	count = recvmmsg(flow->fd, run->headers, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0)
		run->refused += errno == ECONNREFUSED;
	for (int i = 0; i < count; i++)
		datagrams_check(run, flow, run->bytes[i], run->headers[i].msg_len);
}

/* Gives up on what was not answered in time. */
static void datagrams_expire(struct datagram_run *run, struct flow *flow, uint64_t now)
{
	for (size_t i = 0; i < run->options->window; i++) {
		struct outstanding *slot = &flow->window[i];

		if (slot->sent_ns == 0 || now - slot->sent_ns < ANSWER_TIMEOUT_NS)
			continue;
		slot->sent_ns = 0;
		flow->outstanding_count--;
		run->outstanding--;
		run->lost++;
	}
}

/* Lets the flows send in turn while there is room. */
static void datagrams_fill(struct datagram_run *run)
{
	const struct options *options = run->options;

	for (size_t i = 0; i < options->flows && run->outstanding < options->outstanding; i++) {
		datagrams_send(run, &run->flows[run->cursor]);
		run->cursor = (run->cursor + 1) % options->flows;
	}
}

static void datagrams_sweep(struct datagram_run *run, uint64_t now)
{
	for (size_t i = 0; i < run->options->flows; i++)
		datagrams_expire(run, &run->flows[i], now);
	datagrams_fill(run);
}

static void datagrams_loop(struct datagram_run *run)
{
	const struct options *options = run->options;
	struct epoll_event events[EVENT_COUNT];
	uint64_t end_ns = run->begin_ns + options->timeout_s * NS_PER_S;
	uint64_t swept_ns = 0;

	while (run->answered + run->lost < options->count) {
		uint64_t now = now_ns();
		int count;

		if (now >= end_ns)
			break;
		if (now - swept_ns >= DATAGRAM_SWEEP_NS) {
			datagrams_sweep(run, now);
			swept_ns = now;
		}
		count = epoll_wait(run->epoll, events, EVENT_COUNT, 20);
		for (int i = 0; i < count; i++)
			datagrams_receive(run, events[i].data.ptr);
		if (count > 0)
			datagrams_fill(run);
	}
	run->lost = options->count - run->answered;
}

static void datagrams_open(struct datagram_run *run)
{
	const struct options *options = run->options;
	struct route_pair pair = parse_route(options);

	for (size_t i = 0; i < BATCH; i++) {
		run->vectors[i].iov_base = run->bytes[i];
		run->headers[i].msg_hdr.msg_iov = &run->vectors[i];
		run->headers[i].msg_hdr.msg_iovlen = 1;
	}
	for (size_t i = 0; i < options->flows; i++) {
		struct flow *flow = &run->flows[i];

		flow->number = (uint32_t)i;
		flow->server = NO_SERVER;
		flow->quota =
			options->count / options->flows + (i < options->count % options->flows);
		flow->window = &run->windows[i * options->window];
		flow->fd = connect_next(&pair, SOCK_DGRAM);
		if (flow->fd < 0)
			die("connect to %s: %s", options->to, strerror(errno));
		epoll_watch(run->epoll, flow->fd, EPOLLIN, flow);
	}
}

static void datagrams_print(const struct datagram_run *run)
{
	(void)printf("{\"sent\":%lu,\"answered\":%lu,\"lost\":%lu,\"misdelivered\":%lu,"
		     "\"late\":%lu,\"refused\":%lu,",
		     run->sent, run->answered, run->lost, run->misdelivered, run->late,
		     run->refused);
	shares_print(&run->shares);
	(void)printf(",\"seconds\":%.3f,\"longest_ms\":%llu}\n",
		     (double)(now_ns() - run->begin_ns) / NS_PER_S,
		     (unsigned long long)(run->longest_ns / NS_PER_MS));
}

static int command_datagrams(const struct options *options)
{
	struct datagram_run *run = allocate(1, sizeof(*run));
	bool is_ok;

	run->options = options;
	run->flows = allocate(options->flows, sizeof(*run->flows));
	run->windows = allocate(options->flows * options->window, sizeof(*run->windows));
	run->epoll = create_epoll();
	datagrams_open(run);
	run->begin_ns = now_ns();
	datagrams_loop(run);
	datagrams_print(run);
	is_ok = run->lost == 0 && run->misdelivered == 0;
	for (size_t i = 0; i < options->flows; i++)
		(void)close(run->flows[i].fd);
	(void)close(run->epoll);
	free(run->windows);
	free(run->flows);
	free(run);
	return is_ok ? 0 : 1;
}

#endif

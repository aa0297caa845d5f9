/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic_converse.h - connections that stay and others that come and go while backends
 * change. Says of each how it ended; a held one that ended opens again.
 */
#ifndef TRAFFIC_CONVERSE_H
#define TRAFFIC_CONVERSE_H

#include "traffic_conversation.h"

#define PATIENCE_NS (10 * NS_PER_S)
#define HELD_INTERVAL_LOW_MS 200
#define HELD_INTERVAL_HIGH_MS 500
#define SHORT_INTERVAL_MS 100
#define REOPEN_MS 200
#define CONVERSE_TICK_MS 5
#define TOLD_FAILURES 30
#define CONVERSE_STALL_NS (3 * NS_PER_S)

struct peer {
	char name[NAME_SIZE];
	unsigned long opened, kept, failed;
	uint64_t newest_ms; /* since 1970: when its newest connection began */
	bool is_closing;    /* has ended connections in an orderly way: it stops */
	bool is_lost;       /* named by --lost */
};

struct failure {
	enum ending ending;
	size_t peer; /* SERVER_MAX: no backend had answered */
	uint64_t age_ns;
	uint64_t began_ms; /* since 1970 */
};

struct converse_run {
	const struct options *options;
	struct route_pair pair;
	int epoll;
	bool is_over;                /* nothing new; what is answered is closed */
	uint64_t begin_ns, epoch_ns; /* epoch_ns and the monotonic clock is the time since 1970 */
	struct conversation *conversations; /* the held ones, then room for short ones */
	size_t count, live;
	struct conversation **free_short;
	size_t free_short_count;
	unsigned long opened, short_started;
	unsigned long endings[ENDING_COUNT];
	unsigned long stalled;
	uint64_t longest_ns;
	struct peer peers[SERVER_MAX];
	size_t peer_count;
	bool any_lost;
	struct failure *failures;
	size_t failure_count, failure_room;
};

static const char *const ending_texts[ENDING_COUNT] = {
#define X(name, text) [ENDING_##name] = (text),
	ENDINGS(X)
#undef X
};

/* Different for each message, so that no two connections keep step. */
static uint64_t converse_interval_ns(const struct conversation *conversation)
{
	uint64_t word = pattern_word(conversation->number, conversation->sent + 1);

	if (!conversation->is_held)
		return SHORT_INTERVAL_MS * NS_PER_MS;
	return (HELD_INTERVAL_LOW_MS + word % (HELD_INTERVAL_HIGH_MS - HELD_INTERVAL_LOW_MS + 1)) *
	       NS_PER_MS;
}

/* Since 1970. */
static uint64_t converse_began_ms(const struct converse_run *run,
				  const struct conversation *conversation)
{
	return (conversation->started_ns + run->epoch_ns) / NS_PER_MS;
}

/* SERVER_MAX for a connection that nobody has answered. */
static size_t converse_peer(struct converse_run *run, const char *name)
{
	size_t i = 0;

	if (!name[0])
		return SERVER_MAX;
	while (i < run->peer_count && strcmp(run->peers[i].name, name) != 0)
		i++;
	if (i == SERVER_MAX)
		die("more than %d servers answer", SERVER_MAX);
	if (i == run->peer_count) {
		(void)snprintf(run->peers[i].name, NAME_SIZE, "%s", name);
		run->peer_count++;
	}
	return i;
}

static void converse_note_failure(struct converse_run *run, struct conversation *conversation,
				  enum ending ending)
{
	struct failure failure = {
		.ending = ending,
		.peer = converse_peer(run, conversation->name),
		.age_ns = now_ns() - conversation->started_ns,
		.began_ms = converse_began_ms(run, conversation),
	};

	if (run->failure_count < TOLD_FAILURES)
		(void)fprintf(stderr, "traffic: %.3f s: %s connection of %s, age %.3f s: %s\n",
			      (double)(now_ns() - run->begin_ns) / NS_PER_S,
			      conversation->is_held ? "held" : "short",
			      conversation->name[0] ? conversation->name : "nobody",
			      (double)failure.age_ns / NS_PER_S, ending_texts[ending]);
	if (run->failure_count == run->failure_room) {
		run->failure_room = run->failure_room ? 2 * run->failure_room : 1024;
		run->failures = realloc(run->failures, run->failure_room * sizeof(failure));
		if (!run->failures)
			die("out of memory");
	}
	run->failures[run->failure_count++] = failure;
}

/*
 * Who resets a connection whose backend lives and has ended none itself is another one, which
 * was sent its packets and knows nothing of it.
 */
static enum ending converse_judge(const struct converse_run *run, size_t peer, enum ending ending)
{
	bool has_moved =
		ending == ENDING_RESET && peer != SERVER_MAX && !run->peers[peer].is_closing;

	return has_moved ? ENDING_MOVED : ending;
}

static void converse_end(struct converse_run *run, struct conversation *conversation,
			 enum ending ending)
{
	size_t peer = converse_peer(run, conversation->name);

	ending = converse_judge(run, peer, ending);
	run->endings[ending]++;
	if (ending != ENDING_KEPT && ending != ENDING_CLOSED)
		converse_note_failure(run, conversation, ending);
	if (peer != SERVER_MAX) {
		run->peers[peer].kept += ending == ENDING_KEPT;
		run->peers[peer].is_closing |= ending == ENDING_CLOSED;
	}
	if (conversation->waited_ns > run->longest_ns)
		run->longest_ns = conversation->waited_ns;
	run->stalled += conversation->waited_ns > CONVERSE_STALL_NS;
	if (conversation->fd >= 0)
		(void)close(conversation->fd);
	conversation->state = CONVERSATION_FREE;
	conversation->next_message_ns = now_ns() + REOPEN_MS * NS_PER_MS;
	run->live--;
	if (!conversation->is_held)
		run->free_short[run->free_short_count++] = conversation;
}

static void converse_start(struct converse_run *run, struct conversation *conversation)
{
	enum ending ending =
		conversation_start(conversation, &run->pair, run->epoll, (uint32_t)++run->opened);

	run->live++;
	conversation->next_message_ns =
		conversation->started_ns + converse_interval_ns(conversation);
	if (ending != ENDING_NONE)
		converse_end(run, conversation, ending);
}

static void converse_note_first_answer(struct converse_run *run,
				       const struct conversation *conversation)
{
	struct peer *peer = &run->peers[converse_peer(run, conversation->name)];
	uint64_t began_ms = converse_began_ms(run, conversation);

	peer->opened++;
	if (began_ms > peer->newest_ms)
		peer->newest_ms = began_ms;
}

static void converse_handle(struct converse_run *run, struct conversation *conversation)
{
	bool was_unanswered = conversation->answered == 0;
	enum ending ending;

	if (conversation->state == CONVERSATION_FREE)
		return;
	ending = conversation_advance(conversation);
	if (was_unanswered && conversation->answered > 0)
		converse_note_first_answer(run, conversation);
	if (ending != ENDING_NONE)
		converse_end(run, conversation, ending);
}

static void converse_poll(struct converse_run *run)
{
	struct epoll_event events[EVENT_COUNT];
	int count = epoll_wait(run->epoll, events, EVENT_COUNT, CONVERSE_TICK_MS);

	for (int i = 0; i < count; i++)
		converse_handle(run, events[i].data.ptr);
}

/* An open connection whose last message is answered: the next one, or the end. */
static void converse_continue(struct converse_run *run, struct conversation *conversation,
			      uint64_t now)
{
	bool is_done = conversation->is_held ? run->is_over
					     : conversation->answered == run->options->messages;
	enum ending ending;

	if (is_done) {
		conversation_close(conversation, now);
		return;
	}
	if (now < conversation->next_message_ns)
		return;
	ending = conversation_send(conversation, now);
	conversation->next_message_ns = now + converse_interval_ns(conversation);
	if (ending != ENDING_NONE)
		converse_end(run, conversation, ending);
}

static void converse_tick(struct converse_run *run, uint64_t now)
{
	for (size_t i = 0; i < run->count; i++) {
		struct conversation *conversation = &run->conversations[i];

		if (conversation->state == CONVERSATION_FREE) {
			if (conversation->is_held && !run->is_over && conversation->number > 0 &&
			    now >= conversation->next_message_ns)
				converse_start(run, conversation);
		} else if (conversation->waiting_ns > 0) {
			if (now > conversation->waiting_ns + PATIENCE_NS)
				converse_end(run, conversation, ENDING_TIMEOUT);
		} else {
			converse_continue(run, conversation, now);
		}
	}
}

/* As many short ones as are due; a shortage of room tells of itself as a lower rate. */
static void converse_start_short(struct converse_run *run, uint64_t now)
{
	uint64_t due = (now - run->begin_ns) * run->options->rate / NS_PER_S;

	while (run->short_started < due && run->free_short_count > 0) {
		run->short_started++;
		converse_start(run, run->free_short[--run->free_short_count]);
	}
}

/* A window of them at a time, so that no backlog overflows. */
static void converse_open_held(struct converse_run *run)
{
	uint64_t end_ns = now_ns() + 3 * PATIENCE_NS;
	size_t started = 0, connecting = 0;

	while (now_ns() < end_ns && (started < run->options->count || connecting > 0)) {
		while (started < run->options->count && connecting < run->options->parallel) {
			converse_start(run, &run->conversations[started++]);
			connecting++;
		}
		converse_poll(run);
		converse_tick(run, now_ns());
		connecting = 0;
		for (size_t i = 0; i < started; i++)
			connecting += run->conversations[i].state == CONVERSATION_CONNECTING;
	}
	(void)fprintf(stderr, "traffic: conversing on %zu connections\n", run->live);
}

static void converse_read_lost(struct converse_run *run)
{
	FILE *file = run->options->lost ? fopen(run->options->lost, "r") : NULL;
	char name[NAME_SIZE] = "";

	if (run->options->lost && !file)
		die("--lost %s: %s", run->options->lost, strerror(errno));
	while (file && fscanf(file, "%63s", name) == 1) {
		run->peers[converse_peer(run, name)].is_lost = true;
		run->any_lost = true;
	}
	if (file)
		(void)fclose(file);
}

/*
 * One that was reset between its opening and the first answer may have been on a lost backend.
 * One that nobody opened may not: its SYN is repeated until somebody does.
 */
static bool converse_was_lost(const struct converse_run *run, const struct failure *failure)
{
	if (failure->peer == SERVER_MAX)
		return run->any_lost && failure->ending == ENDING_RESET;
	return run->peers[failure->peer].is_lost;
}

struct converse_sum {
	unsigned long moved, broken, lost;
	unsigned long unopened;  /* nobody ever answered */
	uint64_t oldest_ns;      /* of the broken and moved ones */
	uint64_t first_began_ms; /* likewise, since 1970; 0: there are none */
};

static struct converse_sum converse_sum_up(struct converse_run *run)
{
	struct converse_sum sum = { 0 };

	for (size_t i = 0; i < run->failure_count; i++) {
		const struct failure *failure = &run->failures[i];

		if (failure->peer != SERVER_MAX)
			run->peers[failure->peer].failed++;
		if (converse_was_lost(run, failure)) {
			sum.lost++;
			continue;
		}
		sum.moved += failure->ending == ENDING_MOVED;
		sum.unopened += failure->peer == SERVER_MAX;
		sum.broken += failure->ending != ENDING_MOVED && failure->peer != SERVER_MAX;
		if (failure->age_ns > sum.oldest_ns)
			sum.oldest_ns = failure->age_ns;
		if (sum.first_began_ms == 0 || failure->began_ms < sum.first_began_ms)
			sum.first_began_ms = failure->began_ms;
	}
	return sum;
}

static void converse_print_peers(const struct converse_run *run)
{
	(void)fputs("\"by_server\":{", stdout);
	for (size_t i = 0; i < run->peer_count; i++) {
		const struct peer *peer = &run->peers[i];

		(void)printf("%s\"%s\":{\"opened\":%lu,\"kept\":%lu,\"failed\":%lu,"
			     "\"newest_ms\":%llu}",
			     i ? "," : "", peer->name, peer->opened, peer->kept, peer->failed,
			     (unsigned long long)peer->newest_ms);
	}
	(void)putchar('}');
}

static bool converse_print(struct converse_run *run)
{
	struct converse_sum sum;

	converse_read_lost(run);
	sum = converse_sum_up(run);
	(void)printf("{\"opened\":%lu,\"kept\":%lu,\"moved\":%lu,\"broken\":%lu,"
		     "\"unopened\":%lu,"
		     "\"closed_by_backend\":%lu,\"lost_with_backend\":%lu,"
		     "\"longest_stall_ms\":%llu,\"stalled\":%lu,\"oldest_broken_ms\":%llu,"
		     "\"first_broken_began_ms\":%llu,",
		     run->opened, run->endings[ENDING_KEPT], sum.moved, sum.broken, sum.unopened,
		     run->endings[ENDING_CLOSED], sum.lost,
		     (unsigned long long)(run->longest_ns / NS_PER_MS), run->stalled,
		     (unsigned long long)(sum.oldest_ns / NS_PER_MS),
		     (unsigned long long)sum.first_began_ms);
	(void)printf("\"refused\":%lu,\"reset\":%lu,\"timeout\":%lu,\"wrong_data\":%lu,",
		     run->endings[ENDING_REFUSED], run->endings[ENDING_RESET],
		     run->endings[ENDING_TIMEOUT], run->endings[ENDING_CORRUPT]);
	converse_print_peers(run);
	(void)printf(",\"seconds\":%.3f}\n", (double)(now_ns() - run->begin_ns) / NS_PER_S);
	return sum.moved == 0 && sum.broken == 0 && sum.unopened == 0 && run->stalled == 0;
}

static void converse_init(struct converse_run *run, const struct options *options)
{
	size_t short_room = options->rate * (PATIENCE_NS / NS_PER_S + 2);
	struct timespec since_1970;

	run->options = options;
	run->pair = parse_route(options);
	run->epoll = create_epoll();
	run->count = options->count + short_room;
	run->conversations = allocate(run->count, sizeof(*run->conversations));
	run->free_short = allocate(short_room, sizeof(struct conversation *));
	for (size_t i = 0; i < options->count; i++)
		run->conversations[i].is_held = true;
	for (size_t i = options->count; i < run->count; i++)
		run->free_short[run->free_short_count++] = &run->conversations[i];
	(void)clock_gettime(CLOCK_REALTIME, &since_1970);
	run->epoch_ns =
		(uint64_t)since_1970.tv_sec * NS_PER_S + (uint64_t)since_1970.tv_nsec - now_ns();
}

static int command_converse(const struct options *options)
{
	struct converse_run *run = allocate(1, sizeof(*run));
	uint64_t end_ns;
	bool is_ok;

	converse_init(run, options);
	(void)alarm((unsigned int)options->timeout_s);
	run->begin_ns = now_ns();
	converse_open_held(run);
	run->begin_ns = now_ns();
	end_ns = run->begin_ns + options->seconds * NS_PER_S;
	for (uint64_t now = now_ns(); now < end_ns; now = now_ns()) {
		converse_start_short(run, now);
		converse_tick(run, now);
		converse_poll(run);
	}
	run->is_over = true;
	/* Each ends by itself: closed, or not answered in time. */
	while (run->live > 0) {
		converse_tick(run, now_ns());
		converse_poll(run);
	}
	is_ok = converse_print(run);
	(void)close(run->epoll);
	free(run->conversations);
	free(run->free_short);
	free(run->failures);
	free(run);
	return is_ok ? 0 : 1;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* peers.c - the timer that tells, the socket that is heard, and what is counted of both. */
#include "agent/peers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/state.h"
#include "datapath/datapath.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "peer/message.h"
#include "peer/replay.h"
#include "peer/seal.h"
#include "peer/socket.h"

/* Without anything to tell. Who starts is heard by then. */
#define SIGN_OF_LIFE_MS 1000
#define DATAGRAMS_PER_EVENT 64

#define COUNTS(X)                                                                                  \
	X(SENT, "sent", "datagrams sent")                                                          \
	X(UNSENT, "unsent", "datagrams that the kernel did not take")                              \
	X(FLOWS_SENT, "flows_sent", "flows told of, as often as they were")                        \
	X(RECEIVED, "received", "datagrams that were heard")                                       \
	X(FLOWS_RECEIVED, "flows_received", "flows in them")                                       \
	X(REFUSED_SEAL, "refused_seal", "not sealed with our --peer-key")                          \
	X(REFUSED_VERSION, "refused_version", "of a version that this build does not know")        \
	X(REFUSED_REPLAY, "refused_replay", "heard before, or overtaken by a later one")           \
	X(REFUSED_CLOCK, "refused_clock", "from a clock that is more than a minute apart")         \
	X(REFUSED_SENDERS, "refused_senders", "from more senders than can be told apart")          \
	X(REFUSED_HASH_KEY, "refused_hash_key", "from a gateway with another --hash-key")          \
	X(REFUSED_SIZE, "refused_size", "from a gateway with fewer --flow-table-entries")          \
	X(MALFORMED, "malformed", "sealed, but not as they should be")

enum count {
#define X(name, text, help) COUNT_##name,
	COUNTS(X)
#undef X
		COUNT_MAX,
};

static const struct {
	const char *name;
	const char *help;
} count_names[] = {
#define X(name, text, help) [COUNT_##name] = { text, help },
	COUNTS(X)
#undef X
};

struct peers {
	const struct agent_config *config;
	struct datapath *datapath;
	void (*on_heard)(void *owner);
	void *owner;
	struct loop_watch *timer, *reader;
	int fd;
	uint8_t key[SEAL_KEY_BYTES];
	struct message_writer writer;
	uint64_t sent_ms; /* when last something was */
	struct replay replay;
	uint64_t counts[COUNT_MAX];
	struct heard heard;
};

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Later than the last, also when the clock was set back. */
static uint64_t next_stamp_us(void *owner)
{
	const struct peers *peers = owner;
	uint64_t stamp_us = now_us(), last_us = peers->writer.header.stamp_us;

	return stamp_us > last_us ? stamp_us : last_us + 1;
}

static void on_message(const uint8_t *bytes, size_t length, void *owner)
{
	struct peers *peers = owner;

	for (size_t i = 0; i < peers->config->peer_count; i++) {
		int r = peer_socket_send(peers->fd, &peers->config->peers[i], bytes, length);

		peers->counts[r < 0 ? COUNT_UNSENT : COUNT_SENT]++;
	}
	peers->sent_ms = loop_now_ms();
}

static void on_telling(const struct telling *telling, void *owner)
{
	struct peers *peers = owner;

	peers->counts[COUNT_FLOWS_SENT] += telling->count;
	message_write(&peers->writer, telling);
}

static void on_timer(void *owner)
{
	struct peers *peers = owner;

	datapath_tell(peers->datapath, on_telling, peers);
	if (peers->writer.length || loop_now_ms() - peers->sent_ms >= SIGN_OF_LIFE_MS)
		message_flush(&peers->writer);
	/* What begins just after this goes out with the next, which must be there in time. */
	loop_timer_set(peers->timer, peers->config->peer_interval_ms / 2);
}

/* The first of each kind is told; the rest is counted. */
static void refuse(struct peers *peers, enum count why, const struct address *from)
{
	char text[ADDRESS_TEXT_SIZE];

	if (peers->counts[why]++ == 0)
		log_warning("peer %s: a message is refused: %s; more of these are counted only "
			    "(guideway status -o json)",
			    address_format(from, text), count_names[why].help);
}

static void on_told(const struct telling *telling, void *owner)
{
	struct peers *peers = owner;

	peers->counts[COUNT_FLOWS_RECEIVED] += telling->count;
	datapath_hear(peers->datapath, telling, &peers->heard);
}

/* Whether its sender's flows mean the same here. */
static bool is_of_our_kind(struct peers *peers, const struct message_header *header,
			   const struct address *from)
{
	if (header->key_print != peers->writer.header.key_print)
		refuse(peers, COUNT_REFUSED_HASH_KEY, from);
	else if (header->bucket_count < peers->writer.header.bucket_count)
		refuse(peers, COUNT_REFUSED_SIZE, from);
	else
		return true;
	return false;
}

static bool is_new(struct peers *peers, const struct message_header *header,
		   const struct address *from)
{
	char text[ADDRESS_TEXT_SIZE];

	/* What was sent from here comes back only when somebody sends it. */
	if (header->sender == peers->writer.header.sender) {
		refuse(peers, COUNT_REFUSED_REPLAY, from);
		return false;
	}
	switch (replay_check(&peers->replay, header->sender, header->stamp_us, now_us())) {
	case REPLAY_NEW:
		return true;
	case REPLAY_NEW_SENDER:
		log_info("peer %s: heard for the first time since it started",
			 address_format(from, text));
		datapath_tell_for_others(peers->datapath);
		return true;
	case REPLAY_OLD:
		refuse(peers, COUNT_REFUSED_REPLAY, from);
		return false;
	case REPLAY_SKEWED:
		refuse(peers, COUNT_REFUSED_CLOCK, from);
		return false;
	case REPLAY_CROWDED:
		refuse(peers, COUNT_REFUSED_SENDERS, from);
		return false;
	}
	return false;
}

static void hear(struct peers *peers, const uint8_t *bytes, size_t length,
		 const struct address *from)
{
	struct message_header header;
	int r = message_open(peers->key, bytes, length, &header);

	if (r < 0) {
		refuse(peers, r == -EPROTO ? COUNT_REFUSED_VERSION : COUNT_REFUSED_SEAL, from);
		return;
	}
	if (!is_new(peers, &header, from) || !is_of_our_kind(peers, &header, from))
		return;
	peers->counts[COUNT_RECEIVED]++;
	if (message_read(bytes, length, on_told, peers) < 0)
		refuse(peers, COUNT_MALFORMED, from);
}

static void on_readable(void *owner)
{
	struct peers *peers = owner;
	uint8_t bytes[MESSAGE_BYTES_MAX + 1];
	struct address from;

	for (int i = 0; i < DATAGRAMS_PER_EVENT; i++) {
		int length = peer_socket_receive(peers->fd, bytes, sizeof(bytes), &from);

		/* What an earlier datagram met on its way is told here, too. */
		if (length < 0)
			break;
		hear(peers, bytes, (size_t)length, &from);
	}
	peers->on_heard(peers->owner);
}

static int prepare_writer(struct peers *peers, uint64_t key_print, struct error *error)
{
	peers->writer = (struct message_writer){
		.key = peers->key,
		.header = { .key_print = key_print,
			    .bucket_count = datapath_flow_bucket_count(peers->datapath) },
		.next_stamp_us = next_stamp_us,
		.on_message = on_message,
		.owner = peers,
	};
	if (getrandom(&peers->writer.header.sender, sizeof(peers->writer.header.sender), 0) !=
	    sizeof(peers->writer.header.sender))
		return error_set(error, -EIO, "no random bytes for messages to peers");
	return 0;
}

static int open_peers(struct loop *loop, struct peers *peers, uint64_t key_print,
		      struct error *error)
{
	int r = state_read_key("peer key", peers->config->peer_key_file, peers->key,
			       sizeof(peers->key), error);

	if (r == 0)
		r = prepare_writer(peers, key_print, error);
	if (r < 0)
		return r;
	r = peer_socket_open(&peers->config->peer_listen, &peers->fd, error);
	if (r < 0)
		return error_prefix(error, "--peer-listen");
	peers->timer = loop_add_timer(loop, on_timer, peers);
	peers->reader = loop_add_reader(loop, peers->fd, on_readable, peers);
	if (!peers->timer || !peers->reader)
		return error_set(error, -ENOMEM, "no memory for peers");
	return 0;
}

int peers_create(struct loop *loop, const struct agent_config *config, uint64_t key_print,
		 struct datapath *datapath, void (*on_heard)(void *owner), void *owner,
		 struct peers **ret_peers, struct error *error)
{
	struct peers *peers;
	int r;

	*ret_peers = NULL;
	if (config->peer_count == 0)
		return 0;
	peers = calloc(1, sizeof(*peers));
	if (!peers)
		return error_set(error, -ENOMEM, "no memory for peers");
	peers->config = config;
	peers->datapath = datapath;
	peers->on_heard = on_heard;
	peers->owner = owner;
	peers->fd = -1;
	r = open_peers(loop, peers, key_print, error);
	if (r < 0) {
		peers_destroy(peers);
		return r;
	}
	*ret_peers = peers;
	return 0;
}

void peers_start(struct peers *peers)
{
	if (peers)
		on_timer(peers);
}

void peers_destroy(struct peers *peers)
{
	if (!peers)
		return;
	loop_remove(peers->timer);
	loop_remove(peers->reader);
	if (peers->fd >= 0)
		(void)close(peers->fd);
	explicit_bzero(peers->key, sizeof(peers->key));
	free(peers);
}

static void append_count(json_t *array, const char *name, uint64_t count, const char *help)
{
	(void)json_array_append_new(array, json_pack("{s:s, s:I, s:s}", "name", name, "count",
						     (json_int_t)count, "help", help));
}

json_t *peers_json(const struct peers *peers)
{
	const struct heard *heard = &peers->heard;
	json_t *array;
	uint64_t untold = 0;

	if (!peers)
		return json_null();
	array = json_array();
	for (int i = 0; i < COUNT_MAX; i++)
		append_count(array, count_names[i].name, peers->counts[i], count_names[i].help);
	append_count(array, "flows_recorded", heard->recorded,
		     "flows of peers that were recorded here, or renewed");
	append_count(array, "flows_known", heard->known, "flows of peers, known already");
	append_count(array, "flows_needless", heard->needless,
		     "flows of peers that go where the tables here say");
	append_count(array, "flows_unknown", heard->unknown,
		     "flows of peers on a backend that is none here");
	append_count(array, "flows_without_room", heard->without_room,
		     "flows of peers that found no room");
	(void)datapath_untold_count(peers->datapath, &untold);
	append_count(array, "flows_late", untold,
		     "flows begun here in such numbers that they were told late");
	return array;
}

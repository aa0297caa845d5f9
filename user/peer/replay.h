/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.h - which messages are new: each sender's have later and later stamps, all of them near
 * the time of here. Pure: the clock comes as an argument.
 */
#ifndef PEER_REPLAY_H
#define PEER_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLAY_SENDERS_MAX 256
/* How far the clocks of two gateways may be apart. */
#define REPLAY_SKEW_US (60 * UINT64_C(1000000))

/* All zero: nobody was heard. */
struct replay {
	struct replay_sender {
		uint64_t sender;
		uint64_t stamp_us; /* of its last message */
	} senders[REPLAY_SENDERS_MAX];
	size_t count;
};

enum replay_answer {
	REPLAY_NEW,
	REPLAY_NEW_SENDER, /* likewise, and its first */
	REPLAY_OLD,        /* heard before, or overtaken by a later one */
	REPLAY_SKEWED,     /* from another time */
	REPLAY_CROWDED,    /* too many senders */
};

enum replay_answer replay_check(struct replay *replay, uint64_t sender, uint64_t stamp_us,
				uint64_t now_us);

#endif

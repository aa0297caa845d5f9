/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.c - the last stamp of each sender, as long as it could be used again. */
#include "peer/replay.h"

static bool is_skewed(uint64_t stamp_us, uint64_t now_us)
{
	uint64_t apart_us = stamp_us > now_us ? stamp_us - now_us : now_us - stamp_us;

	return apart_us > REPLAY_SKEW_US;
}

/* Whose last stamp is from another time has none that would still be heard. */
static void forget_old(struct replay *replay, uint64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < replay->count; i++)
		if (!is_skewed(replay->senders[i].stamp_us, now_us))
			replay->senders[kept++] = replay->senders[i];
	replay->count = kept;
}

enum replay_answer replay_check(struct replay *replay, uint64_t sender, uint64_t stamp_us,
				uint64_t now_us)
{
	if (is_skewed(stamp_us, now_us))
		return REPLAY_SKEWED;
	for (size_t i = 0; i < replay->count; i++) {
		struct replay_sender *known = &replay->senders[i];

		if (known->sender != sender)
			continue;
		if (stamp_us <= known->stamp_us)
			return REPLAY_OLD;
		known->stamp_us = stamp_us;
		return REPLAY_NEW;
	}
	if (replay->count == REPLAY_SENDERS_MAX)
		forget_old(replay, now_us);
	if (replay->count == REPLAY_SENDERS_MAX)
		return REPLAY_CROWDED;
	replay->senders[replay->count++] = (struct replay_sender){ sender, stamp_us };
	return REPLAY_NEW_SENDER;
}

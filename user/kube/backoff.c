/* SPDX-License-Identifier: BSD-2-Clause */
/* backoff.c - doubled waits with dice. */
#include "kube/backoff.h"

#include <stdlib.h>
#include <sys/random.h>

uint64_t backoff_random(uint64_t low, uint64_t high)
{
	uint64_t dice = 0;

	if (high <= low)
		return low;
	/* Without it everybody waits the shortest time: worse, not wrong. */
	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
		dice = 0;
	return low + dice % (high - low);
}

uint64_t backoff_double_ms(uint64_t wait_ms, uint64_t first_ms, uint64_t cap_ms)
{
	if (wait_ms == 0)
		return first_ms;
	return wait_ms < cap_ms / 2 ? 2 * wait_ms : cap_ms;
}

uint64_t backoff_next_ms(struct backoff *backoff, uint64_t now_ms)
{
	if (now_ms - backoff->asked_ms > BACKOFF_RESET_MS)
		backoff->wait_ms = 0;
	backoff->wait_ms = backoff_double_ms(backoff->wait_ms, BACKOFF_FIRST_MS, BACKOFF_CAP_MS);
	backoff->asked_ms = now_ms;
	return backoff_random(backoff->wait_ms, 2 * backoff->wait_ms);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backoff.h - how long to wait before the next try: longer each time, and each gateway another
 * while, so that many of them do not come back in the same moment.
 */
#ifndef KUBE_BACKOFF_H
#define KUBE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 800
#define BACKOFF_CAP_MS 30000
/* Who was not asked for so long starts anew. */
#define BACKOFF_RESET_MS 120000

/* All zero has never waited. */
struct backoff {
	uint64_t wait_ms; /* of the last time, before the dice */
	uint64_t asked_ms;
};

/* From t to 2t, where t is twice that of the time before. */
uint64_t backoff_next_ms(struct backoff *backoff, uint64_t now_ms);

/* Twice wait_ms (0: it is the first), from first_ms to cap_ms. */
uint64_t backoff_double_ms(uint64_t wait_ms, uint64_t first_ms, uint64_t cap_ms);

/* From low to high - 1; low where they are the same. */
uint64_t backoff_random(uint64_t low, uint64_t high);

#endif

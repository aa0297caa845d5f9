/* SPDX-License-Identifier: BSD-2-Clause */
/* limiter.c - a bucket of which only the time is known when it will be full. */
#include "kube/limiter.h"

#define TOKEN_MS (1000 / LIMITER_PER_S)

uint64_t limiter_wait_ms(const struct limiter *limiter, uint64_t now_ms)
{
	uint64_t room_ms = now_ms + (LIMITER_BURST - 1) * TOKEN_MS;

	return limiter->filled_ms > room_ms ? limiter->filled_ms - room_ms : 0;
}

bool limiter_take(struct limiter *limiter, uint64_t now_ms)
{
	if (limiter_wait_ms(limiter, now_ms) > 0)
		return false;
	if (limiter->filled_ms < now_ms)
		limiter->filled_ms = now_ms;
	limiter->filled_ms += TOKEN_MS;
	return true;
}

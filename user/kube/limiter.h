/* SPDX-License-Identifier: BSD-2-Clause */
/* limiter.h - so many calls a second, as controllers keep to: a bucket of tokens. */
#ifndef KUBE_LIMITER_H
#define KUBE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

/* Those of controller-runtime, which most controllers are made with. */
#define LIMITER_PER_S 20
#define LIMITER_BURST 30

struct limiter {
	uint64_t filled_ms; /* when the bucket is full, if nobody takes anything */
};

/* A token; false when there is none. */
bool limiter_take(struct limiter *limiter, uint64_t now_ms);
/* Until there is one; 0: there is. */
uint64_t limiter_wait_ms(const struct limiter *limiter, uint64_t now_ms);

#endif

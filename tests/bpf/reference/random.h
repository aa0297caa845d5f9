/* SPDX-License-Identifier: BSD-2-Clause */
/* random.h - SplitMix64: numbers that a seed repeats. */
#ifndef TESTS_BPF_REFERENCE_RANDOM_H
#define TESTS_BPF_REFERENCE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 <= result < count */
static inline uint32_t random_below(struct random *random, uint32_t count)
{
	return (random_next(random) >> 32) * count >> 32;
}

/* Of so many cases out of 1,000. */
static inline bool random_permille(struct random *random, uint32_t cases)
{
	return random_below(random, 1000) < cases;
}

#endif

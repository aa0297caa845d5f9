/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maglev.c - the Maglev table.
 *
 * Every backend has a permutation of the slots, offset + k * skip modulo M.
 * The backends take turns; in its turn a backend takes the first slot of its
 * permutation that is still free, until none is. Offset and skip come from two
 * hashes of the backend's address and port alone, and the turns go by address
 * and port, so the table depends on nothing else.
 *
 * With weights the k-th turn of a backend (k from 1) is due at the time
 * (2k - 1) / weight, and the earliest is next: in any stretch of time each has
 * turns in proportion to its weight, equal weights take plain turns, and a
 * backend's turns stay in place when others come and go.
 */
#include "model/maglev.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "model/service.h"

#define SLOTS_PER_BACKEND 128
#define MOST_SLOTS (1U << 24) /* what due_time can count */

/* The largest primes below 2^(k/2), for k from 16 to 44. */
static const uint32_t ladder[] = {
	251,    359,    509,    719,    1021,    1447,    2039,    2887,    4093,    5791,
	8191,   11579,  16381,  23167,  32749,   46337,   65521,   92681,   131071,  185363,
	262139, 370723, 524287, 741431, 1048573, 1482907, 2097143, 2965819, 4194301,
};
#define LADDER_LENGTH (sizeof(ladder) / sizeof(ladder[0]))

struct walk {
	const struct backend *backend;
	uint32_t position; /* of the permutation */
	uint32_t skip;
	uint32_t index; /* of the backend, as the caller counts */
};

/* A backend's next turn. */
struct turn {
	uint64_t due;  /* step / weight, fixed point */
	uint32_t walk; /* decides between turns due at the same time */
	uint32_t step;
};

struct table {
	uint32_t *slots;
	uint32_t slot_count;
	uint64_t *taken; /* a bit for each slot */
};

uint32_t maglev_slot_count(size_t backend_count)
{
	if (backend_count == 0)
		return 0;
	for (size_t i = 0; i < LADDER_LENGTH; i++)
		if (ladder[i] / SLOTS_PER_BACKEND >= backend_count)
			return ladder[i];
	return ladder[LADDER_LENGTH - 1];
}

static bool is_prime(uint32_t number)
{
	if (number < 2 || (number % 2 == 0 && number != 2))
		return false;
	for (uint32_t divisor = 3; (uint64_t)divisor * divisor <= number; divisor += 2)
		if (number % divisor == 0)
			return false;
	return true;
}

/* A bijection that spreads every bit over all (MurmurHash3's fmix64). */
static uint64_t mix(uint64_t word)
{
	word ^= word >> 33;
	word *= 0xff51afd7ed558ccdULL;
	word ^= word >> 33;
	word *= 0xc4ceb9fe1a85ec53ULL;
	word ^= word >> 33;
	return word;
}

static uint64_t big_endian_word(const uint8_t bytes[static 8])
{
	uint64_t word = 0;

	for (size_t i = 0; i < 8; i++)
		word = word << 8 | bytes[i];
	return word;
}

static uint64_t hash_backend(const struct backend *backend, uint64_t seed)
{
	uint64_t hash = mix(seed ^ big_endian_word(backend->address.bytes));

	hash = mix(hash ^ big_endian_word(backend->address.bytes + 8));
	return mix(hash ^ backend->port);
}

static int by_backend(const void *a, const void *b)
{
	const struct walk *left = a, *right = b;
	int order = backend_compare(left->backend, right->backend);

	if (order != 0)
		return order;
	return (left->index > right->index) - (left->index < right->index);
}

static void create_walks(const struct backend *backends, size_t backend_count, uint32_t slot_count,
			 struct walk *walks)
{
	const uint64_t offset_seed = 0x6f66667365740000ULL, skip_seed = 0x736b697000000000ULL;
	size_t count = 0;

	for (size_t i = 0; i < backend_count; i++) {
		if (backends[i].weight == 0)
			continue;
		walks[count++] = (struct walk){
			.backend = &backends[i],
			.position =
				(uint32_t)(hash_backend(&backends[i], offset_seed) % slot_count),
			.skip = (uint32_t)(hash_backend(&backends[i], skip_seed) %
					   (slot_count - 1)) +
				1,
			.index = (uint32_t)i,
		};
	}
	qsort(walks, count, sizeof(*walks), by_backend);
}

/* Gives the walk the first slot of its permutation that is free; there must be one. */
static inline void take_turn(struct table *table, struct walk *walk)
{
	const uint32_t slot_count = table->slot_count, skip = walk->skip;
	const uint32_t rest = slot_count - skip;
	uint64_t *taken = table->taken;
	uint32_t position = walk->position;

	while (taken[position / 64] >> (position % 64) & 1)
		position = position >= rest ? position - rest : position + skip;
	taken[position / 64] |= 1ULL << (position % 64);
	table->slots[position] = walk->index;
	walk->position = position;
}

static void fill_in_plain_turns(struct table *table, struct walk *walks, size_t walk_count)
{
	size_t next = 0;

	for (uint32_t filled = 0; filled < table->slot_count; filled++) {
		take_turn(table, &walks[next]);
		if (++next == walk_count)
			next = 0;
	}
}

/* Exact for weights below 2^19: different fractions of such never meet. Steps are below 2^25. */
static uint64_t due_time(uint32_t step, uint32_t weight)
{
	return ((uint64_t)step << 39) / weight;
}

/* Without a branch: its outcome is a coin's, and there are ten for every slot. */
static inline bool is_due_before(const struct turn *a, const struct turn *b)
{
	return (a->due < b->due) | ((a->due == b->due) & (a->walk < b->walk));
}

/* Restores the heap below its turn at index, which may be due too late for its place. */
static void sift_down(struct turn *heap, size_t count, size_t index)
{
	struct turn turn = heap[index];

	for (size_t child = 2 * index + 1; child < count; child = 2 * index + 1) {
		if (child + 1 < count)
			child += is_due_before(&heap[child + 1], &heap[child]);
		if (!is_due_before(&heap[child], &turn))
			break;
		heap[index] = heap[child];
		index = child;
	}
	heap[index] = turn;
}

static void fill_in_weighted_turns(struct table *table, struct walk *walks, size_t walk_count,
				   struct turn *heap)
{
	for (size_t i = 0; i < walk_count; i++)
		heap[i] = (struct turn){ due_time(1, walks[i].backend->weight), (uint32_t)i, 1 };
	for (size_t i = walk_count / 2; i-- > 0;)
		sift_down(heap, walk_count, i);
	for (uint32_t filled = 0; filled < table->slot_count; filled++) {
		struct walk *walk = &walks[heap[0].walk];

		take_turn(table, walk);
		heap[0].step += 2;
		heap[0].due = due_time(heap[0].step, walk->backend->weight);
		sift_down(heap, walk_count, 0);
	}
}

static bool weights_are_equal(const struct walk *walks, size_t walk_count)
{
	for (size_t i = 1; i < walk_count; i++)
		if (walks[i].backend->weight != walks[0].backend->weight)
			return false;
	return true;
}

static size_t count_weighted(const struct backend *backends, size_t backend_count)
{
	size_t count = 0;

	for (size_t i = 0; i < backend_count; i++)
		count += backends[i].weight > 0;
	return count;
}

int maglev_fill(const struct backend *backends, size_t backend_count, uint32_t *slots,
		uint32_t slot_count, struct error *error)
{
	size_t walk_count = count_weighted(backends, backend_count);
	struct table table = { .slots = slots, .slot_count = slot_count };
	struct walk *walks = NULL;
	struct turn *heap = NULL;
	int r = -ENOMEM;

	if (walk_count == 0)
		return error_set(error, -ENOENT, "maglev: no backend has a weight above 0");
	if (slot_count < walk_count || slot_count > MOST_SLOTS || !is_prime(slot_count))
		return error_set(
			error, -EINVAL,
			"maglev: %u slots for %zu backends, expected a prime from %zu to %u",
			slot_count, walk_count, walk_count, MOST_SLOTS);

	walks = calloc(walk_count, sizeof(*walks));
	heap = calloc(walk_count, sizeof(*heap));
	table.taken = calloc((size_t)slot_count / 64 + 1, sizeof(*table.taken));
	if (!walks || !heap || !table.taken) {
		(void)error_set(error, r, "maglev: no memory for %u slots", slot_count);
		goto out;
	}
	create_walks(backends, backend_count, slot_count, walks);
	if (weights_are_equal(walks, walk_count))
		fill_in_plain_turns(&table, walks, walk_count);
	else
		fill_in_weighted_turns(&table, walks, walk_count, heap);
	r = 0;
out:
	free(table.taken);
	free(heap);
	free(walks);
	return r;
}

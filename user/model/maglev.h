/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maglev.h - Maglev lookup table: slot -> backend index.
 *
 * Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
 * NSDI 2016, section 3.4, with weights. Pure: no I/O, no clock. The same backends
 * in any order give the same table on every gateway.
 */
#ifndef MODEL_MAGLEV_H
#define MODEL_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

struct backend;
struct error;

/*
 * The number of slots M for so many backends with a weight above 0: the smallest
 * prime of a ladder that has at least 128 slots for each. 0 for no backend;
 * above the ladder's end its last prime.
 */
uint32_t maglev_slot_count(size_t backend_count);

/*
 * Fills slots[0 .. slot_count) with indexes into backends. slot_count is a prime
 * from the number of backends that have a weight above 0 to 2^24; the others get no slot.
 * -EINVAL when slot_count is no such prime, -ENOENT when no weight is above 0,
 * -ENOMEM; then slots is untouched.
 */
int maglev_fill(const struct backend *backends, size_t backend_count, uint32_t *slots,
		uint32_t slot_count, struct error *error);

#endif

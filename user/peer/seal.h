/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seal.h - who has the key can seal bytes, and see whether they were sealed: HMAC-SHA256.
 */
#ifndef PEER_SEAL_H
#define PEER_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_BYTES 32
#define SEAL_BYTES 32

void seal_make(const uint8_t key[static SEAL_KEY_BYTES], const void *bytes, size_t length,
	       uint8_t ret[static SEAL_BYTES]);

/* Takes as long whatever differs. */
bool seal_is_right(const uint8_t key[static SEAL_KEY_BYTES], const void *bytes, size_t length,
		   const uint8_t seal[static SEAL_BYTES]);

/* What shows whether two keys are the same, and from which the key does not follow. */
uint64_t seal_key_print(const uint8_t key[static SEAL_KEY_BYTES]);

#endif

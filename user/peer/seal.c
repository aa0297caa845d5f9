/* SPDX-License-Identifier: BSD-2-Clause */
/* seal.c - HMAC-SHA256 as Nettle has it. */
#include "peer/seal.h"

#include <string.h>

#include <nettle/hmac.h>
#include <nettle/memops.h>

_Static_assert(SEAL_BYTES == SHA256_DIGEST_SIZE, "a seal is a whole HMAC-SHA256");

void seal_make(const uint8_t key[static SEAL_KEY_BYTES], const void *bytes, size_t length,
	       uint8_t ret[static SEAL_BYTES])
{
	struct hmac_sha256_ctx context;

	hmac_sha256_set_key(&context, SEAL_KEY_BYTES, key);
	hmac_sha256_update(&context, length, bytes);
	hmac_sha256_digest(&context, SEAL_BYTES, ret);
}

bool seal_is_right(const uint8_t key[static SEAL_KEY_BYTES], const void *bytes, size_t length,
		   const uint8_t seal[static SEAL_BYTES])
{
	uint8_t right[SEAL_BYTES];

	seal_make(key, bytes, length, right);
	return memeql_sec(right, seal, SEAL_BYTES);
}

uint64_t seal_key_print(const uint8_t key[static SEAL_KEY_BYTES])
{
	static const char purpose[] = "guideway: fingerprint of a key";
	uint8_t seal[SEAL_BYTES];
	uint64_t print = 0;

	seal_make(key, purpose, sizeof(purpose), seal);
	for (size_t i = 0; i < sizeof(print); i++)
		print = print << 8 | seal[i];
	return print;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_peer_message.c - any bytes as a message of another gateway: opened, and read as if sealed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "peer/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_telling(const struct telling *telling, void *owner)
{
	size_t *count = owner;

	if (telling->service.port > UINT16_MAX || (telling->count && telling->learning_s))
		abort();
	for (size_t i = 0; i < telling->count; i++)
		if (telling->flows[i].silent > TOLD_SILENT_MAX)
			abort();
	*count += telling->count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[SEAL_KEY_BYTES];
	struct message_header header;
	size_t count = 0;
	int r = message_open(key, data, size, &header);

	if (r == 0 || size < 64 || size > MESSAGE_BYTES_MAX)
		return 0;
	(void)message_read(data, size, on_telling, &count);
	if (count * 10 > size)
		abort();
	return 0;
}

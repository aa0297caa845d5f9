/* SPDX-License-Identifier: BSD-2-Clause */
/* abi.c - between the model's types and the maps' layouts. */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void abi_address(const struct address *address, struct gw_addr *ret)
{
	memcpy(ret->word, address->bytes, sizeof(ret->word));
}

void address_from_abi(const struct gw_addr *address, struct address *ret)
{
	memcpy(ret->bytes, address->word, sizeof(ret->bytes));
}

static const uint8_t modes[] = {
	[FORWARDING_MODE_DEFAULT] = 0,         [FORWARDING_MODE_SNAT] = GW_MODE_SNAT,
	[FORWARDING_MODE_DNAT] = GW_MODE_DNAT, [FORWARDING_MODE_L2] = GW_MODE_L2,
	[FORWARDING_MODE_IPIP] = GW_MODE_IPIP, [FORWARDING_MODE_GUE] = GW_MODE_GUE,
};

uint8_t abi_mode(enum forwarding_mode mode)
{
	return modes[mode];
}

enum forwarding_mode mode_from_abi(uint8_t mode)
{
	for (size_t i = FORWARDING_MODE_SNAT; i < sizeof(modes); i++)
		if (modes[i] == mode)
			return (enum forwarding_mode)i;
	return FORWARDING_MODE_DEFAULT;
}

int array_reserve(void **items, size_t *room, size_t count, size_t item_size)
{
	size_t wanted = *room ? *room : 16;
	void *grown;

	while (wanted < count)
		wanted *= 2;
	if (wanted == *room)
		return 0;
	grown = realloc(*items, wanted * item_size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*room = wanted;
	return 0;
}

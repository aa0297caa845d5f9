/* SPDX-License-Identifier: BSD-2-Clause */
/* abi.c - between the model's types and the maps' layouts. */
#include "datapath/internal.h"

#include <arpa/inet.h>
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

void abi_service_key(const struct service_key *key, struct gw_service_key *ret)
{
	*ret = (struct gw_service_key){
		.port = htons(key->port),
		.protocol = (__u8)key->protocol,
	};
	abi_address(&key->vip, &ret->vip);
}

void service_key_from_abi(const struct gw_service_key *key, struct service_key *ret)
{
	*ret = (struct service_key){
		.port = ntohs(key->port),
		.protocol = (enum protocol)key->protocol,
	};
	address_from_abi(&key->vip, &ret->vip);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/* vip_ledger.c - the addresses that objects name, each held in the pool while anybody does. */
#include <errno.h>
#include <stdlib.h>

#include "lib/error.h"
#include "model/pool.h"
#include "model/vips.h"

struct named_address {
	struct table_node node;
	struct address address;
	size_t user_count;
};

static void destroy_named(struct table_node *node)
{
	free(TABLE_OWNER(node, struct named_address, node));
}

void vip_ledger_finish(struct vip_ledger *ledger)
{
	table_finish(&ledger->named, destroy_named);
}

static struct named_address *find_named(const struct vip_ledger *ledger,
					const struct address *address, uint64_t hash)
{
	struct table_node *node = table_first(&ledger->named, hash);

	for (; node; node = table_next(node)) {
		struct named_address *named = TABLE_OWNER(node, struct named_address, node);

		if (address_compare(&named->address, address) == 0)
			return named;
	}
	return NULL;
}

int vip_ledger_add(struct vip_ledger *ledger, const struct address *address, struct error *error)
{
	char text[ADDRESS_TEXT_SIZE];
	uint64_t hash = table_hash_text(0, address_format(address, text));
	struct named_address *named = find_named(ledger, address, hash);
	int r;

	if (named) {
		named->user_count++;
		return 0;
	}
	r = pool_reserve(ledger->pool, text, address, false, error);
	if (r < 0)
		return r;
	named = calloc(1, sizeof(*named));
	if (!named || table_insert(&ledger->named, &named->node, hash) < 0) {
		pool_release(ledger->pool, text);
		free(named);
		return -ENOMEM;
	}
	named->address = *address;
	named->user_count = 1;
	return 0;
}

void vip_ledger_remove(struct vip_ledger *ledger, const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];
	uint64_t hash = table_hash_text(0, address_format(address, text));
	struct named_address *named = find_named(ledger, address, hash);

	if (!named || --named->user_count > 0)
		return;
	pool_release(ledger->pool, text);
	table_remove(&ledger->named, &named->node);
	free(named);
	ledger->freed = true;
}

void vips_forget(struct vips *vips)
{
	free(vips->items);
	*vips = (struct vips){ 0 };
}

bool vips_contain(const struct vips *vips, const struct address *address)
{
	for (size_t i = 0; i < vips->count; i++)
		if (address_compare(&vips->items[i], address) == 0)
			return true;
	return false;
}

void vips_sort(struct vips *vips)
{
	if (vips->count > 1)
		qsort(vips->items, vips->count, sizeof(*vips->items), address_compare_first);
}

void vips_give_back_named(struct vip_ledger *ledger, struct vips *vips)
{
	for (size_t i = 0; i < vips->count; i++)
		vip_ledger_remove(ledger, &vips->items[i]);
	vips_forget(vips);
}

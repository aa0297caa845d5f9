/* SPDX-License-Identifier: BSD-2-Clause */
/* ids.c - a state for every id and a cursor that walks round. */
#include "datapath/ids.h"

#include <stdlib.h>

#include "datapath/grace.h"

enum id_state {
	ID_FREE,
	ID_USED,
	ID_GIVEN_BACK, /* a running program may hold it */
};

struct ids {
	void (*forget)(void *context);
	void *context;
	uint32_t limit;
	uint32_t cursor;
	uint32_t used_count;
	uint32_t free_count;
	unsigned char state[];
};

struct ids *ids_create(uint32_t limit, void (*forget)(void *context), void *context)
{
	struct ids *ids = calloc(1, sizeof(*ids) + limit);

	if (!ids)
		return NULL;
	ids->forget = forget;
	ids->context = context;
	ids->limit = limit;
	ids->cursor = 1;
	ids->free_count = limit - 1;
	return ids;
}

void ids_destroy(struct ids *ids)
{
	free(ids);
}

static void reclaim(struct ids *ids)
{
	grace_wait();
	if (ids->forget)
		ids->forget(ids->context);
	for (uint32_t id = 1; id < ids->limit; id++) {
		if (ids->state[id] != ID_GIVEN_BACK)
			continue;
		ids->state[id] = ID_FREE;
		ids->free_count++;
	}
}

uint32_t ids_take(struct ids *ids)
{
	if (ids->free_count == 0 && ids->used_count < ids->limit - 1)
		reclaim(ids);
	if (ids->free_count == 0)
		return 0;
	while (ids->state[ids->cursor] != ID_FREE)
		ids->cursor = ids->cursor + 1 < ids->limit ? ids->cursor + 1 : 1;
	ids_mark(ids, ids->cursor);
	return ids->cursor;
}

void ids_mark(struct ids *ids, uint32_t id)
{
	if (ids->state[id] != ID_FREE)
		return;
	ids->state[id] = ID_USED;
	ids->free_count--;
	ids->used_count++;
}

void ids_give(struct ids *ids, uint32_t id)
{
	if (ids->state[id] != ID_USED)
		return;
	ids->state[id] = ID_GIVEN_BACK;
	ids->used_count--;
}

uint32_t ids_used_count(const struct ids *ids)
{
	return ids->used_count;
}

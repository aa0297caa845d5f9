/* SPDX-License-Identifier: BSD-2-Clause */
/* connections.c - a list of libcurl's pools; the newest is in use. */
#include "kube/connections.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/error.h"
#include "lib/loop.h"

struct pool {
	struct pool *next;
	struct transfers *transfers;
	size_t user_count;
	bool is_renewed; /* takes no more users */
};

struct connections {
	struct loop *loop;
	void (*on_over)(CURL *easy, CURLcode result, void *owner);
	void *owner;
	struct pool *pools;       /* the newest first */
	struct loop_watch *sweep; /* a pool is not destroyed while it calls us */
};

static void on_sweep(void *owner)
{
	struct connections *connections = owner;
	struct pool **at = &connections->pools;

	while (*at) {
		struct pool *pool = *at;

		if (pool->user_count > 0 || !pool->is_renewed) {
			at = &pool->next;
			continue;
		}
		*at = pool->next;
		transfers_destroy(pool->transfers);
		free(pool);
	}
}

int connections_create(struct loop *loop, void (*on_over)(CURL *easy, CURLcode result, void *owner),
		       void *owner, struct connections **ret, struct error *error)
{
	struct connections *connections = calloc(1, sizeof(*connections));

	if (connections)
		connections->sweep = loop_add_timer(loop, on_sweep, connections);
	if (!connections || !connections->sweep) {
		free(connections);
		return error_set(error, -ENOMEM, "no memory left for connections");
	}
	connections->loop = loop;
	connections->on_over = on_over;
	connections->owner = owner;
	*ret = connections;
	return 0;
}

void connections_destroy(struct connections *connections)
{
	if (!connections)
		return;
	connections_renew(connections);
	on_sweep(connections);
	loop_remove(connections->sweep);
	free(connections);
}

void connections_renew(struct connections *connections)
{
	for (struct pool *pool = connections->pools; pool; pool = pool->next)
		pool->is_renewed = true;
	loop_timer_set(connections->sweep, 0);
}

int connections_take(struct connections *connections, struct transfers **ret, struct error *error)
{
	struct pool *pool = connections->pools;
	int r;

	if (!pool || pool->is_renewed) {
		pool = calloc(1, sizeof(*pool));
		if (!pool)
			return error_set(error, -ENOMEM, "no memory left for connections");
		r = transfers_create(connections->loop, connections->on_over, connections->owner,
				     &pool->transfers, error);
		if (r < 0) {
			free(pool);
			return r;
		}
		pool->next = connections->pools;
		connections->pools = pool;
	}
	pool->user_count++;
	*ret = pool->transfers;
	return 0;
}

void connections_give_back(struct connections *connections, struct transfers *transfers)
{
	for (struct pool *pool = connections->pools; pool; pool = pool->next)
		if (pool->transfers == transfers)
			pool->user_count--;
	loop_timer_set(connections->sweep, 0);
}

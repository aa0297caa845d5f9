/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watched.h - the addresses of all backends, each once, while services come and go: what is
 * done for a change depends on the change, but for one pass over the list.
 */
#ifndef AGENT_WATCHED_H
#define AGENT_WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "model/next_hop.h"

struct service;

struct watched {
	struct address address;
	uint32_t references; /* backends that have it */
	enum next_hop_state state;
	bool is_programmed; /* the datapath has been told of the next hop */
	uint64_t since_ms;
};

/* All zero is an empty list. */
struct watched_list {
	struct watched *items; /* sorted by address */
	size_t count;
	struct service **services; /* they come from; a reference each */
	size_t service_count;
};

void watched_finish(struct watched_list *list);

struct watched *watched_find(const struct watched_list *list, const struct address *address);

/*
 * Brings list up to date with services (sorted by key), which may be those it has but for some.
 * Gives in *ret_left the addresses that no backend has any more, the caller's to free; true in
 * *ret_changed when any came or left. -ENOMEM: nothing is changed.
 */
int watched_follow(struct watched_list *list, struct service *const *services, size_t count,
		   uint64_t now_ms, bool *ret_changed, struct address **ret_left,
		   size_t *ret_left_count);

/* A copy of the addresses, the caller's to free; NULL when there is no memory. */
struct address *watched_addresses(const struct watched_list *list);

#endif

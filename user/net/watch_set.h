/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch_set.h - the watched addresses with what is known of each, and the list of
 * those whose next hop changed.
 */
#ifndef NET_WATCH_SET_H
#define NET_WATCH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/next_hop.h"
#include "net/route.h"

#define NO_NEIGHBOUR UINT32_MAX

struct watched {
	struct address address;
	uint32_t neighbour; /* index into the neighbour table, or NO_NEIGHBOUR */
	struct route route;
	struct next_hop next_hop;
	bool is_new;     /* not looked up yet */
	bool is_changed; /* on the list changed */
};

struct watch_set {
	struct watched *watched; /* by address */
	size_t count;
	uint32_t *changed; /* indices, each once */
	size_t changed_count;
};

/* The same set once more. -ENOMEM */
int watch_set_copy(const struct watch_set *old, struct watch_set *ret);

/* The set of addresses (sorted, each once); what old knows of them is kept. -ENOMEM */
int watch_set_inherit(const struct watch_set *old, const struct address *addresses, size_t count,
		      struct watch_set *ret);
void watch_set_finish(struct watch_set *set);

const struct watched *watch_set_find(const struct watch_set *set, const struct address *address);
bool watch_set_meets(const struct watch_set *set, const struct prefix *prefix);

/* Puts the address on the list changed if it had another next hop before. */
void watch_set_store(struct watch_set *set, size_t index, const struct next_hop *next_hop);
void watch_set_clear_changed(struct watch_set *set);

#endif

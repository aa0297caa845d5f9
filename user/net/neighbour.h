/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neighbour.h - the neighbours that watched addresses are reached through: their
 * MAC addresses as the kernel knows them, and asking the kernel to find them out.
 *
 * One neighbour (a router) may serve all watched addresses, so each knows its users.
 */
#ifndef NET_NEIGHBOUR_H
#define NET_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"

struct netlink;
struct nlmsghdr;

struct neighbour_key {
	struct address address;
	uint32_t ifindex;
};

struct neighbour_user {
	struct neighbour_key key;
	uint32_t watched; /* the caller's index of who uses the neighbour */
};

struct neighbour {
	struct neighbour_key key;
	uint8_t mac[6];
	uint16_t kernel_state;         /* NUD_..., NUD_NONE when the kernel has no entry */
	bool has_mac;                  /* the last answer, kept while the kernel asks again */
	bool has_failed;               /* did not answer */
	bool is_dirty;                 /* on the list of those that changed */
	size_t first_user, user_count; /* users[first_user ..] of the table */
	uint64_t asked_ms;             /* 0: never */

	/* neighbour_probe.c */
	struct address source; /* of this host, as its questions have it */
	bool has_source;
	uint8_t silent_rounds; /* without an answer, up to a maximum */
	uint64_t probed_ms;    /* 0: never */
};

struct neighbour_table {
	struct neighbour *neighbours; /* by key */
	size_t count;
	struct neighbour_user *users; /* by key */
	size_t user_count;
	uint32_t *dirty; /* indices of neighbours whose answer changed */
	size_t dirty_count;
	uint32_t *waiting;  /* room for the indices of those that are asked */
	size_t next_asked;  /* where the next round of asking begins */
	size_t next_probed; /* where the next round of probing begins */
};

/*
 * Makes the table one of users' neighbours. What is known of those that were there is
 * kept (read_again: it is read from the kernel once more); the kernel is asked for
 * what it knows of the others. Takes users (from malloc) over, unless it fails; then
 * the table is as it was.
 */
int neighbour_table_replace(struct neighbour_table *table, struct netlink *netlink,
			    struct neighbour_user *users, size_t user_count, bool read_again);
void neighbour_table_finish(struct neighbour_table *table);

/* RTM_NEWNEIGH or RTM_DELNEIGH: a neighbour whose answer changed is put on the list dirty. */
void neighbour_table_apply(struct neighbour_table *table, const struct nlmsghdr *message);
void neighbour_table_clear_dirty(struct neighbour_table *table);

/*
 * Has the kernel send requests to all neighbours that are due: without a valid entry
 * every second, stale ones every 10 s. Nothing is said of failures: they are due again.
 */
void neighbour_table_ask(struct neighbour_table *table, struct netlink *netlink, uint64_t now_ms);
/* The same for those on the list dirty which do not answer any more. */
void neighbour_table_ask_dirty(struct neighbour_table *table, struct netlink *netlink,
			       uint64_t now_ms);

/* Addresses or routes changed: the neighbours' sources are to be looked up anew. */
void neighbour_table_forget_sources(struct neighbour_table *table);

/* Makes message one about this neighbour; flags are NTF_... */
void neighbour_key_write(struct nlmsghdr *message, const struct neighbour_key *key, uint8_t flags);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holdings.h - who holds which address. Inside model/ only.
 */
#ifndef MODEL_HOLDINGS_H
#define MODEL_HOLDINGS_H

#include "model/address.h"

struct holding {
	struct address address;
	bool is_sticky;    /* what the owner is given when it asks, and what is kept on disk */
	bool is_published; /* the owner's status says so, which others rely on */
	char owner[];
};

/* Each address once. All zero is none. */
struct holdings {
	struct holding **by_owner; /* then by address */
	struct holding **by_address;
	size_t count;
	size_t capacity;
};

void holdings_finish(struct holdings *holdings);

/* NULL: nobody holds the address. */
struct holding *holdings_find(const struct holdings *holdings, const struct address *address);
/* The owner's by their order, from 0; NULL behind the last. */
struct holding *holdings_of(const struct holdings *holdings, const char *owner, size_t index);

/* An address that nobody holds. -ENOMEM. */
int holdings_add(struct holdings *holdings, const char *owner, const struct address *address,
		 bool sticky);
void holdings_remove(struct holdings *holdings, struct holding *holding); /* frees it */

#endif

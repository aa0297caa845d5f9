/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drain.h - the addresses that somebody drains by command, as a sorted list.
 */
#ifndef MODEL_DRAIN_H
#define MODEL_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"

struct error;

struct drain {
	struct address address;
	uint16_t port;   /* 0: every port */
	int64_t since_s; /* Unix time, for whoever asks */
};

/* All zero is an empty list. */
struct drain_list {
	struct drain *items; /* sorted by drain_compare, each once */
	size_t count;
};

/* "10.1.0.1", "10.1.0.1:8080", "2001:db8::1" or "[2001:db8::1]:8080". -EINVAL with a sentence. */
int drain_parse(const char *text, struct drain *ret, struct error *error);

#define DRAIN_TEXT_SIZE 64
const char *drain_format(const struct drain *drain, char buffer[static DRAIN_TEXT_SIZE]);

int drain_compare(const struct drain *a, const struct drain *b); /* address, then port */

/* Whether it drains the address with this port. */
bool drain_covers(const struct drain *drain, const struct address *address, uint16_t port);

/* Whether the address is drained, with every port or with this one. */
bool drain_list_covers(const struct drain_list *list, const struct address *address, uint16_t port);
/* The very drain; NULL: not in the list. */
const struct drain *drain_list_find(const struct drain_list *list, const struct drain *drain);

/* Replaces *list by a copy of other. -ENOMEM: it stays as it was. */
int drain_list_copy(struct drain_list *list, const struct drain_list *other);
/* One that is there already keeps its time. -ENOMEM, -ENOSPC: more than DRAIN_MAX. */
#define DRAIN_MAX 4096
int drain_list_add(struct drain_list *list, const struct drain *drain);
/* With port 0 also those of single ports. How many were there. */
size_t drain_list_remove(struct drain_list *list, const struct drain *drain);
void drain_list_finish(struct drain_list *list);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* claims.c - when several Services want one address, port and protocol: who gets it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/entry.h"

struct claim {
	struct service *service;
	struct entry *entry;
};

/* The older first; names decide between Services of one age, or of none. */
static int compare_seniority(const struct entry *a, const struct entry *b)
{
	int64_t left = a->object->creation_time_s, right = b->object->creation_time_s;
	int order = (left > right) - (left < right);

	if (order == 0)
		order = strcmp(a->namespace, b->namespace);
	return order != 0 ? order : strcmp(a->name, b->name);
}

static int by_key_and_seniority(const void *a, const void *b)
{
	const struct claim *left = a, *right = b;
	int order = service_key_compare(&left->service->key, &right->service->key);

	return order != 0 ? order : compare_seniority(left->entry, right->entry);
}

static size_t gather(struct entry *const *entries, size_t entry_count, struct claim *claims)
{
	size_t count = 0;

	for (size_t i = 0; i < entry_count; i++)
		for (size_t c = 0; c < entries[i]->candidate_count; c++)
			claims[count++] = (struct claim){ entries[i]->candidates[c], entries[i] };
	return count;
}

static void tell_clash(const struct claim *winner, const struct claim *loser)
{
	bool older = winner->entry->object->creation_time_s < loser->entry->object->creation_time_s;
	char key[SERVICE_KEY_TEXT_SIZE];

	problem_add(&loser->entry->clash, "%s is served for \"%s\", which %s",
		    service_key_format(&loser->service->key, key), winner->entry->owner,
		    older ? "is older" : "comes first by name");
}

/* Gives the winners, in the order of the claims. */
static size_t pick(const struct claim *claims, size_t claim_count, struct service **services)
{
	const struct claim *winner = NULL;
	size_t count = 0;

	for (size_t i = 0; i < claim_count; i++) {
		const struct claim *claim = &claims[i];

		if (winner &&
		    service_key_compare(&winner->service->key, &claim->service->key) == 0) {
			tell_clash(winner, claim);
			continue;
		}
		winner = claim;
		services[count++] = claim->service;
	}
	return count;
}

int claims_settle(struct entry *const *entries, size_t entry_count, struct service ***ret_services,
		  size_t *ret_count)
{
	struct service **services;
	struct claim *claims;
	size_t claim_count = 0;

	for (size_t i = 0; i < entry_count; i++)
		claim_count += entries[i]->candidate_count;
	claims = calloc(claim_count + 1, sizeof(*claims));
	services = calloc(claim_count + 1, sizeof(struct service *));
	if (!claims || !services) {
		free(claims);
		free(services);
		return -ENOMEM;
	}
	claim_count = gather(entries, entry_count, claims);
	qsort(claims, claim_count, sizeof(*claims), by_key_and_seniority);
	for (size_t i = 0; i < entry_count; i++)
		problem_clear(&entries[i]->clash);
	*ret_count = pick(claims, claim_count, services);
	*ret_services = services;
	free(claims);
	return 0;
}

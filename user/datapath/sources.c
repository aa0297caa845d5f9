/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sources.c - owns the map sources: sets of source ranges, each written once however many
 * services have it.
 *
 * A set never changes. Other ranges are another set, complete before a service's entry
 * names it; the old one is deleted when no entry does any more.
 */
#include "datapath/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "datapath/ids.h"
#include "guideway.skel.h"
#include "lib/error.h"

/* Every service has its own set, and while one changes two. */
#define SOURCE_SET_MAX (GW_SERVICE_MAX + 2)
#define SET_BITS 32

struct source_set {
	struct table_node node;
	uint32_t id;
	size_t user_count;
	size_t count;
	struct prefix ranges[];
};

int sources_create(struct datapath *datapath)
{
	datapath->source_ids = ids_create(SOURCE_SET_MAX, NULL, NULL);
	datapath->source_sets = calloc(SOURCE_SET_MAX, sizeof(struct source_set *));
	return datapath->source_ids && datapath->source_sets ? 0 : -ENOMEM;
}

static void free_set(struct table_node *node)
{
	free(TABLE_OWNER(node, struct source_set, node));
}

void sources_free(struct datapath *datapath)
{
	table_finish(&datapath->source_index, free_set);
	ids_destroy(datapath->source_ids);
	free(datapath->source_sets);
}

/* A prefix is bytes alone, without padding. */
static uint64_t hash_of(const struct prefix *ranges, size_t count)
{
	return table_hash_bytes(0, ranges, count * sizeof(*ranges));
}

static bool has_ranges(const struct source_set *set, const struct prefix *ranges, size_t count)
{
	return set && set->count == count &&
	       memcmp(set->ranges, ranges, count * sizeof(*ranges)) == 0;
}

static struct source_set *find(const struct datapath *datapath, const struct prefix *ranges,
			       size_t count)
{
	struct table_node *node = table_first(&datapath->source_index, hash_of(ranges, count));

	for (; node; node = table_next(node)) {
		struct source_set *set = TABLE_OWNER(node, struct source_set, node);

		if (has_ranges(set, ranges, count))
			return set;
	}
	return NULL;
}

static struct source_set *create(struct datapath *datapath, uint32_t id,
				 const struct prefix *ranges, size_t count)
{
	struct source_set *set = calloc(1, sizeof(*set) + count * sizeof(*ranges));

	if (!set)
		return NULL;
	set->id = id;
	set->count = count;
	if (count)
		memcpy(set->ranges, ranges, count * sizeof(*ranges));
	if (table_insert(&datapath->source_index, &set->node, hash_of(ranges, count)) < 0) {
		free(set);
		return NULL;
	}
	datapath->source_sets[id] = set;
	return set;
}

static struct gw_source_key make_key(uint32_t set, const struct prefix *range)
{
	struct gw_source_key key = { .bits = SET_BITS + range->length, .set = htonl(set) };

	abi_address(&range->address, &key.address);
	return key;
}

static void delete_ranges(struct datapath *datapath, uint32_t set, const struct prefix *ranges,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct gw_source_key key = make_key(set, &ranges[i]);

		/* What cannot be deleted is in no set for the next agent, which tries again. */
		(void)bpf_map__delete_elem(datapath->skeleton->maps.sources, &key, sizeof(key), 0);
	}
}

static int write_ranges(struct datapath *datapath, uint32_t set, const struct prefix *ranges,
			size_t count, struct error *error)
{
	const uint32_t present = 1;

	for (size_t i = 0; i < count; i++) {
		const struct gw_source_key key = make_key(set, &ranges[i]);
		int r = bpf_map__update_elem(datapath->skeleton->maps.sources, &key, sizeof(key),
					     &present, sizeof(present), BPF_ANY);

		if (r == 0)
			continue;
		delete_ranges(datapath, set, ranges, i);
		if (r == -ENOSPC)
			return error_set(error, r,
					 "no room for %zu source ranges: all services together "
					 "have %u at most",
					 count, GW_SOURCE_MAX);
		return error_set(error, r, "map sources: cannot write it: %s", strerror(-r));
	}
	return 0;
}

static void destroy(struct datapath *datapath, struct source_set *set)
{
	delete_ranges(datapath, set->id, set->ranges, set->count);
	datapath->source_sets[set->id] = NULL;
	ids_give(datapath->source_ids, set->id);
	table_remove(&datapath->source_index, &set->node);
	free(set);
}

static int take_new(struct datapath *datapath, const struct prefix *ranges, size_t count,
		    struct source_set **ret, struct error *error)
{
	uint32_t id = ids_take(datapath->source_ids);
	int r;

	if (id == 0)
		return error_set(error, -ENOSPC, "more than %u sets of source ranges",
				 SOURCE_SET_MAX - 1);
	r = write_ranges(datapath, id, ranges, count, error);
	if (r == 0) {
		*ret = create(datapath, id, ranges, count);
		if (*ret)
			return 0;
		delete_ranges(datapath, id, ranges, count);
		r = error_set(error, -ENOMEM, "no memory for source ranges");
	}
	ids_give(datapath->source_ids, id);
	return r;
}

int sources_take(struct datapath *datapath, const struct prefix *ranges, size_t count,
		 uint32_t *ret_set, struct error *error)
{
	struct source_set *set = find(datapath, ranges, count);
	int r = set ? 0 : take_new(datapath, ranges, count, &set, error);

	if (r < 0)
		return r;
	set->user_count++;
	*ret_set = set->id;
	return 0;
}

void sources_give(struct datapath *datapath, uint32_t set)
{
	if (--datapath->source_sets[set]->user_count == 0)
		destroy(datapath, datapath->source_sets[set]);
}

bool sources_are(const struct datapath *datapath, uint32_t set, const struct prefix *ranges,
		 size_t count)
{
	return has_ranges(datapath->source_sets[set], ranges, count);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct source_range *left = a, *right = b;

	if (left->set != right->set)
		return left->set < right->set ? -1 : 1;
	return prefix_compare(&left->prefix, &right->prefix);
}

int sources_read(const struct datapath *datapath, struct source_ranges *ret, struct error *error)
{
	struct bpf_map *map = datapath->skeleton->maps.sources;
	struct gw_source_key key, next = { 0 };
	const struct gw_source_key *previous = NULL;
	struct source_ranges ranges = { 0 };
	size_t room = 0;

	while (bpf_map__get_next_key(map, previous, &next, sizeof(next)) == 0) {
		struct source_range *range;

		key = next;
		previous = &key;
		if (array_reserve((void **)&ranges.items, &room, ranges.count + 1,
				  sizeof(*ranges.items)) < 0) {
			free(ranges.items);
			return error_set(error, -ENOMEM, "no memory for source ranges");
		}
		range = &ranges.items[ranges.count++];
		*range = (struct source_range){ .set = ntohl(key.set) };
		address_from_abi(&key.address, &range->prefix.address);
		range->prefix.length = (uint8_t)(key.bits - SET_BITS);
	}
	if (ranges.count)
		qsort(ranges.items, ranges.count, sizeof(*ranges.items), compare_ranges);
	*ret = ranges;
	return 0;
}

/* A set with the prefixes of count ranges, which all have its id. */
static int adopt_set(struct datapath *datapath, const struct source_range *ranges, size_t count)
{
	struct prefix *prefixes = calloc(count, sizeof(*prefixes));
	struct source_set *set = NULL;

	for (size_t i = 0; prefixes && i < count; i++)
		prefixes[i] = ranges[i].prefix;
	if (prefixes)
		set = create(datapath, ranges[0].set, prefixes, count);
	free(prefixes);
	if (!set)
		return -ENOMEM;
	ids_mark(datapath->source_ids, set->id);
	return 0;
}

int sources_adopt(struct datapath *datapath, struct error *error)
{
	struct source_ranges ranges;
	size_t end;
	int r = sources_read(datapath, &ranges, error);

	if (r < 0)
		return r;
	for (size_t start = 0; r == 0 && start < ranges.count; start = end) {
		uint32_t set = ranges.items[start].set;

		end = start;
		while (end < ranges.count && ranges.items[end].set == set)
			end++;
		if (set == 0 || set >= SOURCE_SET_MAX)
			r = error_set(error, -EBADMSG, "map sources: a range of set %u", set);
		else if (adopt_set(datapath, &ranges.items[start], end - start) < 0)
			r = error_set(error, -ENOMEM, "no memory for source ranges");
	}
	free(ranges.items);
	return r;
}

int sources_adopt_user(struct datapath *datapath, uint32_t set)
{
	if (set == 0 || set >= SOURCE_SET_MAX)
		return -EBADMSG;
	/* One without ranges, which admits nobody, is in no map. */
	if (!datapath->source_sets[set]) {
		if (!create(datapath, set, NULL, 0))
			return -ENOMEM;
		ids_mark(datapath->source_ids, set);
	}
	datapath->source_sets[set]->user_count++;
	return 0;
}

void sources_drop_unused(struct datapath *datapath)
{
	for (uint32_t id = 1; id < SOURCE_SET_MAX; id++) {
		struct source_set *set = datapath->source_sets[id];

		if (set && set->user_count == 0)
			destroy(datapath, set);
	}
}

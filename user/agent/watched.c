/* SPDX-License-Identifier: BSD-2-Clause */
/* watched.c - differences of two lists of services, sorted, merged into the addresses. */
#include "agent/watched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/service.h"

/* One backend more, or one less, with that address. */
struct difference {
	struct address address;
	int count;
};

struct differences {
	struct difference *items;
	size_t count;
};

/* What one pass over both makes. */
struct merge {
	struct watched *items;
	struct address *left;
	size_t count, left_count;
};

static void drop_services(struct watched_list *list)
{
	for (size_t i = 0; i < list->service_count; i++)
		service_unref(list->services[i]);
	free(list->services);
}

void watched_finish(struct watched_list *list)
{
	drop_services(list);
	free(list->items);
	*list = (struct watched_list){ 0 };
}

struct watched *watched_find(const struct watched_list *list, const struct address *address)
{
	if (list->count == 0)
		return NULL;
	return bsearch(address, list->items, list->count, sizeof(*list->items),
		       address_compare_first);
}

static void add_backends(struct differences *differences, const struct service *service, int count)
{
	for (size_t i = 0; i < service->backend_count; i++)
		differences->items[differences->count++] =
			(struct difference){ service->backends[i].address, count };
}

/* Calls for each service that is only in one of the lists; both are sorted by key. */
static void
for_each_difference(const struct watched_list *list, struct service *const *services, size_t count,
		    void (*on_service)(const struct service *service, int count, void *context),
		    void *context)
{
	size_t i = 0, j = 0;

	while (i < list->service_count || j < count) {
		int order = 0;

		if (i == list->service_count)
			order = 1;
		else if (j == count)
			order = -1;
		else if (list->services[i] != services[j])
			order = service_key_compare(&list->services[i]->key, &services[j]->key);
		else {
			i++, j++;
			continue;
		}
		if (order <= 0)
			on_service(list->services[i++], -1, context);
		if (order >= 0)
			on_service(services[j++], 1, context);
	}
}

static void count_backends(const struct service *service, int count, void *context)
{
	size_t *room = context;

	(void)count;
	*room += service->backend_count;
}

static void take_backends(const struct service *service, int count, void *context)
{
	add_backends(context, service, count);
}

/* Sorted by address. */
static int find_differences(const struct watched_list *list, struct service *const *services,
			    size_t count, struct differences *ret)
{
	size_t room = 0;

	for_each_difference(list, services, count, count_backends, &room);
	*ret = (struct differences){ .items = malloc((room + 1) * sizeof(*ret->items)) };
	if (!ret->items)
		return -ENOMEM;
	for_each_difference(list, services, count, take_backends, ret);
	qsort(ret->items, ret->count, sizeof(*ret->items), address_compare_first);
	return 0;
}

/* Sums up the differences of one address; *at moves behind them. */
static int take_sum(const struct differences *differences, size_t *at)
{
	const struct address *address = &differences->items[*at].address;
	int sum = 0;

	while (*at < differences->count &&
	       address_compare(&differences->items[*at].address, address) == 0)
		sum += differences->items[(*at)++].count;
	return sum;
}

static void merge_one(struct merge *merge, const struct watched *old, const struct address *address,
		      int sum, uint64_t now_ms)
{
	struct watched watched = { .address = *address, .since_ms = now_ms };

	if (old)
		watched = *old;
	watched.references += (uint32_t)sum;
	if (watched.references > 0)
		merge->items[merge->count++] = watched;
	else if (old)
		merge->left[merge->left_count++] = *address;
}

static void merge_all(const struct watched_list *list, const struct differences *differences,
		      uint64_t now_ms, struct merge *merge)
{
	size_t i = 0;

	for (size_t at = 0; at < differences->count;) {
		const struct address *address = &differences->items[at].address;
		int sum = take_sum(differences, &at);

		while (i < list->count && address_compare(&list->items[i].address, address) < 0)
			merge->items[merge->count++] = list->items[i++];
		if (i < list->count && address_compare(&list->items[i].address, address) == 0)
			merge_one(merge, &list->items[i++], address, sum, now_ms);
		else
			merge_one(merge, NULL, address, sum, now_ms);
	}
	if (i < list->count)
		memcpy(&merge->items[merge->count], &list->items[i],
		       (list->count - i) * sizeof(*list->items));
	merge->count += list->count - i;
}

static struct service **copy_services(struct service *const *services, size_t count)
{
	struct service **copy = calloc(count + 1, sizeof(struct service *));

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = service_ref(services[i]);
	return copy;
}

int watched_follow(struct watched_list *list, struct service *const *services, size_t count,
		   uint64_t now_ms, bool *ret_changed, struct address **ret_left,
		   size_t *ret_left_count)
{
	struct differences differences;
	struct service **copy;
	struct merge merge;

	if (find_differences(list, services, count, &differences) < 0)
		return -ENOMEM;
	merge = (struct merge){
		.items = calloc(list->count + differences.count + 1, sizeof(*merge.items)),
		.left = calloc(differences.count + 1, sizeof(*merge.left)),
	};
	copy = merge.items && merge.left ? copy_services(services, count) : NULL;
	if (!copy) {
		free(merge.items);
		free(merge.left);
		free(differences.items);
		return -ENOMEM;
	}
	merge_all(list, &differences, now_ms, &merge);
	free(differences.items);
	*ret_changed = merge.left_count > 0 || merge.count != list->count;
	*ret_left = merge.left;
	*ret_left_count = merge.left_count;
	watched_finish(list);
	*list = (struct watched_list){ merge.items, merge.count, copy, count };
	return 0;
}

struct address *watched_addresses(const struct watched_list *list)
{
	struct address *addresses = malloc((list->count + 1) * sizeof(*addresses));

	for (size_t i = 0; addresses && i < list->count; i++)
		addresses[i] = list->items[i].address;
	return addresses;
}

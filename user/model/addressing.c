/* SPDX-License-Identifier: BSD-2-Clause */
/* addressing.c - in steps, each for all Services: give back, take what is published, named, free.
 */
#include "model/addressing.h"

#include "model/entry.h"
#include "model/entry_list.h"

struct addressing {
	struct entry_list *entries;
	struct vip_ledger *ledger;
	const struct model_settings *settings;
};

/* What says which addresses the Service gets as a LoadBalancer; NULL when it gets none. */
static const struct object *addressed(const struct addressing *addressing,
				      const struct entry *entry)
{
	if (!entry_is_load_balancer(entry, addressing->settings) || entry_is_headless(entry))
		return NULL;
	return entry->object;
}

static int give_back(const struct addressing *addressing, struct entry *entry)
{
	vips_give_back_named(addressing->ledger, &entry->external);
	problem_clear(&entry->problem);
	return vips_give_back(addressing->ledger, entry->owner, addressed(addressing, entry),
			      &entry->vips);
}

static int take_published(const struct addressing *addressing, struct entry *entry)
{
	return vips_take_published(addressing->ledger, entry->owner, entry->object, &entry->vips,
				   &entry->problem);
}

static int take_named(const struct addressing *addressing, struct entry *entry)
{
	int r = vips_take_named(addressing->ledger, entry->owner, entry->object, &entry->vips,
				&entry->problem);

	if (r == 0 && entry_has_external_ips(entry, addressing->settings))
		r = vips_take_external(addressing->ledger, entry->owner, &entry->object->service,
				       &addressing->settings->external_ranges, &entry->external,
				       &entry->problem);
	return r;
}

static int take_from_pool(const struct addressing *addressing, struct entry *entry)
{
	int r = vips_take_from_pool(addressing->ledger, entry->owner, entry->object, &entry->vips,
				    &entry->problem);

	if (r == 0 && entry_is_served(entry, addressing->settings))
		entry_find_problems(entry, addressing->settings);
	return r;
}

/* Calls step for those that changed; those without an object have given back all. */
static int for_changed(const struct addressing *addressing,
		       int (*step)(const struct addressing *addressing, struct entry *entry))
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < addressing->entries->count; i++) {
		struct entry *entry = addressing->entries->items[i];

		if (entry->object_changed && (entry->object || step == give_back))
			r = step(addressing, entry);
	}
	return r;
}

static bool is_starved(const struct entry *entry)
{
	return entry->vips.starved || entry->external.starved;
}

/* Whoever found an address taken tries again when some were given back. */
static int give_back_starved(const struct addressing *addressing)
{
	int r = 0;

	if (!addressing->ledger->freed)
		return 0;
	for (size_t i = 0; i < addressing->entries->count; i++) {
		struct entry *entry = addressing->entries->items[i];

		if (is_starved(entry))
			entry->is_dirty = entry->object_changed = true;
	}
	r = for_changed(addressing, give_back);
	if (r == 0)
		addressing->ledger->freed = false;
	return r;
}

/* Another Service's status named what they had: they get something else. */
static void mark_evicted(const struct addressing *addressing)
{
	if (!addressing->ledger->evicted)
		return;
	for (size_t i = 0; i < addressing->entries->count; i++) {
		struct entry *entry = addressing->entries->items[i];

		if (entry->object_changed ||
		    !vips_are_lost(addressing->ledger, entry->owner, &entry->vips))
			continue;
		entry->is_dirty = entry->object_changed = true;
		problem_clear(&entry->problem);
	}
	addressing->ledger->evicted = false;
}

int addressing_decide(struct entry_list *entries, struct vip_ledger *ledger,
		      const struct model_settings *settings)
{
	const struct addressing addressing = { entries, ledger, settings };
	int r = for_changed(&addressing, give_back);

	if (r == 0)
		r = give_back_starved(&addressing);
	if (r == 0)
		r = for_changed(&addressing, take_published);
	if (r < 0)
		return r;
	mark_evicted(&addressing);
	r = for_changed(&addressing, take_named);
	return r < 0 ? r : for_changed(&addressing, take_from_pool);
}

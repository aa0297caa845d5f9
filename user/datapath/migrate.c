/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * migrate.c - moves what a set of maps of another layout holds into ours, map by map of the
 * same name and field by field of the same name. Ids and offsets stay as they are, so
 * that what maps say of each other stays true. What the datapath writes and has the same layout
 * in both is not copied: both programs have the same map then.
 *
 * The old program goes on all the while. So flows are copied again and again: all of them before
 * services are adopted, what changed just before the program is exchanged, then those that only
 * the old set has, at once and when no old program runs any more. None moves in between: from the
 * second time on the old program gives what begins to base owners (gw_meta.is_handing_over), where
 * the new one looks for flows that it has no record of. And a translated flow that the new one does
 * not know it takes for one of those (gw_meta.taking_over_until_s) and drops what comes of it,
 * which will be sent again, until all are there. Translated flows that begin meanwhile get even
 * ports from the old one and odd ones from the new one.
 */
#include "datapath/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "datapath/follow.h"
#include "datapath/grace.h"
#include "datapath/layout.h"
#include "datapath/map_copy.h"
#include "guideway.skel.h"
#include "lib/error.h"

struct moved_map {
	struct bpf_map *to;
	enum map_kind kind;
	struct map_copy copy;
};

struct migration {
	struct moved_map *maps;
	size_t count, room;
	struct btf *btf; /* of the map that was added last */
	uint32_t btf_id;
};

static void migration_destroy(struct migration *migration)
{
	if (!migration)
		return;
	for (size_t i = 0; i < migration->count; i++)
		map_copy_close(&migration->maps[i].copy);
	free(migration->maps);
	btf__free(migration->btf);
	free(migration);
}

/* Of the map before, as a rule: those that programs shared have an older one. */
static const struct btf *btf_of(struct migration *migration, uint32_t id)
{
	if (migration->btf && migration->btf_id == id)
		return migration->btf;
	btf__free(migration->btf);
	migration->btf = id ? btf__load_from_kernel_by_id(id) : NULL;
	migration->btf_id = id;
	return migration->btf;
}

static int add_map(struct datapath *datapath, struct migration *migration, struct bpf_map *map,
		   int fd, struct error *error)
{
	const struct btf *our_btf = bpf_object__btf(datapath->skeleton->obj);
	struct moved_map *moved;
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);
	const struct btf *btf;
	int r;

	if (array_reserve((void **)&migration->maps, &migration->room, migration->count + 1,
			  sizeof(*moved)) < 0) {
		(void)close(fd);
		return error_set(error, -ENOMEM, "no memory");
	}
	moved = &migration->maps[migration->count++];
	*moved = (struct moved_map){ .to = map, .kind = map_kind(map), .copy.from_fd = fd };
	r = bpf_obj_get_info_by_fd(fd, &info, &length);
	if (r < 0)
		return error_set(error, r, "%s", strerror(-r));
	btf = btf_of(migration, info.btf_id);
	if (!btf || info.type != bpf_map__type(map))
		return error_set(error, -EPROTO, "it became a map of another kind");
	moved->copy.info = info;
	r = layout_plan_make((struct layout){ btf, info.btf_key_type_id },
			     (struct layout){ our_btf, bpf_map__btf_key_type_id(map) },
			     &moved->copy.keys, error);
	if (r == 0)
		r = layout_plan_make((struct layout){ btf, info.btf_value_type_id },
				     (struct layout){ our_btf, bpf_map__btf_value_type_id(map) },
				     &moved->copy.values, error);
	return r;
}

static int migration_open(struct datapath *datapath, uint32_t set, struct migration **ret,
			  struct error *error)
{
	struct migration *migration = calloc(1, sizeof(*migration));
	struct bpf_map *map;
	int r = 0;

	if (!migration)
		return error_set(error, -ENOMEM, "no memory for a migration");
	bpf_object__for_each_map(map, datapath->skeleton->obj)
	{
		int fd;

		if (r < 0 || map_kind(map) == MAP_SCRATCH || map_kind(map) == MAP_META)
			continue;
		fd = map_sets_open(datapath, set, bpf_map__name(map), NULL);
		if (fd < 0)
			continue; /* a map that is new to us */
		r = add_map(datapath, migration, map, fd, error);
		if (r < 0)
			(void)error_prefix(error, "%s: map %s of maps-%u cannot be taken over",
					   datapath->pin_dir, bpf_map__name(map), set);
	}
	if (r < 0)
		migration_destroy(migration);
	else
		*ret = migration;
	return r;
}

/* Both programs may write to it at once. */
static bool can_be_shared(const struct moved_map *moved)
{
	const struct bpf_map_info *info = &moved->copy.info;

	return moved->kind != MAP_TABLE && info->max_entries == bpf_map__max_entries(moved->to) &&
	       info->map_flags == bpf_map__map_flags(moved->to) &&
	       layout_plan_is_copy(&moved->copy.keys) && layout_plan_is_copy(&moved->copy.values);
}

int migrate_begin(struct datapath *datapath, struct error *error)
{
	struct migration *migration;
	int r;

	if (datapath->old_map_set == MAP_SET_NONE)
		return 0;
	r = migration_open(datapath, datapath->old_map_set, &datapath->migration, error);
	migration = datapath->migration;
	for (size_t i = 0; r == 0 && i < migration->count; i++) {
		struct moved_map *moved = &migration->maps[i];

		if (!can_be_shared(moved))
			continue;
		r = bpf_map__reuse_fd(moved->to, moved->copy.from_fd);
		if (r < 0)
			(void)error_set(error, r, "map %s: cannot be taken over: %s",
					bpf_map__name(moved->to), strerror(-r));
	}
	return r;
}

/* An earlier set may have the very map that ours has. */
static bool is_same_map(const struct moved_map *moved)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_map__fd(moved->to), &info, &length) == 0 &&
	       info.id == moved->copy.info.id;
}

static int copy(const struct moved_map *moved, struct error *error)
{
	int r;

	if (is_same_map(moved))
		return 0;
	r = map_copy_all(&moved->copy, bpf_map__fd(moved->to), bpf_map__max_entries(moved->to));
	if (r == -ERANGE)
		return error_set(error, r,
				 "map %s: a value of the old layout is too large for ours",
				 bpf_map__name(moved->to));
	if (r < 0)
		return error_set(error, r, "map %s: cannot take over its entries: %s",
				 bpf_map__name(moved->to), strerror(-r));
	return 0;
}

int migrate_copy(struct datapath *datapath, struct error *error)
{
	const struct migration *migration = datapath->migration;
	int r = 0;

	for (size_t i = 0; migration && r == 0 && i < migration->count; i++)
		r = copy(&migration->maps[i], error);
	return r;
}

/* Told to the program that still runs. */
static int set_handing_over(const struct datapath *datapath, bool is_handing_over,
			    struct error *error)
{
	struct gw_meta meta;
	uint32_t first = 0;
	int fd = map_sets_open(datapath, datapath->old_map_set, "meta", error);
	int r;

	if (fd < 0)
		return fd;
	r = bpf_map_lookup_elem(fd, &first, &meta);
	meta.is_handing_over = is_handing_over;
	if (r == 0)
		r = bpf_map_update_elem(fd, &first, &meta, BPF_ANY);
	(void)close(fd);
	if (r < 0)
		return error_set(error, r, "%s: map meta: cannot change it: %s", datapath->pin_dir,
				 strerror(-r));
	return 0;
}

static int refresh_kind(const struct migration *migration, enum map_kind kind, struct error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < migration->count; i++)
		if (migration->maps[i].kind == kind)
			r = copy(&migration->maps[i], error);
	return r;
}

int migrate_refresh(struct datapath *datapath, struct error *error)
{
	const struct migration *migration = datapath->migration;
	int r;

	if (!migration)
		return 0;
	r = set_handing_over(datapath, true, error);
	if (r < 0)
		return r;
	grace_wait(); /* every flow that began before is recorded */
	/* Flows last: those that begin from here to the new program wait for migrate_follow. */
	r = refresh_kind(migration, MAP_LOSSY, error);
	if (r == 0)
		r = refresh_kind(migration, MAP_LIVE, error);
	return r;
}

/* What is only in the other set; a flow that cannot be had is as if it was lost. */
static void copy_rest(const struct datapath *datapath, const struct migration *migration)
{
	for (size_t i = 0; i < migration->count; i++)
		if (migration->maps[i].kind == MAP_LIVE && !is_same_map(&migration->maps[i]))
			(void)follow_map(datapath, &migration->maps[i].copy, migration->maps[i].to);
}

static void take_rest(struct datapath *datapath, uint32_t set)
{
	struct migration *migration;

	if (!map_sets_was_current(datapath, set) ||
	    migration_open(datapath, set, &migration, NULL) < 0)
		return;
	copy_rest(datapath, migration);
	migration_destroy(migration);
}

void migrate_follow(const struct datapath *datapath)
{
	if (datapath->migration)
		copy_rest(datapath, datapath->migration);
}

void migrate_end(struct datapath *datapath)
{
	uint32_t set = map_sets_next_other(datapath, MAP_SET_NONE);

	if (set != MAP_SET_NONE)
		grace_wait(); /* for programs in the middle of their last packet */
	for (; set != MAP_SET_NONE; set = map_sets_next_other(datapath, set)) {
		take_rest(datapath, set);
		map_sets_remove(datapath, set);
	}
	map_sets_settle(datapath);
	migrate_free(datapath);
}

void migrate_free(struct datapath *datapath)
{
	if (datapath->migration && !map_sets_is_current(datapath))
		(void)set_handing_over(datapath, false, NULL);
	migration_destroy(datapath->migration);
	datapath->migration = NULL;
}

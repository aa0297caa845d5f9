/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_sets.c - owns which maps are pinned, and where. Maps of one layout are a set, pinned in
 * a directory of their own, maps-N; `current` is a symbolic link to the one that counts. An
 * agent with another layout fills a new set (migrate.c), and to exchange the link is the
 * one step that makes it count: an agent killed before or after leaves a whole set.
 */
#include "datapath/internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "guideway.skel.h"
#include "lib/error.h"

#define CURRENT "current"
#define CURRENT_NEXT "current-next"
#define SET_PREFIX "maps-"
#define SET_NAME_SIZE (sizeof(SET_PREFIX) + 10)

/* If the agent is killed meanwhile: the next one brings the flows over, when it comes. */
#define TAKE_OVER_S 10

/* What outlives a program. The others are scratch of a packet on its way. */
static const struct {
	const char *name;
	enum map_kind kind;
} map_kinds[] = {
	{ "meta", MAP_META },
	{ "address_filter", MAP_TABLE },
	{ "addresses", MAP_TABLE },
	{ "backends", MAP_TABLE },
	{ "devices", MAP_TABLE },
	{ "failovers", MAP_TABLE },
	{ "gateways", MAP_TABLE },
	{ "next_hops", MAP_TABLE },
	{ "replies4", MAP_TABLE },
	{ "replies6", MAP_TABLE },
	{ "service_past", MAP_TABLE },
	{ "services4", MAP_TABLE },
	{ "services6", MAP_TABLE },
	{ "slots", MAP_TABLE },
	{ "sources", MAP_TABLE },
	{ "affinities", MAP_LIVE },
	{ "flows", MAP_LIVE },
	{ "fragments", MAP_LIVE },
	{ "nat4", MAP_LIVE },
	{ "nat6", MAP_LIVE },
	{ "nat_moved", MAP_LIVE },
	{ "nat_unconfirmed4", MAP_LIVE },
	{ "nat_unconfirmed6", MAP_LIVE },
	{ "answer_bucket", MAP_LOSSY },
	{ "backend_traffic", MAP_LOSSY },
	{ "flow_limits", MAP_LOSSY },
	{ "service_drops", MAP_LOSSY },
	{ "track_counts", MAP_LOSSY },
	{ "untold", MAP_LOSSY },
	{ "verdicts", MAP_LOSSY },
};

enum map_kind map_kind(const struct bpf_map *map)
{
	for (size_t i = 0; i < sizeof(map_kinds) / sizeof(map_kinds[0]); i++)
		if (strcmp(map_kinds[i].name, bpf_map__name(map)) == 0)
			return map_kinds[i].kind;
	return MAP_SCRATCH;
}

static void set_name(uint32_t set, char name[SET_NAME_SIZE])
{
	(void)snprintf(name, SET_NAME_SIZE, SET_PREFIX "%u", set);
}

/* The number in a directory's name; MAP_SET_NONE when it is no set's. */
static uint32_t set_number(const char *name)
{
	char *end;
	unsigned long number;

	if (strncmp(name, SET_PREFIX, strlen(SET_PREFIX)) != 0 || !name[strlen(SET_PREFIX)])
		return MAP_SET_NONE;
	number = strtoul(name + strlen(SET_PREFIX), &end, 10);
	return *end || number >= MAP_SET_NONE ? MAP_SET_NONE : (uint32_t)number;
}

/* "pin_dir/maps-SET/map", or the set's directory when map is NULL; false when it is too long. */
static bool set_path(const struct datapath *datapath, uint32_t set, const char *map, char *buffer,
		     size_t size)
{
	char name[SET_NAME_SIZE];
	int length;

	set_name(set, name);
	length = snprintf(buffer, size, "%s/%s%s%s", datapath->pin_dir, name, map ? "/" : "",
			  map ? map : "");
	return length >= 0 && (size_t)length < size;
}

static int path_error(const struct datapath *datapath, struct error *error)
{
	return error_set(error, -ENAMETOOLONG, "%s: the path is too long", datapath->pin_dir);
}

int map_sets_open(const struct datapath *datapath, uint32_t set, const char *map,
		  struct error *error)
{
	char path[PATH_MAX];
	int fd;

	if (!set_path(datapath, set, map, path, sizeof(path)))
		return path_error(datapath, error);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return error_set(error, -errno, "%s: cannot open it: %s", path, strerror(errno));
	return fd;
}

uint32_t map_sets_next_other(const struct datapath *datapath, uint32_t after)
{
	DIR *directory = opendir(datapath->pin_dir);
	const struct dirent *entry;
	uint32_t next = MAP_SET_NONE;

	while (directory && (entry = readdir(directory))) {
		uint32_t set = set_number(entry->d_name);

		if (set != datapath->map_set && (after == MAP_SET_NONE || set > after) &&
		    set < next)
			next = set;
	}
	if (directory)
		(void)closedir(directory);
	return next;
}

void map_sets_remove(const struct datapath *datapath, uint32_t set)
{
	char path[PATH_MAX];

	if (set_path(datapath, set, NULL, path, sizeof(path)))
		(void)pins_remove_all(path, NULL);
}

/* MAP_SET_NONE when there is none, or not yet. */
static uint32_t read_current(const struct datapath *datapath)
{
	char path[PATH_MAX], target[SET_NAME_SIZE + 1];
	ssize_t length;

	if (!pins_path(datapath->pin_dir, CURRENT, path, sizeof(path)))
		return MAP_SET_NONE;
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return MAP_SET_NONE;
	target[length] = '\0';
	return set_number(target);
}

static int read_abi_version(const struct datapath *datapath, uint32_t set, uint32_t *ret,
			    struct error *error)
{
	struct gw_meta meta = { 0 };
	uint32_t zero = 0;
	int fd = map_sets_open(datapath, set, "meta", error);
	int r;

	if (fd < 0)
		return fd;
	r = bpf_map_lookup_elem(fd, &zero, &meta);
	(void)close(fd);
	if (r < 0)
		return error_set(error, r, "%s: map meta: cannot read it: %s", datapath->pin_dir,
				 strerror(-r));
	*ret = meta.abi_version;
	return 0;
}

/* A first agent: what one that was killed before it had created everything left is no set. */
static int choose_first(struct datapath *datapath, struct error *error)
{
	char path[PATH_MAX];
	uint32_t set;

	if (!pins_path(datapath->pin_dir, "meta", path, sizeof(path)))
		return path_error(datapath, error);
	if (access(path, F_OK) == 0)
		return error_set(error, -EPROTO,
				 "%s: its tables are of a version that cannot hand over; run "
				 "`guideway detach` and start again (connections will break)",
				 datapath->pin_dir);
	datapath->map_set = MAP_SET_NONE;
	while ((set = map_sets_next_other(datapath, MAP_SET_NONE)) != MAP_SET_NONE)
		map_sets_remove(datapath, set);
	datapath->map_set = 0;
	datapath->is_new = true;
	return 0;
}

static uint32_t highest_set(const struct datapath *datapath)
{
	uint32_t set = MAP_SET_NONE, next;

	while ((next = map_sets_next_other(datapath, set)) != MAP_SET_NONE)
		set = next;
	return set;
}

static int create_directory(const struct datapath *datapath, struct error *error)
{
	char path[PATH_MAX];

	if (!set_path(datapath, datapath->map_set, NULL, path, sizeof(path)))
		return path_error(datapath, error);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(error, -errno, "%s: cannot create it: %s", path, strerror(errno));
	return 0;
}

int map_sets_choose(struct datapath *datapath, struct error *error)
{
	uint32_t current = read_current(datapath), abi_version = 0;
	int r;

	datapath->old_map_set = MAP_SET_NONE;
	datapath->map_set = MAP_SET_NONE;
	if (current == MAP_SET_NONE) {
		r = choose_first(datapath, error);
		return r < 0 ? r : create_directory(datapath, error);
	}
	r = read_abi_version(datapath, current, &abi_version, error);
	if (r < 0)
		return r;
	if (abi_version == GW_ABI_VERSION) {
		datapath->map_set = current;
		return 0;
	}
	datapath->old_map_set = current;
	datapath->map_set = highest_set(datapath) + 1;
	return create_directory(datapath, error);
}

uint32_t map_sets_entries(const struct datapath *datapath, const char *map, uint32_t wanted)
{
	uint32_t set =
		datapath->old_map_set == MAP_SET_NONE ? datapath->map_set : datapath->old_map_set;
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);
	int fd = map_sets_open(datapath, set, map, NULL);

	if (fd < 0)
		return wanted;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
		wanted = info.max_entries;
	(void)close(fd);
	return wanted;
}

int map_sets_pin(struct datapath *datapath, struct error *error)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, datapath->skeleton->obj)
	{
		char path[PATH_MAX];
		int r;

		if (map_kind(map) == MAP_SCRATCH)
			continue;
		if (!set_path(datapath, datapath->map_set, bpf_map__name(map), path, sizeof(path)))
			return path_error(datapath, error);
		r = bpf_map__set_pin_path(map, path);
		if (r < 0)
			return error_set(error, r, "%s: %s", path, strerror(-r));
	}
	return 0;
}

bool map_sets_is_current(const struct datapath *datapath)
{
	return read_current(datapath) == datapath->map_set;
}

bool map_sets_was_current(const struct datapath *datapath, uint32_t set)
{
	uint32_t abi_version = 0;

	return read_abi_version(datapath, set, &abi_version, NULL) == 0 && abi_version != 0;
}

/* Also says that no program is to be replaced any more. */
static int write_meta(const struct datapath *datapath, uint32_t taking_over_until_s,
		      struct error *error)
{
	const struct gw_meta meta = { .abi_version = GW_ABI_VERSION,
				      .taking_over_until_s = taking_over_until_s };
	uint32_t zero = 0;
	int r = bpf_map__update_elem(datapath->skeleton->maps.meta, &zero, sizeof(zero), &meta,
				     sizeof(meta), BPF_ANY);

	if (r < 0)
		return error_set(error, r, "map meta: cannot write it: %s", strerror(-r));
	return 0;
}

int map_sets_make_current(const struct datapath *datapath, struct error *error)
{
	char next[PATH_MAX], current[PATH_MAX], name[SET_NAME_SIZE];
	bool takes_over = map_sets_next_other(datapath, MAP_SET_NONE) != MAP_SET_NONE;
	int r = write_meta(datapath, takes_over ? tending_clock_s() + TAKE_OVER_S : 0, error);

	if (r < 0 || map_sets_is_current(datapath))
		return r;
	if (!pins_path(datapath->pin_dir, CURRENT_NEXT, next, sizeof(next)) ||
	    !pins_path(datapath->pin_dir, CURRENT, current, sizeof(current)))
		return path_error(datapath, error);
	set_name(datapath->map_set, name);
	(void)unlink(next); /* of an agent that was killed here */
	if (symlink(name, next) < 0 || rename(next, current) < 0)
		return error_set(error, -errno, "%s: cannot make %s the current maps: %s", current,
				 name, strerror(errno));
	return 0;
}

void map_sets_settle(const struct datapath *datapath)
{
	(void)write_meta(datapath, 0, NULL);
}

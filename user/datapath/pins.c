/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pins.c - owns the pin directory: its lock, the ABI version in it and where each
 * map is pinned.
 */
#include "datapath/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/grace.h"
#include "guideway.skel.h"
#include "lib/error.h"

#define BPFFS "/sys/fs/bpf"

bool pins_path(const char *pin_dir, const char *name, char *buffer, size_t size)
{
	int length = snprintf(buffer, size, "%s/%s", pin_dir, name);

	return length >= 0 && (size_t)length < size;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* A machine without systemd may not have mounted it yet. */
static int mount_bpffs(const char *pin_dir, struct error *error)
{
	if (strncmp(pin_dir, BPFFS "/", sizeof(BPFFS)) != 0 || is_bpffs(BPFFS))
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700") < 0)
		return error_set(error, -errno, "%s: cannot mount the BPF file system: %s", BPFFS,
				 strerror(errno));
	return 0;
}

static int open_directory(const char *pin_dir, bool create, int *ret_fd, struct error *error)
{
	int fd;

	if (create && mkdir(pin_dir, 0700) < 0 && errno != EEXIST)
		return error_set(error, -errno,
				 "%s: cannot create the pin directory: %s, expected a path on a "
				 "BPF file system",
				 pin_dir, strerror(errno));
	fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(error, -errno, "%s: %s", pin_dir,
				 errno == ENOENT ? "nothing is pinned there" : strerror(errno));
	if (!is_bpffs(pin_dir)) {
		(void)close(fd);
		return error_set(error, -EINVAL, "%s: not on a BPF file system (mount -t bpf)",
				 pin_dir);
	}
	*ret_fd = fd;
	return 0;
}

/* A detach between opening and locking leaves a lock on a directory that is gone. */
static bool is_still_at(int fd, const char *path)
{
	struct stat locked, there;

	return fstat(fd, &locked) == 0 && stat(path, &there) == 0 &&
	       locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
}

int pins_lock(const char *pin_dir, bool create, int *ret_fd, struct error *error)
{
	int fd = -1;
	int r = create ? mount_bpffs(pin_dir, error) : 0;

	if (r == 0)
		r = open_directory(pin_dir, create, &fd, error);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		(void)close(fd);
		return error_set(error, -EBUSY,
				 "%s: another agent has it; stop that one first (guideway status "
				 "shows its pid)",
				 pin_dir);
	}
	if (!is_still_at(fd, pin_dir)) {
		(void)close(fd);
		return error_set(error, -EBUSY, "%s: removed at this very moment; start again",
				 pin_dir);
	}
	*ret_fd = fd;
	return 0;
}

int pins_check_abi(const char *pin_dir, bool *ret_is_new, struct error *error)
{
	char path[PATH_MAX];
	struct gw_meta meta = { 0 };
	uint32_t zero = 0;
	int fd;

	if (!pins_path(pin_dir, "meta", path, sizeof(path)))
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long", pin_dir);
	fd = bpf_obj_get(path);
	/* Only what is certainly not there is new: a new set that fails to start is removed. */
	if (fd < 0 && errno != ENOENT)
		return error_set(error, -errno, "%s: cannot open it: %s", path, strerror(errno));
	if (fd >= 0) {
		int r = bpf_map_lookup_elem(fd, &zero, &meta);

		(void)close(fd);
		if (r < 0)
			return error_set(error, r, "%s: cannot read it: %s", path, strerror(-r));
	}
	/* Version 0: an agent was killed before it had created everything. */
	*ret_is_new = meta.abi_version == 0;
	if (meta.abi_version == GW_ABI_VERSION || *ret_is_new)
		return 0;
	return error_set(
		error, -EPROTO,
		"%s: its tables have layout %u, this build needs %u; run `guideway detach` "
		"and start again (connections will break)",
		pin_dir, meta.abi_version, GW_ABI_VERSION);
}

uint32_t pins_map_entries(const char *pin_dir, const char *map, uint32_t wanted)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);
	char path[PATH_MAX];
	int fd;

	if (!pins_path(pin_dir, map, path, sizeof(path)))
		return wanted;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return wanted;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
		wanted = info.max_entries;
	(void)close(fd);
	return wanted;
}

/* Maps of the compiler's own (.rodata, .bss) and programs are not state: they go with the program.
 */
static bool is_state(const struct bpf_map *map)
{
	return !strchr(bpf_map__name(map), '.') && bpf_map__type(map) != BPF_MAP_TYPE_PROG_ARRAY;
}

int pins_set_paths(struct datapath *datapath, struct error *error)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, datapath->skeleton->obj)
	{
		char path[PATH_MAX];
		int r;

		if (!is_state(map))
			continue;
		if (!pins_path(datapath->pin_dir, bpf_map__name(map), path, sizeof(path)))
			return error_set(error, -ENAMETOOLONG, "%s: the path is too long",
					 datapath->pin_dir);
		r = bpf_map__set_pin_path(map, path);
		if (r < 0)
			return error_set(error, r, "%s: %s", path, strerror(-r));
	}
	return 0;
}

#define WAYS_PREFIX "ways-"
#define WAYS_NAME_SIZE (sizeof(WAYS_PREFIX) + 10)

int pins_add_ways(struct datapath *datapath, struct error *error)
{
	char name[WAYS_NAME_SIZE], path[PATH_MAX];
	int fd = bpf_map__fd(datapath->skeleton->maps.ways);

	/* Names that are taken are of programs that may be attached. */
	for (datapath->ways_number = 0;; datapath->ways_number++) {
		(void)snprintf(name, sizeof(name), WAYS_PREFIX "%u", datapath->ways_number);
		if (!pins_path(datapath->pin_dir, name, path, sizeof(path)))
			return error_set(error, -ENAMETOOLONG, "%s: the path is too long",
					 datapath->pin_dir);
		if (bpf_obj_pin(fd, path) == 0)
			return 0;
		if (errno != EEXIST)
			return error_set(error, -errno, "%s: cannot pin it: %s", path,
					 strerror(errno));
	}
}

void pins_drop_other_ways(const struct datapath *datapath)
{
	DIR *directory = opendir(datapath->pin_dir);
	char own[WAYS_NAME_SIZE], path[PATH_MAX];
	const struct dirent *entry;
	bool has_waited = false;

	(void)snprintf(own, sizeof(own), WAYS_PREFIX "%u", datapath->ways_number);
	while (directory && (entry = readdir(directory))) {
		if (strncmp(entry->d_name, WAYS_PREFIX, strlen(WAYS_PREFIX)) != 0 ||
		    strcmp(entry->d_name, own) == 0 ||
		    !pins_path(datapath->pin_dir, entry->d_name, path, sizeof(path)))
			continue;
		/* An earlier program may be in the middle of its last packet. */
		if (!has_waited)
			grace_wait();
		has_waited = true;
		(void)unlink(path);
	}
	if (directory)
		(void)closedir(directory);
}

int pins_remove_all(const char *pin_dir, struct error *error)
{
	DIR *directory = opendir(pin_dir);
	const struct dirent *entry;
	int r = 0;

	if (!directory)
		return error_set(error, -errno, "%s: %s", pin_dir, strerror(errno));
	while (r == 0 && (entry = readdir(directory))) {
		char path[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		if (!pins_path(pin_dir, entry->d_name, path, sizeof(path)) || unlink(path) < 0)
			r = error_set(error, -errno, "%s/%s: cannot remove it: %s", pin_dir,
				      entry->d_name, strerror(errno));
	}
	(void)closedir(directory);
	if (r == 0 && rmdir(pin_dir) < 0)
		r = error_set(error, -errno, "%s: cannot remove it: %s", pin_dir, strerror(errno));
	return r;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* pins.c - owns the pin directory: its lock, and the ways of programs in it. */
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

/* A file, or a directory of files. */
static int remove_pin(const char *path, struct error *error)
{
	if (unlink(path) == 0)
		return 0;
	if (errno == EISDIR || errno == EPERM)
		return pins_remove_all(path, error);
	return error_set(error, -errno, "%s: cannot remove it: %s", path, strerror(errno));
}

int pins_remove_all(const char *directory_path, struct error *error)
{
	DIR *directory = opendir(directory_path);
	const struct dirent *entry;
	int r = 0;

	if (!directory)
		return error_set(error, -errno, "%s: %s", directory_path, strerror(errno));
	while (r == 0 && (entry = readdir(directory))) {
		char path[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		if (!pins_path(directory_path, entry->d_name, path, sizeof(path)))
			r = error_set(error, -ENAMETOOLONG, "%s: the path is too long",
				      directory_path);
		else
			r = remove_pin(path, error);
	}
	(void)closedir(directory);
	if (r == 0 && rmdir(directory_path) < 0)
		r = error_set(error, -errno, "%s: cannot remove it: %s", directory_path,
			      strerror(errno));
	return r;
}

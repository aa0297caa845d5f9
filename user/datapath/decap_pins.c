/* SPDX-License-Identifier: BSD-2-Clause */
/* decap_pins.c - owns the pin directory of guideway decap. */
#include "datapath/decap_pins.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <guideway/decap_abi.h>

#include "datapath/internal.h"
#include "datapath/xdp_link.h"
#include "lib/error.h"

#define LINK_PREFIX "decap-link-"
#define COUNTERS_PREFIX "decap-counters-"

#define LOCK_TRIES 250
#define LOCK_PAUSE_NS 20000000L

static bool path_of(const char *pin_dir, const char *prefix, uint32_t ifindex, char *path)
{
	char name[sizeof(COUNTERS_PREFIX) + 10];

	(void)snprintf(name, sizeof(name), "%s%u", prefix, ifindex);
	return pins_path(pin_dir, name, path, PATH_MAX);
}

int decap_pins_paths(const char *pin_dir, uint32_t ifindex, struct decap_pins *ret,
		     struct error *error)
{
	if (!path_of(pin_dir, LINK_PREFIX, ifindex, ret->link) ||
	    !path_of(pin_dir, COUNTERS_PREFIX, ifindex, ret->counters))
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long", pin_dir);
	return 0;
}

/* The commands of several interfaces may be started at once, as a host boots. */
int decap_pins_lock(const char *pin_dir, bool create, int *ret_fd, struct error *error)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int r = pins_lock(pin_dir, create, ret_fd, error);

	for (int i = 0; r == -EBUSY && i < LOCK_TRIES; i++) {
		(void)nanosleep(&pause, NULL);
		r = pins_lock(pin_dir, create, ret_fd, error);
	}
	if (r == -EBUSY)
		return error_set(error, r,
				 "%s: somebody else has it; an agent needs a directory of its own",
				 pin_dir);
	return r;
}

void decap_pins_unlock(const char *pin_dir, int fd)
{
	(void)rmdir(pin_dir);
	(void)close(fd);
}

void decap_pins_remove(const struct decap_pins *pins)
{
	(void)unlink(pins->link);
	(void)unlink(pins->counters);
}

/* 0: its interface is gone */
static uint32_t ifindex_of(int link_fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(link_fd, &info, &length) == 0 ? info.xdp.ifindex : 0;
}

/* Only what is certainly dead: not what cannot be opened for another reason. */
static bool is_dead(const struct decap_pins *pins)
{
	int fd = bpf_obj_get(pins->link);
	uint32_t ifindex;

	if (fd < 0)
		return errno == ENOENT;
	ifindex = ifindex_of(fd);
	(void)close(fd);
	return ifindex == 0;
}

/* The index in a pin's name, 0 when it is none of the prefix. */
static uint32_t index_in(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) == 0 ? (uint32_t)strtoul(name + length, NULL, 10) : 0;
}

void decap_pins_remove_dead(const char *pin_dir)
{
	DIR *directory = opendir(pin_dir);
	const struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		uint32_t ifindex = index_in(entry->d_name, LINK_PREFIX);
		struct decap_pins pins;

		if (ifindex == 0)
			ifindex = index_in(entry->d_name, COUNTERS_PREFIX);
		if (ifindex != 0 && decap_pins_paths(pin_dir, ifindex, &pins, NULL) == 0 &&
		    is_dead(&pins))
			decap_pins_remove(&pins);
	}
	(void)closedir(directory);
}

int decap_pins_open_link(const struct decap_pins *pins, uint32_t ifindex, int *ret_fd,
			 struct error *error)
{
	int fd = bpf_obj_get(pins->link);
	uint32_t there;

	*ret_fd = -1;
	if (fd < 0 && errno != ENOENT)
		return error_set(error, -errno, "%s: cannot open it: %s", pins->link,
				 strerror(errno));
	if (fd < 0)
		return 0;
	if (xdp_link_is_on(fd, ifindex)) {
		*ret_fd = fd;
		return 0;
	}
	there = ifindex_of(fd);
	(void)close(fd);
	if (there == 0)
		return 0;
	return error_set(error, -EEXIST,
			 "%s: of an interface in another network namespace; expected a --pin-dir "
			 "for each namespace",
			 pins->link);
}

int decap_pins_open_counters(const struct decap_pins *pins)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);
	int fd = bpf_obj_get(pins->counters);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0 &&
	    info.type == BPF_MAP_TYPE_PERCPU_ARRAY &&
	    info.value_size == sizeof(struct gw_counter) &&
	    info.max_entries == GW_DECAP_VERDICT_COUNT)
		return fd;
	(void)close(fd);
	return -EPROTO;
}

static int by_value(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

int decap_pins_list(const char *pin_dir, uint32_t **ret, size_t *ret_count, struct error *error)
{
	DIR *directory = opendir(pin_dir);
	const struct dirent *entry;
	uint32_t *indexes = NULL;
	size_t count = 0;

	if (!directory && errno != ENOENT)
		return error_set(error, -errno, "%s: %s", pin_dir, strerror(errno));
	while (directory && (entry = readdir(directory))) {
		uint32_t ifindex = index_in(entry->d_name, LINK_PREFIX);
		uint32_t *more = ifindex ? realloc(indexes, (count + 1) * sizeof(*more)) : indexes;

		if (ifindex && !more) {
			free(indexes);
			(void)closedir(directory);
			return error_set(error, -ENOMEM, "no memory for the interfaces");
		}
		indexes = more;
		if (ifindex)
			indexes[count++] = ifindex;
	}
	if (directory)
		(void)closedir(directory);
	if (count)
		qsort(indexes, count, sizeof(*indexes), by_value);
	*ret = indexes;
	*ret_count = count;
	return 0;
}

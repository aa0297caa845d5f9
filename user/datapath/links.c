/* SPDX-License-Identifier: BSD-2-Clause */
/* links.c - owns the links between the program and the devices, pinned as link-IFINDEX. */
#include "datapath/internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "datapath/xdp_link.h"
#include "lib/error.h"

#define LINK_PREFIX "link-"

/* By ifindex: names may change, and may have a dot, which a BPF file system refuses. */
static bool link_path(const struct datapath *datapath, uint32_t ifindex, char *path)
{
	char name[sizeof(LINK_PREFIX) + 10];

	(void)snprintf(name, sizeof(name), LINK_PREFIX "%u", ifindex);
	return pins_path(datapath->pin_dir, name, path, PATH_MAX);
}

static int link_pin(const struct datapath *datapath, int fd, uint32_t ifindex, struct error *error)
{
	char path[PATH_MAX];

	if (!link_path(datapath, ifindex, path))
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long",
				 datapath->pin_dir);
	(void)unlink(path); /* of a device that is gone and had the same index */
	if (bpf_obj_pin(fd, path) < 0)
		return error_set(error, -errno, "%s: cannot pin it: %s", path, strerror(errno));
	return 0;
}

/*
 * The link that an earlier agent pinned, when it is on this very device and in the
 * mode that is asked for; its program is exchanged in place. Else negative, and the link
 * is gone; true in *ret_was_live when it had forwarded until then.
 */
static int link_adopt(const struct datapath *datapath, struct attachment *attachment,
		      bool *ret_was_live)
{
	char path[PATH_MAX];
	int fd;

	*ret_was_live = false;
	if (!link_path(datapath, attachment->ifindex, path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	*ret_was_live = xdp_link_is_on(fd, attachment->ifindex);
	attachment->native = xdp_is_native(attachment->ifindex);
	if (*ret_was_live && xdp_mode_is_met(datapath->xdp_mode, attachment->native) &&
	    bpf_link_update(fd, datapath->program_fd, NULL) == 0)
		return fd;
	(void)unlink(path);
	(void)close(fd);
	return -ENOENT;
}

/* The mode that is asked for cannot be had: what worked goes on. */
static void link_restore(const struct datapath *datapath, const struct attachment *attachment,
			 bool native)
{
	int fd = xdp_link_create_in_mode(datapath->program_fd, attachment->ifindex, native);

	if (fd < 0)
		return;
	(void)link_pin(datapath, fd, attachment->ifindex, NULL);
	(void)close(fd);
}

int links_open(const struct datapath *datapath, struct attachment *attachment, struct error *error)
{
	bool was_live, was_native;
	int fd = link_adopt(datapath, attachment, &was_live);
	int r;

	if (fd >= 0)
		return fd;
	was_native = attachment->native;
	attachment->native = false;
	fd = xdp_link_create(datapath->program_fd, datapath->xdp_mode, attachment, error);
	if (fd < 0) {
		if (was_live)
			link_restore(datapath, attachment, was_native);
		return fd;
	}
	r = link_pin(datapath, fd, attachment->ifindex, error);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

void links_close(const struct datapath *datapath, uint32_t ifindex, int fd)
{
	char path[PATH_MAX];

	if (link_path(datapath, ifindex, path))
		(void)unlink(path);
	(void)close(fd);
}

/* Removing the pin of a link that no process holds detaches its program. */
void links_detach_others(struct datapath *datapath)
{
	DIR *directory = opendir(datapath->pin_dir);
	const struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		char path[PATH_MAX];
		uint32_t ifindex;

		if (strncmp(entry->d_name, LINK_PREFIX, strlen(LINK_PREFIX)) != 0)
			continue;
		ifindex = (uint32_t)strtoul(entry->d_name + strlen(LINK_PREFIX), NULL, 10);
		if (datapath_has_interface(datapath, ifindex) ||
		    !link_path(datapath, ifindex, path))
			continue;
		(void)unlink(path);
		devices_forget(datapath, ifindex);
	}
	(void)closedir(directory);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* attach.c - owns the links between the program and the interfaces, pinned as link-NAME. */
#include "datapath/internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "guideway.skel.h"
#include "lib/error.h"

#define LINK_PREFIX "link-"

static bool link_path(const struct datapath *datapath, const char *interface, char *path)
{
	char name[sizeof(LINK_PREFIX) + IF_NAMESIZE];

	(void)snprintf(name, sizeof(name), LINK_PREFIX "%s", interface);
	return pins_path(datapath->pin_dir, name, path, PATH_MAX);
}

static int attach_error(struct error *error, int r, const char *interface, bool native)
{
	if (r == -EBUSY || r == -EEXIST)
		return error_set(error, r,
				 "interface '%s': another XDP program is attached; detach it first "
				 "(ip link set dev %s xdp off)",
				 interface, interface);
	if (native)
		return error_set(error, r,
				 "interface '%s': its driver does not take a native XDP program "
				 "(%s); use --xdp-mode auto or generic",
				 interface, strerror(-r));
	return error_set(error, r, "interface '%s': cannot attach the XDP program: %s", interface,
			 strerror(-r));
}

static int create_in_mode(const struct datapath *datapath, uint32_t ifindex, uint32_t mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode);
	int fd = bpf_link_create(datapath->program_fd, (int)ifindex, BPF_XDP, &options);

	return fd < 0 ? -errno : fd;
}

/* A new link in the mode that is asked for; returns its descriptor. */
static int link_create(struct datapath *datapath, struct attachment *attachment,
		       struct error *error)
{
	int fd = -EOPNOTSUPP;

	if (datapath->xdp_mode != XDP_MODE_GENERIC) {
		fd = create_in_mode(datapath, attachment->ifindex, XDP_FLAGS_DRV_MODE);
		attachment->native = fd >= 0;
		if (fd >= 0 || fd == -EBUSY || fd == -EEXIST ||
		    datapath->xdp_mode == XDP_MODE_NATIVE)
			goto out;
		attachment->native_error = fd;
	}
	fd = create_in_mode(datapath, attachment->ifindex, XDP_FLAGS_SKB_MODE);
out:
	if (fd < 0)
		return attach_error(error, fd, attachment->interface,
				    attachment->native_error == 0 &&
					    datapath->xdp_mode != XDP_MODE_GENERIC);
	return fd;
}

static int link_pin(const struct datapath *datapath, int fd, const char *interface,
		    struct error *error)
{
	char path[PATH_MAX];

	if (!link_path(datapath, interface, path))
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long",
				 datapath->pin_dir);
	(void)unlink(path); /* of an interface that was removed and made again */
	if (bpf_obj_pin(fd, path) < 0)
		return error_set(error, -errno, "%s: cannot pin it: %s", path, strerror(errno));
	return 0;
}

static bool link_is_on(int fd, uint32_t ifindex)
{
	struct bpf_link_info info = { 0 };
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.xdp.ifindex == ifindex;
}

static bool is_native(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	return bpf_xdp_query((int)ifindex, 0, &query) == 0 && query.attach_mode == XDP_ATTACHED_DRV;
}

/*
 * The link that an earlier agent pinned, when it is on this very interface and in the
 * mode that is asked for; else negative. Its program is exchanged in place.
 */
static int link_adopt(struct datapath *datapath, struct attachment *attachment)
{
	char path[PATH_MAX];
	int fd;

	if (!link_path(datapath, attachment->interface, path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	attachment->native = is_native(attachment->ifindex);
	if (!link_is_on(fd, attachment->ifindex) ||
	    (datapath->xdp_mode == XDP_MODE_NATIVE && !attachment->native) ||
	    (datapath->xdp_mode == XDP_MODE_GENERIC && attachment->native) ||
	    bpf_link_update(fd, datapath->program_fd, NULL) < 0) {
		(void)unlink(path);
		(void)close(fd);
		return -ENOENT;
	}
	return fd;
}

static int attach_one(struct datapath *datapath, const char *interface, struct error *error)
{
	struct attachment *attachment = &datapath->attachments[datapath->attachment_count];
	int fd, r;

	*attachment = (struct attachment){
		.interface = interface,
		.ifindex = if_nametoindex(interface),
	};
	if (attachment->ifindex == 0)
		return error_set(error, -ENODEV, "interface '%s': there is no such interface",
				 interface);
	r = devices_store(datapath, interface, attachment->ifindex, error);
	if (r < 0)
		return r;
	fd = link_adopt(datapath, attachment);
	if (fd < 0) {
		fd = link_create(datapath, attachment, error);
		if (fd < 0)
			return fd;
		r = link_pin(datapath, fd, interface, error);
		if (r < 0) {
			(void)close(fd);
			return r;
		}
	}
	datapath->link_fds[datapath->attachment_count++] = fd;
	return 0;
}

static bool is_named(const struct datapath *datapath, const char *interface)
{
	for (size_t i = 0; i < datapath->interface_count; i++)
		if (strcmp(datapath->interfaces[i], interface) == 0)
			return true;
	return false;
}

/* Removing the pin of a link that no process holds detaches its program. */
static void detach_unnamed(const struct datapath *datapath)
{
	DIR *directory = opendir(datapath->pin_dir);
	const struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		const char *interface = entry->d_name + strlen(LINK_PREFIX);
		char path[PATH_MAX];

		if (strncmp(entry->d_name, LINK_PREFIX, strlen(LINK_PREFIX)) != 0 ||
		    is_named(datapath, interface) || !link_path(datapath, interface, path))
			continue;
		(void)unlink(path);
	}
	(void)closedir(directory);
}

int datapath_attach(struct datapath *datapath, struct error *error)
{
	datapath->attachments = calloc(datapath->interface_count, sizeof(*datapath->attachments));
	datapath->link_fds = calloc(datapath->interface_count, sizeof(*datapath->link_fds));
	if (!datapath->attachments || !datapath->link_fds)
		return error_set(error, -ENOMEM, "no memory for %zu interfaces",
				 datapath->interface_count);
	for (size_t i = 0; i < datapath->interface_count; i++) {
		int r = attach_one(datapath, datapath->interfaces[i], error);

		if (r < 0)
			return r;
	}
	detach_unnamed(datapath);
	return 0;
}

size_t datapath_attachments(const struct datapath *datapath, const struct attachment **ret)
{
	*ret = datapath->attachments;
	return datapath->attachment_count;
}

void attachments_free(struct datapath *datapath)
{
	for (size_t i = 0; i < datapath->attachment_count; i++)
		(void)close(datapath->link_fds[i]);
	free(datapath->link_fds);
	free(datapath->attachments);
}

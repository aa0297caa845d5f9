/* SPDX-License-Identifier: BSD-2-Clause */
/* xdp_link.c - attaches an XDP program to a device, native where it can be. */
#include "datapath/xdp_link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib/error.h"

static int attach_error(struct error *error, int r, const char *device, bool native)
{
	if (r == -EBUSY || r == -EEXIST)
		return error_set(error, r,
				 "interface '%s': another XDP program is attached; detach it first "
				 "(guideway detach or guideway decap --detach if it is ours, else "
				 "ip link set dev %s xdp off)",
				 device, device);
	if (native)
		return error_set(error, r,
				 "interface '%s': its driver does not take a native XDP program "
				 "(%s); use --xdp-mode auto or generic",
				 device, strerror(-r));
	return error_set(error, r, "interface '%s': cannot attach the XDP program: %s", device,
			 strerror(-r));
}

int xdp_link_create_in_mode(int program_fd, uint32_t ifindex, bool native)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(program_fd, (int)ifindex, BPF_XDP, &options);

	return fd < 0 ? -errno : fd;
}

int xdp_link_create(int program_fd, enum xdp_mode mode, struct attachment *attachment,
		    struct error *error)
{
	int fd = -EOPNOTSUPP;

	if (mode != XDP_MODE_GENERIC) {
		fd = xdp_link_create_in_mode(program_fd, attachment->ifindex, true);
		attachment->native = fd >= 0;
		if (fd >= 0 || fd == -EBUSY || fd == -EEXIST || mode == XDP_MODE_NATIVE)
			goto out;
		attachment->native_error = fd;
	}
	fd = xdp_link_create_in_mode(program_fd, attachment->ifindex, false);
out:
	if (fd < 0)
		return attach_error(error, fd, attachment->device,
				    attachment->native_error == 0 && mode != XDP_MODE_GENERIC);
	return fd;
}

bool xdp_link_is_on(int fd, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_link_info info = { 0 };
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0 || info.xdp.ifindex != ifindex ||
	    bpf_xdp_query((int)ifindex, 0, &query) < 0)
		return false;
	/* Another network namespace may have an interface of the same index. */
	return info.prog_id == query.drv_prog_id || info.prog_id == query.skb_prog_id;
}

bool xdp_is_native(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	return bpf_xdp_query((int)ifindex, 0, &query) == 0 && query.attach_mode == XDP_ATTACHED_DRV;
}

bool xdp_mode_is_met(enum xdp_mode mode, bool native)
{
	return mode == XDP_MODE_AUTO || native == (mode == XDP_MODE_NATIVE);
}

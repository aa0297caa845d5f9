/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp_link.h - the link between an XDP program and a device. It lives as long as a
 * process or a pin holds it.
 */
#ifndef DATAPATH_XDP_LINK_H
#define DATAPATH_XDP_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/datapath.h"

struct error;

/*
 * Attaches the program to attachment's device in the mode that is asked for, and says
 * in attachment how. Returns the link's descriptor, or a negative errno with a sentence:
 * -EBUSY and -EEXIST when another program is attached.
 */
int xdp_link_create(int program_fd, enum xdp_mode mode, struct attachment *attachment,
		    struct error *error);

/* The same in one mode, native or generic, without a sentence. */
int xdp_link_create_in_mode(int program_fd, uint32_t ifindex, bool native);

/*
 * Whether the link is on that device of this network namespace; false too for one whose
 * device is gone.
 */
bool xdp_link_is_on(int fd, uint32_t ifindex);

/* Whether the device's XDP program runs in its driver. */
bool xdp_is_native(uint32_t ifindex);

/* Whether a program that is attached so is attached as asked for. */
bool xdp_mode_is_met(enum xdp_mode mode, bool native);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interface.h - an interface as the operator names it, and the devices its frames really
 * arrive on: what net/ finds out and datapath/ attaches to.
 */
#ifndef MODEL_INTERFACE_H
#define MODEL_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERFACE_NAME_SIZE 16 /* as the kernel's, with the zero at its end */
#define INTERFACE_DEVICES_MAX 64

struct lower_device {
	uint32_t ifindex;
	/* Slave of a bond that does not take part: what it receives others receive too. */
	bool is_standby;
};

struct interface {
	char name[INTERFACE_NAME_SIZE];
	uint32_t ifindex; /* 0: there is no such interface */
	/* By ifindex. Itself, but of a VLAN device what is below it, of a bond its slaves. */
	struct lower_device devices[INTERFACE_DEVICES_MAX];
	size_t device_count;
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* privilege.c - the effective capabilities of this process. */
#include "cmd/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/error.h"

static bool has(const struct __user_cap_data_struct *data, unsigned int capability)
{
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

int privilege_check(struct error *error)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	bool bpf, perfmon, net_admin, net_raw;

	/* The system call: libcap would be one more library for a few bits. */
	if (syscall(SYS_capget, &header, data) < 0)
		return error_set(error, -errno, "capabilities: %s", strerror(errno));
	bpf = has(data, CAP_BPF) || has(data, CAP_SYS_ADMIN);
	perfmon = has(data, CAP_PERFMON) || has(data, CAP_SYS_ADMIN);
	net_admin = has(data, CAP_NET_ADMIN);
	net_raw = has(data, CAP_NET_RAW);
	if (bpf && perfmon && net_admin && net_raw)
		return 0;
	if (geteuid() != 0)
		return error_set(error, -EPERM,
				 "needs root, or the capabilities CAP_BPF, CAP_PERFMON, "
				 "CAP_NET_ADMIN and CAP_NET_RAW: run it with sudo");
	return error_set(error, -EPERM,
			 "root without%s%s%s%s: give the container or the unit these capabilities",
			 bpf ? "" : " CAP_BPF", perfmon ? "" : " CAP_PERFMON",
			 net_admin ? "" : " CAP_NET_ADMIN", net_raw ? "" : " CAP_NET_RAW");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* attachment.c - generic XDP is said loudly: it works, so nobody would look for it. */
#include "agent/attachment.h"

#include <string.h>

#include "datapath/datapath.h"
#include "lib/log.h"

void attachment_log(const struct attachment *attachment)
{
	if (attachment->ifindex == 0)
		log_warning("interface '%s' is gone: its packets are not seen until it is back",
			    attachment->interface);
	else if (attachment->native)
		log_info("interface '%s': XDP in native mode", attachment->interface);
	else
		log_warning("interface '%s': XDP in GENERIC mode%s%s: several times slower than "
			    "native",
			    attachment->interface, attachment->native_error ? ", " : "",
			    attachment->native_error ? strerror(-attachment->native_error) : "");
}

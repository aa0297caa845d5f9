/* SPDX-License-Identifier: BSD-2-Clause */
/* attachment.c - generic XDP is said loudly: it works, so nobody would look for it. */
#include "agent/attachment.h"

#include <string.h>

#include "datapath/datapath.h"
#include "lib/log.h"

void attachment_log(const char *interface, const char *lower, const struct attachment *attachment)
{
	int native_error = attachment->native_error;

	if (attachment->native)
		log_info("interface '%s': XDP%s in native mode", interface, lower);
	else
		log_warning("interface '%s': XDP%s in GENERIC mode%s%s: several times slower than "
			    "native",
			    interface, lower, native_error ? ", " : "",
			    native_error ? strerror(-native_error) : "");
}

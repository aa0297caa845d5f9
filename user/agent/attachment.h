/* SPDX-License-Identifier: BSD-2-Clause */
/* attachment.h - how an XDP program is attached, for the log. */
#ifndef AGENT_ATTACHMENT_H
#define AGENT_ATTACHMENT_H

struct attachment;

/* One line: native is information; generic, or an interface that is gone, a warning. */
void attachment_log(const struct attachment *attachment);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* attachment.h - how an XDP program is attached, for the log. */
#ifndef AGENT_ATTACHMENT_H
#define AGENT_ATTACHMENT_H

struct attachment;

/*
 * One line about the interface: native is information, generic a warning. lower says which
 * devices are below it, with a blank in front; "" when it is itself the device.
 */
void attachment_log(const char *interface, const char *lower, const struct attachment *attachment);

#endif

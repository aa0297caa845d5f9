/* SPDX-License-Identifier: BSD-2-Clause */
/* libbpf_message.h - why libbpf failed: it tells that by print callback only. */
#ifndef DATAPATH_LIBBPF_MESSAGE_H
#define DATAPATH_LIBBPF_MESSAGE_H

/* From here on the first warning is kept, and nothing is printed. */
void libbpf_message_clear(void);

/* That warning in one line, "" when there was none. Valid until the next clear. */
const char *libbpf_message(void);

#endif

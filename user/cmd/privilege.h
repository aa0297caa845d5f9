/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * privilege.h - whether this process may load XDP programs and ask neighbours.
 */
#ifndef CMD_PRIVILEGE_H
#define CMD_PRIVILEGE_H

struct error;

/*
 * 0 with CAP_NET_ADMIN, CAP_NET_RAW and one of CAP_BPF and CAP_SYS_ADMIN, else -EPERM
 * with a sentence that names what is missing and what to do.
 */
int privilege_check(struct error *error);

#endif

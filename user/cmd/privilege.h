/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * privilege.h - whether this process may load XDP programs and ask neighbours.
 */
#ifndef CMD_PRIVILEGE_H
#define CMD_PRIVILEGE_H

struct error;

/*
 * 0 with CAP_BPF, CAP_PERFMON (CAP_SYS_ADMIN stands for both), CAP_NET_ADMIN and
 * CAP_NET_RAW, else -EPERM with a sentence that names what is missing and what to do.
 * Without CAP_PERFMON the verifier refuses to compare packet pointers as the programs do.
 */
int privilege_check(struct error *error);

#endif

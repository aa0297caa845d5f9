/* SPDX-License-Identifier: BSD-2-Clause */
/* micro_time.h - times as the API writes them. */
#ifndef KUBE_MICRO_TIME_H
#define KUBE_MICRO_TIME_H

#define MICRO_TIME_SIZE sizeof("2024-05-01T10:00:00.000000Z")
#define SECOND_TIME_SIZE sizeof("2024-05-01T10:00:00Z")

/* Of the wall clock: for people, never compared. */
void micro_time_now(char ret[static MICRO_TIME_SIZE]);
void second_time_now(char ret[static SECOND_TIME_SIZE]);

#endif

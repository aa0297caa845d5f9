/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict_table.h - what became of packets, as people read it. */
#ifndef CMD_VERDICT_TABLE_H
#define CMD_VERDICT_TABLE_H

#include <stdbool.h>

#include <jansson.h>

/*
 * Prints an array of verdicts, one row each, without the reasons for which no packet was
 * dropped unless all are wanted. 0 or -ENOMEM.
 */
int verdict_table_print(const json_t *verdicts, bool all);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * human.h - numbers as people read them in tables.
 */
#ifndef CMD_HUMAN_H
#define CMD_HUMAN_H

#include <stdint.h>

#define HUMAN_TEXT_SIZE 48

/* As kubectl prints ages: "90s", "5m30s", "12m", "3h12m", "5d7h", "341d", "2y8d". Returns buffer.
 */
const char *human_duration(int64_t seconds, char buffer[static HUMAN_TEXT_SIZE]);

/* "9999", "12.3k", "1.5M" */
const char *human_count(uint64_t count, char buffer[static HUMAN_TEXT_SIZE]);

/* "512B", "1.5KiB", "230MiB" */
const char *human_bytes(uint64_t bytes, char buffer[static HUMAN_TEXT_SIZE]);

#endif

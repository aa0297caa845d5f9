/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - lines to standard error, for agent/ and cmd/ only: the other rooms
 * return errors. One line each: what failed, on which object in quotes, why.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING, /* says what happens instead */
	LOG_LEVEL_INFO,    /* state changes */
	LOG_LEVEL_DEBUG,
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "error", "warning", "info" or "debug"; false when text is none of them. */
bool log_level_parse(const char *text, enum log_level *ret_level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.h - a failure as a value: a negative errno and a sentence for the operator.
 */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

struct error {
	int code;
	char text[768];
};

/*
 * Fills error (which may be NULL) and returns code, so that callers can return
 * it. The sentence names the object and the field first, then what was found,
 * then what was expected; no trailing full stop or newline.
 */
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the sentence that is there; returns error's code. */
int error_prefix(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

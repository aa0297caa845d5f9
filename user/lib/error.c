/* SPDX-License-Identifier: BSD-2-Clause */
/* error.c - a failure as a value. */
#include "lib/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	error->code = code;
	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return code;
}

int error_prefix(struct error *error, const char *format, ...)
{
	char rest[sizeof(error->text)];
	va_list args;
	int length;

	if (!error)
		return 0;
	memcpy(rest, error->text, sizeof(rest));
	va_start(args, format);
	length = vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	if (length >= 0 && (size_t)length < sizeof(error->text))
		(void)snprintf(error->text + length, sizeof(error->text) - (size_t)length, ": %s",
			       rest);
	return error->code;
}

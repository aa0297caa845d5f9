/* SPDX-License-Identifier: BSD-2-Clause */
/* problem.c - sentences, one after the other. */
#include "model/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void problem_clear(struct problem *problem)
{
	problem->text[0] = '\0';
}

void problem_add(struct problem *problem, const char *format, ...)
{
	size_t used = strlen(problem->text);
	va_list args;

	if (used > 0 && sizeof(problem->text) - used > 2) {
		memcpy(problem->text + used, "; ", 3);
		used += 2;
	}
	va_start(args, format);
	(void)vsnprintf(problem->text + used, sizeof(problem->text) - used, format, args);
	va_end(args);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * problem.h - why a Service is not served, or not wholly: sentences for the operator.
 */
#ifndef MODEL_PROBLEM_H
#define MODEL_PROBLEM_H

/* "" when there is none. What does not fit is cut off. */
struct problem {
	char text[256];
};

void problem_clear(struct problem *problem);

/* Adds a sentence behind those that are there. */
void problem_add(struct problem *problem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

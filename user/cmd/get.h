/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * get.h - the tables of `guideway get`, from the agent's answers.
 */
#ifndef CMD_GET_H
#define CMD_GET_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

/* Prints items, an array of objects, in their order. 0 or -ENOMEM. */
typedef int get_print(const json_t *items, bool wide, time_t now, FILE *out);

get_print get_print_services;
get_print get_print_backends;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_client.h - asks the running agent over its control socket, and reads
 * what it answers.
 */
#ifndef CMD_CONTROL_CLIENT_H
#define CMD_CONTROL_CLIENT_H

#include <stdint.h>

#include <jansson.h>

struct error;

/*
 * Sends {"command": command} to the agent at path and waits for the answer. Gives a new
 * reference to the result, or a negative errno with a sentence: no agent, or its error.
 */
int control_ask(const char *path, const char *command, json_t **ret_result, struct error *error);
/* The same with a request (borrowed) that has more than the command. */
int control_send(const char *path, const json_t *request, json_t **ret_result, struct error *error);

/* A string or number of an answer; "" or 0 when it is null, missing or of another type. */
const char *answer_text(const json_t *object, const char *key);
uint64_t answer_number(const json_t *object, const char *key);

/* Writes json for other programs, indented, with a newline behind. */
void answer_print(const json_t *json);

#endif

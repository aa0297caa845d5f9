/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - the control socket: one request a connection, one line of JSON
 * each way. {"command": "..."} is answered by {"result": ...} or {"error": "sentence"}.
 *
 * Only root and the agent's own user are heard. Never blocks the loop: answers of any
 * size are buffered, and a client that neither sends nor reads for 5 s is dropped.
 */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <jansson.h>

struct control;
struct loop;
struct error;

#define CONTROL_REQUEST_MAX (64 * 1024) /* bytes, without the newline */
#define CONTROL_CLIENT_MAX 32           /* more wait in the kernel's queue */

/*
 * Answers a request (borrowed): a new reference to the result, or NULL with error set.
 * Must not destroy the control.
 */
typedef json_t *control_on_request(const char *command, const json_t *request, struct error *error,
				   void *owner);

/*
 * Listens on path; makes its directory and replaces a socket on which nobody answers.
 * -EADDRINUSE when somebody does. SIGPIPE is ignored by the whole process from then on.
 */
int control_create(struct loop *loop, const char *path, control_on_request *on_request, void *owner,
		   struct control **ret_control, struct error *error);

/* Drops every client and removes the socket's file. */
void control_destroy(struct control *control); /* NULL is nothing */

#endif

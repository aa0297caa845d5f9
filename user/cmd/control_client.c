/* SPDX-License-Identifier: BSD-2-Clause */
/* control_client.c - one request over the control socket, blocking, with a time limit. */
#include "cmd/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/error.h"

#define ANSWER_TIMEOUT_S 10

static int explain_connect(const char *path, int code, struct error *error)
{
	switch (code) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		return error_set(error, -code,
				 "no agent answers on %s: is `guideway agent` running?", path);
	case EACCES:
	case EPERM:
		return error_set(error, -code, "%s: only root may ask the agent: use sudo", path);
	default:
		return error_set(error, -code, "%s: %s", path, strerror(code));
	}
}

static int explain_io(const char *path, int code, struct error *error)
{
	if (code == EAGAIN)
		return error_set(error, -ETIMEDOUT, "%s: the agent gave no answer within %d s",
				 path, ANSWER_TIMEOUT_S);
	return error_set(error, -code, "%s: the agent broke off: %s", path, strerror(code));
}

static int connect_to(const char *path, int *ret_fd, struct error *error)
{
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return explain_connect(path, ENAMETOOLONG, error);
	(void)stpcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return explain_connect(path, errno, error);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		r = explain_connect(path, errno, error);
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int send_request(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int r = -ENOMEM;

	if (text) {
		size_t length = strlen(text);

		text[length] = '\n'; /* in place of the NUL: the length says where it ends */
		r = send(fd, text, length + 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
	}
	free(text);
	return r;
}

static int read_answer(const char *path, FILE *stream, json_t **ret_answer, struct error *error)
{
	json_error_t reason;
	int first;

	errno = 0;
	first = getc(stream);
	if (first == EOF)
		return ferror(stream) ? explain_io(path, errno, error)
				      : error_set(error, -EPROTO,
						  "%s: the agent closed without an answer", path);
	(void)ungetc(first, stream);
	*ret_answer = json_loadf(stream, JSON_DISABLE_EOF_CHECK, &reason);
	if (*ret_answer)
		return 0;
	if (ferror(stream))
		return explain_io(path, errno, error);
	return error_set(error, -EPROTO, "%s: not an answer of an agent: %s", path, reason.text);
}

static int take_result(const char *path, const json_t *answer, json_t **ret_result,
		       struct error *error)
{
	json_t *result = json_object_get(answer, "result");
	const char *sentence = answer_text(answer, "error");

	if (result) {
		*ret_result = json_incref(result);
		return 0;
	}
	if (*sentence)
		return error_set(error, -EREMOTEIO, "%s", sentence);
	return error_set(error, -EPROTO, "%s: not an answer of an agent: neither result nor error",
			 path);
}

int control_send(const char *path, const json_t *request, json_t **ret_result, struct error *error)
{
	json_t *answer = NULL;
	FILE *stream;
	int fd = -1, r;

	r = connect_to(path, &fd, error);
	if (r < 0)
		return r;
	stream = fdopen(fd, "r");
	if (!stream) {
		(void)close(fd);
		return error_set(error, -ENOMEM, "%s: out of memory", path);
	}
	r = send_request(fd, request);
	/* An agent that refuses may close before it has read all. */
	if (r < 0 && r != -EPIPE)
		r = explain_io(path, -r, error);
	else
		r = read_answer(path, stream, &answer, error);
	(void)fclose(stream);
	if (r == 0)
		r = take_result(path, answer, ret_result, error);
	json_decref(answer);
	return r;
}

int control_ask(const char *path, const char *command, json_t **ret_result, struct error *error)
{
	json_t *request = json_pack("{s:s}", "command", command);
	int r = request ? control_send(path, request, ret_result, error)
			: error_set(error, -ENOMEM, "%s: out of memory", path);

	json_decref(request);
	return r;
}

const char *answer_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t answer_number(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number > 0 ? (uint64_t)number : 0;
}

void answer_print(const json_t *json)
{
	(void)json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)putchar('\n');
}

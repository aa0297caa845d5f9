/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c - the clients of the control socket, as buffered sockets on the loop. */
#include "agent/control.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "agent/control_socket.h"
#include "lib/error.h"
#include "lib/loop.h"

#define IDLE_TIMEOUT_S 5
#define ACCEPT_RETRY_MS 1000

struct client {
	LIST_ENTRY(client) link;
	struct control *control;
	struct bufferevent *stream;
};

struct control {
	struct loop *loop;
	char *path; /* set once the socket is ours to remove */
	struct evconnlistener *listener;
	struct loop_watch *accept_retry;
	control_on_request *on_request;
	void *owner;
	LIST_HEAD(, client) clients;
	size_t client_count;
};

static void remove_client(struct client *client)
{
	struct control *control = client->control;

	LIST_REMOVE(client, link);
	control->client_count--;
	bufferevent_free(client->stream);
	free(client);
	(void)evconnlistener_enable(control->listener);
}

static void free_text(const void *data, size_t length, void *context)
{
	(void)data, (void)length;
	free(context);
}

/* Takes answer. The client goes when all of it is written: see on_written. */
static void send_answer(struct client *client, json_t *answer)
{
	struct evbuffer *output = bufferevent_get_output(client->stream);
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	(void)bufferevent_disable(client->stream, EV_READ);
	if (!text) {
		remove_client(client);
		return;
	}
	if (evbuffer_add_reference(output, text, strlen(text), free_text, text) < 0) {
		free(text);
		remove_client(client);
		return;
	}
	(void)evbuffer_add(output, "\n", 1);
}

/* A sentence that was cut within a character is no UTF-8, which JSON must be. */
static json_t *error_answer(const char *sentence)
{
	char ascii[sizeof(((struct error *)NULL)->text)];
	json_t *text = json_string(sentence);
	size_t i;

	if (!text) {
		for (i = 0; sentence[i] && i < sizeof(ascii) - 1; i++)
			ascii[i] = (unsigned char)sentence[i] < 0x80 ? sentence[i] : '?';
		ascii[i] = '\0';
		text = json_string(ascii);
	}
	return json_pack("{s:o}", "error", text);
}

static void refuse(struct client *client, const char *sentence)
{
	send_answer(client, error_answer(sentence));
}

static void answer_request(struct client *client, const json_t *request)
{
	const json_t *command = json_object_get(request, "command");
	struct error error = { .text = "the agent gave no answer" };
	json_t *result;

	if (!json_is_string(command)) {
		refuse(client, "request: expected an object with \"command\", a string");
		return;
	}
	result = client->control->on_request(json_string_value(command), request, &error,
					     client->control->owner);
	send_answer(client,
		    result ? json_pack("{s:o}", "result", result) : error_answer(error.text));
}

static void on_readable(struct bufferevent *stream, void *context)
{
	struct evbuffer *input = bufferevent_get_input(stream);
	struct client *client = context;
	struct error error;
	json_error_t reason;
	json_t *request;
	size_t length;
	char *line;

	line = evbuffer_readln(input, &length, EVBUFFER_EOL_LF);
	if (!line && evbuffer_get_length(input) <= CONTROL_REQUEST_MAX)
		return;
	if (!line || length > CONTROL_REQUEST_MAX) {
		free(line);
		refuse(client, "request: longer than 65536 bytes");
		return;
	}
	request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &reason);
	free(line);
	if (!request) {
		(void)error_set(&error, -EINVAL, "request: not JSON: column %d: %s", reason.column,
				reason.text);
		refuse(client, error.text);
		return;
	}
	answer_request(client, request);
	json_decref(request);
}

/* Called when the output is empty; before there is an answer that says nothing. */
static void on_written(struct bufferevent *stream, void *context)
{
	if (!(bufferevent_get_enabled(stream) & EV_READ))
		remove_client(context);
}

/* The end of the stream, a failure, or nothing moved for the idle time. */
static void on_event(struct bufferevent *stream, short what, void *context)
{
	if ((what & BEV_EVENT_EOF) && evbuffer_get_length(bufferevent_get_input(stream)) > 0)
		refuse(context, "request: ends without a newline");
	else
		remove_client(context);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int address_length, void *context)
{
	const struct timeval idle = { .tv_sec = IDLE_TIMEOUT_S };
	struct control *control = context;
	struct client *client;

	(void)address, (void)address_length;
	client = calloc(1, sizeof(*client));
	if (client)
		client->stream =
			bufferevent_socket_new(loop_base(control->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->stream) {
		free(client);
		(void)close(fd);
		return;
	}
	client->control = control;
	LIST_INSERT_HEAD(&control->clients, client, link);
	if (++control->client_count >= CONTROL_CLIENT_MAX)
		(void)evconnlistener_disable(listener);

	bufferevent_setcb(client->stream, on_readable, on_written, on_event, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, CONTROL_REQUEST_MAX + 2);
	(void)bufferevent_set_timeouts(client->stream, &idle, &idle);
	if (!control_socket_is_trusted(fd))
		refuse(client, "only root may speak to the agent");
	else if (bufferevent_enable(client->stream, EV_READ) < 0)
		remove_client(client);
}

/* Out of descriptors, say: the listener stays ready, and would be tried without end. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
	struct control *control = context;

	(void)evconnlistener_disable(listener);
	loop_timer_set(control->accept_retry, ACCEPT_RETRY_MS);
}

static void on_accept_retry(void *owner)
{
	struct control *control = owner;

	if (control->client_count < CONTROL_CLIENT_MAX)
		(void)evconnlistener_enable(control->listener);
}

static int listen_on(struct control *control, const char *path, struct error *error)
{
	int fd, r;

	r = control_socket_open(path, &fd, error);
	if (r < 0)
		return r;
	control->path = strdup(path);
	control->listener = evconnlistener_new(loop_base(control->loop), on_accept, control,
					       LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
					       CONTROL_CLIENT_MAX, fd);
	if (!control->path || !control->listener) {
		(void)unlink(path);
		if (!control->listener)
			(void)close(fd);
		return error_set(error, -ENOMEM, "control socket: %s: cannot listen", path);
	}
	evconnlistener_set_error_cb(control->listener, on_accept_error);
	return 0;
}

int control_create(struct loop *loop, const char *path, control_on_request *on_request, void *owner,
		   struct control **ret_control, struct error *error)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return error_set(error, -ENOMEM, "control socket: out of memory");
	LIST_INIT(&control->clients);
	control->loop = loop;
	control->on_request = on_request;
	control->owner = owner;
	control->accept_retry = loop_add_timer(loop, on_accept_retry, control);
	if (!control->accept_retry) {
		r = error_set(error, -ENOMEM, "control socket: out of memory");
		goto fail;
	}
	r = listen_on(control, path, error);
	if (r < 0)
		goto fail;
	(void)signal(SIGPIPE, SIG_IGN);
	*ret_control = control;
	return 0;
fail:
	control_destroy(control);
	return r;
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	while (!LIST_EMPTY(&control->clients))
		remove_client(LIST_FIRST(&control->clients));
	if (control->listener)
		evconnlistener_free(control->listener);
	loop_remove(control->accept_retry);
	if (control->path)
		(void)unlink(control->path);
	free(control->path);
	free(control);
}

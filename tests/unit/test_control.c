/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket: server in a thread of its own, clients in the test's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/control.h"
#include "cmd/control_client.h"
#include "lib/error.h"
#include "lib/loop.h"

#define LARGE_BYTES (2 * 1024 * 1024) /* far above what a socket buffers */
#define IDLE_LIMIT_MS 5000

struct server {
	char directory[64], path[96];
	struct loop *loop;
	struct control *control;
	pthread_t thread;
};

static json_t *large_text(void)
{
	char *text = malloc(LARGE_BYTES);
	json_t *result;

	assert_non_null(text);
	memset(text, 'x', LARGE_BYTES);
	result = json_stringn(text, LARGE_BYTES);
	free(text);
	return result;
}

static json_t *on_request(const char *command, const json_t *request, struct error *error,
			  void *owner)
{
	struct server *server = owner;

	if (strcmp(command, "stop") == 0)
		loop_stop(server->loop);
	if (strcmp(command, "large") == 0)
		return large_text();
	if (strcmp(command, "null") == 0)
		return json_null();
	if (strcmp(command, "cut") == 0)
		(void)error_set(error, -EIO,
				"Stra\xc3\x9f"
				"e ends in \xc3");
	else if (strcmp(command, "fail") == 0)
		(void)error_set(error, -EIO, "the disk is full");
	if (strcmp(command, "cut") == 0 || strcmp(command, "fail") == 0)
		return NULL;
	return json_pack("{s:s, s:O?}", "echo", command, "argument",
			 json_object_get(request, "argument"));
}

static void *run_loop(void *argument)
{
	struct server *server = argument;

	assert_int_equal(loop_run(server->loop), 0);
	return NULL;
}

static void make_directory(struct server *server)
{
	(void)strcpy(server->directory, "/tmp/guideway-test-XXXXXX");
	assert_non_null(mkdtemp(server->directory));
	(void)sprintf(server->path, "%s/run/agent.sock", server->directory);
}

static int start(void **state)
{
	struct server *server = calloc(1, sizeof(*server));
	struct error error = { 0 };

	assert_non_null(server);
	make_directory(server);
	server->loop = loop_create();
	assert_non_null(server->loop);
	assert_int_equal(control_create(server->loop, server->path, on_request, server,
					&server->control, &error),
			 0);
	assert_int_equal(pthread_create(&server->thread, NULL, run_loop, server), 0);
	*state = server;
	return 0;
}

static int connect_to(const struct server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)strcpy(address.sun_path, server->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int stop(void **state)
{
	struct server *server = *state;
	const char request[] = "{\"command\":\"stop\"}\n";
	int fd = connect_to(server);

	assert_true(send(fd, request, strlen(request), 0) > 0);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	control_destroy(server->control);
	(void)close(fd);
	loop_destroy(server->loop);
	assert_int_equal(access(server->path, F_OK), -1);
	*strrchr(server->path, '/') = '\0';
	assert_int_equal(rmdir(server->path), 0);
	assert_int_equal(rmdir(server->directory), 0);
	free(server);
	return 0;
}

static bool is_closed(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&poll_fd, 1, timeout_ms) == 1 && recv(fd, &byte, 1, MSG_PEEK) <= 0;
}

/* Sends bytes as they are, and gives what is answered until the server closes. */
static const char *answer_to(const struct server *server, const void *bytes, size_t length)
{
	static char answer[1024];
	int fd = connect_to(server);
	size_t at = 0;
	ssize_t part;

	while (length > 0 && (part = send(fd, bytes, length, MSG_NOSIGNAL)) > 0) {
		bytes = (const char *)bytes + part;
		length -= (size_t)part;
	}
	(void)shutdown(fd, SHUT_WR);
	while ((part = recv(fd, answer + at, sizeof(answer) - 1 - at, 0)) > 0)
		at += (size_t)part;
	answer[at] = '\0';
	(void)close(fd);
	return answer;
}

static const char *answer_to_text(const struct server *server, const char *text)
{
	return answer_to(server, text, strlen(text));
}

static void a_command_is_answered_with_its_result(void **state)
{
	const struct server *server = *state;
	json_t *result = NULL;

	assert_string_equal(
		answer_to_text(server, "{\"command\": \"status\", \"argument\": [1, 2]}\n"),
		"{\"result\":{\"echo\":\"status\",\"argument\":[1,2]}}\n");
	assert_int_equal(control_ask(server->path, "status", &result, NULL), 0);
	assert_string_equal(answer_text(result, "echo"), "status");
	json_decref(result);
	assert_int_equal(control_ask(server->path, "null", &result, NULL), 0);
	assert_true(json_is_null(result));
}

static void a_failure_of_the_agent_reaches_the_client_as_a_sentence(void **state)
{
	const struct server *server = *state;
	struct error error = { 0 };
	json_t *result = NULL;

	assert_int_equal(control_ask(server->path, "fail", &result, &error), -EREMOTEIO);
	assert_string_equal(error.text, "the disk is full");
	assert_null(result);
	assert_int_equal(control_ask(server->path, "cut", &result, &error), -EREMOTEIO);
	assert_string_equal(error.text, "Stra??e ends in ?");
}

static void garbage_is_refused_with_a_sentence(void **state)
{
	static const char *const garbage[] = {
		"\n",
		"hello\n",
		"[]\n",
		"{\n",
		"{\"command\": 1}\n",
		"{\"command\": null}\n",
		"{}\n",
		"\"command\"\n",
		"{\"command\": \"a\", \"command\": \"b\"}\n",
		"\xff\xfe\n",
		"{\"command\": \"a\"} x\n",
		"{\"command\": \"a\\u0000b\"}\n",
	};

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		assert_memory_equal(answer_to_text(*state, garbage[i]),
				    "{\"error\":\"request: ", strlen("{\"error\":\"request: "));
	assert_memory_equal(answer_to(*state, "\0\0\n", 3), "{\"error\":\"request: not JSON",
			    strlen("{\"error\":\"request: not JSON"));
}

static void a_request_without_a_newline_is_refused(void **state)
{
	assert_string_equal(answer_to_text(*state, "{\"command\": \"status\"}"),
			    "{\"error\":\"request: ends without a newline\"}\n");
	assert_string_equal(answer_to_text(*state, ""), "");
}

static void a_request_of_the_limit_is_heard_and_one_byte_more_is_not(void **state)
{
	char *request = malloc(CONTROL_REQUEST_MAX + 2);
	const char head[] = "{\"command\": \"status\"}";

	assert_non_null(request);
	memset(request, ' ', CONTROL_REQUEST_MAX + 2);
	memcpy(request, head, strlen(head));
	request[CONTROL_REQUEST_MAX] = '\n';
	assert_string_equal(answer_to(*state, request, CONTROL_REQUEST_MAX + 1),
			    "{\"result\":{\"echo\":\"status\",\"argument\":null}}\n");
	request[CONTROL_REQUEST_MAX] = ' ';
	request[CONTROL_REQUEST_MAX + 1] = '\n';
	assert_string_equal(answer_to(*state, request, CONTROL_REQUEST_MAX + 2),
			    "{\"error\":\"request: longer than 65536 bytes\"}\n");
	free(request);
}

static void an_endless_request_is_refused_while_it_is_sent(void **state)
{
	size_t length = 4 * 1024 * 1024;
	char *request = malloc(length);

	assert_non_null(request);
	memset(request, 'x', length);
	assert_string_equal(answer_to(*state, request, length),
			    "{\"error\":\"request: longer than 65536 bytes\"}\n");
	free(request);
}

static void a_large_answer_arrives_whole_and_holds_nobody_up(void **state)
{
	const struct server *server = *state;
	json_t *result = NULL;
	int idle = connect_to(server);

	/* This one does not read. */
	assert_true(send(idle, "{\"command\":\"large\"}\n", 20, 0) == 20);
	assert_int_equal(control_ask(server->path, "large", &result, NULL), 0);
	assert_int_equal(json_string_length(result), LARGE_BYTES);
	json_decref(result);
	(void)close(idle);
	assert_int_equal(control_ask(server->path, "status", &result, NULL), 0);
	json_decref(result);
}

static void many_clients_at_once_are_all_answered(void **state)
{
	const char request[] = "{\"command\":\"status\"}\n";
	char answer[256];
	int fds[60];

	for (size_t i = 0; i < 60; i++) {
		fds[i] = connect_to(*state);
		assert_true(send(fds[i], request, strlen(request), 0) > 0);
	}
	for (size_t i = 0; i < 60; i++) {
		assert_true(recv(fds[i], answer, sizeof(answer), 0) > 0);
		assert_memory_equal(answer, "{\"result\"", 9);
		(void)close(fds[i]);
	}
}

static void silent_clients_are_dropped_and_others_wait_only_when_all_places_are_taken(void **state)
{
	const struct server *server = *state;
	uint64_t start_ms = loop_now_ms();
	int fds[CONTROL_CLIENT_MAX];
	json_t *result = NULL;

	for (size_t i = 0; i + 1 < CONTROL_CLIENT_MAX; i++) {
		fds[i] = connect_to(server);
		assert_true(send(fds[i], "{\"comm", 6, 0) == 6);
	}
	assert_int_equal(control_ask(server->path, "status", &result, NULL), 0);
	json_decref(result);
	assert_true(loop_now_ms() - start_ms < IDLE_LIMIT_MS / 2);

	fds[CONTROL_CLIENT_MAX - 1] = connect_to(server);
	assert_int_equal(control_ask(server->path, "status", &result, NULL), 0);
	json_decref(result);
	assert_true(loop_now_ms() - start_ms >= IDLE_LIMIT_MS - 500);
	for (size_t i = 0; i < CONTROL_CLIENT_MAX; i++) {
		assert_true(is_closed(fds[i], IDLE_LIMIT_MS + 2000));
		(void)close(fds[i]);
	}
}

static void only_the_owner_may_reach_the_socket(void **state)
{
	const struct server *server = *state;
	struct stat status;

	assert_int_equal(stat(server->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void another_user_is_refused_even_where_the_file_lets_him(void **state)
{
	struct server *server = *state;
	int status;
	pid_t child;

	if (geteuid() != 0) {
		print_message("# skipped: needs root to become another user\n");
		skip();
	}
	assert_int_equal(chmod(server->path, 0666), 0);
	assert_int_equal(chmod(server->directory, 0755), 0);
	child = fork();
	if (child == 0) {
		struct error error = { 0 };
		json_t *result = NULL;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		(void)control_ask(server->path, "status", &result, &error);
		_exit(strcmp(error.text, "only root may speak to the agent") != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_socket_on_which_somebody_answers_is_left_alone(void **state)
{
	struct server *server = *state;
	struct control *second = NULL;
	struct error error = { 0 };
	struct loop *loop = loop_create();
	json_t *result = NULL;

	assert_non_null(loop);
	assert_int_equal(control_create(loop, server->path, on_request, NULL, &second, &error),
			 -EADDRINUSE);
	assert_non_null(strstr(error.text, "another agent answers there"));
	assert_null(second);
	loop_destroy(loop);
	assert_int_equal(control_ask(server->path, "status", &result, NULL), 0);
	json_decref(result);
}

static void no_agent_is_said_plainly(void **state)
{
	struct error error = { 0 };
	json_t *result = NULL;

	(void)state;
	assert_int_equal(control_ask("/nowhere/agent.sock", "status", &result, &error), -ENOENT);
	assert_string_equal(
		error.text,
		"no agent answers on /nowhere/agent.sock: is `guideway agent` running?");
}

/* Binds a socket to the server's path and goes, as an agent that was killed does. */
static void leave_stale_socket(const struct server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)strcpy(address.sun_path, server->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
}

static void a_stale_socket_is_replaced_and_another_file_is_not(void **state)
{
	struct server server = { 0 };
	struct error error = { 0 };
	FILE *file;

	(void)state;
	make_directory(&server);
	(void)sprintf(server.path, "%s/agent.sock", server.directory);
	server.loop = loop_create();
	assert_non_null(server.loop);
	leave_stale_socket(&server);
	assert_int_equal(control_create(server.loop, server.path, on_request, &server,
					&server.control, &error),
			 0);
	control_destroy(server.control);
	assert_int_equal(access(server.path, F_OK), -1);

	server.control = NULL;
	file = fopen(server.path, "w");
	assert_non_null(file);
	(void)fclose(file);
	assert_int_equal(control_create(server.loop, server.path, on_request, &server,
					&server.control, &error),
			 -EEXIST);
	assert_null(server.control);
	assert_int_equal(unlink(server.path), 0);
	assert_int_equal(rmdir(server.directory), 0);
	loop_destroy(server.loop);
}

static void a_path_that_cannot_be_is_refused_with_a_reason(void **state)
{
	struct loop *loop = loop_create();
	struct control *control = NULL;
	struct error error = { 0 };
	char path[200];

	(void)state;
	assert_non_null(loop);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_create(loop, path, on_request, NULL, &control, &error),
			 -ENAMETOOLONG);
	assert_non_null(strstr(error.text, "the path has 199 bytes, expected at most 107"));
	assert_int_equal(
		control_create(loop, "/proc/x/agent.sock", on_request, NULL, &control, &error),
		-ENOENT);
	assert_non_null(strstr(error.text, "/proc/x: cannot make the directory"));
	assert_null(control);
	loop_destroy(loop);
}

#define served(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		served(a_command_is_answered_with_its_result),
		served(a_failure_of_the_agent_reaches_the_client_as_a_sentence),
		served(garbage_is_refused_with_a_sentence),
		served(a_request_without_a_newline_is_refused),
		served(a_request_of_the_limit_is_heard_and_one_byte_more_is_not),
		served(an_endless_request_is_refused_while_it_is_sent),
		served(a_large_answer_arrives_whole_and_holds_nobody_up),
		served(many_clients_at_once_are_all_answered),
		served(silent_clients_are_dropped_and_others_wait_only_when_all_places_are_taken),
		served(only_the_owner_may_reach_the_socket),
		served(another_user_is_refused_even_where_the_file_lets_him),
		served(a_socket_on_which_somebody_answers_is_left_alone),
		cmocka_unit_test(no_agent_is_said_plainly),
		cmocka_unit_test(a_stale_socket_is_replaced_and_another_file_is_not),
		cmocka_unit_test(a_path_that_cannot_be_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

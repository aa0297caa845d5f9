/* SPDX-License-Identifier: BSD-2-Clause */
/* process.c - posix_spawn and two pipes. */
#include "kube/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"

#define OUTPUT_LIMIT ((size_t)1 << 20)
#define COMPLAINT_LIMIT 4096

struct stream {
	int fd; /* -1: closed */
	char *text;
	size_t length;
};

struct process {
	pid_t pid; /* 0: it ended */
	struct stream output, complaint;
	char end[32];
};

static int open_stream(struct stream *stream, size_t limit, int *ret_write_end)
{
	int ends[2];

	stream->text = calloc(1, limit + 1);
	if (!stream->text)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	stream->fd = ends[0];
	*ret_write_end = ends[1];
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Of what we ignore, nothing is inherited: it may rely on SIGPIPE. */
static int spawn(struct process *process, char *const *arguments, char *const *environment,
		 int output, int complaint)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGKILL);
	(void)sigdelset(&all, SIGSTOP);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
							    POSIX_SPAWN_SETPGROUP);
	r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, complaint, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (r == 0)
		r = posix_spawnp(&process->pid, arguments[0], &actions, &attributes, arguments,
				 environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int process_start(char *const *arguments, char *const *environment, struct process **ret,
		  struct error *error)
{
	struct process *process = calloc(1, sizeof(*process));
	int output = -1, complaint = -1, r;

	if (!process)
		return error_set(error, -ENOMEM, "%s: no memory left to run it", arguments[0]);
	process->output.fd = process->complaint.fd = -1;
	r = open_stream(&process->output, OUTPUT_LIMIT, &output);
	if (r == 0)
		r = open_stream(&process->complaint, COMPLAINT_LIMIT, &complaint);
	if (r == 0)
		r = spawn(process, arguments, environment, output, complaint);
	close_fd(&output);
	close_fd(&complaint);
	if (r < 0) {
		process->pid = 0;
		process_destroy(process);
		return error_set(error, r, "%s: %s, expected a program to run", arguments[0],
				 strerror(-r));
	}
	*ret = process;
	return 0;
}

static void kill_all(struct process *process)
{
	if (!process->pid)
		return;
	(void)kill(-process->pid, SIGKILL);
	(void)waitpid(process->pid, NULL, 0);
	process->pid = 0;
}

void process_destroy(struct process *process)
{
	if (!process)
		return;
	kill_all(process);
	close_fd(&process->output.fd);
	close_fd(&process->complaint.fd);
	if (process->output.text)
		explicit_bzero(process->output.text, process->output.length);
	free(process->output.text);
	free(process->complaint.text);
	free(process);
}

/* False when there is more than limit; what comes then is dropped. */
static bool drain(struct stream *stream, size_t limit)
{
	char spill[512] = "";
	bool fits = true;

	while (stream->fd >= 0) {
		bool full = stream->length == limit;
		ssize_t n = read(stream->fd, full ? spill : stream->text + stream->length,
				 full ? sizeof(spill) : limit - stream->length);

		if (n > 0 && full)
			fits = false;
		else if (n > 0)
			stream->length += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			break;
		else
			close_fd(&stream->fd);
		if (!fits)
			break;
	}
	return fits;
}

int process_poll(struct process *process)
{
	int status = 0;
	pid_t ended = waitpid(process->pid, &status, WNOHANG);
	bool fits = drain(&process->output, OUTPUT_LIMIT);

	(void)drain(&process->complaint, COMPLAINT_LIMIT);
	if (ended == 0 && fits)
		return -EAGAIN;
	if (ended != 0)
		process->pid = 0;
	if (!fits)
		return -E2BIG;
	if (WIFSIGNALED(status))
		(void)snprintf(process->end, sizeof(process->end), "signal %d", WTERMSIG(status));
	else
		(void)snprintf(process->end, sizeof(process->end), "status %d",
			       WEXITSTATUS(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

const char *process_end(const struct process *process)
{
	return process->end;
}

const char *process_output(const struct process *process, size_t *ret_length)
{
	*ret_length = process->output.length;
	return process->output.text;
}

const char *process_complaint(struct process *process)
{
	struct stream *stream = &process->complaint;
	char *line;

	while (stream->length > 0 && strchr("\r\n ", stream->text[stream->length - 1]))
		stream->text[--stream->length] = '\0';
	line = strrchr(stream->text, '\n');
	for (char *c = stream->text; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\n') || *c == 0x7f)
			*c = '?';
	return line ? line + 1 : stream->text;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* control_socket.c - the listening socket in the file system. */
#include "agent/control_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/error.h"

static int make_directory(const char *path, struct error *error)
{
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	(void)stpcpy(directory, path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return 0;
	*slash = '\0';
	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return error_set(error, -errno, "control socket: %s: cannot make the directory: %s",
				 directory, strerror(errno));
	return 0;
}

/* 0 when path is a socket on which nobody answers. */
static int check_stale(const struct sockaddr_un *address, struct error *error)
{
	struct stat status;
	int fd, r;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0
				       : error_set(error, -errno, "control socket: %s: %s",
						   address->sun_path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return error_set(error, -EEXIST,
				 "control socket: %s: there is a file that is no socket; "
				 "move it away or choose another --socket",
				 address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, -errno, "control socket: %s", strerror(errno));
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	(void)close(fd);
	if (r != -ECONNREFUSED)
		return error_set(error, -EADDRINUSE,
				 "control socket: %s: another agent answers there; stop it or "
				 "choose another --socket",
				 address->sun_path);
	return 0;
}

static int bind_to(int fd, const struct sockaddr_un *address, struct error *error)
{
	int r = check_stale(address, error);

	if (r < 0)
		return r;
	(void)unlink(address->sun_path);
	/* The file takes the socket's mode: there is no moment at which others may connect. */
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return error_set(error, -errno, "control socket: %s: cannot be made: %s",
				 address->sun_path, strerror(errno));
	return 0;
}

int control_socket_open(const char *path, int *ret_fd, struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(error, -ENAMETOOLONG,
				 "control socket: %s: the path has %zu bytes, expected at most %zu",
				 path, strlen(path), sizeof(address.sun_path) - 1);
	(void)stpcpy(address.sun_path, path);
	r = make_directory(path, error);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, -errno, "control socket: %s", strerror(errno));
	r = bind_to(fd, &address, error);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

bool control_socket_is_trusted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

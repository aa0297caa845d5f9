/* SPDX-License-Identifier: BSD-2-Clause */
/* state.c - files in the state directory, each replaced as a whole. */
#include "agent/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/error.h"
#include "lib/whole_file.h"
#include "model/drain.h"
#include "model/pool.h"

static int make_path(const char *state_dir, const char *name, char *path, struct error *error)
{
	int length = snprintf(path, PATH_MAX, "%s/%s", state_dir, name);

	if (length < 0 || length >= PATH_MAX)
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long", state_dir);
	return 0;
}

int state_prepare(const char *state_dir, struct error *error)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/", state_dir) >= (int)sizeof(path))
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long", state_dir);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return error_set(error, -errno, "%s: cannot create the state directory: %s",
					 path, strerror(errno));
		*slash = '/';
	}
	if (access(state_dir, W_OK | X_OK) < 0)
		return error_set(error, -errno, "%s: cannot write to the state directory: %s",
				 state_dir, strerror(errno));
	return 0;
}

static int replace_file(const char *path, const char *text, struct error *error)
{
	struct whole_file *file;
	int r = whole_file_create(path, &file, error);

	if (r < 0)
		return r;
	r = whole_file_write(file, text, error);
	if (r == 0)
		return whole_file_commit(file, error);
	whole_file_abandon(file);
	return r;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int key_from_hex(const char *what, const char *path, const char *text, uint8_t *key,
			size_t size, struct error *error)
{
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]);
		int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);

		if (low < 0)
			return error_set(error, -EINVAL,
					 "%s: not a %s, expected %zu hexadecimal digits "
					 "(openssl rand -hex %zu)",
					 path, what, 2 * size, size);
		key[i] = (uint8_t)(high << 4 | low);
	}
	if (text[2 * size] != '\0' && text[2 * size] != '\n')
		return error_set(error, -EINVAL,
				 "%s: more than a %s, expected %zu hexadecimal digits", path, what,
				 2 * size);
	return 0;
}

static int make_key(const char *path, size_t size, struct error *error)
{
	uint8_t key[64];
	char text[2 * sizeof(key) + 2] = "";

	if (size > sizeof(key) || getrandom(key, size, 0) != (ssize_t)size)
		return error_set(error, -EIO, "%s: no random bytes for a hash key", path);
	for (size_t i = 0; i < size; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", key[i]);
	text[2 * size] = '\n';
	text[2 * size + 1] = '\0';
	return replace_file(path, text, error);
}

int state_read_key(const char *what, const char *path, uint8_t *ret_key, size_t size,
		   struct error *error)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return error_set(error, -errno, "%s: cannot read the %s: %s", path, what,
				 strerror(errno));
	length = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (length < 0)
		return error_set(error, -errno, "%s: cannot read the %s: %s", path, what,
				 strerror(errno));
	return key_from_hex(what, path, text, ret_key, size, error);
}

int state_read_hash_key(const char *state_dir, const char *path, uint8_t *ret_key, size_t size,
			struct error *error)
{
	char own[PATH_MAX];
	int r;

	if (path)
		return state_read_key("hash key", path, ret_key, size, error);
	r = make_path(state_dir, "hash-key", own, error);
	if (r == 0 && access(own, F_OK) < 0)
		r = make_key(own, size, error);
	return r < 0 ? r : state_read_key("hash key", own, ret_key, size, error);
}

static int load_assignment(const char *path, struct pool *pool, const json_t *item,
			   struct error *error)
{
	const char *owner = json_string_value(json_object_get(item, "service"));
	const char *text = json_string_value(json_object_get(item, "address"));
	struct address address;
	int r;

	if (!owner || !text)
		return error_set(error, -EINVAL, "%s: an entry has no service or no address", path);
	r = address_parse(text, &address, error);
	if (r == 0)
		r = pool_reserve(pool, owner, &address, true, error);
	return r;
}

/* Gives path and the list that is in it; NULL when there is no such file. */
static int load_list(const char *state_dir, const char *name, char *path, json_t **ret,
		     struct error *error)
{
	json_error_t json_error;
	int r = make_path(state_dir, name, path, error);

	*ret = NULL;
	if (r < 0 || access(path, F_OK) < 0)
		return r;
	*ret = json_load_file(path, 0, &json_error);
	if (!*ret)
		return error_set(error, -EINVAL, "%s:%d:%d: %s", path, json_error.line,
				 json_error.column, json_error.text);
	return 0;
}

int state_load_addresses(const char *state_dir, struct pool *pool, struct error *error)
{
	char path[PATH_MAX];
	json_t *list;
	json_t *item;
	size_t index;
	int r = load_list(state_dir, "addresses.json", path, &list, error);

	json_array_foreach(list, index, item)
	{
		r = load_assignment(path, pool, item, error);
		if (r < 0)
			break;
	}
	json_decref(list);
	return r;
}

static void append_assignment(const char *owner, const struct address *address, void *context)
{
	char text[ADDRESS_TEXT_SIZE];

	(void)json_array_append_new(context, json_pack("{s:s, s:s}", "service", owner, "address",
						       address_format(address, text)));
}

static bool file_says(const char *path, const json_t *list)
{
	json_t *old = json_load_file(path, 0, NULL);
	bool same = old ? json_equal(old, list) : json_array_size(list) == 0;

	json_decref(old);
	return same;
}

/* Takes list; NULL is no memory. */
static int save_list(const char *state_dir, const char *name, json_t *list, struct error *error)
{
	char path[PATH_MAX];
	char *text = NULL;
	int r = make_path(state_dir, name, path, error);

	if (r == 0 && !(list && file_says(path, list))) {
		text = list ? json_dumps(list, JSON_INDENT(2)) : NULL;
		r = text ? replace_file(path, text, error)
			 : error_set(error, -ENOMEM, "%s: no memory to write it", path);
	}
	free(text);
	json_decref(list);
	return r;
}

int state_save_addresses(const char *state_dir, const struct pool *pool, struct error *error)
{
	json_t *list = json_array();

	if (list)
		pool_for_each(pool, append_assignment, list);
	return save_list(state_dir, "addresses.json", list, error);
}

static int load_drain(const char *path, const json_t *item, struct drain_list *drains,
		      struct error *error)
{
	const char *text = json_string_value(json_object_get(item, "backend"));
	struct drain drain;
	int r;

	if (!text)
		return error_set(error, -EINVAL, "%s: an entry has no backend", path);
	r = drain_parse(text, &drain, error);
	if (r < 0)
		return error_prefix(error, "%s", path);
	drain.since_s = json_integer_value(json_object_get(item, "since"));
	r = drain_list_add(drains, &drain);
	return r < 0 ? error_set(error, r, "%s: no room for so many", path) : 0;
}

int state_load_drains(const char *state_dir, struct drain_list *drains, struct error *error)
{
	char path[PATH_MAX];
	json_t *list;
	json_t *item;
	size_t index;
	int r = load_list(state_dir, "drains.json", path, &list, error);

	json_array_foreach(list, index, item)
	{
		r = load_drain(path, item, drains, error);
		if (r < 0)
			break;
	}
	json_decref(list);
	return r;
}

int state_save_drains(const char *state_dir, const struct drain_list *drains, struct error *error)
{
	json_t *list = json_array();
	char text[DRAIN_TEXT_SIZE];

	for (size_t i = 0; list && i < drains->count; i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:I}", "backend",
							    drain_format(&drains->items[i], text),
							    "since",
							    (json_int_t)drains->items[i].since_s));
	return save_list(state_dir, "drains.json", list, error);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* kubeconfig.c - several files as one, and its current context. */
#include "kube/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/kubeconfig_entry.h"
#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"
#include "source/manifest_text.h"

struct config_file {
	struct config_file *next;
	const char *path;
	struct field top;
};

struct config {
	struct arena *arena;
	struct config_file *files, **tail;
	const char *paths;
	struct error *error;
};

/* "path:line:column: ..." */
static int name_file(const char *path, int r, struct error *error)
{
	char text[sizeof(error->text)];

	if (r == 0 || !error)
		return r;
	(void)snprintf(text, sizeof(text), "%s", error->text);
	return error_set(error, r, "%s:%s", path, text);
}

static int no_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "kubeconfig: no memory left to read it");
}

static int check_kind(const struct field *top, struct error *error)
{
	struct field kind = field_at(top, "kind"), version = field_at(top, "apiVersion");
	const char *text = "Config", *version_text = "v1";
	int r;

	if (top->node->type != NODE_MAPPING)
		return field_error(top, error, "%s, expected a kubeconfig: a mapping",
				   node_type_name(top->node->type));
	r = field_string(top, "kind", &text, error);
	if (r == 0)
		r = field_string(top, "apiVersion", &version_text, error);
	if (r < 0)
		return r;
	if (*text && strcmp(text, "Config") != 0)
		return field_error(&kind, error, "\"%.60s\", expected \"Config\"", text);
	if (*version_text && strcmp(version_text, "v1") != 0)
		return field_error(&version, error, "\"%.60s\", expected \"v1\"", version_text);
	return 0;
}

static int parse_file(struct config *config, const char *path, const char *text, size_t length)
{
	struct config_file *file = arena_alloc(config->arena, sizeof(*file));
	const struct node *root;
	int r;

	if (!file)
		return no_memory(config->error);
	r = document_parse(config->arena, text, length, 0, &root, config->error);
	if (r < 0)
		return name_file(path, r, config->error);
	if (root->type == NODE_NULL)
		return 0;
	file->path = path;
	file->top = (struct field){ .node = root };
	r = check_kind(&file->top, config->error);
	if (r < 0)
		return name_file(path, r, config->error);
	*config->tail = file;
	config->tail = &file->next;
	return 0;
}

/* Of several files those that are not there are left out. */
static int read_file(struct config *config, const char *path, bool *ret_found)
{
	struct manifest_identity identity;
	size_t length;
	char *text;
	int r = manifest_text_read(path, &text, &length, &identity, config->error);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	*ret_found = true;
	r = parse_file(config, path, text, length);
	explicit_bzero(text, length);
	free(text);
	return r;
}

static int read_files(struct config *config)
{
	char *list = arena_strdup(config->arena, config->paths), *rest = list, *path;
	bool found = false;

	if (!list)
		return no_memory(config->error);
	while ((path = strsep(&rest, ":"))) {
		int r = *path ? read_file(config, path, &found) : 0;

		if (r < 0)
			return r;
	}
	if (!found)
		return error_set(config->error, -ENOENT, "%s: not there, expected a kubeconfig",
				 *config->paths ? config->paths : "\"\"");
	return 0;
}

/* Whether the list's item has this name; -EINVAL for one that has none. */
static int item_is_named(const struct field *item, const char *name, struct error *error)
{
	const char *text = "";
	int r = field_string(item, "name", &text, error);

	if (r < 0)
		return r;
	return strcmp(text, name) == 0;
}

/* 1 when it is there. */
static int find_in_file(const struct config_file *file, const char *list, const char *body,
			const char *name, struct kubeconfig_entry *ret, struct error *error)
{
	size_t index = 0, found = 0;
	int r;

	ret->path = file->path;
	ret->top = file->top;
	r = field_list(&ret->top, list, &ret->list, error);
	if (r < 0 || !ret->list.node)
		return r;
	for (const struct node *child = ret->list.node->first; child; child = child->next) {
		struct field item = field_item(&ret->list, index++, child);

		r = item_is_named(&item, name, error);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (found++)
			return field_error(&item, error,
					   "the name \"%.60s\" a second time, expected it once",
					   name);
		ret->item = item;
	}
	if (!found)
		return 0;
	r = field_mapping(&ret->item, body, &ret->body, error);
	return r < 0 ? r : 1;
}

static int find_entry(struct config *config, const char *list, const char *body, const char *name,
		      struct kubeconfig_entry *ret)
{
	ret->arena = config->arena;
	for (const struct config_file *file = config->files; file; file = file->next) {
		int r = find_in_file(file, list, body, name, ret, config->error);

		if (r != 0)
			return r > 0 ? 0 : name_file(file->path, r, config->error);
	}
	return error_set(config->error, -EINVAL, "%s: %s: nothing named \"%.60s\", which %s names",
			 config->paths, list, name,
			 strcmp(list, "contexts") == 0 ? "current-context" : "the context");
}

static int read_context_name(struct config *config, const char **ret)
{
	*ret = NULL;
	for (const struct config_file *file = config->files; file && !*ret; file = file->next) {
		int r = kubeconfig_string(&file->top, "current-context", ret, config->error);

		if (r < 0)
			return name_file(file->path, r, config->error);
	}
	if (*ret)
		return 0;
	return error_set(config->error, -EINVAL,
			 "%s: current-context: nothing, expected the name of a context",
			 config->paths);
}

static int read_context(const struct kubeconfig_entry *context, const char **ret_cluster,
			const char **ret_user, const char **ret_namespace, struct error *error)
{
	struct field cluster = field_at(&context->body, "cluster");
	int r = kubeconfig_string(&context->body, "cluster", ret_cluster, error);

	if (r == 0)
		r = kubeconfig_string(&context->body, "user", ret_user, error);
	if (r == 0)
		r = kubeconfig_string(&context->body, "namespace", ret_namespace, error);
	if (r == 0 && !*ret_cluster)
		r = field_error(&cluster, error, "nothing, expected the name of a cluster");
	return name_file(context->path, r, error);
}

static int read_settings(struct config *config, bool allow_exec, struct kube_settings *settings)
{
	const char *name, *cluster_name = NULL, *user_name = NULL;
	struct kubeconfig_entry context, cluster, user;
	int r = read_context_name(config, &name);

	if (r == 0)
		r = find_entry(config, "contexts", "context", name, &context);
	if (r == 0)
		r = read_context(&context, &cluster_name, &user_name, &settings->namespace,
				 config->error);
	if (r == 0)
		r = find_entry(config, "clusters", "cluster", cluster_name, &cluster);
	if (r == 0)
		r = name_file(cluster.path,
			      kubeconfig_read_cluster(&cluster, settings, config->error),
			      config->error);
	if (r < 0 || !user_name)
		return r;
	r = find_entry(config, "users", "user", user_name, &user);
	if (r == 0)
		r = name_file(user.path,
			      kubeconfig_read_user(&user, allow_exec, settings, config->error),
			      config->error);
	return r;
}

int kubeconfig_read(const char *paths, bool allow_exec, struct arena *arena,
		    struct kube_settings *ret, struct error *error)
{
	struct config config = { .arena = arena, .paths = paths, .error = error };
	struct kube_settings settings = { 0 };
	int r;

	config.tail = &config.files;
	r = read_files(&config);
	if (r == 0)
		r = read_settings(&config, allow_exec, &settings);
	if (r == 0)
		*ret = settings;
	return r;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* access.c - what was said, and over it what the files and the program say by now. */
#include "kube/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/kubeconfig.h"
#include "kube/plugin.h"
#include "kube/secret_file.h"
#include "lib/arena.h"
#include "lib/error.h"
#include "source/manifest_text.h"

#define LOOK_MS 1000
#define READ_MS 60000

struct kube_access {
	struct arena *arena;
	struct kube_settings settings;
	struct secret_file *ca, *client_certificate, *client_key, *token; /* NULL: no file */
	struct plugin *plugin;                                            /* NULL: none */
	struct kube_credentials credentials;
	uint64_t looked_ms, read_ms;
	bool looked;
	struct error problem; /* with the files; code 0: none */
};

static int no_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "no memory left for the credentials");
}

static struct kube_access *create(struct error *error)
{
	struct kube_access *access = calloc(1, sizeof(*access));

	if (access)
		access->arena = arena_create();
	if (access && access->arena)
		return access;
	free(access);
	(void)no_memory(error);
	return NULL;
}

void kube_access_destroy(struct kube_access *access)
{
	if (!access)
		return;
	plugin_destroy(access->plugin);
	secret_file_destroy(access->ca);
	secret_file_destroy(access->client_certificate);
	secret_file_destroy(access->client_key);
	secret_file_destroy(access->token);
	arena_destroy(access->arena);
	free(access);
}

/* What was said, then the files, then the program. */
static void compose(struct kube_access *access)
{
	struct kube_credentials *credentials = &access->credentials;
	uint64_t connection_version = credentials->connection_version;
	uint64_t version = credentials->version;

	*credentials = access->settings.said;
	credentials->connection_version = connection_version;
	credentials->version = version;
	if (access->ca)
		credentials->ca = secret_file_secret(access->ca);
	if (access->client_certificate)
		credentials->client_certificate = secret_file_secret(access->client_certificate);
	if (access->client_key)
		credentials->client_key = secret_file_secret(access->client_key);
	if (access->token)
		credentials->token = secret_file_secret(access->token);
	if (access->plugin) {
		const struct plugin_credential *given = plugin_credential(access->plugin);

		credentials->token = given->token;
		credentials->client_certificate = given->client_certificate;
		credentials->client_key = given->client_key;
	}
}

static int open_file(const char *path, enum secret_kind kind, struct secret_file **ret,
		     struct error *error)
{
	return path ? secret_file_open(path, kind, ret, error) : 0;
}

static int open_secrets(struct kube_access *access, struct error *error)
{
	const struct kube_settings *settings = &access->settings;
	int r = open_file(settings->ca_file, SECRET_CERTIFICATE, &access->ca, error);

	if (r == 0)
		r = open_file(settings->client_certificate_file, SECRET_CERTIFICATE,
			      &access->client_certificate, error);
	if (r == 0)
		r = open_file(settings->client_key_file, SECRET_KEY, &access->client_key, error);
	if (r == 0)
		r = open_file(settings->token_file, SECRET_TOKEN, &access->token, error);
	compose(access);
	if (r == 0 && settings->plugin) {
		r = plugin_create(settings->plugin, &access->credentials, &access->plugin, error);
		if (r == 0)
			compose(access);
	}
	return r;
}

int kube_access_open_kubeconfig(const char *paths, bool allow_exec, struct kube_access **ret,
				struct error *error)
{
	struct kube_access *access = create(error);
	int r;

	if (!access)
		return -ENOMEM;
	r = kubeconfig_read(paths, allow_exec, access->arena, &access->settings, error);
	if (r == 0)
		r = open_secrets(access, error);
	if (r < 0) {
		kube_access_destroy(access);
		return r;
	}
	*ret = access;
	return 0;
}

static char *join(struct arena *arena, const char *format, const char *a, const char *b)
{
	char *text = NULL, *copy;

	if (asprintf(&text, format, a, b) < 0)
		return NULL;
	copy = arena_strdup(arena, text);
	free(text);
	return copy;
}

static int check_environment(const char *host, const char *port, struct error *error)
{
	char *end;
	unsigned long number;

	if (!host || !*host || !port || !*port)
		return error_set(error, -ENOENT,
				 "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: not both "
				 "set, expected what Kubernetes sets in a pod");
	number = strtoul(port, &end, 10);
	if (port[strspn(port, "0123456789")] || *end || number < 1 || number > 65535)
		return error_set(error, -EINVAL,
				 "KUBERNETES_SERVICE_PORT: \"%.60s\", expected 1 to 65535", port);
	if (host[strcspn(host, "/@?#[]% \t\r\n")])
		return error_set(error, -EINVAL,
				 "KUBERNETES_SERVICE_HOST: \"%.60s\", expected an address", host);
	return 0;
}

/* The pod's own namespace; without the file "default". */
static const char *read_namespace(struct arena *arena, const char *path)
{
	struct manifest_identity identity;
	const char *name = NULL;
	size_t length;
	char *text;

	if (manifest_text_read(path, &text, &length, &identity, NULL) < 0)
		return NULL;
	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	if (length > 0)
		name = arena_copy(arena, text, length);
	free(text);
	return name;
}

static int settle_in_cluster(struct kube_access *access, const char *directory, const char *host,
			     const char *port, struct error *error)
{
	struct kube_settings *settings = &access->settings;
	const char *namespace_file = join(access->arena, "%s/%s", directory, "namespace");

	settings->said.server = join(
		access->arena, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
	settings->ca_file = join(access->arena, "%s/%s", directory, "ca.crt");
	settings->token_file = join(access->arena, "%s/%s", directory, "token");
	if (!settings->said.server || !settings->ca_file || !settings->token_file ||
	    !namespace_file)
		return no_memory(error);
	settings->namespace = read_namespace(access->arena, namespace_file);
	return open_secrets(access, error);
}

int kube_access_open_in_cluster(const char *directory, const char *host, const char *port,
				struct kube_access **ret, struct error *error)
{
	struct kube_access *access;
	int r = check_environment(host, port, error);

	if (r < 0)
		return r;
	access = create(error);
	if (!access)
		return -ENOMEM;
	r = settle_in_cluster(access, directory, host, port, error);
	if (r < 0) {
		kube_access_destroy(access);
		return r;
	}
	*ret = access;
	return 0;
}

/* Keeps the first problem; true when there is another text now. */
static bool refresh_file(struct kube_access *access, struct secret_file *file, bool anyway)
{
	struct error error = { 0 };
	bool changed = false;

	if (file && secret_file_refresh(file, anyway, &changed, &error) < 0 &&
	    access->problem.code == 0)
		access->problem = error;
	return changed;
}

static void refresh_files(struct kube_access *access, uint64_t now_ms, bool anyway)
{
	bool connection, token;

	access->problem = (struct error){ 0 };
	connection = refresh_file(access, access->ca, anyway);
	connection |= refresh_file(access, access->client_certificate, anyway);
	connection |= refresh_file(access, access->client_key, anyway);
	token = refresh_file(access, access->token, anyway);
	access->credentials.connection_version += connection;
	access->credentials.version += connection || token;
	access->looked_ms = now_ms;
	if (anyway)
		access->read_ms = now_ms;
}

static int refresh_plugin(struct kube_access *access, uint64_t now_ms, bool rejected,
			  struct error *error)
{
	bool changed = false;
	int r = plugin_refresh(access->plugin, now_ms, rejected, &changed, error);

	if (changed) {
		access->credentials.connection_version++;
		access->credentials.version++;
	}
	return r;
}

int kube_access_refresh(struct kube_access *access, uint64_t now_ms, bool rejected,
			struct error *error)
{
	struct error problem = { 0 };
	int r = 0;

	if (!access->looked) {
		access->looked = true;
		access->looked_ms = access->read_ms = now_ms;
	}
	if (rejected || now_ms - access->looked_ms >= LOOK_MS)
		refresh_files(access, now_ms, rejected || now_ms - access->read_ms >= READ_MS);
	if (access->plugin)
		r = refresh_plugin(access, now_ms, rejected, &problem);
	compose(access);
	if (error)
		*error = problem.code ? problem : access->problem;
	return r;
}

const struct kube_credentials *kube_access_credentials(const struct kube_access *access)
{
	return &access->credentials;
}

const char *kube_access_namespace(const struct kube_access *access)
{
	return access->settings.namespace ? access->settings.namespace : "default";
}

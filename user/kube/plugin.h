/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugin.h - credentials from a program: `exec` of a kubeconfig's user, that is
 * client.authentication.k8s.io. It runs beside us; nobody waits for it.
 */
#ifndef KUBE_PLUGIN_H
#define KUBE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/access.h"

struct error;
struct plugin;

struct plugin_variable {
	const char *name, *value;
};

/* Borrowed by a plugin for as long as it lives. */
struct plugin_settings {
	const char *command; /* looked for in PATH when it has no slash */
	const char *const *arguments;
	size_t argument_count;
	const struct plugin_variable *variables; /* beside our own environment */
	size_t variable_count;
	const char *api_version;   /* "client.authentication.k8s.io/v1" or ".../v1beta1" */
	const char *install_hint;  /* NULL: none */
	bool provide_cluster_info; /* tell it of the server */
};

/* What it gave last; length 0: not given. */
struct plugin_credential {
	struct kube_secret token, client_certificate, client_key;
};

/* cluster: the server that it is told of. -ENOMEM. */
int plugin_create(const struct plugin_settings *settings, const struct kube_credentials *cluster,
		  struct plugin **ret, struct error *error);
/* Kills it when it runs. NULL is nothing. */
void plugin_destroy(struct plugin *plugin);

/*
 * 0: there is a credential, the newest that can be had. -EAGAIN: it runs, ask again in a
 * moment. Else it failed, and there has never been a credential. With 0, error has the
 * sentence of a failure of late, else code 0.
 *
 * It is run when there is no credential, when that expires, and when it was rejected, but
 * not before PLUGIN_PAUSE_MS have passed since it was run last. now_ms: loop_now_ms.
 * *ret_changed: there is another credential now.
 */
int plugin_refresh(struct plugin *plugin, uint64_t now_ms, bool rejected, bool *ret_changed,
		   struct error *error);

/* Borrowed until the next plugin_refresh. */
const struct plugin_credential *plugin_credential(const struct plugin *plugin);

#define PLUGIN_PAUSE_MS 10000
#define PLUGIN_TIMEOUT_MS 60000

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* kubeconfig.h - what the files of a kubeconfig say of the current context. */
#ifndef KUBE_KUBECONFIG_H
#define KUBE_KUBECONFIG_H

#include <stdbool.h>

#include "kube/access.h"
#include "kube/plugin.h"

struct arena;
struct error;

struct kube_settings {
	/* What is said in the files themselves, data decoded. */
	struct kube_credentials said;
	/* Files beside it, their paths made whole; NULL: none, or there are data. */
	const char *ca_file, *client_certificate_file, *client_key_file, *token_file;
	const struct plugin_settings *plugin; /* NULL: none */
	const char *namespace;
};

/* As kube_access_open_kubeconfig says; all of *ret is in arena. Reads none of its files. */
int kubeconfig_read(const char *paths, bool allow_exec, struct arena *arena,
		    struct kube_settings *ret, struct error *error);

#endif

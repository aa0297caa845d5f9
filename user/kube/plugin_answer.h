/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin_answer.h - what a credential program is told, and what it answers. */
#ifndef KUBE_PLUGIN_ANSWER_H
#define KUBE_PLUGIN_ANSWER_H

#include "kube/plugin.h"

struct arena;

/* The text of KUBERNETES_EXEC_INFO, freed by the caller; NULL when there is no memory. */
char *plugin_info(const struct plugin_settings *settings, const struct kube_credentials *cluster);

struct plugin_answer {
	struct plugin_credential credential; /* in the arena */
	int64_t expires_s;                   /* Unix time; INT64_MAX: never */
};

/* Reads an ExecCredential. -EINVAL or -ENOMEM with a sentence. */
int plugin_answer_read(struct arena *arena, const char *text, size_t length,
		       const char *api_version, struct plugin_answer *ret, struct error *error);

#endif

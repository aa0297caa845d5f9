/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kubeconfig_entry.h - an entry of a kubeconfig's list, and what stands in it, for the files
 * kubeconfig*.c alone.
 */
#ifndef KUBE_KUBECONFIG_ENTRY_H
#define KUBE_KUBECONFIG_ENTRY_H

#include "kube/kubeconfig.h"
#include "kube/secret_file.h"
#include "source/field.h"

/* On the stack and not moved: the fields point to each other. */
struct kubeconfig_entry {
	const char *path;             /* of its file */
	struct field top, list, item; /* clusters[3] */
	struct field body;            /* clusters[3].cluster */
	struct arena *arena;
};

/* Of the context's cluster and user. Sentences as of field.h; the caller names the file. */
int kubeconfig_read_cluster(const struct kubeconfig_entry *entry, struct kube_settings *settings,
			    struct error *error);
int kubeconfig_read_user(const struct kubeconfig_entry *entry, bool allow_exec,
			 struct kube_settings *settings, struct error *error);
/* The field exec of a user. */
int kubeconfig_read_exec(const struct kubeconfig_entry *entry, const struct field *exec,
			 const struct plugin_settings **ret, struct error *error);

/* As field_string; an empty text is nothing. */
int kubeconfig_string(const struct field *parent, const char *name, const char **ret,
		      struct error *error);
/* As kubeconfig_string, of text that goes into the line of a request. */
int kubeconfig_line(const struct field *parent, const char *name, const char **ret,
		    struct error *error);
/* A list of texts. */
int kubeconfig_strings(const struct kubeconfig_entry *entry, const struct field *parent,
		       const char *name, const char *const **ret, size_t *ret_count,
		       struct error *error);
/* A file, beside the one that names it unless its path is absolute. */
int kubeconfig_path(const struct kubeconfig_entry *entry, const char *name, const char **ret,
		    struct error *error);
/* "NAME-data" in base64, which goes before the file NAME. */
int kubeconfig_secret(const struct kubeconfig_entry *entry, const char *name, enum secret_kind kind,
		      struct kube_secret *ret, const char **ret_file, struct error *error);
const char *kubeconfig_beside(const struct kubeconfig_entry *entry, const char *path);

#endif

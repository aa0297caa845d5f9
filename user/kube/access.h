/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * access.h - where the API server is, how to know that it is the right one, and who we are:
 * from a kubeconfig, or from what a pod finds in its file system.
 *
 * Tokens, client certificates and the CA rotate in their files: they are read anew when the
 * files change. A file that cannot be read, or is empty, leaves what was read before in use.
 */
#ifndef KUBE_ACCESS_H
#define KUBE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct kube_access;

/* Where a pod's account is; --kubeconfig is not needed there. */
#define KUBE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* The option that allow_exec is, for sentences. */
#define KUBE_EXEC_OPTION "--kubeconfig-exec"

/* PEM, or a token; length 0: none. Borrowed until the next kube_access_refresh. */
struct kube_secret {
	const char *text;
	size_t length;
};

struct kube_credentials {
	const char *server; /* "https://192.0.2.1:6443/prefix", without a slash at its end */
	const char *tls_server_name; /* NULL: the server's host */
	bool insecure_skip_tls_verify;
	const char *proxy_url; /* NULL: none */
	bool disable_compression;
	struct kube_secret ca; /* none: the system's */
	struct kube_secret client_certificate, client_key;
	struct kube_secret token;
	const char *user, *password; /* basic; NULL: none */
	const char *as;              /* impersonated user; NULL: none */
	const char *const *as_groups;
	size_t as_group_count;
	/* Counts what was read anew of what a connection depends on: ca, client certificate. */
	uint64_t connection_version;
	/* Counts whatever was read anew: a call that was refused with older ones may try again. */
	uint64_t version;
};

/*
 * paths: a colon list as in $KUBECONFIG, merged, the first file that has a name wins; its
 * current context counts. With allow_exec a user's `exec` is run; without, it is an error that
 * says how to allow it. Sentences name file, line and field. -ENOENT, -EINVAL, ...
 */
int kube_access_open_kubeconfig(const char *paths, bool allow_exec, struct kube_access **ret,
				struct error *error);
/*
 * directory is KUBE_ACCOUNT_DIR but for tests; host and port are from the environment. -ENOENT
 * when host or port is NULL or "", or there is no token.
 */
int kube_access_open_in_cluster(const char *directory, const char *host, const char *port,
				struct kube_access **ret, struct error *error);
void kube_access_destroy(struct kube_access *access); /* NULL is nothing */

/*
 * Looks whether files changed, at most once a second, and every 60 s reads them whatever their
 * times say; with rejected (the server said 401) at once. now_ms: loop_now_ms.
 *
 * -EAGAIN: there is no usable token, or it was rejected, and the program that gives one runs.
 * Ask again, without rejected, in KUBE_ACCESS_AGAIN_MS; nobody waits for it here. Any other
 * failure: there has never been a usable token. Else 0, and error is the sentence of what could
 * not be read of late, the same each time until it can, or has code 0.
 */
#define KUBE_ACCESS_AGAIN_MS 50
int kube_access_refresh(struct kube_access *access, uint64_t now_ms, bool rejected,
			struct error *error);

const struct kube_credentials *kube_access_credentials(const struct kube_access *access);
/* Of the context or the pod; "default" when none is said. */
const char *kube_access_namespace(const struct kube_access *access);

#endif

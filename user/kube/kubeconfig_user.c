/* SPDX-License-Identifier: BSD-2-Clause */
/* kubeconfig_user.c - who we are. */
#include "kube/kubeconfig_entry.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/error.h"

static int read_token(const struct kubeconfig_entry *entry, struct kube_settings *settings,
		      struct error *error)
{
	struct field field = field_at(&entry->body, "token");
	const char *text = NULL, *expected;
	int r = kubeconfig_path(entry, "tokenFile", &settings->token_file, error);

	if (r == 0)
		r = kubeconfig_string(&entry->body, "token", &text, error);
	if (r < 0 || !text || settings->token_file)
		return r;
	settings->said.token = (struct kube_secret){ text, strlen(text) };
	expected = secret_check(SECRET_TOKEN, &settings->said.token);
	/* What it is stays untold. */
	return expected ? field_error(&field, error, "expected %s", expected) : 0;
}

static int read_password(const struct kubeconfig_entry *entry, struct kube_settings *settings,
			 struct error *error)
{
	struct kube_credentials *said = &settings->said;
	struct field field = field_at(&entry->body, "username");
	int r = kubeconfig_line(&entry->body, "username", &said->user, error);

	if (r == 0)
		r = kubeconfig_line(&entry->body, "password", &said->password, error);
	if (r < 0 || (!said->user && !said->password))
		return r;
	if (!said->user || strchr(said->user, ':'))
		return field_error(&field, error, "expected a name without a colon");
	if (!said->password)
		said->password = "";
	if (said->token.length || settings->token_file)
		return field_error(&field, error, "beside a token, expected one of them");
	return 0;
}

static int read_certificate(const struct kubeconfig_entry *entry, struct kube_settings *settings,
			    struct error *error)
{
	struct kube_credentials *said = &settings->said;
	bool has_certificate, has_key;
	int r = kubeconfig_secret(entry, "client-certificate", SECRET_CERTIFICATE,
				  &said->client_certificate, &settings->client_certificate_file,
				  error);

	if (r == 0)
		r = kubeconfig_secret(entry, "client-key", SECRET_KEY, &said->client_key,
				      &settings->client_key_file, error);
	if (r < 0)
		return r;
	has_certificate = said->client_certificate.length || settings->client_certificate_file;
	has_key = said->client_key.length || settings->client_key_file;
	if (has_certificate == has_key)
		return 0;
	return field_error(&entry->body, error, "a client-%s without its client-%s, expected both",
			   has_key ? "key" : "certificate", has_key ? "certificate" : "key");
}

static int check_group(const struct field *list, size_t index, const char *group,
		       struct error *error)
{
	struct field item = { .parent = list, .index = index };

	for (const char *c = group; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return field_error(&item, error,
					   "text with a control character, expected one line");
	return 0;
}

static int read_impersonation(const struct kubeconfig_entry *entry, struct kube_credentials *said,
			      struct error *error)
{
	static const char *const unknown[] = { "as-uid", "as-user-extra" };
	struct field groups = field_at(&entry->body, "as-groups");
	int r = kubeconfig_line(&entry->body, "as", &said->as, error);

	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		struct field field = field_at(&entry->body, unknown[i]);

		if (field.node)
			return field_error(&field, error,
					   "not supported, expected only as and as-groups");
	}
	if (r == 0)
		r = kubeconfig_strings(entry, &entry->body, "as-groups", &said->as_groups,
				       &said->as_group_count, error);
	for (size_t i = 0; r == 0 && i < said->as_group_count; i++)
		r = check_group(&groups, i, said->as_groups[i], error);
	if (r == 0 && said->as_group_count && !said->as)
		r = field_error(&groups, error, "groups without a user, expected as, too");
	return r;
}

static int read_plugin(const struct kubeconfig_entry *entry, bool allow_exec,
		       struct kube_settings *settings, struct error *error)
{
	const struct kube_credentials *said = &settings->said;
	struct field exec;
	int r = field_mapping(&entry->body, "exec", &exec, error);

	if (r < 0 || !exec.node)
		return r;
	if (!allow_exec)
		return field_error(&exec, error,
				   "a program to run, expected " KUBE_EXEC_OPTION
				   " beside --kubeconfig to allow it");
	if (said->token.length || settings->token_file || said->user ||
	    said->client_certificate.length || settings->client_certificate_file)
		return field_error(&exec, error,
				   "beside a token, password or client certificate, expected one "
				   "of them");
	return kubeconfig_read_exec(entry, &exec, &settings->plugin, error);
}

int kubeconfig_read_user(const struct kubeconfig_entry *entry, bool allow_exec,
			 struct kube_settings *settings, struct error *error)
{
	struct field provider = field_at(&entry->body, "auth-provider");
	int r;

	if (provider.node)
		return field_error(&provider, error,
				   "gone from Kubernetes, expected exec, a token or a client "
				   "certificate");
	r = read_token(entry, settings, error);
	if (r == 0)
		r = read_password(entry, settings, error);
	if (r == 0)
		r = read_certificate(entry, settings, error);
	if (r == 0)
		r = read_impersonation(entry, &settings->said, error);
	if (r == 0)
		r = read_plugin(entry, allow_exec, settings, error);
	return r;
}

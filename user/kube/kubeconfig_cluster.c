/* SPDX-License-Identifier: BSD-2-Clause */
/* kubeconfig_cluster.c - where the server is, and how to know that it is the right one. */
#include "kube/kubeconfig_entry.h"

#include <errno.h>
#include <string.h>

#include <curl/curl.h>

#include "lib/arena.h"
#include "lib/error.h"

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK && *text;

	curl_free(text);
	return has;
}

static bool has_scheme(CURLU *url, const char *const *schemes)
{
	char *text = NULL;
	bool has = false;

	if (curl_url_get(url, CURLUPART_SCHEME, &text, 0) == CURLUE_OK)
		for (; *schemes && !has; schemes++)
			has = strcmp(text, *schemes) == 0;
	curl_free(text);
	return has;
}

static bool is_good_server(const char *text)
{
	static const char *const schemes[] = { "https", "http", NULL };
	CURLU *url = curl_url();
	bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
		    has_scheme(url, schemes) && has_part(url, CURLUPART_HOST) &&
		    !has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD) &&
		    !has_part(url, CURLUPART_QUERY) && !has_part(url, CURLUPART_FRAGMENT);

	curl_url_cleanup(url);
	return good;
}

static bool is_good_proxy(const char *text)
{
	static const char *const schemes[] = { "http", "https", "socks5", "socks5h", NULL };
	CURLU *url = curl_url();
	bool good = url &&
		    curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		    has_scheme(url, schemes) && has_part(url, CURLUPART_HOST);

	curl_url_cleanup(url);
	return good;
}

static int read_server(const struct kubeconfig_entry *entry, const char **ret, struct error *error)
{
	struct field field = field_at(&entry->body, "server");
	const char *text = NULL;
	size_t length;
	int r = kubeconfig_line(&entry->body, "server", &text, error);

	if (r < 0)
		return r;
	if (!text)
		return field_error(&field, error, "nothing, expected https://HOST:PORT");
	if (!is_good_server(text))
		return field_error(&field, error, "\"%.100s\", expected https://HOST:PORT", text);
	for (length = strlen(text); text[length - 1] == '/';)
		length--;
	*ret = arena_copy(entry->arena, text, length);
	return *ret ? 0 : error_set(error, -ENOMEM, "1:1: no memory left to read it");
}

static int read_proxy(const struct kubeconfig_entry *entry, const char **ret, struct error *error)
{
	struct field field = field_at(&entry->body, "proxy-url");
	int r = kubeconfig_line(&entry->body, "proxy-url", ret, error);

	if (r < 0 || !*ret || is_good_proxy(*ret))
		return r;
	/* It may have a password in it. */
	return field_error(&field, error, "expected http://, https:// or socks5:// and HOST:PORT");
}

int kubeconfig_read_cluster(const struct kubeconfig_entry *entry, struct kube_settings *settings,
			    struct error *error)
{
	struct field insecure = field_at(&entry->body, "insecure-skip-tls-verify");
	struct kube_credentials *said = &settings->said;
	int r = read_server(entry, &said->server, error);

	if (r == 0)
		r = kubeconfig_line(&entry->body, "tls-server-name", &said->tls_server_name, error);
	if (r == 0)
		r = field_bool(&entry->body, "insecure-skip-tls-verify",
			       &said->insecure_skip_tls_verify, error);
	if (r == 0)
		r = read_proxy(entry, &said->proxy_url, error);
	if (r == 0)
		r = field_bool(&entry->body, "disable-compression", &said->disable_compression,
			       error);
	if (r == 0)
		r = kubeconfig_secret(entry, "certificate-authority", SECRET_CERTIFICATE, &said->ca,
				      &settings->ca_file, error);
	if (r == 0 && said->insecure_skip_tls_verify && (said->ca.length || settings->ca_file))
		r = field_error(&insecure, error,
				"true beside certificate-authority, expected one of them");
	return r;
}

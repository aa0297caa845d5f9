/* SPDX-License-Identifier: BSD-2-Clause */
/* call_options.c - what libcurl is told of a call. */
#include "kube/call.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DIAL_MS 30000L
#define KEEPALIVE_S 30L
#define UNACKNOWLEDGED_MS 30000

/* libcurl's options are of three types and may all fail for want of memory. */
#define SET(call, option, value)                                                                   \
	do {                                                                                       \
		CURLcode set_result = curl_easy_setopt((call)->easy, option, value);               \
		if (set_result != CURLE_OK)                                                        \
			return set_result;                                                         \
	} while (0)

/* A connection whose other end is gone is noticed, also while nothing is sent. */
static int on_socket(void *owner, curl_socket_t socket, curlsocktype purpose)
{
	unsigned int timeout_ms = UNACKNOWLEDGED_MS;

	(void)owner;
	if (purpose == CURLSOCKTYPE_IPCXN)
		(void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
				 sizeof(timeout_ms));
	return CURL_SOCKOPT_OK;
}

static CURLcode set_connection(struct kube_call *call, const struct kube_credentials *credentials)
{
	static const char socks[] = "socks5://";
	const char *proxy = credentials->proxy_url ? credentials->proxy_url : "";
	char *url = NULL;
	CURLcode r;

	SET(call, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(call, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/*
	 * Calls wait to share a connection until it is known whether it is HTTP/2. Without TLS
	 * that is known only when the first call is over, which may be a watch.
	 */
	if (strncmp(credentials->server, "https:", 6) == 0)
		SET(call, CURLOPT_PIPEWAIT, 1L);
	SET(call, CURLOPT_CONNECTTIMEOUT_MS, DIAL_MS);
	SET(call, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(call, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
	SET(call, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S / 3);
	SET(call, CURLOPT_SOCKOPTFUNCTION, on_socket);
	SET(call, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* As in kubectl the proxy resolves the name. */
	if (strncmp(proxy, socks, strlen(socks)) == 0 &&
	    asprintf(&url, "socks5h://%s", proxy + strlen(socks)) < 0)
		return CURLE_OUT_OF_MEMORY;
	r = curl_easy_setopt(call->easy, CURLOPT_PROXY, url ? url : proxy);
	free(url);
	return r;
}

static struct curl_blob blob_of(const struct kube_secret *secret)
{
	return (struct curl_blob){
		.data = (void *)(uintptr_t)secret->text,
		.len = secret->length,
		.flags = CURL_BLOB_COPY,
	};
}

static CURLcode set_tls(struct kube_call *call, const struct kube_credentials *credentials)
{
	struct curl_blob ca = blob_of(&credentials->ca);
	struct curl_blob certificate = blob_of(&credentials->client_certificate);
	struct curl_blob key = blob_of(&credentials->client_key);
	bool verify = !credentials->insecure_skip_tls_verify;

	SET(call, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(call, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	SET(call, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	if (ca.len) {
		SET(call, CURLOPT_CAINFO_BLOB, &ca);
		/* Or whatever the system trusts would be trusted, too. */
		SET(call, CURLOPT_CAPATH, NULL);
	}
	if (certificate.len) {
		SET(call, CURLOPT_SSLCERTTYPE, "PEM");
		SET(call, CURLOPT_SSLCERT_BLOB, &certificate);
		SET(call, CURLOPT_SSLKEYTYPE, "PEM");
		SET(call, CURLOPT_SSLKEY_BLOB, &key);
	}
	return CURLE_OK;
}

static CURLcode add_line(struct curl_slist **list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static CURLcode add_line(struct curl_slist **list, const char *format, ...)
{
	struct curl_slist *longer = NULL;
	char *line = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&line, format, args);
	va_end(args);
	if (length >= 0) {
		longer = curl_slist_append(*list, line);
		free(line);
	}
	if (!longer)
		return CURLE_OUT_OF_MEMORY;
	*list = longer;
	return CURLE_OK;
}

static CURLcode add_headers(struct kube_call *call, const struct kube_credentials *credentials)
{
	const struct kube_secret *token = &credentials->token;
	CURLcode r = add_line(&call->headers, "Accept: application/json");

	if (r == CURLE_OK && token->length)
		r = add_line(&call->headers, "Authorization: Bearer %.*s", (int)token->length,
			     token->text);
	if (r == CURLE_OK && call->request.content_type)
		r = add_line(&call->headers, "Content-Type: %s", call->request.content_type);
	if (r == CURLE_OK && call->request.body) /* no "100 Continue" first */
		r = add_line(&call->headers, "Expect:");
	if (r == CURLE_OK && credentials->as)
		r = add_line(&call->headers, "Impersonate-User: %s", credentials->as);
	for (size_t i = 0; r == CURLE_OK && i < credentials->as_group_count; i++)
		r = add_line(&call->headers, "Impersonate-Group: %s", credentials->as_groups[i]);
	return r;
}

static CURLcode set_identity(struct kube_call *call, const struct kube_credentials *credentials)
{
	CURLcode r = add_headers(call, credentials);

	if (r != CURLE_OK)
		return r;
	SET(call, CURLOPT_HTTPHEADER, call->headers);
	SET(call, CURLOPT_USERAGENT, "guideway/" GUIDEWAY_VERSION);
	if (!credentials->disable_compression)
		SET(call, CURLOPT_ACCEPT_ENCODING, "gzip");
	if (credentials->user) {
		SET(call, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(call, CURLOPT_USERNAME, credentials->user);
		SET(call, CURLOPT_PASSWORD, credentials->password);
	}
	return CURLE_OK;
}

static CURLcode set_request(struct kube_call *call)
{
	const struct kube_request *request = &call->request;

	if (request->body) {
		SET(call, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
		SET(call, CURLOPT_POSTFIELDS, request->body);
	} else if (strcmp(request->method, "HEAD") == 0) {
		SET(call, CURLOPT_NOBODY, 1L);
	}
	SET(call, CURLOPT_CUSTOMREQUEST, request->method);
	return CURLE_OK;
}

static CURLcode set_url(struct kube_call *call, const char *server)
{
	char *url;
	CURLcode r;

	if (asprintf(&url, "%s%s", server, call->request.path) < 0)
		return CURLE_OUT_OF_MEMORY;
	r = curl_easy_setopt(call->easy, CURLOPT_URL, url);
	free(url);
	return r;
}

/* The server's own name and port, for connecting and for the header Host. */
static CURLcode keep_address(struct kube_call *call, CURLU *url)
{
	char *host = NULL, *port = NULL, *said = NULL;
	CURLcode r = CURLE_OUT_OF_MEMORY;

	if (curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		r = add_line(&call->connect_to, "::%s:%s", host, port);
	if (r == CURLE_OK && curl_url_get(url, CURLUPART_PORT, &said, 0) != CURLUE_OK)
		r = add_line(&call->headers, "Host: %s", host);
	else if (r == CURLE_OK)
		r = add_line(&call->headers, "Host: %s:%s", host, said);
	curl_free(host);
	curl_free(port);
	curl_free(said);
	return r;
}

/*
 * libcurl has one name for what it connects to, asks for and verifies. So the address gets the
 * name to verify, and what stood there is said besides.
 */
static CURLcode rename_server(struct kube_call *call, CURLU *url, const char *name)
{
	char *renamed = NULL;
	CURLcode r = keep_address(call, url);

	if (r == CURLE_OK)
		r = curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
	if (r == CURLE_OK && (curl_url_set(url, CURLUPART_HOST, name, 0) != CURLUE_OK ||
			      curl_url_get(url, CURLUPART_URL, &renamed, 0) != CURLUE_OK))
		r = CURLE_URL_MALFORMAT;
	if (r == CURLE_OK) {
		size_t length = strlen(renamed);

		if (length > 0 && renamed[length - 1] == '/')
			renamed[length - 1] = '\0';
		r = set_url(call, renamed);
	}
	curl_free(renamed);
	return r;
}

static CURLcode set_server(struct kube_call *call, const struct kube_credentials *credentials)
{
	CURLcode r;
	CURLU *url;

	if (!credentials->tls_server_name)
		return set_url(call, credentials->server);
	url = curl_url();
	if (!url)
		return CURLE_OUT_OF_MEMORY;
	r = curl_url_set(url, CURLUPART_URL, credentials->server, 0) == CURLUE_OK
		    ? rename_server(call, url, credentials->tls_server_name)
		    : CURLE_URL_MALFORMAT;
	curl_url_cleanup(url);
	return r;
}

int call_prepare(struct kube_call *call, const struct kube_credentials *credentials,
		 struct error *error)
{
	CURLcode r = CURLE_OUT_OF_MEMORY;

	call_reset(call);
	call->version = credentials->version;
	call->easy = curl_easy_init();
	if (call->easy)
		r = curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->problem);
	if (r == CURLE_OK)
		r = set_connection(call, credentials);
	if (r == CURLE_OK)
		r = set_tls(call, credentials);
	if (r == CURLE_OK)
		r = set_server(call, credentials);
	if (r == CURLE_OK)
		r = set_identity(call, credentials);
	if (r == CURLE_OK)
		r = set_request(call);
	if (r != CURLE_OK)
		call_explain(call, r, error);
	return r == CURLE_OK ? 0 : error ? error->code : -ENOMEM;
}

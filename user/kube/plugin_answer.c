/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin_answer.c - ExecCredential, there and back. */
#include "kube/plugin_answer.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>
#include <nettle/base64.h>

#include "kube/secret_file.h"
#include "lib/error.h"
#include "lib/json_tree.h"
#include "source/decode_part.h"
#include "source/field.h"

static json_t *base64_of(const struct kube_secret *secret)
{
	char *text = malloc(BASE64_ENCODE_RAW_LENGTH(secret->length) + 1);
	json_t *value;

	if (!text)
		return NULL;
	base64_encode_raw(text, secret->length, (const uint8_t *)secret->text);
	value = json_stringn(text, BASE64_ENCODE_RAW_LENGTH(secret->length));
	free(text);
	return value;
}

static bool set_text(json_t *object, const char *key, const char *text)
{
	return !text || json_object_set_new(object, key, json_string(text)) == 0;
}

static json_t *cluster_info(const struct kube_credentials *cluster)
{
	json_t *info = json_object();
	bool good = set_text(info, "server", cluster->server) &&
		    set_text(info, "tls-server-name", cluster->tls_server_name) &&
		    set_text(info, "proxy-url", cluster->proxy_url);

	if (cluster->insecure_skip_tls_verify)
		good = good &&
		       json_object_set_new(info, "insecure-skip-tls-verify", json_true()) == 0;
	if (cluster->disable_compression)
		good = good && json_object_set_new(info, "disable-compression", json_true()) == 0;
	if (cluster->ca.length)
		good = good && json_object_set_new(info, "certificate-authority-data",
						   base64_of(&cluster->ca)) == 0;
	if (good)
		return info;
	json_decref(info);
	return NULL;
}

char *plugin_info(const struct plugin_settings *settings, const struct kube_credentials *cluster)
{
	json_t *info = json_pack("{s:s, s:s, s:{s:b}}", "kind", "ExecCredential", "apiVersion",
				 settings->api_version, "spec", "interactive", 0);
	char *text = NULL;

	if (info && (!settings->provide_cluster_info ||
		     json_object_set_new(json_object_get(info, "spec"), "cluster",
					 cluster_info(cluster)) == 0))
		text = json_dumps(info, JSON_COMPACT);
	json_decref(info);
	return text;
}

static int check_kind(const struct field *top, const char *api_version, struct error *error)
{
	struct field kind = field_at(top, "kind"), version = field_at(top, "apiVersion");
	const char *text = "", *version_text = "";
	int r = field_string(top, "kind", &text, error);

	if (r == 0)
		r = field_string(top, "apiVersion", &version_text, error);
	if (r < 0)
		return r;
	if (strcmp(text, "ExecCredential") != 0)
		return field_error(&kind, error, "\"%.60s\", expected \"ExecCredential\"", text);
	if (strcmp(version_text, api_version) != 0)
		return field_error(&version, error, "\"%.60s\", expected \"%s\" as it was asked",
				   version_text, api_version);
	return 0;
}

static int read_secret(const struct field *status, const char *name, enum secret_kind kind,
		       struct kube_secret *ret, struct error *error)
{
	struct field field = field_at(status, name);
	const char *text = "", *expected;
	int r = field_string(status, name, &text, error);

	if (r < 0 || !*text)
		return r;
	*ret = (struct kube_secret){ text, strlen(text) };
	expected = secret_check(kind, ret);
	return expected ? field_error(&field, error, "expected %s", expected) : 0;
}

static int read_expiry(const struct field *status, int64_t *ret, struct error *error)
{
	struct field field = field_at(status, "expirationTimestamp");
	const char *text = "";
	int64_t ns;
	int r = field_string(status, "expirationTimestamp", &text, error);

	*ret = INT64_MAX;
	if (r < 0 || !*text)
		return r;
	if (decode_time(text, ret, &ns))
		return 0;
	return field_error(&field, error, "\"%.60s\", expected a time such as %s", text,
			   "2006-01-02T15:04:05Z");
}

static int read_status(const struct field *top, struct plugin_answer *ret, struct error *error)
{
	struct plugin_credential *credential = &ret->credential;
	struct field status;
	int r = field_mapping(top, "status", &status, error);

	if (r == 0)
		r = read_secret(&status, "token", SECRET_TOKEN, &credential->token, error);
	if (r == 0)
		r = read_secret(&status, "clientCertificateData", SECRET_CERTIFICATE,
				&credential->client_certificate, error);
	if (r == 0)
		r = read_secret(&status, "clientKeyData", SECRET_KEY, &credential->client_key,
				error);
	if (r == 0)
		r = read_expiry(&status, &ret->expires_s, error);
	if (r < 0)
		return r;
	if (!credential->client_certificate.length != !credential->client_key.length)
		return field_error(&status, error,
				   "one of clientCertificateData and clientKeyData, expected both");
	if (!credential->token.length && !credential->client_certificate.length)
		return field_error(&status, error,
				   "no credential, expected token or clientCertificateData");
	return 0;
}

int plugin_answer_read(struct arena *arena, const char *text, size_t length,
		       const char *api_version, struct plugin_answer *ret, struct error *error)
{
	struct plugin_answer answer = { .expires_s = INT64_MAX };
	struct field top = { 0 };
	int r = json_tree_parse(arena, text, length, &top.node, error);

	if (r == 0 && top.node->type != NODE_MAPPING)
		r = field_error(&top, error, "%s, expected an ExecCredential",
				node_type_name(top.node->type));
	if (r == 0)
		r = check_kind(&top, api_version, error);
	if (r == 0)
		r = read_status(&top, &answer, error);
	if (r == 0)
		*ret = answer;
	return r;
}

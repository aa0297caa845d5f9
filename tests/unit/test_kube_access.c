/* SPDX-License-Identifier: BSD-2-Clause */
/* test_kube_access.c - kubeconfigs and pods' accounts: what is read, refused, and read again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "kube/access.h"
#include "lib/error.h"
#include "kube_fixture.h"

static struct kube_access *access_;
static struct error error;

static int set_up(void **state)
{
	access_ = NULL;
	error = (struct error){ 0 };
	return make_directory(state);
}

static int tear_down(void **state)
{
	kube_access_destroy(access_);
	return remove_directory(state);
}

static const struct kube_credentials *credentials(void)
{
	return kube_access_credentials(access_);
}

static bool secret_is(struct kube_secret secret, const char *text)
{
	return secret.length == strlen(text) && memcmp(secret.text, text, secret.length) == 0;
}

/* One cluster, one user, one context that joins them. */
static void put_config(const char *name, const char *cluster, const char *user)
{
	char text[8192];

	snprintf(text, sizeof(text),
		 "kind: Config\napiVersion: v1\ncurrent-context: c\n"
		 "contexts: [{name: c, context: {cluster: k, user: u, namespace: edge}}]\n"
		 "clusters:\n- name: k\n  cluster: {%s}\n"
		 "users:\n- name: u\n  user: {%s}\n",
		 cluster, user);
	put(name, text);
}

static void open_paths(const char *paths, bool allow_exec)
{
	kube_access_destroy(access_);
	access_ = NULL;
	if (kube_access_open_kubeconfig(paths, allow_exec, &access_, &error) < 0)
		fail_msg("open: %s", error.text);
}

#define SERVER "server: 'https://k:6443'"

static const struct kube_credentials *open_config(const char *cluster, const char *user)
{
	put_config("config", cluster, user);
	open_paths(at("config"), true);
	return credentials();
}

/* The sentence, without the directory, of files that cannot be opened. */
static const char *refusal(const char *paths, bool allow_exec)
{
	static char text[sizeof(error.text)];
	const char *from = error.text;
	size_t length = 0;

	assert_true(kube_access_open_kubeconfig(paths, allow_exec, &access_, &error) < 0);
	assert_null(access_);
	while (*from) {
		if (strncmp(from, directory, strlen(directory)) == 0)
			from += strlen(directory) + 1;
		else
			text[length++] = *from++;
	}
	text[length] = '\0';
	return text;
}

static void assert_cluster_refused(const char *cluster, const char *sentence)
{
	put_config("config", cluster, "token: t");
	assert_string_equal(refusal(at("config"), true), sentence);
	assert_int_equal(error.code, -EINVAL);
}

static void assert_user_refused(const char *user, const char *sentence)
{
	put_config("config", SERVER, user);
	assert_string_equal(refusal(at("config"), true), sentence);
	assert_int_equal(error.code, -EINVAL);
}

static void assert_text_refused(const char *text, const char *sentence)
{
	put("config", text);
	assert_string_equal(refusal(at("config"), true), sentence);
	assert_int_equal(error.code, -EINVAL);
}

static void a_minimal_config_has_a_server_and_nothing_else(void **state)
{
	const struct kube_credentials *c;

	(void)state;
	put("config", "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
		      "clusters: [{name: k, cluster: {server: 'http://192.0.2.1:8080/'}}]\n");
	open_paths(at("config"), false);
	c = credentials();
	assert_string_equal(c->server, "http://192.0.2.1:8080");
	assert_null(c->tls_server_name);
	assert_null(c->proxy_url);
	assert_null(c->user);
	assert_null(c->as);
	assert_false(c->insecure_skip_tls_verify || c->disable_compression);
	assert_int_equal(c->ca.length + c->token.length + c->client_certificate.length, 0);
	assert_string_equal(kube_access_namespace(access_), "default");
	assert_int_equal(kube_access_refresh(access_, 1, false, &error), 0);
	assert_int_equal(error.code, 0);
}

static void the_clusters_fields_are_read(void **state)
{
	const struct kube_credentials *c =
		open_config("server: 'https://[2001:db8::1]:6443/prefix//', tls-server-name: api, "
			    "insecure-skip-tls-verify: true, proxy-url: 'socks5://p:1080', "
			    "disable-compression: true",
			    "");

	(void)state;
	assert_string_equal(c->server, "https://[2001:db8::1]:6443/prefix");
	assert_string_equal(c->tls_server_name, "api");
	assert_string_equal(c->proxy_url, "socks5://p:1080");
	assert_true(c->insecure_skip_tls_verify && c->disable_compression);
	assert_string_equal(kube_access_namespace(access_), "edge");
}

static void data_are_base64_and_go_before_files(void **state)
{
	const struct kube_credentials *c = open_config(
		SERVER
		", certificate-authority: /nowhere, certificate-authority-data: "
		"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0t"
		"LQo=",
		"token: abc");

	(void)state;
	assert_true(secret_is(c->ca, PEM));
	assert_true(secret_is(c->token, "abc"));
}

static void relative_paths_are_beside_their_file(void **state)
{
	const struct kube_credentials *c;

	(void)state;
	put("ca.pem", PEM);
	put("cert.pem", OTHER_PEM);
	put("key.pem", KEY);
	c = open_config(SERVER ", certificate-authority: ca.pem",
			"client-certificate: ./cert.pem, client-key: key.pem");
	assert_true(secret_is(c->ca, PEM));
	assert_true(secret_is(c->client_certificate, OTHER_PEM));
	assert_true(secret_is(c->client_key, KEY));
}

static void a_token_file_wins(void **state)
{
	(void)state;
	put("token", " \n from-file \n");
	assert_true(secret_is(open_config(SERVER, "token: said, tokenFile: token")->token,
			      "from-file"));
}

static void basic_authentication_and_impersonation(void **state)
{
	const struct kube_credentials *c = open_config(
		SERVER, "username: admin, password: 'a:b c', as: jane, as-groups: [dev, ops]");

	(void)state;
	assert_string_equal(c->user, "admin");
	assert_string_equal(c->password, "a:b c");
	assert_string_equal(c->as, "jane");
	assert_int_equal(c->as_group_count, 2);
	assert_string_equal(c->as_groups[1], "ops");
}

static void of_several_files_the_first_that_has_a_name_wins(void **state)
{
	char paths[512];

	(void)state;
	put("one", "clusters: [{name: k, cluster: {server: 'https://one'}}]\n"
		   "users: [{name: other, user: {token: x}}]\n");
	put_config("two", "server: 'https://two', tls-server-name: two", "token: two");
	put("three", "current-context: z\nusers: [{name: u, user: {token: three}}]\n");
	put("empty", "");
	snprintf(paths, sizeof(paths), ":%s:%s:%s::%s:%s", at("missing"), at("empty"), at("one"),
		 at("two"), at("three"));
	open_paths(paths, false);
	assert_string_equal(credentials()->server, "https://one");
	assert_null(credentials()->tls_server_name);
	assert_true(secret_is(credentials()->token, "two"));
}

static void json_is_a_kubeconfig_too(void **state)
{
	(void)state;
	put("config", "{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":"
		      "{\"cluster\":\"k\"}}],\"clusters\":[{\"name\":\"k\",\"cluster\":"
		      "{\"server\":\"https://k\"}}]}");
	open_paths(at("config"), false);
	assert_string_equal(credentials()->server, "https://k");
}

static void files_that_are_no_kubeconfig_are_refused(void **state)
{
	char paths[512];

	(void)state;
	assert_string_equal(refusal(at("missing"), false),
			    "missing: not there, expected a kubeconfig");
	assert_int_equal(error.code, -ENOENT);
	snprintf(paths, sizeof(paths), "%s:%s", at("a"), at("b"));
	assert_string_equal(refusal(paths, false), "a:b: not there, expected a kubeconfig");
	assert_string_equal(refusal("", false), "\"\": not there, expected a kubeconfig");
	assert_string_equal(refusal(directory, false), "1:1: no regular file, expected one");
	assert_text_refused("", "config: current-context: nothing, expected the name of a context");
	assert_text_refused("- a\n", "config:1:1: a list, expected a kubeconfig: a mapping");
	assert_text_refused("kind: Pod\n", "config:1:7: kind: \"Pod\", expected \"Config\"");
	assert_text_refused("apiVersion: v2\n", "config:1:13: apiVersion: \"v2\", expected \"v1\"");
	assert_text_refused("a: [\n", "config:2:1: no value, expected one");
}

static void names_that_lead_nowhere_are_told(void **state)
{
	(void)state;
	assert_text_refused("current-context: [c]\n",
			    "config:1:18: current-context: a list, expected text");
	assert_text_refused("current-context: c\n",
			    "config: contexts: nothing named \"c\", which current-context names");
	assert_text_refused("current-context: c\ncontexts: {c: {}}\n",
			    "config:2:11: contexts: a mapping, expected a list");
	assert_text_refused("current-context: c\ncontexts: [{name: [c]}]\n",
			    "config:2:19: contexts[0].name: a list, expected text");
	assert_text_refused("current-context: c\ncontexts: [{name: c}, {name: c}]\n",
			    "config:2:23: contexts[1]: the name \"c\" a second time, expected it "
			    "once");
	assert_text_refused("current-context: c\ncontexts: [{name: c, context: {user: u}}]\n",
			    "config:2:31: contexts[0].context.cluster: nothing, expected the name "
			    "of a cluster");
	assert_text_refused("current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n",
			    "config: clusters: nothing named \"k\", which the context names");
	assert_text_refused("current-context: c\n"
			    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
			    "clusters: [{name: k, cluster: {server: 'https://k'}}]\n",
			    "config: users: nothing named \"u\", which the context names");
}

static void bad_fields_of_a_cluster_are_refused(void **state)
{
	(void)state;
	assert_cluster_refused("", "config:7:12: clusters[0].cluster.server: nothing, expected "
				   "https://HOST:PORT");
#define BAD_SERVER(text)                                                                           \
	assert_cluster_refused("server: '" text "'",                                               \
			       "config:7:21: clusters[0].cluster.server: \"" text                  \
			       "\", expected https://HOST:PORT")
	BAD_SERVER("k:6443");
	BAD_SERVER("ftp://k");
	BAD_SERVER("https://");
	BAD_SERVER("https://k:0x1");
	BAD_SERVER("https://a@k");
	BAD_SERVER("https://k?x=1");
	BAD_SERVER("https://k k");
	assert_cluster_refused("server: 6443",
			       "config:7:21: clusters[0].cluster.server: the number "
			       "6443, expected text: put it in quotes");
	assert_cluster_refused("server: \"https://k\\r\\nX: y\"",
			       "config:7:21: clusters[0].cluster.server: text with a control "
			       "character, expected one line");
	assert_cluster_refused(SERVER ", insecure-skip-tls-verify: maybe",
			       "config:7:65: clusters[0].cluster.insecure-skip-tls-verify: "
			       "\"maybe\", expected true or false");
	assert_cluster_refused(SERVER ", proxy-url: 'ftp://u:secret@p'",
			       "config:7:50: clusters[0].cluster.proxy-url: expected http://, "
			       "https:// or socks5:// and HOST:PORT");
	assert_cluster_refused(SERVER ", certificate-authority-data: '%%%'",
			       "config:7:67: clusters[0].cluster.certificate-authority-data: text "
			       "that is no base64, expected base64");
	assert_cluster_refused(SERVER ", certificate-authority-data: 'aGVsbG8='",
			       "config:7:67: clusters[0].cluster.certificate-authority-data: "
			       "base64 of something else, expected a certificate in PEM "
			       "(-----BEGIN CERTIFICATE-----)");
	assert_cluster_refused(SERVER ", certificate-authority: ca, insecure-skip-tls-verify: true",
			       "config:7:92: clusters[0].cluster.insecure-skip-tls-verify: true "
			       "beside certificate-authority, expected one of them");
}

static void bad_fields_of_a_user_are_refused(void **state)
{
	(void)state;
	assert_user_refused("token: 'a b'", "config:10:17: users[0].user.token: expected a token: "
					    "visible characters without spaces");
	assert_user_refused("token: \"a\\nb\"", "config:10:17: users[0].user.token: expected a "
						"token: visible characters without spaces");
	assert_user_refused("token: ' '", "config:10:17: users[0].user.token: expected a token, "
					  "but it is empty");
	assert_user_refused("token: t, username: u, password: p",
			    "config:10:30: users[0].user.username: beside a token, expected one of "
			    "them");
	assert_user_refused("tokenFile: t, username: u",
			    "config:10:34: users[0].user.username: beside a token, expected one of "
			    "them");
	assert_user_refused("password: p", "config:10:9: users[0].user.username: expected a name "
					   "without a colon");
	assert_user_refused("username: 'a:b'", "config:10:20: users[0].user.username: expected a "
					       "name without a colon");
	assert_user_refused("client-certificate: c",
			    "config:10:9: users[0].user: a client-certificate without its "
			    "client-key, expected both");
	assert_user_refused("client-key: c", "config:10:9: users[0].user: a client-key without its "
					     "client-certificate, expected both");
	assert_user_refused("auth-provider: {name: gcp}",
			    "config:10:25: users[0].user.auth-provider: gone from Kubernetes, "
			    "expected exec, a token or a client certificate");
	assert_user_refused("as-groups: [a]",
			    "config:10:21: users[0].user.as-groups: groups without "
			    "a user, expected as, too");
	assert_user_refused("as: a, as-uid: '1'",
			    "config:10:25: users[0].user.as-uid: not supported, "
			    "expected only as and as-groups");
	assert_user_refused("as: \"a\\r\\nb\"",
			    "config:10:14: users[0].user.as: text with a control "
			    "character, expected one line");
	assert_user_refused("as: a, as-groups: [b, \"c\\n\"]",
			    "config:10:28: users[0].user.as-groups[1]: text with a control "
			    "character, expected one line");
}

static void bad_programs_are_refused(void **state)
{
	(void)state;
#define V1 "apiVersion: client.authentication.k8s.io/v1"
	put_config("config", SERVER, "exec: {command: x}");
	assert_string_equal(refusal(at("config"), false),
			    "config:10:16: users[0].user.exec: a program to run, expected "
			    "--kubeconfig-exec beside --kubeconfig to allow it");
	assert_user_refused("exec: {command: x}",
			    "config:10:16: users[0].user.exec.apiVersion: \"\", expected "
			    "\"client.authentication.k8s.io/v1\" or "
			    "\"client.authentication.k8s.io/v1beta1\"");
	assert_user_refused("exec: {" V1 "}", "config:10:16: users[0].user.exec.command: nothing, "
					      "expected a program");
	assert_user_refused("exec: {" V1 ", command: x}",
			    "config:10:16: users[0].user.exec.interactiveMode: nothing, expected "
			    "Never or IfAvailable");
	assert_user_refused("exec: {" V1 ", command: x, interactiveMode: Always}",
			    "config:10:91: users[0].user.exec.interactiveMode: Always, expected a "
			    "program that asks nothing");
	assert_user_refused("exec: {" V1 ", command: x, env: [{name: 'A=B', value: c}]}",
			    "config:10:87: users[0].user.exec.env[0].name: expected the name of a "
			    "variable");
	assert_user_refused("exec: {" V1 ", command: x, args: [1]}",
			    "config:10:81: users[0].user.exec.args[0]: the number 1, expected "
			    "text: put it in quotes");
	assert_user_refused("token: t, exec: {" V1 ", command: x, interactiveMode: Never}",
			    "config:10:26: users[0].user.exec: beside a token, password or client "
			    "certificate, expected one of them");
}

static void files_that_cannot_be_used_are_refused(void **state)
{
	(void)state;
	put_config("config", SERVER, "tokenFile: token");
	assert_string_equal(refusal(at("config"), false),
			    "token:1:1: cannot be read: No such file or directory, expected a "
			    "readable file");
	assert_int_equal(error.code, -ENOENT);
	put("token", " \n");
	assert_string_equal(refusal(at("config"), false),
			    "token: expected a token, but it is empty");
	put_config("config", SERVER ", certificate-authority: ca", "");
	put("ca", "-----BEGIN CERTIFICATE-----\nMIIB");
	assert_string_equal(refusal(at("config"), false),
			    "ca: expected a certificate in PEM (-----BEGIN CERTIFICATE-----)");
	put("ca", "");
	assert_string_equal(refusal(at("config"), false), "ca: expected PEM, but it is empty");
	put_config("config", SERVER, "client-certificate: ca, client-key: token");
	put("ca", PEM);
	assert_string_equal(refusal(at("config"), false),
			    "token: expected a private key in PEM (-----BEGIN PRIVATE KEY-----)");
}

static void a_pod_finds_its_account(void **state)
{
	(void)state;
	put("token", "abc\n");
	put("ca.crt", PEM);
	assert_int_equal(
		kube_access_open_in_cluster(directory, "2001:db8::1", "443", &access_, &error), 0);
	assert_string_equal(credentials()->server, "https://[2001:db8::1]:443");
	assert_true(secret_is(credentials()->token, "abc"));
	assert_true(secret_is(credentials()->ca, PEM));
	assert_string_equal(kube_access_namespace(access_), "default");
	kube_access_destroy(access_);
	put("namespace", "edge\n");
	assert_int_equal(
		kube_access_open_in_cluster(directory, "10.96.0.1", "443", &access_, &error), 0);
	assert_string_equal(credentials()->server, "https://10.96.0.1:443");
	assert_string_equal(kube_access_namespace(access_), "edge");
}

static void assert_not_in_cluster(const char *host, const char *port, int code,
				  const char *sentence)
{
	assert_int_equal(kube_access_open_in_cluster(directory, host, port, &access_, &error),
			 code);
	assert_null(access_);
	assert_non_null(strstr(error.text, sentence));
}

static void what_is_no_pod_is_told(void **state)
{
	static const char not_set[] = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: not "
				      "both set, expected what Kubernetes sets in a pod";

	(void)state;
	assert_not_in_cluster(NULL, "443", -ENOENT, not_set);
	assert_not_in_cluster("10.0.0.1", "", -ENOENT, not_set);
	assert_not_in_cluster("10.0.0.1", "http", -EINVAL,
			      "KUBERNETES_SERVICE_PORT: \"http\", expected 1 to 65535");
	assert_not_in_cluster("10.0.0.1", "65536", -EINVAL,
			      "KUBERNETES_SERVICE_PORT: \"65536\", expected 1 to 65535");
	assert_not_in_cluster("a/b", "443", -EINVAL,
			      "KUBERNETES_SERVICE_HOST: \"a/b\", expected an address");
	assert_not_in_cluster("10.0.0.1", "443", -ENOENT, "ca.crt:1:1: cannot be read");
	put("ca.crt", PEM);
	assert_not_in_cluster("10.0.0.1", "443", -ENOENT, "token:1:1: cannot be read");
	put("token", "");
	assert_not_in_cluster("10.0.0.1", "443", -EINVAL, "expected a token, but it is empty");
}

static void open_pod(void)
{
	put("token", "one");
	put("ca.crt", PEM);
	assert_int_equal(
		kube_access_open_in_cluster(directory, "10.0.0.1", "443", &access_, &error), 0);
	assert_int_equal(kube_access_refresh(access_, 1000000, false, &error), 0);
}

static const char *token_after(uint64_t now_ms, bool rejected)
{
	static char text[64];

	assert_int_equal(kube_access_refresh(access_, now_ms, rejected, &error), 0);
	snprintf(text, sizeof(text), "%.*s", (int)credentials()->token.length,
		 credentials()->token.text);
	return text;
}

static void a_token_rotates(void **state)
{
	uint64_t version;

	(void)state;
	open_pod();
	version = credentials()->version;
	put("token", "two");
	assert_string_equal(token_after(1000999, false), "one");
	assert_string_equal(token_after(1001000, false), "two");
	assert_int_equal(credentials()->version, version + 1);
	assert_int_equal(credentials()->connection_version, 0);
	put("token", "three");
	assert_string_equal(token_after(1001001, true), "three");
	assert_string_equal(token_after(1003000, false), "three");
	assert_int_equal(credentials()->version, version + 2);
}

static void a_ca_that_rotates_asks_for_another_connection(void **state)
{
	(void)state;
	open_pod();
	put("ca.crt", OTHER_PEM);
	token_after(1001000, false);
	assert_true(secret_is(credentials()->ca, OTHER_PEM));
	assert_int_equal(credentials()->connection_version, 1);
	put("ca.crt", OTHER_PEM);
	token_after(1002000, false);
	assert_int_equal(credentials()->connection_version, 1);
}

/* The same inode, size and time: only reading shows it. */
static void every_minute_files_are_read_whatever_their_times_say(void **state)
{
	struct stat status;
	struct timespec times[2];
	int fd;

	(void)state;
	open_pod();
	assert_int_equal(stat(at("token"), &status), 0);
	fd = open(at("token"), O_WRONLY);
	assert_int_equal(write(fd, "two", 3), 3);
	close(fd);
	times[0] = status.st_atim, times[1] = status.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, at("token"), times, 0), 0);
	assert_string_equal(token_after(1059999, false), "one");
	assert_string_equal(token_after(1061000, false), "two");
}

static void what_cannot_be_read_leaves_what_was_read(void **state)
{
	(void)state;
	open_pod();
	put("token", "  ");
	assert_string_equal(token_after(1001000, false), "one");
	assert_non_null(strstr(error.text, "/token: expected a token, but it is empty"));
	assert_string_equal(token_after(1001500, false), "one");
	assert_int_equal(error.code, -EINVAL);
	assert_string_equal(token_after(1001501, true), "one");
	unlink(at("token"));
	assert_string_equal(token_after(1003000, false), "one");
	assert_int_equal(error.code, -ENOENT);
	put("ca.crt", "half of a -----BEGIN CERTIFICATE-----");
	assert_string_equal(token_after(1004000, true), "one");
	assert_true(secret_is(credentials()->ca, PEM));
	assert_int_equal(credentials()->connection_version, 0);
	put("ca.crt", PEM);
	put("token", "two");
	assert_string_equal(token_after(1005000, false), "two");
	assert_int_equal(error.code, 0);
}

/* A shell script that is run as a user's program. */
static void open_program(const char *script)
{
	char user[512];

	put("program", script);
	assert_int_equal(chmod(at("program"), 0755), 0);
	snprintf(user, sizeof(user),
		 "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./program, "
		 "args: [one, 'a b'], env: [{name: FROM, value: config}], provideClusterInfo: "
		 "true, interactiveMode: Never, installHint: get it at the fair}");
	put("ca", PEM);
	open_config(SERVER ", certificate-authority: ca", user);
}

/* Refreshes until the program ended. */
static int settle(uint64_t now_ms, bool rejected)
{
	int r = kube_access_refresh(access_, now_ms, rejected, &error);

	for (int i = 0; i < 1000 && r == -EAGAIN; i++) {
		usleep(10000);
		r = kube_access_refresh(access_, now_ms, false, &error);
	}
	return r;
}

#define CREDENTIAL                                                                                 \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status" \
	"\":"
#define SAY(status) "#!/bin/sh\ncat <<'END'\n" CREDENTIAL status "}\nEND\n"

static char *contents(const char *name)
{
	static char text[4096];
	FILE *file = fopen(at(name), "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return text;
}

static void a_program_gives_a_token(void **state)
{
	char script[2048];

	(void)state;
	snprintf(script, sizeof(script),
		 "#!/bin/sh\necho \"$FROM $# $2\" >%s\necho \"$KUBERNETES_EXEC_INFO\" >%s\n"
		 "ls /proc/$$/fd | tr '\\n' ' ' >%s\necho '" CREDENTIAL "{\"token\":\"abc\"}}'\n",
		 at("asked"), at("info"), at("fds"));
	open_program(script);
	assert_int_equal(credentials()->token.length, 0);
	assert_int_equal(kube_access_refresh(access_, 1000, false, &error), -EAGAIN);
	assert_int_equal(settle(1000, false), 0);
	assert_true(secret_is(credentials()->token, "abc"));
	assert_int_equal(credentials()->version, 1);
	assert_string_equal(contents("asked"), "config 2 a b\n");
	assert_string_equal(
		contents("info"),
		"{\"kind\":\"ExecCredential\",\"apiVersion\":"
		"\"client.authentication.k8s.io/v1\",\"spec\":{\"interactive\":false,"
		"\"cluster\":{\"server\":\"https://k:6443\","
		"\"certificate-authority-data\":\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk"
		"1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=\"}}}\n");
	assert_int_equal(kube_access_refresh(access_, 999000, false, &error), 0);
	assert_int_equal(credentials()->version, 1);
}

static void a_program_gives_a_certificate(void **state)
{
	(void)state;
	open_program(SAY("{\"clientCertificateData\":\"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----"
			 "END CERTIFICATE-----\\n\",\"clientKeyData\":\"-----BEGIN PRIVATE "
			 "KEY-----\\nMIIB\\n-----END PRIVATE KEY-----\\n\","
			 "\"expirationTimestamp\":\"2999-01-01T00:00:00Z\"}"));
	assert_int_equal(settle(1000, false), 0);
	assert_true(secret_is(credentials()->client_certificate, PEM));
	assert_true(secret_is(credentials()->client_key, KEY));
	assert_int_equal(credentials()->connection_version, 1);
}

static void a_program_is_run_again_when_its_token_expires_or_is_rejected(void **state)
{
	char script[1024];

	(void)state;
	snprintf(script, sizeof(script),
		 "#!/bin/sh\necho x >>%s\nn=$(wc -l <%s)\necho '" CREDENTIAL
		 "{\"token\":\"t'$n'\",\"expirationTimestamp\":\"'$((2001 + (n > 1) * 900))'"
		 "-01-01T00:00:00Z\"}}'\n",
		 at("runs"), at("runs"));
	open_program(script);
	assert_int_equal(settle(1000, false), 0);
	assert_true(secret_is(credentials()->token, "t1"));
	assert_int_equal(settle(10999, false), 0);
	assert_true(secret_is(credentials()->token, "t1"));
	assert_int_equal(kube_access_refresh(access_, 11000, false, &error), -EAGAIN);
	assert_int_equal(settle(11000, false), 0);
	assert_true(secret_is(credentials()->token, "t2"));
	assert_int_equal(kube_access_refresh(access_, 99000, false, &error), 0);
	assert_int_equal(kube_access_refresh(access_, 99000, true, &error), -EAGAIN);
	assert_int_equal(settle(99000, false), 0);
	assert_true(secret_is(credentials()->token, "t3"));
	assert_int_equal(credentials()->version, 3);
}

static void a_program_that_fails_later_leaves_its_token(void **state)
{
	char script[1024];

	(void)state;
	snprintf(script, sizeof(script),
		 "#!/bin/sh\nif [ -e %s ]; then echo gone >&2; exit 3; fi\ntouch %s\necho "
		 "'" CREDENTIAL "{\"token\":\"abc\"}}'\n",
		 at("ran"), at("ran"));
	open_program(script);
	assert_int_equal(settle(1000, false), 0);
	assert_int_equal(settle(99000, true), 0);
	assert_true(secret_is(credentials()->token, "abc"));
	assert_non_null(
		strstr(error.text, "/./program: ended with status 3, expected status 0: gone"));
	assert_int_equal(kube_access_refresh(access_, 99001, false, &error), 0);
	assert_non_null(strstr(error.text, "ended with status 3"));
}

static void assert_program_fails(const char *script, const char *sentence)
{
	open_program(script);
	assert_true(settle(1000, false) < 0);
	assert_int_not_equal(error.code, -EAGAIN);
	if (!strstr(error.text, sentence))
		fail_msg("\"%s\" is not in \"%s\"", sentence, error.text);
	assert_int_equal(credentials()->version, 0);
}

static void programs_that_give_nothing_are_told(void **state)
{
	(void)state;
	assert_program_fails(
		"#!/bin/sh\necho first >&2\nprintf 'log in\\033 first\\n\\n' >&2\nexit 1\n",
		"/./program: ended with status 1, expected status 0: log in? first");
	assert_program_fails("#!/bin/sh\nkill -9 $$\n", "ended with signal 9, expected status 0");
	assert_program_fails("#!/bin/sh\n",
			     "/./program: 1:1: the end of the JSON, expected a value");
	assert_program_fails("#!/bin/sh\nhead -c 1100000 /dev/zero\n",
			     "more than 1 MiB of output, expected an ExecCredential");
	assert_program_fails("#!/bin/sh\necho []\n", "a list, expected an ExecCredential");
	assert_program_fails("#!/bin/sh\necho '{}'\n", "kind: \"\", expected \"ExecCredential\"");
	assert_program_fails("#!/bin/sh\necho '{\"kind\":\"ExecCredential\",\"apiVersion\":"
			     "\"client.authentication.k8s.io/v1beta1\"}'\n",
			     "apiVersion: \"client.authentication.k8s.io/v1beta1\", expected "
			     "\"client.authentication.k8s.io/v1\" as it was asked");
	assert_program_fails(SAY("{}"), "status: no credential, expected token or "
					"clientCertificateData");
	assert_program_fails(SAY("{\"token\":\"a b\"}"), "status.token: expected a token: visible "
							 "characters without spaces");
	assert_program_fails(SAY("{\"clientKeyData\":\"-----BEGIN PRIVATE KEY-----\\n-----END \"}"),
			     "status: one of clientCertificateData and clientKeyData, expected "
			     "both");
	assert_program_fails(SAY("{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}"),
			     "status.expirationTimestamp: \"soon\", expected a time such as "
			     "2006-01-02T15:04:05Z");
}

static void a_program_that_is_not_there_is_told(void **state)
{
	(void)state;
	open_program("");
	unlink(at("program"));
	/* Under valgrind, whose vfork is a fork, only the end of the child tells. */
	if (settle(1000, false) == -ECHILD)
		assert_non_null(strstr(error.text, "ended with status 127"));
	else
		assert_non_null(strstr(error.text, "/./program: No such file or directory, "
						   "expected a program to run: get it at the "
						   "fair"));
}

/* Nobody but init may take note of its end. */
static bool is_gone(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return true;
	assert_int_equal(fscanf(file, "%*d %*s %c", &state), 1);
	fclose(file);
	return state == 'Z';
}

static void a_program_that_never_ends_is_killed_with_what_it_started(void **state)
{
	pid_t pid = 0, child = 0;

	(void)state;
	open_program("#!/bin/sh\nsleep 1000 &\necho $$ $! >\"$0.new\"\nmv \"$0.new\" \"$0.pids\"\n"
		     "wait\n");
	for (int i = 0; i < 1000 && access(at("program.pids"), F_OK) < 0; i++) {
		assert_int_equal(kube_access_refresh(access_, 1000, false, &error), -EAGAIN);
		usleep(10000);
	}
	assert_int_equal(sscanf(contents("program.pids"), "%d %d", &pid, &child), 2);
	assert_int_equal(kube_access_refresh(access_, 60999, false, &error), -EAGAIN);
	assert_false(is_gone(pid) || is_gone(child));
	unlink(at("program"));
	assert_true(kube_access_refresh(access_, 61000, false, &error) < 0);
	for (int i = 0; i < 1000 && !(is_gone(pid) && is_gone(child)); i++)
		usleep(10000);
	assert_true(is_gone(pid) && is_gone(child));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_minimal_config_has_a_server_and_nothing_else),
		TEST(the_clusters_fields_are_read),
		TEST(data_are_base64_and_go_before_files),
		TEST(relative_paths_are_beside_their_file),
		TEST(a_token_file_wins),
		TEST(basic_authentication_and_impersonation),
		TEST(of_several_files_the_first_that_has_a_name_wins),
		TEST(json_is_a_kubeconfig_too),
		TEST(files_that_are_no_kubeconfig_are_refused),
		TEST(names_that_lead_nowhere_are_told),
		TEST(bad_fields_of_a_cluster_are_refused),
		TEST(bad_fields_of_a_user_are_refused),
		TEST(bad_programs_are_refused),
		TEST(files_that_cannot_be_used_are_refused),
		TEST(a_pod_finds_its_account),
		TEST(what_is_no_pod_is_told),
		TEST(a_token_rotates),
		TEST(a_ca_that_rotates_asks_for_another_connection),
		TEST(every_minute_files_are_read_whatever_their_times_say),
		TEST(what_cannot_be_read_leaves_what_was_read),
		TEST(a_program_gives_a_token),
		TEST(a_program_gives_a_certificate),
		TEST(a_program_is_run_again_when_its_token_expires_or_is_rejected),
		TEST(a_program_that_fails_later_leaves_its_token),
		TEST(programs_that_give_nothing_are_told),
		TEST(a_program_that_is_not_there_is_told),
		TEST(a_program_that_never_ends_is_killed_with_what_it_started),
	};

	return cmocka_run_group_tests_name("kube_access", tests, NULL, NULL);
}

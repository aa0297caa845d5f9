/* SPDX-License-Identifier: BSD-2-Clause */
/* test_kube_tls.c - calls over TLS: who is believed, who we say we are, and what rotates. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kube_calls.h"

/* Beside this file. */
#define SERVER_SCRIPT "tls_server.py"

static pid_t server_pid;
static unsigned int port;
static bool can_run;

/* A certificate that vouches for itself: NAME.crt and NAME.key. */
static bool make_certificate(const char *name, const char *alternative)
{
	char command[2048];

	snprintf(
		command, sizeof(command),
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
		"-subj /CN=%s -addext subjectAltName=%s -out %s.crt -keyout %s.key 2>/dev/null",
		name, alternative, at(name), at(name));
	return system(command) == 0;
}

/* One directory for all tests: certificates take their time. */
static int set_up_all(void **state)
{
	char command[2048];

	if (make_directory(state) < 0)
		return -1;
	snprintf(command, sizeof(command), "cat %s %s >%s", at("client.crt"), at("heir.crt"),
		 at("both.crt"));
	can_run = make_certificate("server", "IP:127.0.0.1,DNS:localhost") &&
		  make_certificate("named", "DNS:api.example") &&
		  make_certificate("client", "DNS:client") &&
		  make_certificate("heir", "DNS:heir") && system(command) == 0;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	server_pid = 0;
	return start_loop();
}

static int tear_down(void **state)
{
	(void)state;
	if (server_pid > 0) {
		kill(server_pid, SIGKILL);
		waitpid(server_pid, NULL, 0);
	}
	stop_loop();
	return 0;
}

static const char *script_path(void)
{
	static char path[512];
	const char *slash = strrchr(__FILE__, '/');

	snprintf(path, sizeof(path), "%.*s" SERVER_SCRIPT, slash ? (int)(slash + 1 - __FILE__) : 0,
		 __FILE__);
	return path;
}

/* Starts the server that arguments are, and gives what it says. */
static int spawn(const char *const *arguments)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	server_pid = fork();
	if (server_pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execvp(arguments[0], (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	assert_true(server_pid > 0);
	close(ends[1]);
	return ends[0];
}

static void need(bool there, const char *what)
{
	if (there)
		return;
	print_message("# skip: needs %s\n", what);
	skip();
}

/* Serves with this certificate; clients need one that client_ca vouches for, unless NULL. */
static void serve(const char *certificate, const char *client_ca)
{
	char crt[600], key[600], line[32];
	FILE *said;
	const char *const arguments[] = {
		"python3", script_path(), crt, key, client_ca ? at(client_ca) : NULL, NULL
	};

	need(can_run, "openssl");
	snprintf(crt, sizeof(crt), "%s.crt", at(certificate));
	snprintf(key, sizeof(key), "%s.key", at(certificate));
	said = fdopen(spawn(arguments), "r");
	assert_non_null(said);
	assert_non_null(fgets(line, sizeof(line), said));
	fclose(said);
	port = (unsigned int)atoi(line);
}

static struct sockaddr_in loopback(unsigned int number)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)number);
	return address;
}

/* A port that nobody has. */
static unsigned int free_port(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static bool is_served(void)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool served = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return served;
}

/* Serves the files of the directory over HTTP/2. */
static void serve_http2(void)
{
	char number[16];
	const char *const arguments[] = { "nghttpd", "-a",   "127.0.0.1",      "-d",
					  directory, number, at("server.key"), at("server.crt"),
					  NULL };

	need(can_run, "openssl");
	need(system("command -v nghttpd >/dev/null") == 0, "nghttpd");
	port = free_port();
	snprintf(number, sizeof(number), "%u", port);
	close(spawn(arguments));
	for (int i = 0; i < 1000 && !is_served(); i++)
		usleep(10000);
	put("file", "hello");
}

/* cluster goes on behind the server's address. */
static void open_tls(const char *cluster, const char *user)
{
	char text[512];

	snprintf(text, sizeof(text), "server: 'https://127.0.0.1:%u'%s", port, cluster);
	open_with(text, user);
}

static void copy(const char *from, const char *to)
{
	char text[8192];
	FILE *file = fopen(at(from), "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	put(to, text);
}

/* What the server says of a call: our port, our name, and what we called it. */
struct said {
	unsigned int port;
	char name[64], host[64];
};

static struct said ask(void)
{
	struct heard heard = call(&get, false);
	struct said said = { 0 };

	if (heard.status != 200)
		fail_msg("status %d: %s", heard.status, heard.error);
	assert_int_equal(sscanf(heard.body, "%u %63s %63s", &said.port, said.name, said.host), 3);
	return said;
}

static void assert_fails(const char *sentence)
{
	struct heard heard = call(&get, false);

	assert_int_equal(heard.status, 0);
	assert_false(heard.is_complete);
	if (!strstr(heard.error, sentence))
		fail_msg("\"%s\" is not in \"%s\"", sentence, heard.error);
}

static void a_server_is_known_by_its_ca(void **state)
{
	(void)state;
	serve("server", NULL);
	open_tls(", certificate-authority: server.crt", "token: abc");
	assert_string_equal(ask().name, "-");
}

static void a_server_can_have_a_name(void **state)
{
	char cluster[128];

	(void)state;
	serve("server", NULL);
	snprintf(cluster, sizeof(cluster),
		 "server: 'https://localhost:%u', certificate-authority: server.crt", port);
	open_with(cluster, "token: abc");
	assert_memory_equal(ask().host, "localhost:", 10);
}

static void a_server_of_another_ca_is_refused(void **state)
{
	(void)state;
	serve("server", NULL);
	open_tls(", certificate-authority: named.crt", "token: abc");
	assert_fails("/api: SSL certificate problem");
}

static void without_a_ca_it_must_be_one_of_the_systems(void **state)
{
	(void)state;
	serve("server", NULL);
	open_tls("", "token: abc");
	assert_fails("/api: SSL certificate problem");
}

static void a_server_of_another_name_is_refused(void **state)
{
	(void)state;
	serve("named", NULL);
	open_tls(", certificate-authority: named.crt", "token: abc");
	assert_fails("/api: SSL: no alternative certificate subject name matches");
}

static void the_name_to_verify_can_be_another_one(void **state)
{
	char host[64];

	(void)state;
	serve("named", NULL);
	open_tls(", certificate-authority: named.crt, tls-server-name: api.example", "token: abc");
	snprintf(host, sizeof(host), "127.0.0.1:%u", port);
	assert_string_equal(ask().host, host);
}

static void verification_can_be_left_out(void **state)
{
	(void)state;
	serve("named", NULL);
	open_tls(", insecure-skip-tls-verify: true", "token: abc");
	ask();
}

static void a_client_certificate_says_who_we_are(void **state)
{
	(void)state;
	serve("server", "client.crt");
	open_tls(", certificate-authority: server.crt",
		 "client-certificate: client.crt, client-key: client.key");
	assert_string_equal(ask().name, "client");
}

static void without_a_client_certificate_the_server_may_refuse(void **state)
{
	(void)state;
	serve("server", "client.crt");
	open_tls(", certificate-authority: server.crt", "token: abc");
	assert_fails("/api: ");
}

static void a_key_that_is_not_the_certificates_is_told(void **state)
{
	(void)state;
	serve("server", "client.crt");
	open_tls(", certificate-authority: server.crt",
		 "client-certificate: client.crt, client-key: heir.key");
	assert_fails("/api: ");
}

static void a_stream_over_tls_holds_nobody_up(void **state)
{
	const struct kube_request request = { .method = "GET", .path = "/stream" };
	struct heard stream = { 0 };

	(void)state;
	serve("server", NULL);
	open_tls(", certificate-authority: server.crt", "token: abc");
	start(&stream, &request, true);
	under_way--;
	ask();
	ask();
	assert_int_equal(stream.done, 0);
	kube_http_cancel(stream.call);
}

static const struct kube_request get_file = { .method = "GET", .path = "/file" };

/* How many connections to the server we have. */
static unsigned int count_connections(void)
{
	unsigned int count = 0;

	for (int fd = 3; fd < 1000; fd++) {
		struct sockaddr_in peer = { 0 };
		socklen_t length = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
		    peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
			count++;
	}
	return count;
}

static void calls_share_one_connection_of_http2(void **state)
{
	struct heard heards[4] = { 0 };

	(void)state;
	serve_http2();
	open_tls(", certificate-authority: server.crt", "token: abc");
	for (int i = 0; i < 4; i++)
		start(&heards[i], &get_file, i % 2);
	run();
	for (int i = 0; i < 4; i++) {
		assert_int_equal(heards[i].status, 200);
		assert_string_equal(i % 2 ? heards[i].data : heards[i].body, "hello");
	}
	assert_int_equal(count_connections(), 1);
}

static struct heard cancelled[2];

static void cancel_both(struct heard *heard)
{
	(void)heard;
	for (int i = 0; i < 2; i++) {
		kube_http_cancel(cancelled[i].call);
		cancelled[i].call = NULL;
		under_way--;
	}
}

static void streams_of_http2_are_cancelled_and_others_go_on(void **state)
{
	struct heard other = { 0 };
	char *text = malloc(1000001);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 1000000);
	text[1000000] = '\0';
	serve_http2();
	put("file", text);
	free(text);
	open_tls(", certificate-authority: server.crt", "token: abc");
	assert_int_equal(call(&get_file, false).status, 200);
	cancelled[0] = cancelled[1] = (struct heard){ .on_piece = cancel_both };
	start(&cancelled[0], &get_file, true);
	start(&cancelled[1], &get_file, true);
	start(&other, &get_file, false);
	run();
	assert_int_equal(cancelled[0].done + cancelled[1].done, 0);
	assert_int_equal(cancelled[0].pieces + cancelled[1].pieces, 1);
	assert_int_equal(other.status, 200);
	assert_int_equal(other.body_length, 1000000);
	assert_int_equal(call(&get_file, false).status, 200);
	assert_int_equal(count_connections(), 1);
}

static void stop_waiting(void *owner)
{
	loop_stop(owner);
}

/* Lets things happen. */
static void wait_ms(uint64_t delay_ms)
{
	struct loop_watch *timer = loop_add_timer(loop, stop_waiting, loop);

	assert_non_null(timer);
	loop_timer_set(timer, delay_ms);
	assert_int_equal(loop_run(loop), 0);
	loop_remove(timer);
}

/* Though the kernel of the other end takes what is sent, and another call waits there, too. */
static void a_connection_of_http2_that_is_silent_is_left(void **state)
{
	struct kube_request request = get_file;
	struct heard patient = { 0 }, next = { 0 };

	(void)state;
	serve_http2();
	open_tls(", certificate-authority: server.crt", "token: abc");
	assert_int_equal(call(&get_file, false).status, 200);
	assert_int_equal(kill(server_pid, SIGSTOP), 0);
	start(&patient, &get_file, false);
	under_way--;
	request.idle_timeout_ms = 300;
	assert_int_equal(call(&request, false).status, 0);
	assert_int_equal(patient.done, 0);
	assert_int_equal(count_connections(), 1);
	under_way++;
	start(&next, &get_file, false);
	for (int i = 0; i < 100 && count_connections() < 2; i++)
		wait_ms(10);
	assert_int_equal(count_connections(), 2);
	assert_int_equal(kill(server_pid, SIGCONT), 0);
	run();
	assert_int_equal(next.status, 200);
	assert_int_equal(patient.status, 200);
}

/* As if a second had passed, so that files are looked at. */
static void look_at_files(void)
{
	assert_int_equal(kube_access_refresh(access_, loop_now_ms(), true, &error), 0);
}

static void another_ca_means_another_connection(void **state)
{
	unsigned int first_port;

	(void)state;
	serve("server", NULL);
	copy("server.crt", "ca.crt");
	open_tls(", certificate-authority: ca.crt", "token: abc");
	first_port = ask().port;
	assert_int_equal(ask().port, first_port);
	copy("named.crt", "ca.crt");
	look_at_files();
	assert_fails("/api: SSL certificate problem");
	copy("server.crt", "ca.crt");
	look_at_files();
	assert_int_not_equal(ask().port, first_port);
}

static void another_client_certificate_means_another_connection(void **state)
{
	struct said before, after;

	(void)state;
	serve("server", "both.crt");
	copy("client.crt", "id.crt");
	copy("client.key", "id.key");
	open_tls(", certificate-authority: server.crt",
		 "client-certificate: id.crt, client-key: id.key");
	before = ask();
	assert_string_equal(before.name, "client");
	copy("heir.crt", "id.crt");
	copy("heir.key", "id.key");
	look_at_files();
	after = ask();
	assert_string_equal(after.name, "heir");
	assert_int_not_equal(after.port, before.port);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_is_known_by_its_ca),
		TEST(a_server_can_have_a_name),
		TEST(a_server_of_another_ca_is_refused),
		TEST(without_a_ca_it_must_be_one_of_the_systems),
		TEST(a_server_of_another_name_is_refused),
		TEST(the_name_to_verify_can_be_another_one),
		TEST(verification_can_be_left_out),
		TEST(a_client_certificate_says_who_we_are),
		TEST(without_a_client_certificate_the_server_may_refuse),
		TEST(a_key_that_is_not_the_certificates_is_told),
		TEST(a_stream_over_tls_holds_nobody_up),
		TEST(calls_share_one_connection_of_http2),
		TEST(streams_of_http2_are_cancelled_and_others_go_on),
		TEST(a_connection_of_http2_that_is_silent_is_left),
		TEST(another_ca_means_another_connection),
		TEST(another_client_certificate_means_another_connection),
	};

	return cmocka_run_group_tests_name("kube_tls", tests, set_up_all, remove_directory);
}

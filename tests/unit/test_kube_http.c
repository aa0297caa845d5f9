/* SPDX-License-Identifier: BSD-2-Clause */
/* test_kube_http.c - calls to a server of the test's own: what is sent, heard, and survived. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <zlib.h>

#include "kube_calls.h"
#include "script_server.h"

static int set_up(void **state)
{
	if (start_loop() < 0)
		return -1;
	server_start(loop_base(loop));
	return make_directory(state);
}

/* The server's connections are the loop's. */
static int tear_down(void **state)
{
	kube_http_destroy(http);
	http = NULL;
	server_stop();
	stop_loop();
	return remove_directory(state);
}

/* A client of the script's server; cluster goes on behind the server's address. */
static void open_plain(const char *cluster, const char *user)
{
	char text[512];

	snprintf(text, sizeof(text), "server: 'http://127.0.0.1:%u'%s", server.port, cluster);
	open_with(text, user);
}

static void answer_with(const struct answer *answers, size_t count)
{
	server.answers = answers;
	server.answer_count = count;
}

#define ANSWER(...)                                                                                \
	static const struct answer answers[] = { __VA_ARGS__ };                                    \
	answer_with(answers, sizeof(answers) / sizeof(*answers))

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define REFUSED "HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nwho"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static bool was_sent(size_t request, const char *text)
{
	assert_true(request < server.request_count);
	return strstr(server.requests[request], text);
}

static void a_call_says_who_asks_and_gets_the_answer(void **state)
{
	struct heard heard;

	(void)state;
	ANSWER({ .text = HELLO });
	open_plain("", "token: abc, as: jane, as-groups: [dev, ops]");
	heard = call(&get, false);
	assert_int_equal(heard.status, 200);
	assert_string_equal(heard.body, "hello");
	assert_true(heard.is_complete);
	assert_int_equal(heard.retry_after_s, -1);
	assert_true(was_sent(0, "GET /api?limit=5 HTTP/1.1\r\n"));
	assert_true(was_sent(0, "\r\nAuthorization: Bearer abc\r\n"));
	assert_true(was_sent(0, "\r\nUser-Agent: guideway/" GUIDEWAY_VERSION "\r\n"));
	assert_true(was_sent(0, "\r\nAccept: application/json\r\n"));
	assert_true(was_sent(0, "\r\nAccept-Encoding: gzip\r\n"));
	assert_true(was_sent(0, "\r\nImpersonate-User: jane\r\nImpersonate-Group: dev\r\n"
				"Impersonate-Group: ops\r\n"));
}

static void a_body_is_sent_with_its_type(void **state)
{
	const struct kube_request patch = {
		.method = "PATCH",
		.path = "/api",
		.content_type = "application/merge-patch+json",
		.body = "{\"a\":1}X",
		.body_length = 7,
	};

	(void)state;
	ANSWER({ .text = HELLO });
	open_plain(", disable-compression: true", "username: u, password: 'p:w'");
	assert_int_equal(call(&patch, false).status, 200);
	assert_true(was_sent(0, "PATCH /api HTTP/1.1\r\n"));
	assert_true(was_sent(0, "\r\nContent-Type: application/merge-patch+json\r\n"));
	assert_true(was_sent(0, "\r\n\r\n{\"a\":1}"));
	assert_false(was_sent(0, "}X"));
	assert_false(was_sent(0, "Expect"));
	assert_false(was_sent(0, "Accept-Encoding"));
	assert_true(was_sent(0, "\r\nAuthorization: Basic dTpwOnc=\r\n"));
}

static void a_path_prefix_of_the_server_goes_first(void **state)
{
	char cluster[128];

	(void)state;
	ANSWER({ .text = HELLO });
	snprintf(cluster, sizeof(cluster), "server: 'http://127.0.0.1:%u/prefix/'", server.port);
	open_with(cluster, "");
	assert_int_equal(call(&get, false).status, 200);
	assert_true(was_sent(0, "GET /prefix/api?limit=5 HTTP/1.1\r\n"));
	assert_false(was_sent(0, "Authorization"));
}

static void a_proxy_is_asked_for_the_server(void **state)
{
	char cluster[128];

	(void)state;
	ANSWER({ .text = HELLO });
	snprintf(cluster, sizeof(cluster),
		 "server: 'http://api.invalid:8080', proxy-url: 'http://127.0.0.1:%u'",
		 server.port);
	open_with(cluster, "");
	assert_int_equal(call(&get, false).status, 200);
	assert_true(was_sent(0, "GET http://api.invalid:8080/api?limit=5 HTTP/1.1\r\n"));
}

static void calls_after_each_other_share_a_connection(void **state)
{
	(void)state;
	ANSWER({ .text = HELLO }, { .text = HELLO });
	open_plain("", "");
	call(&get, false);
	call(&get, false);
	assert_int_equal(server.request_count, 2);
	assert_int_equal(server.connection_count, 1);
}

/* Sends the next piece when the one before has come. */
static void send_next_piece(struct heard *heard)
{
	static const struct answer pieces[] = { { .text = "3\r\ntwo\r\n" },
						{ .text = "5\r\nthree\r\n0\r\n\r\n" } };

	if (heard->pieces <= 2)
		server_say(server.asked_on[0], &pieces[heard->pieces - 1]);
}

static void a_stream_is_heard_as_it_comes(void **state)
{
	struct heard heard = { .on_piece = send_next_piece };

	(void)state;
	ANSWER({ .text = CHUNKED "3\r\none\r\n" });
	open_plain("", "");
	start(&heard, &get, true);
	run();
	assert_int_equal(heard.pieces, 3);
	assert_string_equal(heard.data, "onetwothree");
	assert_int_equal(heard.status, 200);
	assert_true(heard.is_complete);
	assert_string_equal(heard.body, "");
}

static void a_refusal_is_told_with_its_body(void **state)
{
	struct heard heard;

	(void)state;
	ANSWER({ .text = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
			 "Content-Length: 4\r\n\r\nslow" },
	       { .text = "HTTP/1.1 503 Unavailable\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT"
			 "\r\nContent-Length: 0\r\n\r\n" });
	open_plain("", "");
	heard = call(&get, true);
	assert_int_equal(heard.status, 429);
	assert_int_equal(heard.retry_after_s, 7);
	assert_string_equal(heard.body, "slow");
	assert_int_equal(heard.pieces, 0);
	assert_true(heard.is_complete);
	heard = call(&get, true);
	assert_int_equal(heard.status, 503);
	assert_int_equal(heard.retry_after_s, -1);
}

static void redirects_are_not_followed(void **state)
{
	struct heard heard;

	(void)state;
	ANSWER({ .text = "HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n" });
	open_plain("", "token: abc");
	heard = call(&get, true);
	assert_int_equal(heard.status, 302);
	assert_int_equal(server.request_count, 1);
}

/* An answer with size bytes of body. */
static char *long_answer(const char *status, size_t size, size_t *ret_length)
{
	char *text = malloc(size + 256);
	int length;

	assert_non_null(text);
	length = snprintf(text, 256, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, size);
	memset(text + length, 'x', size);
	*ret_length = (size_t)length + size;
	return text;
}

static struct heard call_long(const char *status, size_t size)
{
	struct answer answer = { 0 };
	char *text = long_answer(status, size, &answer.length);
	struct heard heard;

	answer.text = text;
	answer_with(&answer, 1);
	open_plain("", "");
	heard = call(&get, false);
	free(text);
	return heard;
}

static void of_a_long_refusal_the_beginning_is_told(void **state)
{
	struct heard heard = call_long("500 Oh", 200000);

	(void)state;
	assert_int_equal(heard.status, 500);
	assert_int_equal(heard.body_length, 65536);
	assert_true(heard.is_complete);
}

static void a_body_that_is_too_long_to_collect_is_none(void **state)
{
	struct heard heard = call_long("200 OK", (16 << 20) + 1);

	(void)state;
	assert_int_equal(heard.status, 0);
	assert_false(heard.is_complete);
	assert_non_null(
		strstr(heard.error, "/api: a body of more than 16 MiB, expected a shorter"));
}

static void a_body_of_16_mib_is_collected(void **state)
{
	struct heard heard = call_long("200 OK", 16 << 20);

	(void)state;
	assert_int_equal(heard.status, 200);
	assert_int_equal(heard.body_length, 16 << 20);
}

static void a_body_that_breaks_off_is_not_complete(void **state)
{
	struct heard heard;

	(void)state;
	ANSWER({ .text = CHUNKED "5\r\nhe", .closes = true },
	       { .text = CHUNKED "5\r\nhello\r\n", .closes = true },
	       { .text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", .closes = true },
	       { .text = "HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\nhello", .closes = true },
	       { .text = CHUNKED "zz\r\n" });
	open_plain("", "");
	for (int i = 0; i < 3; i++) {
		heard = call(&get, i < 2);
		assert_int_equal(heard.status, 0);
		assert_false(heard.is_complete);
		assert_string_equal(heard.data, i == 0 ? "he" : i == 1 ? "hello" : "");
		assert_string_equal(heard.body, "");
		assert_non_null(strstr(heard.error, "GET http://127.0.0.1:"));
		assert_non_null(strstr(heard.error, "/api: "));
		assert_null(strstr(heard.error, "limit"));
	}
	heard = call(&get, false);
	assert_int_equal(heard.status, 500);
	assert_false(heard.is_complete);
	assert_string_equal(heard.body, "hello");
	heard = call(&get, true);
	assert_int_equal(heard.status, 0);
	assert_false(heard.is_complete);
}

static void what_is_no_http_is_an_error(void **state)
{
	struct heard heard;

	(void)state;
	ANSWER({ .text = "SSH-2.0-x\r\n", .closes = true },
	       { .text = "", .length = 0, .closes = true });
	open_plain("", "");
	heard = call(&get, true);
	assert_int_equal(heard.status, 0);
	assert_int_equal(heard.pieces, 0);
	assert_false(heard.is_complete);
}

static void silence_ends_a_call(void **state)
{
	struct kube_request request = get;
	struct heard heard;

	(void)state;
	ANSWER({ .text = CHUNKED "3\r\none\r\n" });
	open_plain("", "");
	request.idle_timeout_ms = 200;
	heard = call(&request, true);
	assert_int_equal(heard.status, 0);
	assert_string_equal(heard.data, "one");
	assert_non_null(strstr(heard.error, "/api: nothing came for 200 ms"));
	heard = call(&request, true); /* the script has no answer for it */
	assert_int_equal(heard.status, 0);
	assert_non_null(strstr(heard.error, "nothing came for 200 ms"));
}

/* What holds one call up might hold up others: none of the old connections is used again. */
static void after_silence_connections_are_new(void **state)
{
	struct kube_request request = get;
	struct heard one = { 0 }, other = { 0 };

	(void)state;
	ANSWER({ .text = HELLO }, { .text = HELLO }, { .text = CHUNKED }, { .text = HELLO });
	open_plain("", "");
	start(&one, &get, false);
	start(&other, &get, false);
	run();
	request.idle_timeout_ms = 200;
	assert_int_equal(call(&request, true).status, 0);
	assert_int_equal(server.connection_count, 2);
	assert_int_equal(call(&get, true).status, 200);
	assert_int_equal(server.connection_count, 3);
	assert_null(server.connections[0]);
	assert_null(server.connections[1]);
}

static struct loop_watch *ticker;
static unsigned int ticks;

static void send_tick(void *owner)
{
	static const struct answer tick = { .text = "1\r\nx\r\n" }, end = { .text = "0\r\n\r\n" };

	(void)owner;
	server_say(server.asked_on[0], ++ticks < 8 ? &tick : &end);
	if (ticks < 8)
		loop_timer_set(ticker, 250);
}

static void begin_ticking(struct heard *heard)
{
	if (heard->pieces == 1)
		loop_timer_set(ticker, 250);
}

static void a_byte_now_and_then_is_no_silence(void **state)
{
	struct kube_request request = get;
	struct heard heard = { .on_piece = begin_ticking };

	(void)state;
	ticks = 0;
	ticker = loop_add_timer(loop, send_tick, NULL);
	ANSWER({ .text = CHUNKED "1\r\nx\r\n" });
	open_plain("", "");
	request.idle_timeout_ms = 1500;
	start(&heard, &request, true);
	run();
	loop_remove(ticker);
	assert_int_equal(heard.status, 200);
	assert_string_equal(heard.data, "xxxxxxxx");
}

static void a_call_ends_at_its_time(void **state)
{
	struct kube_request request = get;
	struct heard heard;

	(void)state;
	open_plain("", "");
	request.timeout_ms = 200;
	heard = call(&request, true);
	assert_int_equal(heard.status, 0);
	assert_non_null(strstr(heard.error, "/api: not done within 200 ms"));
}

static void a_rejected_token_is_read_anew_and_tried_again(void **state)
{
	struct heard heard;

	(void)state;
	put("token", "old");
	ANSWER({ .text = REFUSED }, { .text = HELLO });
	open_plain("", "tokenFile: token");
	put("token", "new");
	heard = call(&get, true);
	assert_int_equal(heard.status, 200);
	assert_string_equal(heard.data, "hello");
	assert_true(was_sent(0, "Bearer old\r\n"));
	assert_true(was_sent(1, "Bearer new\r\n"));
}

static void a_token_that_is_rejected_twice_is_told(void **state)
{
	struct heard heard;

	(void)state;
	ANSWER({ .text = REFUSED }, { .text = REFUSED }, { .text = HELLO });
	open_plain("", "token: abc");
	heard = call(&get, true);
	assert_int_equal(heard.status, 401);
	assert_string_equal(heard.body, "who");
	assert_int_equal(server.request_count, 2);
}

static void calls_wait_for_the_program_that_has_the_token(void **state)
{
	struct heard one = { 0 }, other = { 0 };

	(void)state;
	put("program", "#!/bin/sh\nsleep 0.2\nn=$(cat \"$0.runs\" | wc -l)\necho x >>\"$0.runs\"\n"
		       "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
		       "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"t'$n'\"}}'\n");
	put("program.runs", "");
	assert_int_equal(chmod(at("program"), 0755), 0);
	ANSWER({ .text = HELLO }, { .text = HELLO });
	open_plain("", "exec: {command: ./program, interactiveMode: Never, apiVersion: "
		       "client.authentication.k8s.io/v1}");
	start(&one, &get, false);
	start(&other, &get, false);
	run();
	assert_int_equal(one.status, 200);
	assert_int_equal(other.status, 200);
	assert_true(was_sent(0, "Bearer t0\r\n"));
	assert_true(was_sent(1, "Bearer t0\r\n"));
}

static void a_program_that_fails_ends_the_calls_that_wait(void **state)
{
	const struct kube_events events = { .on_done = on_done };
	struct kube_call *another = NULL;
	struct heard heard;

	(void)state;
	put("program", "#!/bin/sh\necho no >&2\nexit 1\n");
	assert_int_equal(chmod(at("program"), 0755), 0);
	open_plain("", "exec: {command: ./program, interactiveMode: Never, apiVersion: "
		       "client.authentication.k8s.io/v1}");
	heard = call(&get, false);
	assert_int_equal(heard.status, 0);
	assert_non_null(strstr(heard.error, "program: ended with status 1, expected status 0: no"));
	assert_int_equal(server.connection_count, 0);
	assert_int_equal(kube_http_start(http, &get, &events, &another, &error), -ECHILD);
	assert_null(another);
}

static void a_server_that_is_away_is_an_error(void **state)
{
	struct heard heard;

	(void)state;
	open_plain("", "");
	server_stop();
	heard = call(&get, true);
	assert_int_equal(heard.status, 0);
	assert_false(heard.is_complete);
	assert_non_null(strstr(heard.error, "/api: "));
	assert_non_null(strstr(heard.error, "onnect"));
}

static struct heard first, second, third;

static void cancel_itself(struct heard *heard)
{
	kube_http_cancel(heard->call);
	under_way--;
	kube_http_cancel(heard->call);
}

static void a_call_may_be_cancelled_when_a_piece_comes(void **state)
{
	(void)state;
	first = (struct heard){ .on_piece = cancel_itself };
	second = (struct heard){ 0 };
	ANSWER({ .text = CHUNKED "3\r\none\r\n3\r\ntwo\r\n" }, { .text = HELLO });
	open_plain("", "");
	start(&first, &get, true);
	start(&second, &get, false);
	run();
	assert_int_equal(first.done, 0);
	assert_int_equal(first.pieces, 1);
	assert_int_equal(second.status, 200);
}

static void cancel_the_first(struct heard *heard)
{
	(void)heard;
	if (!first.call)
		return;
	kube_http_cancel(first.call);
	first.call = NULL;
	under_way--;
}

static void another_call_may_be_cancelled_when_a_piece_comes(void **state)
{
	(void)state;
	first = third = (struct heard){ 0 };
	second = (struct heard){ .on_piece = cancel_the_first };
	ANSWER({ .text = CHUNKED }, { .text = HELLO }, { .text = HELLO });
	open_plain("", "");
	start(&first, &get, true);
	start(&second, &get, true);
	start(&third, &get, true);
	run();
	assert_int_equal(first.done, 0);
	assert_int_equal(second.status, 200);
	assert_string_equal(second.data, "hello");
	assert_int_equal(third.status, 200);
}

static void start_the_third(struct heard *heard)
{
	(void)heard;
	if (!third.call)
		start(&third, &get, true);
}

static void a_call_may_be_started_when_a_piece_comes_or_one_ends(void **state)
{
	(void)state;
	ANSWER({ .text = HELLO }, { .text = HELLO }, { .text = HELLO }, { .text = HELLO });
	open_plain("", "");
	third = (struct heard){ 0 };
	first = (struct heard){ .on_piece = start_the_third };
	start(&first, &get, true);
	run();
	assert_string_equal(third.data, "hello");
	third = (struct heard){ 0 };
	first = (struct heard){ .on_end = start_the_third };
	start(&first, &get, true);
	run();
	assert_string_equal(third.data, "hello");
}

static void cancel_all(struct heard *heard)
{
	kube_http_cancel(heard->call);
	cancel_the_first(heard);
}

static void calls_may_be_cancelled_when_one_ends(void **state)
{
	(void)state;
	ANSWER({ .text = CHUNKED }, { .text = HELLO });
	open_plain("", "");
	first = (struct heard){ 0 };
	second = (struct heard){ .on_end = cancel_all };
	start(&first, &get, true);
	start(&second, &get, true);
	run();
	assert_int_equal(first.done, 0);
	assert_int_equal(second.status, 200);
}

static void a_call_that_waits_can_be_cancelled(void **state)
{
	(void)state;
	ANSWER({ .text = HELLO });
	open_plain("", "");
	first = second = (struct heard){ 0 };
	start(&first, &get, true);
	start(&second, &get, true);
	kube_http_cancel(first.call);
	kube_http_cancel(NULL);
	under_way--;
	run();
	assert_int_equal(first.done, 0);
	assert_int_equal(second.status, 200);
	assert_int_equal(server.request_count, 1);
}

static void stop(struct heard *heard)
{
	(void)heard;
	loop_stop(loop);
}

static void nothing_is_heard_of_calls_that_destroying_ends(void **state)
{
	(void)state;
	ANSWER({ .text = CHUNKED "3\r\none\r\n" });
	open_plain("", "");
	first = (struct heard){ .on_piece = stop };
	second = (struct heard){ 0 };
	start(&first, &get, true);
	run();
	start(&second, &get, true);
	kube_http_destroy(http);
	http = NULL;
	assert_int_equal(first.done + second.done, 0);
}

/* gzip of size zeros, as an answer. */
static struct answer zipped(size_t size)
{
	static char zeros[65536];
	size_t capacity = size / 500 + 1024;
	char *text = malloc(capacity);
	z_stream stream = { 0 };
	int length;

	assert_non_null(text);
	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
	length = snprintf(text, capacity, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
	stream.next_out = (unsigned char *)text + length;
	stream.avail_out = (unsigned int)(capacity - (size_t)length);
	while (size > 0) {
		size_t piece = size < sizeof(zeros) ? size : sizeof(zeros);

		stream.next_in = (unsigned char *)zeros;
		stream.avail_in = (unsigned int)piece;
		size -= piece;
		assert_true(deflate(&stream, size ? Z_NO_FLUSH : Z_FINISH) >= 0);
	}
	length += (int)stream.total_out;
	deflateEnd(&stream);
	return (struct answer){ .text = text, .length = (size_t)length, .closes = true };
}

static size_t inflated;

static void count_data(const char *data, size_t length, void *owner)
{
	(void)data, (void)owner;
	inflated += length;
}

static struct heard call_zipped(size_t size)
{
	const struct kube_events events = {
		.on_data = count_data,
		.on_done = on_done,
		.owner = &first,
	};
	struct answer answer = zipped(size);

	first = (struct heard){ 0 };
	inflated = 0;
	answer_with(&answer, 1);
	open_plain("", "");
	under_way = 1;
	assert_int_equal(kube_http_start(http, &get, &events, &first.call, &error), 0);
	run();
	free((char *)(uintptr_t)answer.text);
	return first;
}

static void gzip_is_inflated(void **state)
{
	struct heard heard = call_zipped(300000);

	(void)state;
	assert_int_equal(heard.status, 200);
	assert_int_equal(inflated, 300000);
}

static void what_inflates_to_more_than_is_sensible_is_broken_off(void **state)
{
	struct heard heard = call_zipped(((size_t)256 << 20) + 1000000);

	(void)state;
	assert_int_equal(heard.status, 0);
	assert_true(inflated <= (size_t)256 << 20);
	assert_non_null(strstr(heard.error, "/api: more than 256 MiB when inflated"));
}

/* Of our own socket that is connected to the server. */
static int client_socket(void)
{
	for (int fd = 3; fd < 1000; fd++) {
		struct sockaddr_in peer = { 0 };
		socklen_t length = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
		    peer.sin_family == AF_INET && ntohs(peer.sin_port) == server.port)
			return fd;
	}
	return -1;
}

static int option(int fd, int level, int name)
{
	socklen_t length = sizeof(int);
	int value = -1;

	assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
	return value;
}

static void a_connection_notices_that_its_other_end_is_gone(void **state)
{
	int fd;

	(void)state;
	ANSWER({ .text = HELLO });
	open_plain("", "");
	call(&get, false);
	fd = client_socket();
	assert_true(fd >= 0);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_says_who_asks_and_gets_the_answer),
		TEST(a_body_is_sent_with_its_type),
		TEST(a_path_prefix_of_the_server_goes_first),
		TEST(a_proxy_is_asked_for_the_server),
		TEST(calls_after_each_other_share_a_connection),
		TEST(a_stream_is_heard_as_it_comes),
		TEST(a_refusal_is_told_with_its_body),
		TEST(redirects_are_not_followed),
		TEST(of_a_long_refusal_the_beginning_is_told),
		TEST(a_body_that_is_too_long_to_collect_is_none),
		TEST(a_body_of_16_mib_is_collected),
		TEST(a_body_that_breaks_off_is_not_complete),
		TEST(what_is_no_http_is_an_error),
		TEST(silence_ends_a_call),
		TEST(after_silence_connections_are_new),
		TEST(a_byte_now_and_then_is_no_silence),
		TEST(a_call_ends_at_its_time),
		TEST(a_rejected_token_is_read_anew_and_tried_again),
		TEST(a_token_that_is_rejected_twice_is_told),
		TEST(calls_wait_for_the_program_that_has_the_token),
		TEST(a_program_that_fails_ends_the_calls_that_wait),
		TEST(a_server_that_is_away_is_an_error),
		TEST(a_call_may_be_cancelled_when_a_piece_comes),
		TEST(another_call_may_be_cancelled_when_a_piece_comes),
		TEST(a_call_may_be_started_when_a_piece_comes_or_one_ends),
		TEST(calls_may_be_cancelled_when_one_ends),
		TEST(a_call_that_waits_can_be_cancelled),
		TEST(nothing_is_heard_of_calls_that_destroying_ends),
		TEST(gzip_is_inflated),
		TEST(what_inflates_to_more_than_is_sensible_is_broken_off),
		TEST(a_connection_notices_that_its_other_end_is_gone),
	};

	return cmocka_run_group_tests_name("kube_http", tests, NULL, NULL);
}

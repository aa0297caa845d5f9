/* SPDX-License-Identifier: BSD-2-Clause */
/* test_health_check.c - real HTTP requests to the servers on healthCheckNodePorts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "agent/health_check.h"
#include "lib/loop.h"
#include "objects.h"

struct fixture {
	struct pool *pool;
	struct model *model;
	struct loop *loop;
	struct health_check *check;
};

static int setup(void **state)
{
	static struct fixture fixture;
	struct model_settings settings = { .serve_unclassed = true, .node_name = "node-a" };

	fixture = (struct fixture){ .pool = pool_create(), .loop = loop_create() };
	settings.pool = fixture.pool;
	fixture.model = model_create(&settings);
	fixture.check = health_check_create(fixture.loop);
	assert_true(fixture.model && fixture.check);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	health_check_destroy(fixture->check);
	health_check_destroy(NULL);
	model_destroy(fixture->model);
	pool_destroy(fixture->pool);
	loop_destroy(fixture->loop);
	return 0;
}

/* A port that nobody listens on; the socket in *ret_fd is bound to it, and does not listen. */
static uint16_t free_port(int *ret_fd)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	socklen_t size = sizeof(any);

	*ret_fd = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&any, size), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&any, &size), 0);
	return ntohs(any.sin6_port);
}

static uint16_t unused_port(void)
{
	int fd;
	uint16_t port = free_port(&fd);

	(void)close(fd);
	return port;
}

static struct object *local_service(const char *name, const char *vip, uint16_t port)
{
	struct object *service = simple_service(name, vip, 80);

	service->service.external_traffic_policy = TRAFFIC_POLICY_LOCAL;
	service->service.health_check_node_port = port;
	return service;
}

static void set_local_endpoints(struct fixture *fixture, const char *name, size_t count)
{
	struct object *slice = build_slice(name, name);

	for (size_t i = 0; i < count; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "10.1.0.%zu", i + 1);
		add_endpoint(slice, text)->node_name = "node-a";
	}
	set(fixture->model, slice);
}

static void follow(struct fixture *fixture, bool healthy)
{
	(void)update(fixture->model);
	health_check_follow(fixture->check, fixture->model, healthy);
}

static struct {
	int code; /* 0: nobody answered */
	char body[256];
	char type[64], sniff[64], weight[64];
	struct loop *loop;
} answer;

static void keep_header(const struct evkeyvalq *headers, const char *name, char *to, size_t size)
{
	const char *value = evhttp_find_header(headers, name);

	(void)snprintf(to, size, "%s", value ? value : "");
}

static void on_answer(struct evhttp_request *request, void *context)
{
	(void)context;
	answer.code = request ? evhttp_request_get_response_code(request) : 0;
	if (answer.code) {
		struct evbuffer *body = evhttp_request_get_input_buffer(request);
		const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
		ssize_t length = evbuffer_copyout(body, answer.body, sizeof(answer.body) - 1);

		answer.body[length < 0 ? 0 : length] = '\0';
		keep_header(headers, "Content-Type", answer.type, sizeof(answer.type));
		keep_header(headers, "X-Content-Type-Options", answer.sniff, sizeof(answer.sniff));
		keep_header(headers, "X-Load-Balancing-Endpoint-Weight", answer.weight,
			    sizeof(answer.weight));
	}
	loop_stop(answer.loop);
}

/* The status, 0 when nobody listens; the rest is in answer. */
static int ask(struct fixture *fixture, const char *address_text, uint16_t port, const char *path)
{
	struct evhttp_connection *connection =
		evhttp_connection_base_new(loop_base(fixture->loop), NULL, address_text, port);
	struct evhttp_request *request = evhttp_request_new(on_answer, NULL);

	memset(&answer, 0, sizeof(answer));
	answer.loop = fixture->loop;
	assert_true(connection && request);
	assert_int_equal(evhttp_make_request(connection, request, EVHTTP_REQ_GET, path), 0);
	(void)loop_run(fixture->loop);
	evhttp_connection_free(connection);
	return answer.code;
}

static void a_node_with_ready_endpoints_says_how_many(void **state)
{
	struct fixture *fixture = *state;
	uint16_t port = unused_port();

	set(fixture->model, local_service("web", "10.0.0.1", port));
	set_local_endpoints(fixture, "web", 2);
	follow(fixture, true);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/any/path?at=all"), 200);
	assert_string_equal(answer.body,
			    "{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},"
			    "\"localEndpoints\":2,\"serviceProxyHealthy\":true}");
	assert_string_equal(answer.type, "application/json");
	assert_string_equal(answer.sniff, "nosniff");
	assert_string_equal(answer.weight, "2");
}

static void without_endpoints_or_health_it_wants_no_traffic(void **state)
{
	struct fixture *fixture = *state;
	uint16_t port = unused_port();

	set(fixture->model, local_service("web", "10.0.0.1", port));
	follow(fixture, true);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 503);
	assert_string_equal(answer.body,
			    "{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},"
			    "\"localEndpoints\":0,\"serviceProxyHealthy\":true}");
	assert_string_equal(answer.weight, "0");
	set_local_endpoints(fixture, "web", 1);
	follow(fixture, false);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 503);
	assert_string_equal(answer.body,
			    "{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},"
			    "\"localEndpoints\":1,\"serviceProxyHealthy\":false}");
	follow(fixture, true);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 200);
}

static void only_services_that_want_it_have_a_server(void **state)
{
	struct fixture *fixture = *state;
	uint16_t port = unused_port();
	struct object *cluster = local_service("web", "10.0.0.1", port);

	cluster->service.external_traffic_policy = TRAFFIC_POLICY_CLUSTER;
	set(fixture->model, cluster);
	follow(fixture, true);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 0);
	set(fixture->model, local_service("web", "10.0.0.1", port));
	follow(fixture, true);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 503);
	/* The port goes to another Service; then nobody has it. */
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "web");
	set(fixture->model, local_service("api", "10.0.0.2", port));
	set_local_endpoints(fixture, "api", 1);
	follow(fixture, true);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 200);
	assert_non_null(strstr(answer.body, "\"name\":\"api\""));
	model_remove_object(fixture->model, OBJECT_SERVICE, "default", "api");
	follow(fixture, true);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 0);
}

static void a_port_that_is_taken_is_tried_again(void **state)
{
	struct fixture *fixture = *state;
	int fd;
	uint16_t port = free_port(&fd);

	assert_int_equal(listen(fd, 1), 0);
	set(fixture->model, local_service("web", "10.0.0.1", port));
	set_local_endpoints(fixture, "web", 1);
	follow(fixture, true);
	(void)close(fd);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 0);
	follow(fixture, true);
	assert_int_equal(ask(fixture, "127.0.0.1", port, "/"), 200);
}

static void both_families_are_answered(void **state)
{
	struct fixture *fixture = *state;
	uint16_t port = unused_port();
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	const struct sockaddr_in6 loopback = { .sin6_family = AF_INET6,
					       .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	bool has_ipv6 =
		fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof(loopback)) == 0;

	if (fd >= 0)
		(void)close(fd);
	if (!has_ipv6)
		skip();
	set(fixture->model, local_service("web", "10.0.0.1", port));
	set_local_endpoints(fixture, "web", 1);
	follow(fixture, true);
	assert_int_equal(ask(fixture, "::1", port, "/"), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_node_with_ready_endpoints_says_how_many),
		TEST(without_endpoints_or_health_it_wants_no_traffic),
		TEST(only_services_that_want_it_have_a_server),
		TEST(a_port_that_is_taken_is_tried_again),
		TEST(both_families_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

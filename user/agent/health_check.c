/* SPDX-License-Identifier: BSD-2-Clause */
/* health_check.c - libevent's HTTP server, one for each port. */
#include "agent/health_check.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/table.h"
#include "model/model.h"

#define REQUEST_TIMEOUT_S 5
#define REQUEST_BYTES_MAX 8192
#define BACKLOG 128

struct server {
	LIST_ENTRY(server) link;
	struct table_node by_port;
	const struct health_check *check;
	struct evhttp *http; /* NULL: the port could not be opened */
	uint16_t port;
	size_t local_count;
	bool is_wanted;
	const char *namespace, *name; /* behind the struct */
};

struct health_check {
	struct loop *loop;
	LIST_HEAD(, server) servers;
	struct table by_port;
	bool is_healthy;
};

struct health_check *health_check_create(struct loop *loop)
{
	struct health_check *check = calloc(1, sizeof(*check));

	if (check)
		check->loop = loop;
	return check;
}

static void server_destroy(struct health_check *check, struct server *server)
{
	LIST_REMOVE(server, link);
	table_remove(&check->by_port, &server->by_port);
	if (server->http)
		evhttp_free(server->http);
	free(server);
}

void health_check_destroy(struct health_check *check)
{
	if (!check)
		return;
	while (!LIST_EMPTY(&check->servers))
		server_destroy(check, LIST_FIRST(&check->servers));
	table_finish(&check->by_port, NULL);
	free(check);
}

/* Names are those of Kubernetes: nothing in them is to be escaped. */
static void on_request(struct evhttp_request *request, void *context)
{
	const struct server *server = context;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();
	bool is_good = server->check->is_healthy && server->local_count > 0;
	char weight[24];

	(void)snprintf(weight, sizeof(weight), "%zu", server->local_count);
	(void)evhttp_add_header(headers, "Content-Type", "application/json");
	(void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	(void)evhttp_add_header(headers, "X-Load-Balancing-Endpoint-Weight", weight);
	if (body)
		(void)evbuffer_add_printf(body,
					  "{\"service\":{\"namespace\":\"%s\",\"name\":\"%s\"},"
					  "\"localEndpoints\":%zu,\"serviceProxyHealthy\":%s}",
					  server->namespace, server->name, server->local_count,
					  server->check->is_healthy ? "true" : "false");
	evhttp_send_reply(request, is_good ? HTTP_OK : HTTP_SERVUNAVAIL, NULL, body);
	if (body)
		evbuffer_free(body);
}

static int bind_to(int fd, bool ipv6, uint16_t port)
{
	const struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, off = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!ipv6)
		return bind(fd, (const struct sockaddr *)&any4, sizeof(any4));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	return bind(fd, (const struct sockaddr *)&any6, sizeof(any6));
}

/* A listening socket for both families, where there are both; or a negative errno. */
static int open_port(uint16_t port)
{
	bool ipv6 = true;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0 && errno == EAFNOSUPPORT) {
		ipv6 = false;
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return -errno;
	if (bind_to(fd, ipv6, port) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static void set_limits(struct evhttp *http)
{
	evhttp_set_timeout(http, REQUEST_TIMEOUT_S);
	evhttp_set_max_headers_size(http, REQUEST_BYTES_MAX);
	evhttp_set_max_body_size(http, REQUEST_BYTES_MAX);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
						 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
}

static int start(struct server *server, struct loop *loop)
{
	int fd = open_port(server->port);
	struct evhttp *http;

	if (fd < 0)
		return fd;
	http = evhttp_new(loop_base(loop));
	if (!http || evhttp_accept_socket(http, fd) < 0) {
		(void)close(fd);
		if (http)
			evhttp_free(http);
		return -ENOMEM;
	}
	set_limits(http);
	evhttp_set_gencb(http, on_request, server);
	server->http = http;
	return 0;
}

static struct server *server_create(struct health_check *check, const struct object *service)
{
	size_t namespace_size = strlen(service->namespace) + 1,
	       name_size = strlen(service->name) + 1;
	struct server *server = calloc(1, sizeof(*server) + namespace_size + name_size);
	char *text;

	if (!server)
		return NULL;
	text = (char *)(server + 1);
	server->namespace = memcpy(text, service->namespace, namespace_size);
	server->name = memcpy(text + namespace_size, service->name, name_size);
	server->port = service->service.health_check_node_port;
	server->check = check;
	if (table_insert(&check->by_port, &server->by_port, server->port) < 0) {
		free(server);
		return NULL;
	}
	LIST_INSERT_HEAD(&check->servers, server, link);
	return server;
}

static bool wants_server(const struct service_status *status)
{
	const struct service_object *service = &status->object->service;

	return status->is_load_balancer &&
	       service->external_traffic_policy == TRAFFIC_POLICY_LOCAL &&
	       service->health_check_node_port != 0;
}

static struct server *find(const struct health_check *check, const struct object *service)
{
	struct table_node *node =
		table_first(&check->by_port, service->service.health_check_node_port);

	for (; node; node = table_next(node)) {
		struct server *server = TABLE_OWNER(node, struct server, by_port);

		if (strcmp(server->name, service->name) == 0 &&
		    strcmp(server->namespace, service->namespace) == 0)
			return server;
	}
	return NULL;
}

static void update(const struct service_status *status, void *context)
{
	struct server *server = wants_server(status) ? find(context, status->object) : NULL;

	if (!server)
		return;
	server->is_wanted = true;
	server->local_count = status->local_count;
}

static void open_new(const struct service_status *status, void *context)
{
	struct health_check *check = context;
	const struct object *service = status->object;
	struct server *server;
	bool is_new;
	int r;

	if (!wants_server(status))
		return;
	server = find(check, service);
	is_new = !server;
	if (is_new)
		server = server_create(check, service);
	if (!server || server->http)
		return;
	server->local_count = status->local_count;
	r = start(server, check->loop);
	if (r < 0 && is_new)
		log_warning("service '%s/%s': cannot answer health checks on port %u: %s",
			    service->namespace, service->name, server->port, strerror(-r));
}

void health_check_follow(struct health_check *check, const struct model *model, bool healthy)
{
	struct server *server, *next;

	if (!check)
		return;
	check->is_healthy = healthy;
	LIST_FOREACH(server, &check->servers, link)
	server->is_wanted = false;
	model_for_each_status(model, update, check);
	for (server = LIST_FIRST(&check->servers); server; server = next) {
		next = LIST_NEXT(server, link);
		if (!server->is_wanted)
			server_destroy(check, server);
	}
	model_for_each_status(model, open_new, check);
}

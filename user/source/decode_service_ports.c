/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_service_ports.c - spec.ports of a Service, checked as the API server does. */
#include "source/decode_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RFC 6335: letters, digits and single inner hyphens, with a letter, at most 15. */
static bool is_port_name(const char *text)
{
	return strlen(text) <= 15 && decode_is_label(text) && !strstr(text, "--") &&
	       strpbrk(text, "abcdefghijklmnopqrstuvwxyz");
}

/* A number, or the name of a container's port; 0 and "" stand for the port itself. */
static int read_target_port(struct object *object, const struct field *field,
			    struct service_port *port, struct error *error)
{
	struct field target = field_at(field, "targetPort");
	const char *name = "";
	int64_t number = 0;
	int r;

	if (target.node && node_string(target.node, "", &name, NULL) < 0) {
		r = field_integer(field, "targetPort", 0, UINT16_MAX, &number, error);
		if (r < 0)
			return r;
	}
	if (*name && !is_port_name(name))
		return field_error(
			&target, error,
			"\"%.60s\", expected a number without quotes or a port's name of "
			"at most 15 lower-case letters, digits and \"-\"",
			name);
	if (*name) {
		port->target_port_name = name;
		return decode_keep(object, &port->target_port_name, error);
	}
	port->target_port = number ? (uint16_t)number : port->port;
	return 0;
}

static int read_name(struct object *object, const struct field *field, bool is_only,
		     struct service_port *port, struct error *error)
{
	struct field name = field_at(field, "name");
	int r;

	port->name = "";
	r = field_string(field, "name", &port->name, error);
	if (r < 0)
		return r;
	if (!*port->name && !is_only)
		return field_error(&name, error,
				   "missing, expected a name for each of several ports");
	if (*port->name && !decode_is_label(port->name))
		return field_error(&name, error,
				   "\"%.70s\", expected lower-case letters, digits and \"-\", "
				   "at most 63",
				   port->name);
	return decode_keep(object, &port->name, error);
}

static int read_port(struct object *object, const struct field *field, void *element,
		     struct error *error)
{
	struct service_port *port = element;
	struct field number = field_at(field, "port");
	bool is_only = field->parent->node->count == 1;
	int64_t node_port = 0;
	int r = read_name(object, field, is_only, port, error);

	if (r == 0)
		r = decode_protocol(field, &port->protocol, error);
	if (r == 0 && !number.node)
		r = field_error(&number, error, "missing, expected 1 to 65535");
	if (r == 0)
		r = decode_port(field, "port", &port->port, error);
	if (r == 0)
		r = read_target_port(object, field, port, error);
	if (r == 0)
		r = field_integer(field, "nodePort", 0, UINT16_MAX, &node_port, error);
	port->node_port = (uint16_t)node_port;
	return r;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct service_port *left = *(const struct service_port *const *)a;
	const struct service_port *right = *(const struct service_port *const *)b;

	if (left->port != right->port)
		return left->port < right->port ? -1 : 1;
	if (left->protocol != right->protocol)
		return left->protocol < right->protocol ? -1 : 1;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct service_port *left = *(const struct service_port *const *)a;
	const struct service_port *right = *(const struct service_port *const *)b;

	return strcmp(left->name, right->name);
}

/* Two ports that compare as equal, by their index, the higher first; false when there are none. */
static bool find_equal(const struct service_port **sorted, size_t count,
		       const struct service_port *ports,
		       int (*compare)(const void *a, const void *b), size_t *ret_late,
		       size_t *ret_early)
{
	qsort(sorted, count, sizeof(struct service_port *), compare);
	for (size_t i = 1; i < count; i++) {
		size_t left = (size_t)(sorted[i - 1] - ports), right = (size_t)(sorted[i] - ports);

		if (compare(&sorted[i - 1], &sorted[i]) != 0)
			continue;
		*ret_late = left > right ? left : right;
		*ret_early = left > right ? right : left;
		return true;
	}
	return false;
}

static struct field field_of(const struct field *list, size_t index)
{
	const struct node *node = list->node->first;

	for (size_t i = 0; i < index; i++)
		node = node->next;
	return field_item(list, index, node);
}

static int check_unique(struct object *object, const struct field *list,
			const struct service_port *ports, size_t count, struct error *error)
{
	const struct service_port **sorted;
	size_t late, early;

	sorted = decode_array(object, count, sizeof(struct service_port *), error);
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &ports[i];
	if (find_equal(sorted, count, ports, compare_numbers, &late, &early)) {
		struct field item = field_of(list, late);

		return field_error(&item, error, "%u/%s as in spec.ports[%zu], expected each once",
				   ports[late].port, protocol_name(ports[late].protocol), early);
	}
	if (find_equal(sorted, count, ports, compare_names, &late, &early)) {
		struct field item = field_of(list, late), name = field_at(&item, "name");

		return field_error(&name, error,
				   "\"%s\" as in spec.ports[%zu], expected each name once",
				   ports[late].name, early);
	}
	return 0;
}

int decode_service_ports(struct object *object, const struct field *spec, struct error *error)
{
	struct service_object *service = &object->service;
	const void *ports = NULL;
	struct field list;
	int r = field_list(spec, "ports", &list, error);

	if (r == 0)
		r = decode_items(object, &list, sizeof(struct service_port), read_port, &ports,
				 &service->port_count, error);
	service->ports = ports;
	if (r == 0 && service->port_count > 1)
		r = check_unique(object, &list, service->ports, service->port_count, error);
	return r;
}

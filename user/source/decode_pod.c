/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_pod.c - a Pod: where it is reached, and whether it is ready. */
#include "source/decode_part.h"

#include <errno.h>
#include <string.h>

#include "lib/error.h"

/* podIPs, one address each, else podIP. */
static int read_addresses(struct object *object, const struct field *status, struct error *error)
{
	struct pod_object *pod = &object->pod;
	struct field list, single = field_at(status, "podIP");
	struct address *addresses;
	const char *text = "";
	size_t index = 0;
	int r = field_list(status, "podIPs", &list, error);

	if (r < 0)
		return r;
	if (!list.node || list.node->count == 0) {
		r = field_string(status, "podIP", &text, error);
		return r < 0 ? r
			     : decode_addresses(object, &single, text, &pod->addresses,
						&pod->address_count, error);
	}
	addresses = decode_array(object, list.node->count, sizeof(*addresses), error);
	if (!addresses)
		return -ENOMEM;
	for (const struct node *node = list.node->first; node; node = node->next, index++) {
		struct field item = field_item(&list, index, node), ip = field_at(&item, "ip");

		text = "";
		r = field_string(&item, "ip", &text, error);
		if (r == 0 && *text)
			r = decode_address(&ip, text, &addresses[pod->address_count++], error);
		if (r < 0)
			return r;
	}
	pod->addresses = addresses;
	return 0;
}

static int read_ready(struct pod_object *pod, const struct field *status, struct error *error)
{
	struct field list;
	size_t index = 0;
	int r = field_list(status, "conditions", &list, error);

	for (const struct node *node = r == 0 && list.node ? list.node->first : NULL; node;
	     node = node->next, index++) {
		struct field item = field_item(&list, index, node);
		const char *type = "", *value = "";

		r = field_string(&item, "type", &type, error);
		if (r == 0)
			r = field_string(&item, "status", &value, error);
		if (r < 0)
			return r;
		if (strcmp(type, "Ready") == 0)
			pod->ready = strcmp(value, "True") == 0;
	}
	return r;
}

static int read_status(struct object *object, const struct field *top, struct error *error)
{
	struct pod_object *pod = &object->pod;
	struct field status;
	const char *phase = "";
	int r = field_mapping(top, "status", &status, error);

	if (r == 0)
		r = field_string(&status, "phase", &phase, error);
	if (r == 0)
		r = read_addresses(object, &status, error);
	if (r == 0)
		r = read_ready(pod, &status, error);
	pod->finished = strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0;
	return r;
}

static bool is_sidecar(const struct field *container)
{
	const char *policy = "";

	return field_string(container, "restartPolicy", &policy, NULL) == 0 &&
	       strcmp(policy, "Always") == 0;
}

static size_t count_ports(const struct node *containers)
{
	size_t count = 0;

	for (const struct node *node = containers ? containers->first : NULL; node;
	     node = node->next) {
		const struct node *ports = node_get(node, "ports");

		count += ports && ports->type == NODE_SEQUENCE ? ports->count : 0;
	}
	return count;
}

static int read_port(struct object *object, const struct field *field, struct container_port *port,
		     struct error *error)
{
	struct field number = field_at(field, "containerPort");
	int r;

	port->name = "";
	r = field_string(field, "name", &port->name, error);
	if (r == 0)
		r = decode_keep(object, &port->name, error);
	if (r == 0)
		r = decode_protocol(field, &port->protocol, error);
	if (r == 0 && !number.node)
		r = field_error(&number, error, "missing, expected 1 to 65535");
	return r < 0 ? r : decode_port(field, "containerPort", &port->port, error);
}

/* Appends the ports of each container of list; of init containers those of sidecars alone. */
static int read_containers(struct object *object, const struct field *list, bool init,
			   struct container_port *ports, struct error *error)
{
	size_t index = 0;

	for (const struct node *node = list->node ? list->node->first : NULL; node;
	     node = node->next, index++) {
		struct field container = field_item(list, index, node), port_list;
		size_t port_index = 0;
		int r = field_list(&container, "ports", &port_list, error);

		if (r < 0)
			return r;
		if (!port_list.node || (init && !is_sidecar(&container)))
			continue;
		for (const struct node *port = port_list.node->first; port;
		     port = port->next, port_index++) {
			struct field item = field_item(&port_list, port_index, port);

			r = read_port(object, &item, &ports[object->pod.port_count], error);
			if (r < 0)
				return r;
			object->pod.port_count++;
		}
	}
	return 0;
}

static int read_ports(struct object *object, const struct field *spec, struct error *error)
{
	struct container_port *ports;
	struct field containers, init_containers;
	int r = field_list(spec, "containers", &containers, error);

	if (r == 0)
		r = field_list(spec, "initContainers", &init_containers, error);
	if (r < 0)
		return r;
	ports = decode_array(object,
			     count_ports(containers.node) + count_ports(init_containers.node),
			     sizeof(*ports), error);
	if (!ports)
		return -ENOMEM;
	object->pod.ports = ports;
	r = read_containers(object, &containers, false, ports, error);
	return r < 0 ? r : read_containers(object, &init_containers, true, ports, error);
}

int decode_pod(struct object *object, const struct field *top, struct error *error)
{
	struct pod_object *pod = &object->pod;
	struct field spec;
	int r = field_mapping(top, "spec", &spec, error);

	if (r == 0)
		r = read_ports(object, &spec, error);
	if (r == 0)
		r = field_string(&spec, "nodeName", &pod->node_name, error);
	if (r == 0)
		r = decode_keep(object, &pod->node_name, error);
	if (pod->node_name && !*pod->node_name)
		pod->node_name = NULL;
	pod->terminating = object->deleting;
	return r < 0 ? r : read_status(object, top, error);
}

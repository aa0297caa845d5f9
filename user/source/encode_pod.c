/* SPDX-License-Identifier: BSD-2-Clause */
/* encode_pod.c - a Pod as JSON: all ports are those of one container. */
#include "source/encode_part.h"

static void encode_ports(struct encoding *encoding, json_t *spec, const struct pod_object *pod)
{
	json_t *list;

	if (pod->port_count == 0)
		return;
	list = encode_item(encoding, encode_list(encoding, spec, "containers"));
	list = encode_list(encoding, list, "ports");
	for (size_t i = 0; i < pod->port_count; i++) {
		const struct container_port *port = &pod->ports[i];
		json_t *item = encode_item(encoding, list);

		if (*port->name)
			encode_text(encoding, item, "name", port->name);
		encode_text(encoding, item, "protocol", protocol_name(port->protocol));
		encode_integer(encoding, item, "containerPort", port->port);
	}
}

static void encode_addresses(struct encoding *encoding, json_t *status,
			     const struct pod_object *pod)
{
	json_t *list;

	if (pod->address_count == 0)
		return;
	list = encode_list(encoding, status, "podIPs");
	for (size_t i = 0; i < pod->address_count; i++)
		encode_set(encoding, encode_item(encoding, list), "ip",
			   encode_address(&pod->addresses[i]));
}

void encode_pod(struct encoding *encoding, const struct pod_object *pod)
{
	json_t *spec = encode_mapping(encoding, encoding->top, "spec");
	json_t *status = encode_mapping(encoding, encoding->top, "status");
	json_t *condition;

	encode_ports(encoding, spec, pod);
	if (pod->node_name)
		encode_text(encoding, spec, "nodeName", pod->node_name);
	encode_text(encoding, status, "phase", pod->finished ? "Succeeded" : "Running");
	encode_addresses(encoding, status, pod);
	condition = encode_item(encoding, encode_list(encoding, status, "conditions"));
	encode_text(encoding, condition, "type", "Ready");
	encode_text(encoding, condition, "status", pod->ready ? "True" : "False");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* encode_endpoints.c - EndpointSlices, and Endpoints of which each group is a subset. */
#include "source/encode_part.h"

#define NS_PER_S 1000000000LL

static void encode_ports(struct encoding *encoding, json_t *object,
			 const struct endpoint_group *group)
{
	json_t *list;

	if (group->port_count == 0)
		return;
	list = encode_list(encoding, object, "ports");
	for (size_t i = 0; i < group->port_count; i++) {
		const struct endpoint_port *port = &group->ports[i];
		json_t *item = encode_item(encoding, list);

		encode_text(encoding, item, "name", port->name);
		encode_text(encoding, item, "protocol", protocol_name(port->protocol));
		if (port->port)
			encode_integer(encoding, item, "port", port->port);
	}
}

static void encode_origin(struct encoding *encoding, json_t *item, const struct endpoint *endpoint)
{
	if (endpoint->node_name)
		encode_text(encoding, item, "nodeName", endpoint->node_name);
	if (endpoint->target_uid)
		encode_text(encoding, encode_mapping(encoding, item, "targetRef"), "uid",
			    endpoint->target_uid);
}

static void encode_names(struct encoding *encoding, json_t *hints, const char *key,
			 const char *const *names, size_t count)
{
	json_t *list;

	if (count == 0)
		return;
	list = encode_list(encoding, hints, key);
	for (size_t i = 0; i < count; i++)
		encode_text(encoding, encode_item(encoding, list), "name", names[i]);
}

static void encode_hints(struct encoding *encoding, json_t *item, const struct endpoint *endpoint)
{
	json_t *hints;

	if (endpoint->zone_hint_count + endpoint->node_hint_count == 0)
		return;
	hints = encode_mapping(encoding, item, "hints");
	encode_names(encoding, hints, "forZones", endpoint->zone_hints, endpoint->zone_hint_count);
	encode_names(encoding, hints, "forNodes", endpoint->node_hints, endpoint->node_hint_count);
}

static void encode_endpoint(struct encoding *encoding, json_t *list,
			    const struct endpoint *endpoint)
{
	json_t *item = encode_item(encoding, list);
	json_t *conditions = encode_mapping(encoding, item, "conditions");

	encode_append(encoding, encode_list(encoding, item, "addresses"),
		      encode_address(&endpoint->address));
	encode_set(encoding, conditions, "ready", json_boolean(endpoint->ready));
	encode_set(encoding, conditions, "serving", json_boolean(endpoint->serving));
	if (endpoint->terminating)
		encode_set(encoding, conditions, "terminating", json_true());
	encode_origin(encoding, item, endpoint);
	encode_hints(encoding, item, endpoint);
}

void encode_endpoint_slice(struct encoding *encoding, const struct endpoints_object *endpoints)
{
	const struct endpoint_group *group = endpoints->groups;
	char time[ENCODE_TIME_SIZE];
	json_t *list;

	if (endpoints->change_time_ns)
		encode_text(encoding, encoding->annotations,
			    "endpoints.kubernetes.io/last-change-trigger-time",
			    encode_time(endpoints->change_time_ns / NS_PER_S,
					endpoints->change_time_ns % NS_PER_S, time));
	if (group->weight != 1)
		encode_number(encoding, "guideway.dev/weight", group->weight);
	encode_text(encoding, encoding->top, "addressType", group->ipv4 ? "IPv4" : "IPv6");
	encode_ports(encoding, encoding->top, group);
	list = encode_list(encoding, encoding->top, "endpoints");
	for (size_t i = 0; i < group->endpoint_count; i++)
		encode_endpoint(encoding, list, &group->endpoints[i]);
}

static void encode_addresses(struct encoding *encoding, json_t *subset, bool ready,
			     const struct endpoint_group *group)
{
	json_t *list = encode_list(encoding, subset, ready ? "addresses" : "notReadyAddresses");

	for (size_t i = 0; i < group->endpoint_count; i++) {
		json_t *item;

		if (group->endpoints[i].ready != ready)
			continue;
		item = encode_item(encoding, list);
		encode_set(encoding, item, "ip", encode_address(&group->endpoints[i].address));
		encode_origin(encoding, item, &group->endpoints[i]);
	}
}

void encode_endpoints(struct encoding *encoding, const struct endpoints_object *endpoints)
{
	json_t *list = encode_list(encoding, encoding->top, "subsets");

	for (size_t i = 0; i < endpoints->group_count; i++) {
		json_t *subset = encode_item(encoding, list);

		encode_addresses(encoding, subset, true, &endpoints->groups[i]);
		encode_addresses(encoding, subset, false, &endpoints->groups[i]);
		encode_ports(encoding, subset, &endpoints->groups[i]);
	}
}

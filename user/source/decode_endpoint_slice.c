/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_endpoint_slice.c - an EndpointSlice: endpoints of one family that share ports. */
#include "source/decode_part.h"

#include <errno.h>
#include <string.h>

#include "lib/error.h"

#define LABEL_SERVICE_NAME "kubernetes.io/service-name"
#define ANNOTATION_CHANGE_TIME "endpoints.kubernetes.io/last-change-trigger-time"
#define ANNOTATION_WEIGHT "guideway.dev/weight"

#define WEIGHT_DEFAULT 1
#define WEIGHT_LIMIT 65535
#define NS_PER_S 1000000000LL

enum address_type {
	ADDRESS_TYPE_UNSET,
	ADDRESS_TYPE_IPV4,
	ADDRESS_TYPE_IPV6,
	ADDRESS_TYPE_FQDN,
};

static int read_address_type(const struct field *top, enum address_type *ret, struct error *error)
{
	static const struct choice types[] = {
		{ "IPv4", ADDRESS_TYPE_IPV4 },
		{ "IPv6", ADDRESS_TYPE_IPV6 },
		{ "FQDN", ADDRESS_TYPE_FQDN },
		{ NULL, 0 },
	};
	struct field field = field_at(top, "addressType");
	int type = ADDRESS_TYPE_UNSET;
	int r = field_choice(top, "addressType", types, &type, error);

	*ret = (enum address_type)type;
	if (r == 0 && type == ADDRESS_TYPE_UNSET)
		return field_error(&field, error, "missing, expected IPv4 or IPv6");
	return r;
}

/* Whoever wrote the time, it is only for a metric: what cannot be read counts as unset. */
static int64_t read_change_time_ns(const struct field *annotations)
{
	const char *text = "";
	int64_t seconds, ns;

	if (field_string(annotations, ANNOTATION_CHANGE_TIME, &text, NULL) < 0 ||
	    !decode_time(text, &seconds, &ns) || seconds < 0 || seconds >= INT64_MAX / NS_PER_S)
		return 0;
	return seconds * NS_PER_S + ns;
}

static int read_conditions(const struct field *item, struct endpoint *endpoint, struct error *error)
{
	struct field conditions;
	int r = field_mapping(item, "conditions", &conditions, error);

	endpoint->ready = true;
	endpoint->serving = true;
	if (r == 0)
		r = field_bool(&conditions, "ready", &endpoint->ready, error);
	if (r == 0)
		r = field_bool(&conditions, "serving", &endpoint->serving, error);
	if (r == 0)
		r = field_bool(&conditions, "terminating", &endpoint->terminating, error);
	return r;
}

static int read_hint_name(struct object *object, const struct field *item, void *element,
			  struct error *error)
{
	const char **name = element;
	int r;

	*name = "";
	r = field_string(item, "name", name, error);
	return r < 0 ? r : decode_keep(object, name, error);
}

/* The names of hints.forZones or hints.forNodes. */
static int read_hint_names(struct object *object, const struct field *hints, const char *key,
			   const char *const **ret, size_t *ret_count, struct error *error)
{
	const void *names = *ret;
	struct field list;
	int r = field_list(hints, key, &list, error);

	if (r == 0)
		r = decode_items(object, &list, sizeof(const char *), read_hint_name, &names,
				 ret_count, error);
	*ret = names;
	return r;
}

static int read_hints(struct object *object, const struct field *item, struct endpoint *endpoint,
		      struct error *error)
{
	struct field hints;
	int r = field_mapping(item, "hints", &hints, error);

	if (r == 0)
		r = read_hint_names(object, &hints, "forZones", &endpoint->zone_hints,
				    &endpoint->zone_hint_count, error);
	if (r == 0)
		r = read_hint_names(object, &hints, "forNodes", &endpoint->node_hints,
				    &endpoint->node_hint_count, error);
	return r;
}

/* The first address alone has a meaning. *ret_any is false when there is none. */
static int read_address(const struct field *item, struct endpoint *endpoint, bool *ret_any,
			struct error *error)
{
	struct field list, first;
	const char *text = "";
	int r = field_list(item, "addresses", &list, error);

	*ret_any = r == 0 && list.node && list.node->first;
	if (r < 0 || !*ret_any)
		return r;
	first = field_item(&list, 0, list.node->first);
	r = field_text(&first, &text, error);
	return r < 0 ? r : decode_address(&first, text, &endpoint->address, error);
}

static int read_endpoint(struct object *object, const struct field *item, struct endpoint *endpoint,
			 bool *ret_any, struct error *error)
{
	int r = read_address(item, endpoint, ret_any, error);

	if (r == 0)
		r = read_conditions(item, endpoint, error);
	if (r == 0)
		r = read_hints(object, item, endpoint, error);
	return r < 0 ? r : decode_endpoint_origin(object, item, endpoint, error);
}

/* An address of the other family is ignored, as kube-proxy does. */
static int read_endpoints(struct object *object, const struct field *top,
			  struct endpoint_group *group, struct error *error)
{
	struct endpoint *endpoints;
	struct field list;
	size_t index = 0, kept = 0;
	int r = field_list(top, "endpoints", &list, error);

	if (r < 0 || !list.node)
		return r;
	endpoints = decode_array(object, list.node->count, sizeof(*endpoints), error);
	if (!endpoints)
		return -ENOMEM;
	for (const struct node *node = list.node->first; node; node = node->next, index++) {
		struct field item = field_item(&list, index, node);
		struct endpoint endpoint = { 0 };
		bool any;

		r = read_endpoint(object, &item, &endpoint, &any, error);
		if (r < 0)
			return r;
		if (any && address_is_ipv4(&endpoint.address) == group->ipv4)
			endpoints[kept++] = endpoint;
	}
	group->endpoints = endpoints;
	group->endpoint_count = kept;
	return 0;
}

static int read_group(struct object *object, const struct field *top,
		      const struct field *annotations, bool ipv4, struct error *error)
{
	struct endpoint_group *group = decode_array(object, 1, sizeof(*group), error);
	struct field ports;
	int r;

	if (!group)
		return -ENOMEM;
	group->ipv4 = ipv4;
	group->weight = WEIGHT_DEFAULT;
	r = field_list(top, "ports", &ports, error);
	if (r == 0)
		r = decode_endpoint_ports(object, &ports, &group->ports, &group->port_count, error);
	if (r == 0)
		r = decode_number(annotations, ANNOTATION_WEIGHT, 0, WEIGHT_LIMIT, &group->weight,
				  error);
	if (r == 0)
		r = read_endpoints(object, top, group, error);
	object->endpoints.groups = group;
	object->endpoints.group_count = 1;
	return r;
}

int decode_endpoint_slice(struct object *object, const struct field *top, struct error *error)
{
	struct field metadata = field_at(top, "metadata");
	struct field annotations = field_at(&metadata, "annotations");
	const char *service_name = labels_get(&object->labels, LABEL_SERVICE_NAME);
	enum address_type type;
	int r;

	if (!service_name || !*service_name)
		return error_set(error, DECODE_UNUSED, "no label " LABEL_SERVICE_NAME);
	r = read_address_type(top, &type, error);
	if (r < 0)
		return r;
	if (type == ADDRESS_TYPE_FQDN)
		return error_set(error, DECODE_UNUSED, "addressType FQDN");
	object->endpoints.service_name = service_name;
	object->endpoints.change_time_ns = read_change_time_ns(&annotations);
	return read_group(object, top, &annotations, type == ADDRESS_TYPE_IPV4, error);
}

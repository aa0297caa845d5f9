/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_endpoints.c - legacy Endpoints: of each subset, its addresses by family. */
#include "source/decode_part.h"

#include <errno.h>
#include <string.h>

#include "lib/error.h"

/* The endpoints of one subset, both families mixed. */
struct mixed {
	struct endpoint *endpoints;
	size_t count;
};

static int read_endpoint(struct object *object, const struct field *item, bool ready,
			 struct endpoint *endpoint, struct error *error)
{
	struct field ip = field_at(item, "ip");
	const char *text = "";
	int r = field_string(item, "ip", &text, error);

	if (r == 0 && !*text)
		r = field_error(&ip, error, "missing, expected an address");
	if (r == 0)
		r = decode_address(&ip, text, &endpoint->address, error);
	endpoint->ready = ready;
	endpoint->serving = ready;
	return r < 0 ? r : decode_endpoint_origin(object, item, endpoint, error);
}

static int read_list(struct object *object, const struct field *list, bool ready,
		     struct mixed *mixed, struct error *error)
{
	size_t index = 0;

	if (!list->node)
		return 0;
	for (const struct node *node = list->node->first; node; node = node->next, index++) {
		struct field item = field_item(list, index, node);
		int r = read_endpoint(object, &item, ready, &mixed->endpoints[mixed->count], error);

		if (r < 0)
			return r;
		mixed->count++;
	}
	return 0;
}

static int read_mixed(struct object *object, const struct field *subset, struct mixed *ret,
		      struct error *error)
{
	struct field ready, not_ready;
	size_t limit;
	int r = field_list(subset, "addresses", &ready, error);

	if (r == 0)
		r = field_list(subset, "notReadyAddresses", &not_ready, error);
	if (r < 0)
		return r;
	limit = (ready.node ? ready.node->count : 0) + (not_ready.node ? not_ready.node->count : 0);
	ret->count = 0;
	ret->endpoints = decode_array(object, limit, sizeof(*ret->endpoints), error);
	if (!ret->endpoints)
		return -ENOMEM;
	r = read_list(object, &ready, true, ret, error);
	if (r == 0)
		r = read_list(object, &not_ready, false, ret, error);
	return r;
}

/* Moves the endpoints of one family to the front, in their order, and tells their number. */
static size_t pick_family(const struct mixed *mixed, bool ipv4, struct endpoint *to)
{
	size_t count = 0;

	for (size_t i = 0; i < mixed->count; i++)
		if (address_is_ipv4(&mixed->endpoints[i].address) == ipv4)
			to[count++] = mixed->endpoints[i];
	return count;
}

/* One subset gives up to two groups, behind those that are there. */
static int read_subset(struct object *object, const struct field *subset,
		       struct endpoint_group *groups, struct error *error)
{
	struct endpoints_object *endpoints = &object->endpoints;
	struct endpoint_group group = { .weight = 1 };
	struct endpoint *sorted;
	struct mixed mixed;
	struct field ports;
	size_t used = 0;
	int r = field_list(subset, "ports", &ports, error);

	if (r == 0)
		r = decode_endpoint_ports(object, &ports, &group.ports, &group.port_count, error);
	if (r == 0)
		r = read_mixed(object, subset, &mixed, error);
	if (r < 0)
		return r;
	sorted = decode_array(object, mixed.count, sizeof(*sorted), error);
	if (!sorted)
		return -ENOMEM;
	for (int ipv4 = 1; ipv4 >= 0; ipv4--) {
		group.ipv4 = ipv4;
		group.endpoints = sorted + used;
		group.endpoint_count = pick_family(&mixed, ipv4, sorted + used);
		used += group.endpoint_count;
		if (group.endpoint_count > 0)
			groups[endpoints->group_count++] = group;
	}
	return 0;
}

int decode_endpoints(struct object *object, const struct field *top, struct error *error)
{
	struct endpoint_group *groups;
	struct field list;
	size_t index = 0;
	int r = field_list(top, "subsets", &list, error);

	object->endpoints.service_name = object->name;
	if (r < 0 || !list.node)
		return r;
	groups = decode_array(object, list.node->count * 2, sizeof(*groups), error);
	if (!groups)
		return -ENOMEM;
	object->endpoints.groups = groups;
	for (const struct node *node = list.node->first; node; node = node->next, index++) {
		struct field item = field_item(&list, index, node);

		r = read_subset(object, &item, groups, error);
		if (r < 0)
			return r;
	}
	return 0;
}

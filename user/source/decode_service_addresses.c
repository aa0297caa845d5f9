/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_service_addresses.c - what a Service says about the addresses it is reached at. */
#include "source/decode_part.h"

#include <errno.h>

#include "lib/error.h"

#define ANNOTATION_ADDRESSES "guideway.dev/addresses"
#define ANNOTATION_POOL "guideway.dev/address-pool"

static int read_ingress(struct object *object, const struct field *top, struct error *error)
{
	struct service_object *service = &object->service;
	struct field status, load_balancer, list = { 0 };
	struct address *addresses;
	size_t index = 0;
	int r = field_mapping(top, "status", &status, error);

	if (r == 0)
		r = field_mapping(&status, "loadBalancer", &load_balancer, error);
	if (r == 0)
		r = field_list(&load_balancer, "ingress", &list, error);
	if (r < 0 || !list.node)
		return r;
	addresses = decode_array(object, list.node->count, sizeof(*addresses), error);
	if (!addresses)
		return -ENOMEM;
	for (const struct node *node = list.node->first; r == 0 && node;
	     node = node->next, index++) {
		struct field item = field_item(&list, index, node), ip = field_at(&item, "ip");
		const char *text = "";

		r = field_string(&item, "ip", &text, error);
		if (r == 0 && *text)
			r = decode_address(&ip, text, &addresses[service->ingress_count++], error);
	}
	service->ingress = addresses;
	return r;
}

static int read_requested(struct object *object, const struct field *spec,
			  const struct field *annotations, struct error *error)
{
	struct service_object *service = &object->service;
	struct field ip = field_at(spec, "loadBalancerIP");
	struct field field = field_at(annotations, ANNOTATION_ADDRESSES);
	const char *text = "";
	int r = field_string(spec, "loadBalancerIP", &text, error);

	service->has_load_balancer_ip = *text;
	if (r == 0 && *text)
		r = decode_address(&ip, text, &service->load_balancer_ip, error);
	text = "";
	if (r == 0)
		r = field_string(annotations, ANNOTATION_ADDRESSES, &text, error);
	if (r == 0)
		r = decode_addresses(object, &field, text, &service->requested,
				     &service->requested_count, error);
	return r;
}

/* The name of a pool; NULL when none is asked for. */
static int read_pool_name(struct object *object, const struct field *annotations,
			  struct error *error)
{
	struct field field = field_at(annotations, ANNOTATION_POOL);
	const char *name = "";
	int r = field_string(annotations, ANNOTATION_POOL, &name, error);

	if (r < 0 || !*name)
		return r;
	if (!decode_is_label(name))
		return field_error(&field, error, "\"%.70s\", expected the name of an address pool",
				   name);
	object->service.pool_name = name;
	return decode_keep(object, &object->service.pool_name, error);
}

static int read_external_ip(struct object *object, const struct field *item, void *element,
			    struct error *error)
{
	const char *text = "";
	int r = field_text(item, &text, error);

	(void)object;
	return r < 0 ? r : decode_address(item, text, element, error);
}

static int read_external_ips(struct object *object, const struct field *spec, struct error *error)
{
	struct service_object *service = &object->service;
	const void *addresses = NULL;
	struct field list;
	int r = field_list(spec, "externalIPs", &list, error);

	if (r == 0)
		r = decode_items(object, &list, sizeof(struct address), read_external_ip,
				 &addresses, &service->external_ip_count, error);
	service->external_ips = addresses;
	return r;
}

int decode_service_addresses(struct object *object, const struct field *top, struct error *error)
{
	struct field metadata = field_at(top, "metadata"), spec = field_at(top, "spec");
	struct field annotations = field_at(&metadata, "annotations");
	int r = read_ingress(object, top, error);

	if (r == 0)
		r = read_requested(object, &spec, &annotations, error);
	if (r == 0)
		r = read_pool_name(object, &annotations, error);
	return r < 0 ? r : read_external_ips(object, &spec, error);
}

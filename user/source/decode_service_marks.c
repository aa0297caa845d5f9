/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_service_marks.c - what gateways have written to a Service. */
#include "source/decode_part.h"

#include <string.h>

static bool is_foreign(const struct node *ingress)
{
	return !node_get(ingress, "ip") || node_get(ingress, "hostname") ||
	       node_get(ingress, "ports") ||
	       (node_get(ingress, "ipMode") && strcmp(node_text(ingress, "ipMode"), "VIP") != 0);
}

static bool has_foreign_ingress(const struct node *status)
{
	const struct node *list = node_get(node_get(status, "loadBalancer"), "ingress");

	if (list && list->type == NODE_SEQUENCE)
		for (const struct node *item = list->first; item; item = item->next)
			if (is_foreign(item))
				return true;
	return false;
}

/* A text of the condition, kept. */
static int keep(struct object *object, const struct node *condition, const char *key,
		const char **ret, struct error *error)
{
	*ret = node_text(condition, key);
	return decode_keep(object, ret, error);
}

static int read_condition(struct object *object, const struct node *list, struct error *error)
{
	struct service_marks *marks = &object->service.marks;
	int r = 0;

	if (!list || list->type != NODE_SEQUENCE)
		return 0;
	for (const struct node *item = list->first; r == 0 && item; item = item->next) {
		if (strcmp(node_text(item, "type"), OBJECT_CONDITION) != 0)
			continue;
		r = keep(object, item, "status", &marks->status, error);
		if (r == 0)
			r = keep(object, item, "reason", &marks->reason, error);
		if (r == 0)
			r = keep(object, item, "message", &marks->message, error);
	}
	return r;
}

int decode_service_marks(struct object *object, const struct field *top, struct error *error)
{
	struct service_marks *marks = &object->service.marks;
	const struct node *status = node_get(top->node, "status");

	marks->reason = marks->message = "";
	marks->has_finalizer = node_has_item(
		node_get(node_get(top->node, "metadata"), "finalizers"), OBJECT_FINALIZER);
	marks->has_foreign_ingress = has_foreign_ingress(status);
	return read_condition(object, node_get(status, "conditions"), error);
}

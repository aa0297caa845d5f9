/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_part.c - pieces that several kinds have. */
#include "source/decode_part.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/error.h"

static int no_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "no memory left to keep it");
}

void *decode_array(struct object *object, size_t count, size_t size, struct error *error)
{
	void *array = arena_alloc_array(object->arena, count, size);

	if (!array)
		(void)no_memory(error);
	return array;
}

int decode_items(struct object *object, const struct field *list, size_t size,
		 int (*read)(struct object *object, const struct field *item, void *element,
			     struct error *error),
		 const void **ret, size_t *ret_count, struct error *error)
{
	char *elements;
	size_t index = 0;

	if (!list->node)
		return 0;
	elements = decode_array(object, list->node->count, size, error);
	if (!elements)
		return -ENOMEM;
	for (const struct node *node = list->node->first; node; node = node->next, index++) {
		struct field item = field_item(list, index, node);
		int r = read(object, &item, elements + index * size, error);

		if (r < 0)
			return r;
	}
	*ret = elements;
	*ret_count = index;
	return 0;
}

int decode_keep(struct object *object, const char **text, struct error *error)
{
	if (!*text)
		return 0;
	*text = **text ? arena_strdup(object->arena, *text) : "";
	return *text ? 0 : no_memory(error);
}

bool decode_is_label(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length > 63 || text[0] == '-' || text[length - 1] == '-')
		return false;
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static int compare_labels(const void *a, const void *b)
{
	const struct label *left = a, *right = b;

	return strcmp(left->key, right->key);
}

int decode_labels(struct object *object, const struct field *mapping, struct labels *ret,
		  struct error *error)
{
	struct label *items;
	size_t count = 0;
	int r;

	if (!mapping->node)
		return 0;
	items = decode_array(object, mapping->node->count, sizeof(*items), error);
	if (!items)
		return -ENOMEM;
	for (const struct node *child = mapping->node->first; child; child = child->next) {
		struct label *label = &items[count++];

		label->key = child->key;
		label->value = "";
		r = field_string(mapping, child->key, &label->value, error);
		if (r == 0)
			r = decode_keep(object, &label->key, error);
		if (r == 0)
			r = decode_keep(object, &label->value, error);
		if (r < 0)
			return r;
	}
	qsort(items, count, sizeof(*items), compare_labels);
	ret->items = items;
	ret->count = count;
	return 0;
}

int decode_address(const struct field *field, const char *text, struct address *ret,
		   struct error *error)
{
	char plain[ADDRESS_PLAIN_SIZE];
	struct error reason;

	if (field_allows_leading_zeros(field))
		text = address_drop_zeros(text, plain);
	if (address_parse(text, ret, &reason) < 0 || address_check_usable(ret, &reason) < 0)
		return field_error(field, error, "%.200s", reason.text);
	return 0;
}

static size_t count_commas(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == ',';
	return count;
}

/* The next item of a comma list without the white space around it. */
static void cut_item(const char **at, char item[static ADDRESS_TEXT_SIZE])
{
	const char *start = *at, *comma = strchrnul(start, ','), *end = comma;
	size_t length;

	while (start < end && isspace((unsigned char)*start))
		start++;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	length = (size_t)(end - start);
	if (length >= ADDRESS_TEXT_SIZE)
		length = ADDRESS_TEXT_SIZE - 1;
	memcpy(item, start, length);
	item[length] = '\0';
	*at = *comma ? comma + 1 : comma;
}

int decode_addresses(struct object *object, const struct field *field, const char *text,
		     const struct address **ret, size_t *ret_count, struct error *error)
{
	size_t count = count_commas(text) + 1;
	struct address *addresses;
	int r;

	if (text[strspn(text, " \t")] == '\0')
		return 0;
	addresses = decode_array(object, count, sizeof(*addresses), error);
	if (!addresses)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		char item[ADDRESS_TEXT_SIZE];

		cut_item(&text, item);
		r = decode_address(field, item, &addresses[i], error);
		if (r < 0)
			return r;
	}
	*ret = addresses;
	*ret_count = count;
	return 0;
}

int decode_protocol(const struct field *port, enum protocol *ret, struct error *error)
{
	static const struct choice protocols[] = {
		{ "TCP", PROTOCOL_TCP },
		{ "UDP", PROTOCOL_UDP },
		{ "SCTP", PROTOCOL_SCTP },
		{ NULL, 0 },
	};
	int protocol = PROTOCOL_TCP;
	int r = field_choice(port, "protocol", protocols, &protocol, error);

	if (r == 0)
		*ret = (enum protocol)protocol;
	return r;
}

int decode_port(const struct field *port, const char *name, uint16_t *ret, struct error *error)
{
	int64_t number = *ret;
	int r = field_integer(port, name, 1, UINT16_MAX, &number, error);

	if (r == 0)
		*ret = (uint16_t)number;
	return r;
}

/* -1 when text is no decimal from 0 to limit. */
static int64_t read_decimal(const char *text, uint32_t limit)
{
	int64_t number = 0;

	if (!*text)
		return -1;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return -1;
		number = number * 10 + (*c - '0');
		if (number > limit)
			return -1;
	}
	return number;
}

int decode_number(const struct field *annotations, const char *name, uint32_t low, uint32_t high,
		  uint32_t *ret, struct error *error)
{
	struct field field = field_at(annotations, name);
	const char *text = "";
	int64_t number;
	int r = field_string(annotations, name, &text, error);

	if (r < 0 || !field.node)
		return r;
	number = read_decimal(text, high);
	if (number < low)
		return field_error(&field, error, "\"%.60s\", expected %u to %u", text, low, high);
	*ret = (uint32_t)number;
	return 0;
}

/* The API server's slices may have a port without a number, or 0: nobody serves it. */
static int read_endpoint_port(struct object *object, const struct field *field, void *element,
			      struct error *error)
{
	struct endpoint_port *port = element;
	int64_t number = 0;
	int r;

	port->name = "";
	r = field_string(field, "name", &port->name, error);
	if (r == 0)
		r = decode_keep(object, &port->name, error);
	if (r == 0)
		r = decode_protocol(field, &port->protocol, error);
	if (r == 0)
		r = field_integer(field, "port", 0, UINT16_MAX, &number, error);
	port->port = (uint16_t)number;
	return r;
}

int decode_endpoint_ports(struct object *object, const struct field *list,
			  const struct endpoint_port **ret, size_t *ret_count, struct error *error)
{
	const void *ports = *ret;
	int r = decode_items(object, list, sizeof(struct endpoint_port), read_endpoint_port, &ports,
			     ret_count, error);

	*ret = ports;
	return r;
}

int decode_endpoint_origin(struct object *object, const struct field *item,
			   struct endpoint *endpoint, struct error *error)
{
	struct field target;
	int r = field_string(item, "nodeName", &endpoint->node_name, error);

	if (r == 0)
		r = decode_keep(object, &endpoint->node_name, error);
	if (r == 0)
		r = field_mapping(item, "targetRef", &target, error);
	if (r == 0)
		r = field_string(&target, "uid", &endpoint->target_uid, error);
	if (r == 0)
		r = decode_keep(object, &endpoint->target_uid, error);
	return r;
}

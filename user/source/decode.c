/* SPDX-License-Identifier: BSD-2-Clause */
/* decode.c - which decoder a document goes to; lists, item by item. */
#include "source/decode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/error.h"
#include "source/decode_part.h"

struct decoder {
	const char *origin;
	const struct decode_sink *sink;
};

struct kind {
	const char *api_version;
	enum object_kind kind;
	int (*decode)(struct object *object, const struct field *top, struct error *error);
};

static const struct kind kinds[] = {
	{ "v1", OBJECT_SERVICE, decode_service },
	{ "discovery.k8s.io/v1", OBJECT_ENDPOINT_SLICE, decode_endpoint_slice },
	{ "v1", OBJECT_ENDPOINTS, decode_endpoints },
	{ "v1", OBJECT_POD, decode_pod },
	{ "guideway.dev/v1alpha1", OBJECT_AGENT_CONFIGURATION, decode_agent_configuration },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

#define KIND_SIZE 128

/* What an object says about itself; within a ServiceList it may say nothing. */
struct type {
	const char *api_version;
	const char *name;
};

static void decode_value(const struct decoder *decoder, const struct field *top,
			 const struct type *fallback);

/* The part before the slash; nothing for the core group. */
static bool is_same_group(const char *a, const char *b)
{
	const char *a_slash = strchr(a, '/'), *b_slash = strchr(b, '/');
	size_t a_length = a_slash ? (size_t)(a_slash - a) : 0;
	size_t b_length = b_slash ? (size_t)(b_slash - b) : 0;

	return a_length == b_length && memcmp(a, b, a_length) == 0;
}

/*
 * The kind of ours that type names, NULL in *ret when it is none: other groups have
 * a Service, too. A name that differs by case alone is taken for a slip.
 */
static int find_kind(const struct field *top, const struct type *type, const struct kind **ret,
		     struct error *error)
{
	*ret = NULL;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		const char *name = object_kind_name(kinds[i].kind);
		struct field field = field_at(top, "kind");

		if (strcasecmp(type->name, name) != 0 ||
		    !is_same_group(type->api_version, kinds[i].api_version))
			continue;
		if (strcmp(type->name, name) != 0)
			return field_error(&field, error, "\"%s\", expected %s", type->name, name);
		field = field_at(top, "apiVersion");
		if (strcmp(type->api_version, kinds[i].api_version) != 0)
			return field_error(&field, error, "\"%.60s\", expected %s for kind %s",
					   type->api_version, kinds[i].api_version, name);
		*ret = &kinds[i];
		return 0;
	}
	/* The group of a kind that exists in one group only may be missing or old. */
	if (strcmp(type->name, "EndpointSlice") == 0 && !strchr(type->api_version, '/')) {
		struct field field = field_at(top, "apiVersion");

		return field_error(&field, error, "\"%.60s\", expected discovery.k8s.io/v1",
				   type->api_version);
	}
	return 0;
}

static int keep_origin(struct object *object, const struct decoder *decoder,
		       const struct node *node, struct error *error)
{
	size_t size = strlen(decoder->origin) + sizeof(":4294967295");
	char *origin = decode_array(object, size, 1, error);

	if (!origin)
		return -ENOMEM;
	(void)snprintf(origin, size, node->line ? "%s:%u" : "%s", decoder->origin, node->line);
	object->origin = origin;
	return 0;
}

static void skip(const struct decoder *decoder, const struct type *type, const char *reason)
{
	char name[KIND_SIZE];

	if (!decoder->sink->on_skipped)
		return;
	(void)snprintf(name, sizeof(name), reason ? "%s (%s)" : "%s", type->name, reason);
	decoder->sink->on_skipped(type->api_version, name, decoder->sink->owner);
}

static void decode_object(const struct decoder *decoder, const struct field *top,
			  const struct type *type, const struct kind *kind)
{
	struct object *object = object_create(kind->kind);
	struct error error;
	int r = object ? 0 : -ENOMEM;

	if (r == 0)
		r = keep_origin(object, decoder, top->node, &error);
	if (r == 0)
		r = decode_metadata(object, top, &error);
	if (r == 0)
		r = kind->decode(object, top, &error);
	if (r == 0) {
		decoder->sink->on_object(object, top->node, decoder->sink->owner);
		return;
	}
	object_destroy(object);
	if (r == DECODE_UNUSED) {
		skip(decoder, type, error.text);
		return;
	}
	if (r == -ENOMEM) {
		(void)node_error(top->node, &error, "no memory left to keep it");
		error.code = -ENOMEM;
	}
	decoder->sink->on_error(&error, decoder->sink->owner);
}

/* "Service" for "ServiceList", "" for "List"; false when name is no list's. */
static bool item_kind(const char *name, char ret[static KIND_SIZE])
{
	size_t length = strlen(name);

	if (length < 4 || strcmp(name + length - 4, "List") != 0)
		return false;
	memcpy(ret, name, length - 4);
	ret[length - 4] = '\0';
	return true;
}

static void decode_list(const struct decoder *decoder, const struct field *list,
			const struct type *fallback)
{
	size_t index = 0;

	for (const struct node *node = list->node->first; node; node = node->next, index++) {
		struct field item = field_item(list, index, node);

		if (item.node)
			decode_value(decoder, &item, fallback);
	}
}

static int read_type(const struct field *top, struct type *type, struct error *error)
{
	struct field kind = field_at(top, "kind"), api_version = field_at(top, "apiVersion");
	int r;

	if (top->node->type != NODE_MAPPING)
		return field_error(top, error, "%s, expected a mapping with apiVersion and kind",
				   node_type_name(top->node->type));
	r = field_string(top, "apiVersion", &type->api_version, error);
	if (r == 0)
		r = field_string(top, "kind", &type->name, error);
	if (r < 0)
		return r;
	if (!*type->name)
		return field_error(&kind, error, "missing, expected a kind such as Service");
	if (!*type->api_version)
		return field_error(&api_version, error, "missing, expected a version such as v1");
	if (strlen(type->name) >= KIND_SIZE / 2)
		return field_error(&kind, error, "\"%.60s...\", expected a shorter name",
				   type->name);
	return 0;
}

/* Other kinds may end in "List" as well: only items make one. */
static int decode_typed(const struct decoder *decoder, const struct field *top,
			const struct type *type, struct error *error)
{
	struct field items = field_at(top, "items");
	char item_name[KIND_SIZE];
	struct type fallback = { "", item_name };
	const struct kind *kind;
	int r;

	if (item_kind(type->name, item_name) && (items.node || strcmp(type->name, "List") == 0)) {
		r = field_list(top, "items", &items, error);
		if (r < 0 || !items.node)
			return r;
		if (*item_name)
			fallback.api_version = type->api_version;
		decode_list(decoder, &items, &fallback);
		return 0;
	}
	r = find_kind(top, type, &kind, error);
	if (r < 0)
		return r;
	if (kind)
		decode_object(decoder, top, type, kind);
	else
		skip(decoder, type, NULL);
	return 0;
}

static void decode_value(const struct decoder *decoder, const struct field *top,
			 const struct type *fallback)
{
	struct type type = *fallback;
	struct error error;
	int r = read_type(top, &type, &error);

	if (r == 0)
		r = decode_typed(decoder, top, &type, &error);
	if (r < 0)
		decoder->sink->on_error(&error, decoder->sink->owner);
}

static void decode(const struct node *root, const struct type *fallback, const char *origin,
		   const struct decode_sink *sink)
{
	struct decoder decoder = { .origin = origin, .sink = sink };
	struct field top = { .node = root, .allows_leading_zeros = sink->from_api_server };

	if (root->type != NODE_NULL)
		decode_value(&decoder, &top, fallback);
}

void decode_document(const struct node *root, const char *origin, const struct decode_sink *sink)
{
	const struct type none = { "", "" };

	decode(root, &none, origin, sink);
}

/* What is told of one object. */
struct decoded {
	struct object *object;
	struct error *error;
	int result;
};

static void keep_object(struct object *object, const struct node *node, void *owner)
{
	struct decoded *decoded = owner;

	(void)node;
	object_destroy(decoded->object);
	decoded->object = object;
}

static void keep_error(const struct error *error, void *owner)
{
	struct decoded *decoded = owner;

	decoded->result = error->code == -ENOMEM ? -ENOMEM : -EINVAL;
	if (decoded->error)
		*decoded->error = *error;
}

int decode_item(const struct node *root, const char *api_version, const char *kind,
		const char *origin, struct object **ret, struct error *error)
{
	const struct type fallback = { api_version, kind };
	struct decoded decoded = { .error = error };
	const struct decode_sink sink = {
		.on_object = keep_object,
		.on_error = keep_error,
		.from_api_server = true,
		.owner = &decoded,
	};

	decode(root, &fallback, origin, &sink);
	if (decoded.result == 0)
		*ret = decoded.object;
	else
		object_destroy(decoded.object);
	return decoded.result;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* object.c - the life of objects, the names of their kinds, and labels. */
#include "model/object.h"

#include <string.h>

#include "lib/arena.h"

static const char *const kind_names[OBJECT_KIND_COUNT] = {
	[OBJECT_SERVICE] = "Service",
	[OBJECT_ENDPOINT_SLICE] = "EndpointSlice",
	[OBJECT_ENDPOINTS] = "Endpoints",
	[OBJECT_POD] = "Pod",
	[OBJECT_AGENT_CONFIGURATION] = "AgentConfiguration",
};

static const char *const mode_names[] = {
	[FORWARDING_MODE_DEFAULT] = "default", [FORWARDING_MODE_SNAT] = "snat",
	[FORWARDING_MODE_DNAT] = "dnat",       [FORWARDING_MODE_L2] = "l2",
	[FORWARDING_MODE_IPIP] = "ipip",       [FORWARDING_MODE_GUE] = "gue",
};
#define MODE_COUNT (sizeof(mode_names) / sizeof(mode_names[0]))

struct object *object_create(enum object_kind kind)
{
	struct arena *arena = arena_create();
	struct object *object;

	if (!arena)
		return NULL;
	object = arena_alloc(arena, sizeof(*object));
	if (!object) {
		arena_destroy(arena);
		return NULL;
	}
	object->arena = arena;
	object->kind = kind;
	return object;
}

void object_destroy(struct object *object)
{
	if (object)
		arena_destroy(object->arena);
}

const char *object_kind_name(enum object_kind kind)
{
	return kind_names[kind];
}

const char *protocol_name(enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return "TCP";
	case PROTOCOL_UDP:
		return "UDP";
	case PROTOCOL_SCTP:
		return "SCTP";
	}
	return "unknown";
}

const char *forwarding_mode_name(enum forwarding_mode mode)
{
	return mode_names[mode];
}

bool forwarding_mode_parse(const char *text, enum forwarding_mode *ret_mode)
{
	for (size_t mode = FORWARDING_MODE_SNAT; mode < MODE_COUNT; mode++) {
		if (strcmp(text, mode_names[mode]) == 0) {
			*ret_mode = (enum forwarding_mode)mode;
			return true;
		}
	}
	return false;
}

bool forwarding_mode_encapsulates(enum forwarding_mode mode)
{
	return mode == FORWARDING_MODE_IPIP || mode == FORWARDING_MODE_GUE;
}

bool forwarding_mode_keeps_port(enum forwarding_mode mode)
{
	return mode == FORWARDING_MODE_L2 || forwarding_mode_encapsulates(mode);
}

bool object_is_version(const char *text)
{
	return *text != '0' && *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int object_compare_versions(const char *a, const char *b)
{
	bool is_a = object_is_version(a), is_b = object_is_version(b);
	size_t a_length = strlen(a), b_length = strlen(b);

	if (!is_a || !is_b)
		return is_a - is_b;
	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	return strcmp(a, b);
}

const char *labels_get(const struct labels *labels, const char *key)
{
	size_t low = 0, high = labels->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(key, labels->items[middle].key);

		if (order == 0)
			return labels->items[middle].value;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool labels_match(const struct labels *selector, const struct labels *labels)
{
	for (size_t i = 0; i < selector->count; i++) {
		const char *value = labels_get(labels, selector->items[i].key);

		if (!value || strcmp(value, selector->items[i].value) != 0)
			return false;
	}
	return true;
}

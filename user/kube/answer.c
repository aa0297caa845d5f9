/* SPDX-License-Identifier: BSD-2-Clause */
/* answer.c - lists, events and Statuses, as trees. */
#include "kube/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/document.h"
#include "lib/error.h"
#include "lib/json_tree.h"
#include "model/object.h"

#define INITIAL_END "k8s.io/initial-events-end"
/* Longer than that nobody is told to wait in earnest. */
#define RETRY_AFTER_MAX_S 300

static int number_of(const struct node *mapping, const char *key, int otherwise)
{
	const char *text = node_text(mapping, key);
	char *end;
	long number = strtol(text, &end, 10);

	return *text && !*end && number >= 0 && number <= 1000000 ? (int)number : otherwise;
}

bool answer_is_kind(const struct node *object, const char *api_version, const char *kind)
{
	const char *said_version = node_text(object, "apiVersion"),
		   *said = node_text(object, "kind");

	return (!*said || strcmp(said, kind) == 0) &&
	       (!*said_version || strcmp(said_version, api_version) == 0);
}

static bool is_list_of(const struct node *root, const char *api_version, const char *kind)
{
	const char *said = node_text(root, "kind");
	size_t length = strlen(kind);

	return strncmp(said, kind, length) == 0 && strcmp(said + length, "List") == 0 &&
	       strcmp(node_text(root, "apiVersion"), api_version) == 0;
}

/* Go writes an empty list as [] or as null. */
static bool has_items(const struct node *root)
{
	for (const struct node *node = root->first; node; node = node->next)
		if (strcmp(node->key, "items") == 0)
			return node->type == NODE_SEQUENCE || node->type == NODE_NULL;
	return false;
}

int answer_read_list(struct arena *arena, const char *text, size_t length, const char *api_version,
		     const char *kind, struct answer_list *ret, struct error *error)
{
	const struct node *root, *metadata;
	struct answer_list list;
	int r = json_tree_parse(arena, text, length, &root, error);

	if (r < 0)
		return r;
	if (root->type != NODE_MAPPING || !is_list_of(root, api_version, kind))
		return error_set(error, -EINVAL, "kind: '%.60s', expected a %sList of %s",
				 root->type == NODE_MAPPING ? node_text(root, "kind") : "", kind,
				 api_version);
	metadata = node_get(root, "metadata");
	list.resource_version = node_text(metadata, "resourceVersion");
	list.continue_token = node_text(metadata, "continue");
	if (!*list.resource_version)
		return error_set(error, -EINVAL, "%sList: metadata.resourceVersion: missing", kind);
	if (!has_items(root))
		return error_set(error, -EINVAL, "%sList: items: expected a list", kind);
	*ret = list;
	return 0;
}

static enum answer_event_type event_type(const char *text)
{
	static const struct {
		const char *text;
		enum answer_event_type type;
	} types[] = {
		{ "ADDED", ANSWER_EVENT_SET },       { "MODIFIED", ANSWER_EVENT_SET },
		{ "DELETED", ANSWER_EVENT_DELETED }, { "BOOKMARK", ANSWER_EVENT_BOOKMARK },
		{ "ERROR", ANSWER_EVENT_ERROR },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(text, types[i].text) == 0)
			return types[i].type;
	return ANSWER_EVENT_UNKNOWN;
}

int answer_read_event(struct arena *arena, const char *text, size_t length,
		      struct answer_event *ret, struct error *error)
{
	const struct node *root, *object, *annotations;
	int r = json_tree_parse(arena, text, length, &root, error);

	if (r < 0)
		return r;
	object = node_get(root, "object");
	if (!*node_text(root, "type") || !object || object->type != NODE_MAPPING)
		return error_set(error, -EINVAL, "a watch's event without type and object");
	annotations = node_get(node_get(object, "metadata"), "annotations");
	*ret = (struct answer_event){
		.type = event_type(node_text(root, "type")),
		.object = object,
		.is_initial_end = strcmp(node_text(annotations, INITIAL_END), "true") == 0,
	};
	return 0;
}

static bool has_cause(const struct node *details, const char *reason)
{
	const struct node *causes = node_get(details, "causes");

	if (!causes || causes->type != NODE_SEQUENCE)
		return false;
	for (const struct node *cause = causes->first; cause; cause = cause->next)
		if (strcmp(node_text(cause, "reason"), reason) == 0)
			return true;
	return false;
}

void answer_read_status(const struct node *node, struct answer_status *ret)
{
	const char *reason = node_text(node, "reason"), *message = node_text(node, "message");
	const struct node *details = node_get(node, "details");

	*ret = (struct answer_status){ .retry_after_s = -1 };
	if (!node || strcmp(node_text(node, "kind"), "Status") != 0)
		return;
	ret->code = number_of(node, "code", 0);
	ret->is_expired =
		ret->code == 410 || strcmp(reason, "Expired") == 0 || strcmp(reason, "Gone") == 0;
	/* Servers before 1.17 name no cause. */
	ret->is_too_large = has_cause(details, "ResourceVersionTooLarge") ||
			    strncmp(message, "Too large resource version", 26) == 0;
	ret->retry_after_s = number_of(details, "retryAfterSeconds", -1);
	(void)snprintf(ret->message, sizeof(ret->message), "%s", message);
	for (char *c = ret->message; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
}

void answer_read_status_text(const char *text, size_t length, struct answer_status *ret)
{
	struct arena *arena = arena_create();
	const struct node *root = NULL;

	if (!arena || json_tree_parse(arena, text, length, &root, NULL) < 0)
		root = NULL;
	answer_read_status(root, ret);
	arena_destroy(arena);
}

uint64_t answer_retry_after_ms(int64_t header_s, const struct answer_status *status)
{
	int64_t said_s = header_s < 0 ? status->retry_after_s : header_s;

	if (said_s > RETRY_AFTER_MAX_S)
		said_s = RETRY_AFTER_MAX_S;
	return said_s > 0 ? 1000 * (uint64_t)said_s : 0;
}

bool answer_is_older_version(const char *a, const char *b)
{
	return object_is_version(a) && object_is_version(b) && object_compare_versions(a, b) < 0;
}

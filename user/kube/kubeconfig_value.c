/* SPDX-License-Identifier: BSD-2-Clause */
/* kubeconfig_value.c - values of a kubeconfig: texts, paths, secrets. */
#include "kube/kubeconfig_entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <nettle/base64.h>

#include "lib/arena.h"
#include "lib/error.h"

static int no_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "1:1: no memory left to read it");
}

int kubeconfig_string(const struct field *parent, const char *name, const char **ret,
		      struct error *error)
{
	const char *text = "";
	int r = field_string(parent, name, &text, error);

	if (r == 0 && *text)
		*ret = text;
	return r;
}

int kubeconfig_line(const struct field *parent, const char *name, const char **ret,
		    struct error *error)
{
	struct field field = field_at(parent, name);
	const char *text = NULL;
	int r = kubeconfig_string(parent, name, &text, error);

	if (r < 0 || !text)
		return r;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return field_error(&field, error,
					   "text with a control character, expected one line");
	*ret = text;
	return 0;
}

int kubeconfig_strings(const struct kubeconfig_entry *entry, const struct field *parent,
		       const char *name, const char *const **ret, size_t *ret_count,
		       struct error *error)
{
	const char **texts;
	struct field list;
	size_t count = 0;
	int r = field_list(parent, name, &list, error);

	if (r < 0 || !list.node)
		return r;
	texts = arena_alloc_array(entry->arena, list.node->count, sizeof(*texts));
	if (!texts)
		return no_memory(error);
	for (const struct node *child = list.node->first; child; child = child->next, count++) {
		struct field item = field_item(&list, count, child);

		r = field_text(&item, &texts[count], error);
		if (r < 0)
			return r;
	}
	*ret = texts;
	*ret_count = count;
	return 0;
}

const char *kubeconfig_beside(const struct kubeconfig_entry *entry, const char *path)
{
	const char *slash = strrchr(entry->path, '/');
	size_t length = slash ? (size_t)(slash + 1 - entry->path) : 0;
	size_t size = length + strlen(path) + 1;
	char *whole;

	if (*path == '/' || !slash)
		return path;
	whole = arena_alloc(entry->arena, size);
	if (whole)
		(void)snprintf(whole, size, "%.*s%s", (int)length, entry->path, path);
	return whole;
}

int kubeconfig_path(const struct kubeconfig_entry *entry, const char *name, const char **ret,
		    struct error *error)
{
	const char *path = NULL;
	int r = kubeconfig_string(&entry->body, name, &path, error);

	if (r < 0 || !path)
		return r;
	*ret = kubeconfig_beside(entry, path);
	return *ret ? 0 : no_memory(error);
}

static int decode_base64(const struct kubeconfig_entry *entry, const struct field *field,
			 const char *text, struct kube_secret *ret, struct error *error)
{
	size_t length = strlen(text), decoded = BASE64_DECODE_LENGTH(length);
	uint8_t *bytes = arena_alloc(entry->arena, decoded + 1);
	struct base64_decode_ctx context;

	if (!bytes)
		return no_memory(error);
	base64_decode_init(&context);
	if (!base64_decode_update(&context, &decoded, bytes, length, text) ||
	    !base64_decode_final(&context))
		return field_error(field, error, "text that is no base64, expected base64");
	*ret = (struct kube_secret){ (const char *)bytes, decoded };
	return 0;
}

int kubeconfig_secret(const struct kubeconfig_entry *entry, const char *name, enum secret_kind kind,
		      struct kube_secret *ret, const char **ret_file, struct error *error)
{
	const char *text = NULL, *expected;
	char data_name[64];
	struct field field;
	int r;

	(void)snprintf(data_name, sizeof(data_name), "%s-data", name);
	field = field_at(&entry->body, data_name);
	r = kubeconfig_string(&entry->body, data_name, &text, error);
	if (r < 0)
		return r;
	if (!text)
		return kubeconfig_path(entry, name, ret_file, error);
	r = decode_base64(entry, &field, text, ret, error);
	if (r < 0)
		return r;
	expected = secret_check(kind, ret);
	if (expected)
		return field_error(&field, error, "base64 of something else, expected %s",
				   expected);
	return 0;
}

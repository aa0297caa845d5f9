/* SPDX-License-Identifier: BSD-2-Clause */
/* encode.c - which encoder an object goes to, its metadata, and what the encoders share. */
#include "source/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source/encode_part.h"

#define OFFSET_S (23 * 3600 + 59 * 60) /* the largest that RFC 3339 has */

void encode_set(struct encoding *encoding, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		encoding->failed = true;
}

void encode_append(struct encoding *encoding, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		encoding->failed = true;
}

void encode_text(struct encoding *encoding, json_t *object, const char *key, const char *text)
{
	encode_set(encoding, object, key, json_string(text));
}

void encode_integer(struct encoding *encoding, json_t *object, const char *key, json_int_t number)
{
	encode_set(encoding, object, key, json_integer(number));
}

void encode_number(struct encoding *encoding, const char *annotation, json_int_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, number);
	encode_text(encoding, encoding->annotations, annotation, text);
}

json_t *encode_mapping(struct encoding *encoding, json_t *object, const char *key)
{
	encode_set(encoding, object, key, json_object());
	return json_object_get(object, key);
}

json_t *encode_list(struct encoding *encoding, json_t *object, const char *key)
{
	encode_set(encoding, object, key, json_array());
	return json_object_get(object, key);
}

json_t *encode_item(struct encoding *encoding, json_t *array)
{
	json_t *item = json_object();

	encode_append(encoding, array, item);
	return encoding->failed ? NULL : item;
}

void encode_labels(struct encoding *encoding, json_t *object, const char *key,
		   const struct labels *labels)
{
	json_t *mapping;

	if (labels->count == 0)
		return;
	mapping = encode_mapping(encoding, object, key);
	for (size_t i = 0; i < labels->count; i++)
		encode_text(encoding, mapping, labels->items[i].key, labels->items[i].value);
}

json_t *encode_address(const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];

	return json_string(address_format(address, text));
}

/* A year of more or less than four digits is written from another zone, as it was read. */
const char *encode_time(int64_t seconds, int64_t ns, char buffer[static ENCODE_TIME_SIZE])
{
	const char *zone = "Z";
	char fraction[24] = "";
	time_t time = (time_t)seconds;
	struct tm date;

	(void)gmtime_r(&time, &date);
	if (date.tm_year + 1900 > 9999 || date.tm_year + 1900 < 0) {
		bool late = date.tm_year > 0;

		zone = late ? "-23:59" : "+23:59";
		time += late ? -OFFSET_S : OFFSET_S;
		(void)gmtime_r(&time, &date);
	}
	if (ns > 0)
		(void)snprintf(fraction, sizeof(fraction), ".%09" PRId64, ns);
	(void)snprintf(buffer, ENCODE_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%s%s",
		       date.tm_year + 1900, date.tm_mon + 1, date.tm_mday, date.tm_hour,
		       date.tm_min, date.tm_sec, fraction, zone);
	return buffer;
}

static void encode_metadata(struct encoding *encoding, const struct object *object)
{
	json_t *metadata = encode_mapping(encoding, encoding->top, "metadata");
	char time[ENCODE_TIME_SIZE];

	encode_text(encoding, metadata, "name", object->name);
	encode_text(encoding, metadata, "namespace", object->namespace);
	if (*object->uid)
		encode_text(encoding, metadata, "uid", object->uid);
	if (*object->version)
		encode_text(encoding, metadata, "resourceVersion", object->version);
	if (object->creation_time_s != INT64_MAX)
		encode_text(encoding, metadata, "creationTimestamp",
			    encode_time(object->creation_time_s, 0, time));
	/* When does not matter. */
	if (object->deleting)
		encode_text(encoding, metadata, "deletionTimestamp", encode_time(0, 0, time));
	encode_labels(encoding, metadata, "labels", &object->labels);
	encoding->annotations = encode_mapping(encoding, metadata, "annotations");
}

static const char *api_version(enum object_kind kind)
{
	switch (kind) {
	case OBJECT_ENDPOINT_SLICE:
		return "discovery.k8s.io/v1";
	case OBJECT_AGENT_CONFIGURATION:
		return "guideway.dev/v1alpha1";
	default:
		return "v1";
	}
}

static void encode_kind(struct encoding *encoding, const struct object *object)
{
	switch (object->kind) {
	case OBJECT_SERVICE:
		encode_service(encoding, &object->service);
		break;
	case OBJECT_ENDPOINT_SLICE:
		encode_endpoint_slice(encoding, &object->endpoints);
		break;
	case OBJECT_ENDPOINTS:
		encode_endpoints(encoding, &object->endpoints);
		break;
	case OBJECT_POD:
		encode_pod(encoding, &object->pod);
		break;
	case OBJECT_AGENT_CONFIGURATION:
		encode_agent_configuration(encoding, &object->configuration);
		break;
	case OBJECT_KIND_COUNT:
		break;
	}
}

/* DEL is ASCII to jansson, but nothing that may stand in YAML. Takes text; NULL: no memory. */
static char *escape_del(char *text)
{
	static const char escape[] = "\\u007f";
	size_t count = 0;
	char *escaped, *to;

	for (const char *at = text; at && (at = strchr(at, '\x7f')); at++)
		count++;
	if (count == 0)
		return text;
	escaped = to = malloc(strlen(text) + count * (sizeof(escape) - 2) + 1);
	for (const char *at = text; escaped && *at; at++) {
		if (*at == '\x7f')
			to = stpcpy(to, escape);
		else
			*to++ = *at;
	}
	if (escaped)
		*to = '\0';
	free(text);
	return escaped;
}

int encode_object(const struct object *object, char **ret_text)
{
	struct encoding encoding = { .top = json_object() };
	char *text = NULL;

	encode_text(&encoding, encoding.top, "apiVersion", api_version(object->kind));
	encode_text(&encoding, encoding.top, "kind", object_kind_name(object->kind));
	encode_metadata(&encoding, object);
	encode_kind(&encoding, object);
	if (json_object_size(encoding.annotations) == 0)
		(void)json_object_del(json_object_get(encoding.top, "metadata"), "annotations");
	if (!encoding.failed)
		text = json_dumps(encoding.top, JSON_COMPACT | JSON_ENSURE_ASCII);
	text = escape_del(text);
	json_decref(encoding.top);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_metadata.c - what every object has: its name, labels and times. */
#include "source/decode_part.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

/* Labels with dots between them, at most 253: RFC 1123. */
static bool is_subdomain(const char *text)
{
	char label[64];

	if (strlen(text) > 253)
		return false;
	for (;;) {
		size_t length = strcspn(text, ".");

		if (length >= sizeof(label))
			return false;
		memcpy(label, text, length);
		label[length] = '\0';
		if (!decode_is_label(label))
			return false;
		if (!text[length])
			return true;
		text += length + 1;
	}
}

static bool read_digits(const char **at, size_t count, int low, int high, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		if (!isdigit((unsigned char)**at))
			return false;
		value = value * 10 + (*(*at)++ - '0');
	}
	*ret = value;
	return value >= low && value <= high;
}

static bool read_byte(const char **at, const char *allowed)
{
	return **at && strchr(allowed, *(*at)++);
}

static bool read_date(const char **at, struct tm *ret)
{
	bool good = read_digits(at, 4, 0, 9999, &ret->tm_year) && read_byte(at, "-") &&
		    read_digits(at, 2, 1, 12, &ret->tm_mon) && read_byte(at, "-") &&
		    read_digits(at, 2, 1, 31, &ret->tm_mday) && read_byte(at, "Tt ") &&
		    read_digits(at, 2, 0, 23, &ret->tm_hour) && read_byte(at, ":") &&
		    read_digits(at, 2, 0, 59, &ret->tm_min) && read_byte(at, ":") &&
		    read_digits(at, 2, 0, 60, &ret->tm_sec);

	ret->tm_year -= 1900;
	ret->tm_mon -= 1;
	return good;
}

static bool read_fraction(const char **at, int64_t *ret_ns)
{
	int64_t unit = 100000000;

	*ret_ns = 0;
	if (**at != '.')
		return true;
	(*at)++;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++, unit /= 10)
		*ret_ns += (**at - '0') * unit;
	return true;
}

static bool read_offset(const char **at, int64_t *ret_s)
{
	bool west = **at == '-';
	int hours, minutes;

	*ret_s = 0;
	if (**at == 'Z' || **at == 'z') {
		(*at)++;
		return true;
	}
	if (!read_byte(at, "+-") || !read_digits(at, 2, 0, 23, &hours) || !read_byte(at, ":") ||
	    !read_digits(at, 2, 0, 59, &minutes))
		return false;
	*ret_s = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

bool decode_time(const char *text, int64_t *ret_s, int64_t *ret_ns)
{
	int64_t offset_s, ns;
	struct tm date = { 0 };

	if (!read_date(&text, &date) || !read_fraction(&text, &ns) ||
	    !read_offset(&text, &offset_s) || *text)
		return false;
	*ret_s = (int64_t)timegm(&date) - offset_s;
	*ret_ns = ns;
	return true;
}

static int read_name(struct object *object, const struct field *metadata, struct error *error)
{
	struct field field = field_at(metadata, "name");
	bool is_service = object->kind == OBJECT_SERVICE;
	const char *name = "";
	int r = field_string(metadata, "name", &name, error);

	if (r < 0)
		return r;
	if (!*name)
		return field_error(&field, error, "missing, expected the name of the %s",
				   object_kind_name(object->kind));
	if (is_service ? !decode_is_label(name) : !is_subdomain(name))
		return field_error(&field, error,
				   "\"%.70s\", expected lower-case letters, digits and \"-\"%s",
				   name, is_service ? ", at most 63" : " or \".\", at most 253");
	object->name = name;
	return decode_keep(object, &object->name, error);
}

static int read_namespace(struct object *object, const struct field *metadata, struct error *error)
{
	struct field field = field_at(metadata, "namespace");
	const char *namespace = "";
	int r = field_string(metadata, "namespace", &namespace, error);

	if (r < 0)
		return r;
	object->namespace = *namespace ? namespace : "default";
	if (!decode_is_label(object->namespace))
		return field_error(&field, error,
				   "\"%.70s\", expected lower-case letters, digits and \"-\", "
				   "at most 63",
				   namespace);
	return decode_keep(object, &object->namespace, error);
}

static int read_times(struct object *object, const struct field *metadata, struct error *error)
{
	struct field field = field_at(metadata, "creationTimestamp");
	const char *text = "";
	int64_t ns;
	int r = field_string(metadata, "creationTimestamp", &text, error);

	if (r < 0)
		return r;
	object->creation_time_s = INT64_MAX;
	if (*text && !decode_time(text, &object->creation_time_s, &ns))
		return field_error(&field, error, "\"%.60s\", expected a time as in %s", text,
				   "2024-05-01T10:00:00Z");
	object->deleting = field_at(metadata, "deletionTimestamp").node != NULL;
	return 0;
}

static int read_text(struct object *object, const struct field *metadata, const char *name,
		     const char **ret, struct error *error)
{
	int r;

	*ret = "";
	r = field_string(metadata, name, ret, error);
	return r < 0 ? r : decode_keep(object, ret, error);
}

int decode_metadata(struct object *object, const struct field *top, struct error *error)
{
	struct field metadata, labels, annotations;
	int r = field_mapping(top, "metadata", &metadata, error);

	if (r == 0)
		r = read_name(object, &metadata, error);
	if (r == 0)
		r = read_namespace(object, &metadata, error);
	if (r == 0)
		r = read_text(object, &metadata, "uid", &object->uid, error);
	if (r == 0)
		r = read_text(object, &metadata, "resourceVersion", &object->version, error);
	if (r == 0)
		r = read_times(object, &metadata, error);
	if (r == 0)
		r = field_mapping(&metadata, "labels", &labels, error);
	if (r == 0)
		r = decode_labels(object, &labels, &object->labels, error);
	if (r == 0)
		r = field_mapping(&metadata, "annotations", &annotations, error);
	return r;
}

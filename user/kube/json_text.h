/* SPDX-License-Identifier: BSD-2-Clause */
/* json_text.h - texts of an answer of the API. */
#ifndef KUBE_JSON_TEXT_H
#define KUBE_JSON_TEXT_H

#include <jansson.h>

/* The object's; "" when it has none of that name, or is no object. */
static inline const char *json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * encode_part.h - what the encoders of the kinds share: each adds the fields of one kind to an
 * object that has its metadata already. Where memory runs out the encoding has
 * failed, and nothing of it is used.
 */
#ifndef SOURCE_ENCODE_PART_H
#define SOURCE_ENCODE_PART_H

#include <jansson.h>

#include "model/object.h"

/* top has "metadata" with "annotations", which is left out of the text when it stays empty. */
struct encoding {
	json_t *top;
	json_t *annotations; /* borrowed from top */
	bool failed;         /* no memory */
};

void encode_service(struct encoding *encoding, const struct service_object *service);
void encode_endpoint_slice(struct encoding *encoding, const struct endpoints_object *endpoints);
void encode_endpoints(struct encoding *encoding, const struct endpoints_object *endpoints);
void encode_pod(struct encoding *encoding, const struct pod_object *pod);
void encode_agent_configuration(struct encoding *encoding,
				const struct agent_configuration *configuration);

/* Take value, which is NULL when there was no memory for it; set the key, or append. */
void encode_set(struct encoding *encoding, json_t *object, const char *key, json_t *value);
void encode_append(struct encoding *encoding, json_t *array, json_t *value);
/* The same with a text. */
void encode_text(struct encoding *encoding, json_t *object, const char *key, const char *text);
void encode_integer(struct encoding *encoding, json_t *object, const char *key, json_int_t number);
/* An annotation with a decimal. */
void encode_number(struct encoding *encoding, const char *annotation, json_int_t number);

/* New, empty, and set under the key (or appended); borrowed. NULL when there is no memory. */
json_t *encode_mapping(struct encoding *encoding, json_t *object, const char *key);
json_t *encode_list(struct encoding *encoding, json_t *object, const char *key);
json_t *encode_item(struct encoding *encoding, json_t *array);

void encode_labels(struct encoding *encoding, json_t *object, const char *key,
		   const struct labels *labels);
json_t *encode_address(const struct address *address);

/* RFC 3339, which decode_time reads. */
#define ENCODE_TIME_SIZE 64
const char *encode_time(int64_t seconds, int64_t ns, char buffer[static ENCODE_TIME_SIZE]);

#endif

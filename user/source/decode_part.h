/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode_part.h - what the decoders of the kinds share: each turns the fields of
 * one kind into an object that has its metadata already.
 */
#ifndef SOURCE_DECODE_PART_H
#define SOURCE_DECODE_PART_H

#include "model/object.h"
#include "source/field.h"

/*
 * 0, or a negative errno with a sentence. 1 when the object is of no use to anyone:
 * the sentence then says why.
 */
#define DECODE_UNUSED 1
int decode_service(struct object *object, const struct field *top, struct error *error);
int decode_endpoint_slice(struct object *object, const struct field *top, struct error *error);
int decode_endpoints(struct object *object, const struct field *top, struct error *error);
int decode_pod(struct object *object, const struct field *top, struct error *error);
int decode_agent_configuration(struct object *object, const struct field *top, struct error *error);

/* name, namespace, uid, labels, times. */
int decode_metadata(struct object *object, const struct field *top, struct error *error);

/* The addresses that a Service has, asks for, or names a pool of; spec is a mapping, or not given.
 */
int decode_service_addresses(struct object *object, const struct field *top, struct error *error);

/* What gateways have written there; of what others did wrong nothing is refused. */
int decode_service_marks(struct object *object, const struct field *top, struct error *error);

/* The ports of a Service, with what the API server demands of them. */
int decode_service_ports(struct object *object, const struct field *spec, struct error *error);

/* RFC 3339, as "2024-05-01T10:00:00.5+02:00". */
bool decode_time(const char *text, int64_t *ret_s, int64_t *ret_ns);

/* Lower-case letters, digits and inner hyphens, at most 63: RFC 1123. */
bool decode_is_label(const char *text);

/* Zeroed, in the object's arena; NULL and a sentence (-ENOMEM) when there is no memory. */
void *decode_array(struct object *object, size_t count, size_t size, struct error *error);
/*
 * Reads every item of list into an element of an array like decode_array's, of size bytes each:
 * read fills one. *ret and *ret_count keep their values when the list is not given.
 */
int decode_items(struct object *object, const struct field *list, size_t size,
		 int (*read)(struct object *object, const struct field *item, void *element,
			     struct error *error),
		 const void **ret, size_t *ret_count, struct error *error);
/* Replaces *text (NULL is nothing) by a copy that lives as long as object. */
int decode_keep(struct object *object, const char **text, struct error *error);

/* A mapping of texts; a null value is "". */
int decode_labels(struct object *object, const struct field *mapping, struct labels *ret,
		  struct error *error);

/* An address that can be a backend or a VIP. */
int decode_address(const struct field *field, const char *text, struct address *ret,
		   struct error *error);
/* text is a comma list, or one address. */
int decode_addresses(struct object *object, const struct field *field, const char *text,
		     const struct address **ret, size_t *ret_count, struct error *error);

/* Field protocol of a port; TCP when it is not given. */
int decode_protocol(const struct field *port, enum protocol *ret, struct error *error);
/* Field name of a port, from 1 to 65535. *ret keeps its value when the field is not given. */
int decode_port(const struct field *port, const char *name, uint16_t *ret, struct error *error);

/*
 * The text of an annotation as a decimal from low to high. *ret keeps its value when the
 * annotation is not given.
 */
int decode_number(const struct field *annotations, const char *name, uint32_t low, uint32_t high,
		  uint32_t *ret, struct error *error);

/* The ports of a slice or subset; one without a number has port 0. */
int decode_endpoint_ports(struct object *object, const struct field *list,
			  const struct endpoint_port **ret, size_t *ret_count, struct error *error);

/* nodeName and targetRef.uid of an endpoint. */
int decode_endpoint_origin(struct object *object, const struct field *item,
			   struct endpoint *endpoint, struct error *error);

#endif

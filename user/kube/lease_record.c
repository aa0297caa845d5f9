/* SPDX-License-Identifier: BSD-2-Clause */
/* lease_record.c - what stands in a Lease, and what is to stand there. */
#include "kube/lease_record.h"

#include <string.h>

#include "kube/json_text.h"
#include "kube/micro_time.h"

json_t *lease_record_parse(const char *text, size_t length)
{
	json_t *object = json_loadb(text, length, 0, NULL);
	const char *kind = json_string_value(json_object_get(object, "kind"));

	if (json_is_object(object) && kind && strcmp(kind, "Lease") == 0)
		return object;
	json_decref(object);
	return NULL;
}

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number > 0 ? (uint64_t)number : 0;
}

void lease_record_read(const json_t *object, struct lease_record *ret)
{
	const json_t *spec = json_object_get(object, "spec");

	*ret = (struct lease_record){
		.holder = json_text(spec, "holderIdentity"),
		.version = json_text(json_object_get(object, "metadata"), "resourceVersion"),
		.duration_ms = 1000 * number_of(spec, "leaseDurationSeconds"),
		.transitions = number_of(spec, "leaseTransitions"),
	};
}

bool lease_record_equal(const json_t *a, const json_t *b)
{
	return a && b && json_equal(json_object_get(a, "spec"), json_object_get(b, "spec"));
}

static void set_spec(json_t *spec, const char *holder, uint32_t duration_s)
{
	const char *before = json_text(spec, "holderIdentity");
	char now[MICRO_TIME_SIZE];

	micro_time_now(now);
	if (strcmp(before, holder) != 0 || !json_object_get(spec, "acquireTime"))
		(void)json_object_set_new(spec, "acquireTime", json_string(now));
	if (*holder && strcmp(before, holder) != 0 && json_object_get(spec, "holderIdentity"))
		(void)json_object_set_new(
			spec, "leaseTransitions",
			json_integer((json_int_t)number_of(spec, "leaseTransitions") + 1));
	(void)json_object_set_new(spec, "renewTime", json_string(now));
	(void)json_object_set_new(spec, "leaseDurationSeconds", json_integer(duration_s));
	(void)json_object_set_new(spec, "holderIdentity", json_string(holder));
}

char *lease_record_write(const json_t *object, const char *namespace, const char *name,
			 const char *holder, uint32_t duration_s)
{
	json_t *copy = object ? json_deep_copy(object)
			      : json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:i}}", "apiVersion",
					  "coordination.k8s.io/v1", "kind", "Lease", "metadata",
					  "namespace", namespace, "name", name, "spec",
					  "leaseTransitions", 0);
	json_t *spec = json_object_get(copy, "spec");
	char *text = NULL;

	if (copy && !json_is_object(spec)) {
		spec = json_object();
		(void)json_object_set_new(copy, "spec", spec);
	}
	/* The server's own. */
	(void)json_object_del(json_object_get(copy, "metadata"), "managedFields");
	set_spec(spec, holder, duration_s);
	if (spec)
		text = json_dumps(copy, JSON_COMPACT);
	json_decref(copy);
	return text;
}

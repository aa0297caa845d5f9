/* SPDX-License-Identifier: BSD-2-Clause */
/* publish_patch.c - a Service's finalizer, addresses and condition, compared and written. */
#include "agent/publish_patch.h"

#include <jansson.h>
#include <string.h>

#include "kube/micro_time.h"
#include "model/model.h"

struct condition {
	const char *status, *reason, *message;
};

static struct condition wanted_condition(const struct service_status *status)
{
	if (!status->problem && status->vip_count > 0)
		return (struct condition){ "True", "Programmed", "" };
	return (struct condition){
		"False",
		status->vip_count > 0 ? "Incomplete" : "NoAddress",
		status->problem ? status->problem : "no address",
	};
}

static bool has_ingress(const struct service_status *status)
{
	const struct service_object *service = &status->object->service;

	if (service->marks.has_foreign_ingress || service->ingress_count != status->vip_count)
		return false;
	for (size_t i = 0; i < status->vip_count; i++)
		if (address_compare(&service->ingress[i], &status->vips[i]) != 0)
			return false;
	return true;
}

struct publish_difference publish_compare(const struct service_status *status)
{
	const struct service_marks *marks = &status->object->service.marks;
	const struct condition wanted = wanted_condition(status);
	bool has_condition = marks->status && strcmp(marks->status, wanted.status) == 0 &&
			     strcmp(marks->reason, wanted.reason) == 0 &&
			     strcmp(marks->message, wanted.message) == 0;

	return (struct publish_difference){
		.finalizer = !marks->has_finalizer && status->vip_count > 0,
		.ingress = !has_ingress(status),
		.condition = !has_condition,
		.programmed = strcmp(wanted.status, "True") == 0,
	};
}

bool publish_differs(const struct publish_difference *difference)
{
	return difference->finalizer || difference->ingress || difference->condition;
}

/* Sorted, as the model's are. */
static json_t *ingress_json(const struct service_status *status)
{
	json_t *list = json_array();
	char text[ADDRESS_TEXT_SIZE];

	if (status->vip_count == 0) {
		json_decref(list);
		return json_null();
	}
	for (size_t i = 0; i < status->vip_count; i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:s}", "ip",
							    address_format(&status->vips[i], text),
							    "ipMode", "VIP"));
	return list;
}

static json_t *condition_json(const struct service_status *status)
{
	const struct condition wanted = wanted_condition(status);
	const char *before = status->object->service.marks.status;
	json_t *condition =
		json_pack("{s:s, s:s, s:s, s:s}", "type", OBJECT_CONDITION, "status", wanted.status,
			  "reason", wanted.reason, "message", wanted.message);
	char now[SECOND_TIME_SIZE];

	second_time_now(now);
	if (!before || strcmp(before, wanted.status) != 0)
		(void)json_object_set_new(condition, "lastTransitionTime", json_string(now));
	return condition;
}

static char *dump(json_t *patch)
{
	char *text = patch ? json_dumps(patch, JSON_COMPACT) : NULL;

	json_decref(patch);
	return text;
}

char *publish_patch_served(const struct service_status *status,
			   const struct publish_difference *difference)
{
	json_t *patch = json_pack("{s:{s:s}, s:{}}", "metadata", "resourceVersion",
				  status->object->version, "status");
	json_t *metadata = json_object_get(patch, "metadata");
	json_t *written = json_object_get(patch, "status");

	if (difference->finalizer)
		(void)json_object_set_new(metadata, "finalizers",
					  json_pack("[s]", OBJECT_FINALIZER));
	if (difference->ingress)
		(void)json_object_set_new(written, "loadBalancer",
					  json_pack("{s:o}", "ingress", ingress_json(status)));
	if (difference->condition)
		(void)json_object_set_new(written, "conditions",
					  json_pack("[o]", condition_json(status)));
	return dump(patch);
}

/* One that is being deleted needs none of it. */
static bool clears_addresses(const struct object *service)
{
	return !service->deleting &&
	       (service->service.ingress_count > 0 || service->service.marks.has_foreign_ingress);
}

char *publish_patch_abandoned(const struct object *service)
{
	json_t *patch =
		json_pack("{s:{s:s, s:[s]}, s:{}}", "metadata", "resourceVersion", service->version,
			  "$deleteFromPrimitiveList/finalizers", OBJECT_FINALIZER, "status");
	json_t *written = json_object_get(patch, "status");

	if (clears_addresses(service))
		(void)json_object_set_new(written, "loadBalancer", json_pack("{s:n}", "ingress"));
	if (!service->deleting && service->service.marks.status)
		(void)json_object_set_new(
			written, "conditions",
			json_pack("[{s:s, s:s}]", "$patch", "delete", "type", OBJECT_CONDITION));
	return dump(patch);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* publish_events.c - the Events about what was written. */
#include "agent/publish_internal.h"

#include <stdio.h>

#include "kube/recorder.h"
#include "model/model.h"

#define NOTE_SIZE 1100

static void tell(struct publish *publish, const struct held *held, const char *version,
		 bool is_warning, const char *reason, const char *note)
{
	const struct recorder_event event = {
		.namespace = held->namespace,
		.name = held->name,
		.uid = held->uid,
		.version = version,
		.is_warning = is_warning,
		.reason = reason,
		.note = note,
	};

	recorder_tell(publish->recorder, &event);
}

static void write_addresses(const struct service_status *status, char note[static NOTE_SIZE])
{
	char text[ADDRESS_TEXT_SIZE];
	size_t length = 0;

	note[0] = '\0';
	for (size_t i = 0; i < status->vip_count && length < NOTE_SIZE / 2; i++)
		length += (size_t)snprintf(note + length, NOTE_SIZE - length, "%s%s", i ? ", " : "",
					   address_format(&status->vips[i], text));
}

static void tell_written(const struct service_status *status, void *context)
{
	struct publish *publish = context;
	const char *version = status->object->version;
	const struct held *held;
	char key[PUBLISH_KEY_SIZE], addresses[NOTE_SIZE], note[NOTE_SIZE + 64];

	publish_write_key(status->object, key);
	held = held_find(&publish->held, key);
	if (!held)
		return;
	write_addresses(status, addresses);
	(void)snprintf(note, sizeof(note), "%s from an address pool", addresses);
	if (held->sent.ingress && status->vip_count > 0 && status->is_from_pool)
		tell(publish, held, version, false, "AddressAssigned", note);
	(void)snprintf(note, sizeof(note), "published with %s", addresses);
	if (held->sent.condition && held->sent.programmed)
		tell(publish, held, version, false, "EnsuredLoadBalancer", note);
	if (held->sent.condition && !held->sent.programmed)
		tell(publish, held, version, true, "SyncLoadBalancerFailed",
		     status->problem ? status->problem : "no address");
}

void publish_tell_written(struct publish *publish, const struct held *held)
{
	(void)model_tell_status(publish->settings.model, held->namespace, held->name, tell_written,
				publish);
}

void publish_tell_let_go(struct publish *publish, const struct held *held)
{
	tell(publish, held, "", false, "DeletedLoadBalancer", "no longer served");
}

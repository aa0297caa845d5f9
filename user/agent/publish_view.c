/* SPDX-License-Identifier: BSD-2-Clause */
/* publish_view.c - who writes to the API server, and how that goes, as JSON. */
#include "agent/publish_internal.h"

#include "kube/recorder.h"
#include "kube/writer.h"
#include "lib/loop.h"

/* The trouble that holds, of the Lease first, else the last one. */
static json_t *error_json(const struct lease_status *lease, const struct writer_status *writer)
{
	if (*lease->trouble)
		return json_pack("{s:s, s:b, s:n}", "message", lease->trouble, "holds", true,
				 "ageSeconds");
	if (!*writer->trouble)
		return json_null();
	return json_pack("{s:s, s:b, s:I}", "message", writer->trouble, "holds",
			 (int)writer->is_in_trouble, "ageSeconds",
			 (json_int_t)(loop_now_ms() - writer->trouble_ms) / 1000);
}

static json_t *writes_json(const struct writer_status *writer)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "done", (json_int_t)writer->done, "failed",
			 (json_int_t)writer->failed, "conflicts", (json_int_t)writer->conflicts,
			 "queued", (json_int_t)writer->queued);
}

static json_t *events_json(const struct recorder_status *events)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "written", (json_int_t)events->written, "failed",
			 (json_int_t)events->failed, "dropped", (json_int_t)events->dropped,
			 "queued", (json_int_t)events->queued);
}

json_t *publish_json(const struct publish *publish)
{
	struct lease_status lease;
	struct writer_status writer;
	struct recorder_status events;

	if (!publish)
		return json_null();
	lease_read_status(publish->lease, &lease);
	writer_read_status(publish->writer, &writer);
	recorder_read_status(publish->recorder, &events);
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "leader",
			 (int)lease.is_leader, "identity", publish->identity, "holder",
			 lease.holder, "leaseNamespace", publish->settings.lease_namespace,
			 "leaseName", publish->settings.lease_name, "transitions",
			 (json_int_t)lease.transitions, "writes", writes_json(&writer), "events",
			 events_json(&events), "lastError", error_json(&lease, &writer));
}

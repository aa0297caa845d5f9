/* SPDX-License-Identifier: BSD-2-Clause */
/* intake.c - what each source tells, on its way to the model. */
#include "agent/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cluster.h"
#include "agent/config.h"
#include "agent/snapshot.h"
#include "lib/error.h"
#include "lib/log.h"
#include "model/model.h"
#include "source/manifest.h"

/* What status shows; the log has all. */
#define PROBLEMS_MAX 100

struct intake {
	const struct agent_config *config;
	struct model *model;
	struct manifest_source *manifests;     /* NULL with a cluster */
	struct cluster *cluster;               /* NULL with manifests */
	struct snapshot *snapshot;             /* of the cluster; NULL without */
	struct manifest_source *configuration; /* NULL: none */
	json_t *problems;
	bool serves_snapshot; /* objects of an earlier agent, until the cluster has told all */
	struct intake_events events;
};

bool intake_is_complete(const struct intake *intake)
{
	return intake->cluster ? cluster_is_complete(intake->cluster)
			       : manifest_source_is_complete(intake->manifests);
}

bool intake_has_state(const struct intake *intake)
{
	return !intake->cluster || intake->serves_snapshot || cluster_is_complete(intake->cluster);
}

const struct cluster *intake_cluster(const struct intake *intake)
{
	return intake->cluster;
}

const json_t *intake_problems(const struct intake *intake)
{
	return intake->problems;
}

/* Also of the snapshot. */
static void keep_object(struct object *object, void *owner)
{
	struct intake *intake = owner;

	intake->events.on_change(intake->events.owner);
	if (model_set_object(intake->model, object) < 0)
		log_error("no memory for an object: it is ignored");
}

static void on_object(struct object *object, void *owner)
{
	struct intake *intake = owner;

	snapshot_note_set(intake->snapshot, object);
	keep_object(object, intake);
}

static void on_configuration(struct object *object, void *owner)
{
	if (object->kind == OBJECT_AGENT_CONFIGURATION) {
		keep_object(object, owner);
		return;
	}
	log_warning("%s: %s '%s/%s' is not used, expected an AgentConfiguration", object->origin,
		    object_kind_name(object->kind), object->namespace, object->name);
	object_destroy(object);
}

/* From the snapshot, or the configuration. */
static void remove_object(enum object_kind kind, const char *namespace, const char *name,
			  void *owner)
{
	struct intake *intake = owner;

	intake->events.on_change(intake->events.owner);
	model_remove_object(intake->model, kind, namespace, name);
}

static void on_removed(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	struct intake *intake = owner;

	snapshot_note_removed(intake->snapshot, kind, namespace, name);
	remove_object(kind, namespace, name, intake);
}

static void on_problem(const char *sentence, void *owner)
{
	struct intake *intake = owner;

	log_warning("%s; nothing that worked changes", sentence);
	if (json_array_size(intake->problems) < PROBLEMS_MAX)
		(void)json_array_append_new(intake->problems, json_string(sentence));
}

static void on_repaired(const char *place, void *owner)
{
	struct intake *intake = owner;
	size_t length = strlen(place);

	log_info("%s: good again", place);
	for (size_t i = json_array_size(intake->problems); i-- > 0;) {
		const char *sentence = json_string_value(json_array_get(intake->problems, i));

		if (strncmp(sentence, place, length) == 0 && sentence[length] == ':')
			(void)json_array_remove(intake->problems, i);
	}
}

static void on_skipped(const char *path, const char *kind, void *owner)
{
	(void)owner;
	log_debug("%s: kind '%s' is not used", path, kind);
}

static void on_batch_end(void *owner)
{
	struct intake *intake = owner;

	if (intake->cluster && cluster_is_complete(intake->cluster))
		snapshot_confirm(intake->snapshot, remove_object, intake);
	intake->events.on_changed(intake->events.owner);
}

static void on_kept(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	struct intake *intake = owner;

	snapshot_note_kept(intake->snapshot, kind, namespace, name);
}

static void on_zone(const char *zone, void *owner)
{
	struct intake *intake = owner;

	if (model_set_zone(intake->model, zone) < 0)
		log_error("no memory for this node's zone: it stays what it was");
}

/* What an earlier agent was told. Without it, or with a bad one, the cluster is waited for. */
static int start_snapshot(struct intake *intake, struct loop *loop, struct error *error)
{
	const struct snapshot_settings settings = {
		.state_dir = intake->config->state_dir,
		.model = intake->model,
		.interval_ms = SNAPSHOT_INTERVAL_MS,
		.settle_ms = SNAPSHOT_SETTLE_MS,
	};
	struct error reason = { 0 };
	size_t count = 0;
	int r = snapshot_create(loop, &settings, &intake->snapshot, error);

	if (r < 0)
		return r;
	r = snapshot_load(intake->snapshot, keep_object, intake, &count, &reason);
	if (r < 0)
		log_error("%s", reason.text);
	intake->serves_snapshot = r == 0 && count > 0;
	if (intake->serves_snapshot)
		log_info("serving the %zu objects of the last snapshot until the cluster answers",
			 count);
	return 0;
}

static int start_cluster(struct intake *intake, struct loop *loop,
			 const struct cluster_events *events, struct error *error)
{
	int r = start_snapshot(intake, loop, error);

	return r < 0 ? r : cluster_create(loop, intake->config, events, &intake->cluster, error);
}

/* What all sources tell alike. */
static struct source_events source_events(struct intake *intake)
{
	return (struct source_events){
		.on_object = on_object,
		.on_removed = on_removed,
		.on_problem = on_problem,
		.on_repaired = on_repaired,
		.on_skipped = on_skipped,
		.on_batch_end = on_batch_end,
		.owner = intake,
	};
}

static int start_configuration(struct intake *intake, struct loop *loop, struct error *error)
{
	struct source_events events = source_events(intake);
	const char *path = intake->config->configuration;
	int r;

	if (!path)
		return 0;
	events.on_object = on_configuration;
	events.on_removed = remove_object;
	r = manifest_source_create(loop, &path, 1, &events, &intake->configuration, error);
	return r < 0 ? r : manifest_source_scan(intake->configuration, error);
}

static int start_source(struct intake *intake, struct loop *loop, struct error *error)
{
	const struct cluster_events events = {
		.objects = source_events(intake),
		.on_kept = on_kept,
		.on_zone = on_zone,
		.owner = intake,
	};
	int r;

	if (agent_config_has_cluster(intake->config))
		return start_cluster(intake, loop, &events, error);
	r = manifest_source_create(loop, intake->config->manifests.items,
				   intake->config->manifests.count, &events.objects,
				   &intake->manifests, error);
	return r < 0 ? r : manifest_source_scan(intake->manifests, error);
}

int intake_create(struct loop *loop, const struct agent_config *config, struct model *model,
		  const struct intake_events *events, struct intake **ret, struct error *error)
{
	struct intake *intake = calloc(1, sizeof(*intake));
	int r;

	if (!intake)
		return error_set(error, -ENOMEM, "no memory for the sources of objects");
	*intake = (struct intake){
		.config = config,
		.model = model,
		.problems = json_array(),
		.events = *events,
	};
	r = intake->problems ? 0 : error_set(error, -ENOMEM, "no memory for problems");
	if (r == 0)
		r = start_configuration(intake, loop, error);
	if (r == 0)
		r = start_source(intake, loop, error);
	if (r < 0)
		intake_destroy(intake);
	else
		*ret = intake;
	return r;
}

void intake_destroy(struct intake *intake)
{
	if (!intake)
		return;
	manifest_source_destroy(intake->manifests);
	manifest_source_destroy(intake->configuration);
	cluster_destroy(intake->cluster);
	snapshot_destroy(intake->snapshot);
	json_decref(intake->problems);
	free(intake);
}

int intake_scan(struct intake *intake, struct error *error)
{
	int r = 0;

	if (intake->manifests)
		r = manifest_source_scan(intake->manifests, error);
	if (r == 0 && intake->configuration)
		r = manifest_source_scan(intake->configuration, error);
	return r;
}

int intake_save(struct intake *intake, struct error *error)
{
	return intake ? snapshot_write(intake->snapshot, error) : 0;
}

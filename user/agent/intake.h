/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake.h - where objects come from: manifests, or a cluster and what a snapshot says of it;
 * and the configuration. All of them go to the model.
 */
#ifndef AGENT_INTAKE_H
#define AGENT_INTAKE_H

#include <jansson.h>
#include <stdbool.h>

struct agent_config;
struct cluster;
struct error;
struct loop;
struct model;
struct intake;

struct intake_events {
	void (*on_change)(void *owner);  /* an object of the model is about to change */
	void (*on_changed)(void *owner); /* after each batch of changes */
	void *owner;
};

/*
 * Reads manifests, snapshot and configuration, and starts to follow them, or the cluster; events
 * may come before this returns. config and model are borrowed. What does not work is logged.
 */
int intake_create(struct loop *loop, const struct agent_config *config, struct model *model,
		  const struct intake_events *events, struct intake **ret, struct error *error);
void intake_destroy(struct intake *intake); /* NULL is nothing */

/* Whether what nobody told is known not to be there. */
bool intake_is_complete(const struct intake *intake);
/* Whether what was told is a state that some cluster had; always so with manifests. */
bool intake_has_state(const struct intake *intake);

/* Reads what changed in files, now. */
int intake_scan(struct intake *intake, struct error *error);
/* Before an orderly end: the snapshot. NULL is nothing. */
int intake_save(struct intake *intake, struct error *error);

/* For status: NULL with manifests; sentences about objects that still hold. */
const struct cluster *intake_cluster(const struct intake *intake);
const json_t *intake_problems(const struct intake *intake);

#endif

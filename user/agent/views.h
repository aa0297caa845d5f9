/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * views.h - the agent's state as JSON, for the control socket.
 */
#ifndef AGENT_VIEWS_H
#define AGENT_VIEWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct agent_config;
struct cluster;
struct datapath;
struct error;
struct model;
struct net;
struct peers;
struct publish;
struct verdict_count;

/* What the views look at; all borrowed. */
struct views {
	const struct agent_config *config;
	const struct model *model;
	const struct net *net;
	struct datapath *datapath;
	const json_t *problems; /* array of sentences */
	bool sources_complete;
	const struct cluster *cluster; /* NULL: none */
	const struct publish *publish; /* NULL: it does not write */
	size_t kept_count;             /* services of an earlier agent, in no manifest */
	int64_t started_at_s;          /* Unix time */
	const struct peers *peers;     /* NULL: none */
	uint64_t key_print;            /* of the flow hash's key */
};

/* New references; NULL with a sentence when there is no memory or a map cannot be read. */
json_t *views_services(const struct views *views, struct error *error);
json_t *views_backends(const struct views *views, struct error *error);
json_t *views_status(const struct views *views, struct error *error);
json_t *views_dump(const struct views *views, struct error *error);

/* Appends one verdict to a JSON array, as status shows them. */
void views_append_verdict(const struct verdict_count *count, void *array);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* cluster.c - access, calls and objects of a cluster, put together. */
#include "agent/cluster.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/config.h"
#include "kube/access.h"
#include "kube/http.h"
#include "kube/reflector.h"
#include "kube/source.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/loop.h"

struct cluster {
	struct kube_access *access;
	struct kube_http *http;
	struct kube_source *source;
	struct cluster_events events;
};

static void on_zone(const char *zone, void *owner)
{
	struct cluster *cluster = owner;

	log_info("this node is in zone '%s'", zone ? zone : "");
	cluster->events.on_zone(zone, cluster->events.owner);
}

static void on_kept(enum object_kind kind, const char *namespace, const char *name, void *owner)
{
	struct cluster *cluster = owner;

	cluster->events.on_kept(kind, namespace, name, cluster->events.owner);
}

static void on_trouble(const char *sentence, void *owner)
{
	(void)owner;
	log_warning("Kubernetes: %s; what is programmed stays as it was", sentence);
}

static void on_recovered(const char *resource, void *owner)
{
	(void)owner;
	log_info("Kubernetes: %s: followed again", resource);
}

static int open_access(struct cluster *cluster, const struct agent_config *config,
		       struct error *error)
{
	int r;

	if (config->kubeconfig) {
		r = kube_access_open_kubeconfig(config->kubeconfig, config->kubeconfig_allow_exec,
						&cluster->access, error);
		return r < 0 ? error_prefix(error, "--kubeconfig") : 0;
	}
	r = kube_access_open_in_cluster(KUBE_ACCOUNT_DIR, getenv("KUBERNETES_SERVICE_HOST"),
					getenv("KUBERNETES_SERVICE_PORT"), &cluster->access, error);
	return r < 0 ? error_prefix(error, "--in-cluster") : 0;
}

static int follow(struct cluster *cluster, struct loop *loop, const struct agent_config *config,
		  struct error *error)
{
	const struct kube_source_settings settings = {
		.zone_of_node = config->zone ? NULL : config->node_name,
		.try_watch_list = config->watch_list,
		.any_type = config->external_range_count > 0,
		.any_proxy = config->service_proxy_name != NULL,
	};
	const struct kube_source_events events = {
		.objects = cluster->events.objects,
		.on_kept = on_kept,
		.on_zone = on_zone,
		.on_trouble = on_trouble,
		.on_recovered = on_recovered,
		.owner = cluster,
	};

	return kube_source_create(loop, cluster->http, &settings, &events, &cluster->source, error);
}

int cluster_create(struct loop *loop, const struct agent_config *config,
		   const struct cluster_events *events, struct cluster **ret, struct error *error)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	int r;

	if (!cluster)
		return error_set(error, -ENOMEM, "no memory to follow a cluster");
	cluster->events = *events;
	r = open_access(cluster, config, error);
	if (r == 0)
		r = kube_http_create(loop, cluster->access, &cluster->http, error);
	if (r == 0)
		r = follow(cluster, loop, config, error);
	if (r < 0)
		cluster_destroy(cluster);
	else
		*ret = cluster;
	return r;
}

void cluster_destroy(struct cluster *cluster)
{
	if (!cluster)
		return;
	kube_source_destroy(cluster->source);
	kube_http_destroy(cluster->http);
	kube_access_destroy(cluster->access);
	free(cluster);
}

bool cluster_is_complete(const struct cluster *cluster)
{
	return kube_source_is_complete(cluster->source);
}

struct kube_http *cluster_http(const struct cluster *cluster)
{
	return cluster->http;
}

const char *cluster_namespace(const struct cluster *cluster)
{
	return kube_access_namespace(cluster->access);
}

/* All resources together. */
struct summary {
	json_t *resources;
	uint64_t now_ms;
	uint64_t contact_ms; /* the newest */
	json_int_t relists, watch_restarts;
	const char *trouble; /* that still holds, the newest; NULL: none */
	uint64_t trouble_ms;
};

static json_t *age_json(uint64_t now_ms, uint64_t then_ms)
{
	return then_ms ? json_integer((json_int_t)(now_ms - then_ms) / 1000) : json_null();
}

/* Of a trouble. */
static json_t *error_json(const char *sentence, uint64_t now_ms, uint64_t then_ms)
{
	if (!sentence || !*sentence)
		return json_null();
	return json_pack("{s:s, s:o}", "message", sentence, "ageSeconds",
			 age_json(now_ms, then_ms));
}

static void add_resource(const struct reflector_status *status, void *context)
{
	struct summary *summary = context;

	if (status->contact_ms > summary->contact_ms)
		summary->contact_ms = status->contact_ms;
	summary->relists += status->lists ? (json_int_t)status->lists - 1 : 0;
	summary->watch_restarts += status->watches ? (json_int_t)status->watches - 1 : 0;
	if (status->is_in_trouble && status->trouble_ms >= summary->trouble_ms) {
		summary->trouble = status->trouble;
		summary->trouble_ms = status->trouble_ms;
	}
	(void)json_array_append_new(
		summary->resources,
		json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:o, s:b, s:o}", "name", status->resource,
			  "synchronised", status->is_synced, "objects", (json_int_t)status->count,
			  "lists", (json_int_t)status->lists, "watches",
			  (json_int_t)status->watches, "failures", (json_int_t)status->failures,
			  "lastContactSeconds", age_json(summary->now_ms, status->contact_ms),
			  "inTrouble", status->is_in_trouble, "lastError",
			  error_json(status->trouble, summary->now_ms, status->trouble_ms)));
}

json_t *cluster_json(const struct cluster *cluster)
{
	struct summary summary = { .resources = json_array(), .now_ms = loop_now_ms() };

	kube_source_for_each_resource(cluster->source, add_resource, &summary);
	return json_pack("{s:s, s:b, s:o, s:I, s:I, s:o, s:o}", "server",
			 kube_access_credentials(cluster->access)->server, "synchronised",
			 cluster_is_complete(cluster), "lastContactSeconds",
			 age_json(summary.now_ms, summary.contact_ms), "relists", summary.relists,
			 "watchRestarts", summary.watch_restarts, "trouble",
			 error_json(summary.trouble, summary.now_ms, summary.trouble_ms),
			 "resources", summary.resources);
}

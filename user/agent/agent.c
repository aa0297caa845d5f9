/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * agent.c - the wiring: which event leads to which call.
 *
 *   manifests or cluster -> objects -> model -> reconcile -> datapath
 *   model, reconcile -> publish -> cluster
 *   cluster -> objects -> snapshot -> objects, at the next start
 *   netlink -> next hops --------------------> reconcile -> datapath
 */
#include "agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/cluster.h"
#include "agent/config.h"
#include "agent/control.h"
#include "agent/drains.h"
#include "agent/health_check.h"
#include "agent/intake.h"
#include "agent/interfaces.h"
#include "agent/peers.h"
#include "agent/pool_owners.h"
#include "agent/publish.h"
#include "agent/reconcile.h"
#include "agent/state.h"
#include "agent/views.h"
#include "datapath/datapath.h"
#include "kube/lease.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "model/model.h"
#include "model/pool.h"
#include "net/net.h"
#include "peer/seal.h"

struct agent {
	const struct agent_config *config;
	struct loop *loop;
	struct loop_watch *terminate, *interrupt, *hangup;
	struct pool *pool;
	struct model *model;
	struct intake *intake;
	struct publish *publish;  /* NULL: nothing is written */
	struct loop_watch *moves; /* see model_is_waiting */
	struct net *net;
	struct datapath *datapath;
	struct reconciler *reconciler;
	struct control *control;
	struct drains *drains;
	struct health_check *health_check; /* NULL: not asked for */
	struct peers *peers;               /* NULL without */
	char *model_problem;               /* as last told; NULL: none */
	uint64_t started_ms;
	uint64_t key_print; /* of the flow hash's key */
	bool started;       /* events are applied as they come */
	bool settled;       /* nothing of the first state waits for a next hop any more */
	bool ready;
	bool pool_is_pruned;
	bool moves_are_due; /* the timer is set */
	bool is_stopping;
};

static void log_failure(int r, const struct error *error)
{
	if (r < 0)
		log_error("%s", error->text);
}

/* Once, when everything has been read: what was given to whom is no longer there. */
static void prune_pool(struct agent *agent)
{
	struct error error = { 0 };

	if (agent->pool_is_pruned || !intake_is_complete(agent->intake))
		return;
	log_failure(pool_owners_prune(agent->pool, agent->model, &error), &error);
	log_failure(state_save_addresses(agent->config->state_dir, agent->pool, &error), &error);
	agent->pool_is_pruned = true;
}

/* Endpoints that vanished may turn up in another slice. */
static void await_moves(struct agent *agent)
{
	if (!model_is_waiting(agent->model) || agent->moves_are_due)
		return;
	agent->moves_are_due = true;
	loop_timer_set(agent->moves, MODEL_TICK_MS);
}

static void tell_model_problem(struct agent *agent)
{
	const char *problem = model_problem(agent->model);
	char *copy;

	if (problem && agent->model_problem && strcmp(problem, agent->model_problem) == 0)
		return;
	if (problem)
		log_warning("%s", problem);
	copy = problem ? strdup(problem) : NULL;
	free(agent->model_problem);
	agent->model_problem = copy;
}

/* Objects -> model -> datapath. */
static void apply(struct agent *agent)
{
	struct error error = { 0 };
	bool changed;
	int r;

	/* Services whose slices are not known yet would lose the backends that are pinned. */
	if (!intake_has_state(agent->intake))
		return;
	prune_pool(agent);
	r = model_update(agent->model, &changed, &error);
	log_failure(r, &error);
	if (r < 0)
		return;
	log_failure(drains_follow(agent->drains, &changed, &error), &error);
	/* An address is on disk before anybody can see it in use. */
	if (changed)
		log_failure(state_save_addresses(agent->config->state_dir, agent->pool, &error),
			    &error);
	reconciler_run(agent->reconciler, intake_is_complete(agent->intake));
	if (intake_is_complete(agent->intake))
		publish_follow(agent->publish);
	await_moves(agent);
	tell_model_problem(agent);
	health_check_follow(agent->health_check, agent->model, agent->ready);
}

static void on_moves_due(void *owner)
{
	struct agent *agent = owner;

	agent->moves_are_due = false;
	model_tick(agent->model);
	apply(agent);
}

static void on_deadline(void *owner)
{
	apply(owner);
}

/* Objects are about to change. */
static void on_change(void *owner)
{
	struct agent *agent = owner;

	publish_hold(agent->publish);
}

static void on_changed(void *owner)
{
	struct agent *agent = owner;

	if (agent->started)
		apply(agent);
}

static void on_next_hops_changed(void *owner)
{
	struct agent *agent = owner;

	if (agent->started)
		reconciler_next_hops_changed(agent->reconciler);
}

static void on_links_changed(void *owner)
{
	struct agent *agent = owner;

	if (agent->started)
		interfaces_follow(agent->net, agent->datapath);
}

static void on_addresses_changed(void *owner)
{
	struct agent *agent = owner;
	struct error error = { 0 };
	const struct address *addresses;
	size_t count;
	int r = net_own_addresses(agent->net, &addresses, &count);

	if (r == 0)
		r = datapath_set_own_addresses(agent->datapath, addresses, count, &error);
	log_failure(r, &error);
}

/* Once: everything is programmed, attached and can be asked for. */
static void tell_ready(struct agent *agent)
{
	size_t count, backends = 0;
	struct service *const *services;

	if (agent->ready || !agent->started || !agent->settled)
		return;
	agent->ready = true;
	health_check_follow(agent->health_check, agent->model, true);
	services = model_services(agent->model, &count);
	for (size_t i = 0; i < count; i++)
		backends += services[i]->backend_count;
	log_info("ready: %zu services with %zu backends after %" PRIu64 " ms", count, backends,
		 loop_now_ms() - agent->started_ms);
}

static void on_settled(void *owner)
{
	struct agent *agent = owner;

	agent->settled = true;
	tell_ready(agent);
}

static void on_released(void *owner)
{
	struct agent *agent = owner;

	loop_stop(agent->loop);
}

/* A second signal does not wait for the API server. */
static void on_stop(void *owner)
{
	struct agent *agent = owner;
	bool again = agent->is_stopping;

	agent->is_stopping = true;
	if (!again)
		log_info("stopping; the datapath stays and goes on forwarding (guideway detach "
			 "removes it)");
	if (again || !publish_release(agent->publish))
		loop_stop(agent->loop);
}

static void on_hangup(void *owner)
{
	struct agent *agent = owner;
	struct error error = { 0 };

	log_failure(intake_scan(agent->intake, &error), &error);
}

static json_t *on_drain(struct agent *agent, const json_t *request, struct error *error)
{
	bool changed;

	if (drains_request(agent->drains, request, &changed, error) < 0)
		return NULL;
	if (changed)
		apply(agent);
	return drains_answer(agent->drains, error);
}

static json_t *on_request(const char *command, const json_t *request, struct error *error,
			  void *owner)
{
	struct agent *agent = owner;
	const struct views views = {
		.config = agent->config,
		.model = agent->model,
		.net = agent->net,
		.datapath = agent->datapath,
		.problems = intake_problems(agent->intake),
		.kept_count = reconciler_kept_count(agent->reconciler),
		.sources_complete = intake_is_complete(agent->intake),
		.cluster = intake_cluster(agent->intake),
		.publish = agent->publish,
		.key_print = agent->key_print,
		.peers = agent->peers,
		.started_at_s = time(NULL) - (int64_t)(loop_now_ms() - agent->started_ms) / 1000,
	};

	if (strcmp(command, "services") == 0)
		return views_services(&views, error);
	if (strcmp(command, "backends") == 0)
		return views_backends(&views, error);
	if (strcmp(command, "status") == 0)
		return views_status(&views, error);
	if (strcmp(command, "dump") == 0)
		return views_dump(&views, error);
	if (strcmp(command, "drain") == 0)
		return on_drain(agent, request, error);
	(void)error_set(error, -EINVAL,
			"unknown command '%s', expected services, backends, status, dump or drain",
			command);
	return NULL;
}

static int start_loop(struct agent *agent, struct error *error)
{
	agent->loop = loop_create();
	if (!agent->loop)
		return error_set(error, -ENOMEM, "no memory for the agent");
	agent->terminate = loop_add_signal(agent->loop, SIGTERM, on_stop, agent);
	agent->interrupt = loop_add_signal(agent->loop, SIGINT, on_stop, agent);
	agent->hangup = loop_add_signal(agent->loop, SIGHUP, on_hangup, agent);
	agent->moves = loop_add_timer(agent->loop, on_moves_due, agent);
	if (!agent->terminate || !agent->interrupt || !agent->hangup || !agent->moves)
		return error_set(error, -ENOMEM, "no memory for the agent's signals");
	return 0;
}

static int start_pool(struct agent *agent, struct error *error)
{
	const struct agent_config *config = agent->config;

	agent->pool = pool_create();
	if (!agent->pool)
		return error_set(error, -ENOMEM, "no memory for the address pool");
	for (size_t i = 0; i < config->address_pool.count; i++) {
		int r = pool_add_range(agent->pool, config->address_pool.items[i], error);

		if (r < 0) {
			(void)error_prefix(error, "--address-pool");
			return r;
		}
	}
	return state_load_addresses(config->state_dir, agent->pool, error);
}

static int start_model(struct agent *agent, struct error *error)
{
	const struct agent_config *config = agent->config;
	const struct model_settings settings = {
		.load_balancer_class = config->load_balancer_class,
		.serve_unclassed = config->serve_unclassed == AGENT_UNCLASSED_YES ||
				   (config->serve_unclassed == AGENT_UNCLASSED_DEFAULT &&
				    !agent_config_has_cluster(config)),
		.forwarding_mode = config->forwarding_mode,
		.node_name = config->node_name,
		.zone = config->zone,
		.local_policy = config->local_policy,
		.proxy_name = config->service_proxy_name,
		.awaits_moves = agent_config_has_cluster(config),
		.awaits_status = agent_config_publishes(config),
		.external_ranges = { config->external_ranges, config->external_range_count },
		.pool = agent->pool,
	};

	agent->model = model_create(&settings);
	if (!agent->model)
		return error_set(error, -ENOMEM, "no memory for the model");
	if (!config->answer_health_checks)
		return 0;
	agent->health_check = health_check_create(agent->loop);
	return agent->health_check ? 0 : error_set(error, -ENOMEM, "no memory for health checks");
}

static void warn_of_foreign_gateways(const struct agent *agent)
{
	const struct agent_config *config = agent->config;
	const struct address *own;
	size_t count;

	if (net_own_addresses(agent->net, &own, &count) < 0)
		return;
	for (size_t i = 0; i < config->gateway_address_count; i++) {
		char text[ADDRESS_TEXT_SIZE];

		if (count && bsearch(&config->gateway_addresses[i], own, count, sizeof(*own),
				     address_compare_first))
			continue;
		log_warning("--gateway-address %s: this host does not have the address; replies "
			    "come back only if it is routed here",
			    address_format(&config->gateway_addresses[i], text));
	}
}

static int start_net(struct agent *agent, struct error *error)
{
	const struct net_events events = {
		.on_next_hops_changed = on_next_hops_changed,
		.on_links_changed = on_links_changed,
		.on_addresses_changed = on_addresses_changed,
		.owner = agent,
	};

	return net_create(agent->loop, &events, &agent->net, error);
}

static int start_datapath(struct agent *agent, struct error *error)
{
	const struct agent_config *config = agent->config;
	struct datapath_settings settings = {
		.pin_dir = config->pin_dir,
		.interface_count = config->interfaces.count,
		.xdp_mode = config->xdp_mode,
		.snat_port_first = config->snat_port_first,
		.snat_port_last = config->snat_port_last,
		.encap_sources = { config->encap_sources[0], config->encap_sources[1] },
		.answer_neighbours = config->answer_neighbours,
		.slot_max = config->table_slots,
		.flow_max = config->flow_table_entries,
		.tcp_idle_s = config->tcp_idle_s,
		.udp_idle_s = config->udp_idle_s,
		.tells_flows = config->peer_count > 0,
	};
	struct interface *interfaces = NULL;
	int r = state_read_hash_key(config->state_dir, config->hash_key_file, settings.hash_key,
				    sizeof(settings.hash_key), error);

	if (r == 0)
		r = interfaces_read(agent->net, &config->interfaces, &interfaces, error);
	settings.interfaces = interfaces;
	agent->key_print = seal_key_print(settings.hash_key);
	if (r == 0)
		r = datapath_open(&settings, &agent->datapath, error);
	free(interfaces);
	if (r == 0)
		r = datapath_set_gateway_addresses(agent->datapath, config->gateway_addresses,
						   config->gateway_address_count, error);
	return r;
}

static int start_reconciler(struct agent *agent, struct error *error)
{
	on_addresses_changed(agent);
	warn_of_foreign_gateways(agent);
	agent->reconciler = reconciler_create(agent->loop, agent->model, agent->net,
					      agent->datapath, on_settled, agent);
	if (!agent->reconciler)
		return error_set(error, -ENOMEM, "no memory for the reconciler");
	return 0;
}

static void on_heard(void *owner)
{
	struct agent *agent = owner;

	reconciler_flows_heard(agent->reconciler);
}

static int start_publishing(struct agent *agent, struct error *error)
{
	const struct agent_config *config = agent->config;
	const struct cluster *cluster = intake_cluster(agent->intake);
	struct publish_settings settings = {
		.model = agent->model,
		.reconciler = agent->reconciler,
		.lease_namespace = config->lease_namespace,
		.lease_name = config->lease_name,
		.on_released = on_released,
		.owner = agent,
	};

	if (!agent_config_publishes(config))
		return 0;
	settings.http = cluster_http(cluster);
	if (!config->lease_name) {
		settings.lease_namespace = cluster_namespace(cluster);
		settings.lease_name = LEASE_NAME_DEFAULT;
	}
	return publish_create(agent->loop, &settings, &agent->publish, error);
}

static int start_intake(struct agent *agent, struct error *error)
{
	const struct intake_events events = {
		.on_change = on_change,
		.on_changed = on_changed,
		.owner = agent,
	};

	return intake_create(agent->loop, agent->config, agent->model, &events, &agent->intake,
			     error);
}

/* The tables are right before the first packet meets the new program. */
static int start_forwarding(struct agent *agent, struct error *error)
{
	int r;

	apply(agent);
	r = datapath_attach(agent->datapath, error);
	if (r < 0)
		return r;
	interfaces_tell(agent->datapath);
	return 0;
}

static int start(struct agent *agent, struct error *error)
{
	int r = state_prepare(agent->config->state_dir, error);

	if (r == 0)
		r = start_loop(agent, error);
	if (r == 0)
		r = start_pool(agent, error);
	if (r == 0)
		r = start_model(agent, error);
	if (r == 0)
		r = drains_create(agent->loop, agent->config->state_dir, agent->model, on_deadline,
				  agent, &agent->drains, error);
	if (r == 0)
		r = start_net(agent, error);
	if (r == 0)
		r = start_datapath(agent, error);
	if (r == 0)
		r = start_reconciler(agent, error);
	if (r == 0)
		r = peers_create(agent->loop, agent->config, agent->key_print, agent->datapath,
				 on_heard, agent, &agent->peers, error);
	if (r == 0)
		r = start_intake(agent, error);
	if (r == 0)
		r = start_publishing(agent, error);
	if (r == 0)
		r = control_create(agent->loop, agent->config->socket, on_request, agent,
				   &agent->control, error);
	/* Last, so that a start that fails has changed nothing that packets meet. */
	if (r == 0)
		r = start_forwarding(agent, error);
	if (r < 0)
		return r;
	agent->started = true;
	peers_start(agent->peers);
	tell_ready(agent);
	return 0;
}

static void stop(struct agent *agent)
{
	control_destroy(agent->control);
	health_check_destroy(agent->health_check);
	publish_destroy(agent->publish);
	intake_destroy(agent->intake);
	peers_destroy(agent->peers);
	reconciler_destroy(agent->reconciler);
	net_destroy(agent->net);
	datapath_close(agent->datapath);
	drains_destroy(agent->drains);
	model_destroy(agent->model);
	pool_destroy(agent->pool);
	loop_remove(agent->terminate);
	loop_remove(agent->interrupt);
	loop_remove(agent->hangup);
	loop_remove(agent->moves);
	loop_destroy(agent->loop);
	free(agent->model_problem);
}

int agent_run(const struct agent_config *config, struct error *error)
{
	struct agent agent = { .config = config, .started_ms = loop_now_ms() };
	struct error reason = { 0 };
	int r = start(&agent, error);

	if (r == 0)
		r = loop_run(agent.loop);
	log_failure(intake_save(agent.intake, &reason), &reason);
	stop(&agent);
	return r;
}

int agent_detach(const char *pin_dir, struct error *error)
{
	return datapath_remove(pin_dir, error);
}

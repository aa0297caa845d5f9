/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.h - what the operator asked of the agent: flags, and the file that --config
 * names. One list of settings (settings.h) serves both; a flag wins over the file.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/datapath.h"
#include "lib/log.h"
#include "model/address.h"
#include "model/model.h"
#include "peer/socket.h"

struct arena;
struct error;

#define AGENT_CONFIG_LIST_MAX 256

#define AGENT_FLOW_TABLE_DEFAULT (1 << 22) /* 32 MiB */
#define AGENT_FLOW_TABLE_MIN (1 << 14)
#define AGENT_FLOW_TABLE_MAX (1 << 28)
#define AGENT_TCP_IDLE_DEFAULT_S 900
#define AGENT_UDP_IDLE_DEFAULT_S 60
#define AGENT_TABLE_SLOTS_DEFAULT 4194304 /* 16 MiB, 2,900 services of 10 backends */
#define AGENT_TABLE_SLOTS_MIN 65536
#define AGENT_TABLE_SLOTS_MAX 268435456

#define AGENT_PEER_PORT 6078
#define AGENT_PEER_INTERVAL_DEFAULT_MS 100
#define AGENT_PEER_INTERVAL_MIN_MS 10
#define AGENT_PEER_INTERVAL_MAX_MS 10000

#define AGENT_CLASS_DEFAULT "guideway.dev/xdp"
#define AGENT_STATE_DIR_DEFAULT "/var/lib/guideway"
#define AGENT_PIN_DIR_DEFAULT "/sys/fs/bpf/guideway"
#define AGENT_SOCKET_DEFAULT "/run/guideway/agent.sock"

struct agent_config_texts {
	const char **items;
	size_t count;
};

/* Services of type LoadBalancer without a class. */
enum agent_unclassed {
	AGENT_UNCLASSED_DEFAULT, /* served from manifests, not from a cluster */
	AGENT_UNCLASSED_YES,
	AGENT_UNCLASSED_NO,
};

/* Every string lives as long as the config. */
struct agent_config {
	struct agent_config_texts interfaces; /* at least one; each once */
	struct agent_config_texts manifests;  /* at least one, or a cluster */
	const char *kubeconfig;               /* NULL: none */
	bool kubeconfig_allow_exec;
	bool in_cluster;
	bool watch_list;
	bool publish;                           /* with a cluster: addresses and conditions */
	const char *lease_namespace;            /* NULL: that of the account or context */
	const char *lease_name;                 /* NULL: LEASE_NAME_DEFAULT */
	const char *configuration;              /* path of an AgentConfiguration; NULL: none */
	enum forwarding_mode forwarding_mode;   /* never FORWARDING_MODE_DEFAULT */
	struct agent_config_texts address_pool; /* ranges that pool_add_range takes */
	const char *node_name;                  /* NULL: unknown */
	const char *zone;                       /* NULL: unknown */
	const char *load_balancer_class;
	enum agent_unclassed serve_unclassed;
	struct address *gateway_addresses; /* none: each interface's own */
	size_t gateway_address_count;
	struct prefix encap_sources[2]; /* IPv6, IPv4; length 0: the next hop's own address */
	const char *hash_key_file;      /* NULL: made once, kept in state_dir */
	enum xdp_mode xdp_mode;
	uint16_t snat_port_first, snat_port_last;
	bool answer_neighbours;
	uint32_t table_slots; /* of all services together */
	uint32_t flow_table_entries;
	uint32_t tcp_idle_s, udp_idle_s;
	enum local_policy local_policy;
	bool answer_health_checks;      /* on healthCheckNodePorts */
	struct prefix *external_ranges; /* spec.externalIPs within these are served */
	size_t external_range_count;
	const char *service_proxy_name; /* NULL: none */
	struct peer_address *peers;     /* other gateways, each once */
	size_t peer_count;
	struct peer_address peer_listen;
	const char *peer_key_file; /* NULL: none, and no peers */
	uint32_t peer_interval_ms;
	const char *state_dir;
	const char *pin_dir;
	const char *socket;
	enum log_level log_level;

	struct arena *arena;
	uint64_t flags_given; /* a bit a setting: the file does not change these */
};

/* Everything at its default; NULL when there is no memory. */
struct agent_config *agent_config_create(void);
void agent_config_destroy(struct agent_config *config); /* NULL is nothing */

/*
 * Sets what the flag --name says. The sentence of a failure starts with the value: "'fast',
 * expected auto, native or generic". Of a setting that may repeat, one more.
 */
int agent_config_set_flag(struct agent_config *config, const char *name, const char *value,
			  struct error *error);

/*
 * Reads a YAML file whose keys are the settings' names, after all flags. The sentence
 * of a mistake starts with "file:line:column: "; then config is half set, for
 * agent_config_destroy only.
 */
int agent_config_read_file(struct agent_config *config, const char *path, struct error *error);

/* Whether a cluster is followed, instead of manifests. */
bool agent_config_has_cluster(const struct agent_config *config);

/* Whether addresses are written to the cluster's Services. */
bool agent_config_publishes(const struct agent_config *config);

/* What must be given was given: -EINVAL with a sentence that says what was not. */
int agent_config_check(const struct agent_config *config, struct error *error);

#endif

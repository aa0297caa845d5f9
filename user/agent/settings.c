/* SPDX-License-Identifier: BSD-2-Clause */
/* settings.c - how each setting is read from its text. */
#include "agent/settings.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "agent/config.h"
#include "agent/setting_value.h"
#include "lib/arena.h"
#include "lib/error.h"
#include "model/address_port.h"
#include "model/pool.h"

static int set_interface(struct agent_config *config, const char *value, struct error *error)
{
	size_t length = strlen(value);
	bool valid = length > 0 && length < IF_NAMESIZE && strcmp(value, ".") != 0 &&
		     strcmp(value, "..") != 0;

	/* What the kernel takes as a name. */
	for (const char *c = value; *c; c++)
		valid &= *c != '/' && *c != ':' && !isspace((unsigned char)*c);
	if (!valid)
		return error_set(error, -EINVAL, "'%s', expected the name of an interface", value);
	return setting_add(config, &config->interfaces, value, error);
}

static int set_manifests(struct agent_config *config, const char *value, struct error *error)
{
	return setting_add(config, &config->manifests, value, error);
}

static int set_kubeconfig(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->kubeconfig, value, error);
}

static int set_allow_exec(struct agent_config *config, const char *value, struct error *error)
{
	return setting_bool(&config->kubeconfig_allow_exec, value, error);
}

static int set_in_cluster(struct agent_config *config, const char *value, struct error *error)
{
	return setting_bool(&config->in_cluster, value, error);
}

static int set_watch_list(struct agent_config *config, const char *value, struct error *error)
{
	return setting_bool(&config->watch_list, value, error);
}

static int set_serve_unclassed(struct agent_config *config, const char *value, struct error *error)
{
	bool serve;
	int r = setting_bool(&serve, value, error);

	if (r == 0)
		config->serve_unclassed = serve ? AGENT_UNCLASSED_YES : AGENT_UNCLASSED_NO;
	return r;
}

static int set_configuration(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->configuration, value, error);
}

static int set_forwarding_mode(struct agent_config *config, const char *value, struct error *error)
{
	enum forwarding_mode mode;

	if (!forwarding_mode_parse(value, &mode))
		return error_set(error, -EINVAL, "'%s', expected " FORWARDING_MODE_NAMES, value);
	config->forwarding_mode = mode;
	return 0;
}

static int set_address_pool(struct agent_config *config, const char *value, struct error *error)
{
	struct pool *pool = pool_create();
	int r;

	if (!pool)
		return error_set(error, -ENOMEM, "out of memory");
	r = pool_add_range(pool, value, error);
	pool_destroy(pool);
	return r < 0 ? r : setting_add(config, &config->address_pool, value, error);
}

static int set_node_name(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->node_name, value, error);
}

static int set_zone(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->zone, value, error);
}

static int set_class(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->load_balancer_class, value, error);
}

static int set_gateway_address(struct agent_config *config, const char *value, struct error *error)
{
	struct address address;
	int r;

	r = address_parse(value, &address, error);
	if (r == 0)
		r = address_check_usable(&address, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < config->gateway_address_count; i++)
		if (address_compare(&config->gateway_addresses[i], &address) == 0)
			return error_set(error, -EINVAL, "'%s' is given twice", value);
	if (config->gateway_address_count == AGENT_CONFIG_LIST_MAX)
		return error_set(error, -E2BIG, "'%s', expected at most %d of these", value,
				 AGENT_CONFIG_LIST_MAX);
	if (!config->gateway_addresses)
		config->gateway_addresses =
			arena_alloc_array(config->arena, AGENT_CONFIG_LIST_MAX, sizeof(address));
	if (!config->gateway_addresses)
		return error_set(error, -ENOMEM, "out of memory");
	config->gateway_addresses[config->gateway_address_count++] = address;
	return 0;
}

static int set_encap_source(struct agent_config *config, const char *value, struct error *error)
{
	struct prefix prefix;
	bool ipv4;
	int r = prefix_parse(value, &prefix, error);

	if (r == 0)
		r = address_check_usable(&prefix.address, error);
	if (r < 0)
		return r;
	if (prefix.length < 8 * sizeof(prefix.address) - DATAPATH_ENCAP_HOST_BITS)
		return error_set(error, -EINVAL, "'%s', expected at most %d bits behind the prefix",
				 value, DATAPATH_ENCAP_HOST_BITS);
	ipv4 = prefix_is_ipv4(&prefix);
	if (config->encap_sources[ipv4].length)
		return error_set(error, -EINVAL, "'%s', expected one %s prefix, and there is one",
				 value, ipv4 ? "IPv4" : "IPv6");
	config->encap_sources[ipv4] = prefix;
	return 0;
}

static int set_hash_key(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->hash_key_file, value, error);
}

static int set_xdp_mode(struct agent_config *config, const char *value, struct error *error)
{
	static const char *const names[] = {
		[XDP_MODE_AUTO] = "auto",
		[XDP_MODE_NATIVE] = "native",
		[XDP_MODE_GENERIC] = "generic",
		NULL,
	};
	int mode = setting_choose(value, names, error);

	if (mode >= 0)
		config->xdp_mode = (enum xdp_mode)mode;
	return mode < 0 ? mode : 0;
}

static int set_snat_ports(struct agent_config *config, const char *value, struct error *error)
{
	const char *second = "", *behind;
	unsigned long first = setting_port(value, '-', &second);
	unsigned long last = first ? setting_port(second, '\0', &behind) : 0;

	if (!last || first > last)
		return error_set(error, -EINVAL,
				 "'%s', expected FIRST-LAST, two ports from 1 to %d in order",
				 value, SETTING_PORT_MAX);
	config->snat_port_first = (uint16_t)first;
	config->snat_port_last = (uint16_t)last;
	return 0;
}

static int set_table_slots(struct agent_config *config, const char *value, struct error *error)
{
	return setting_number(value, AGENT_TABLE_SLOTS_MIN, AGENT_TABLE_SLOTS_MAX,
			      &config->table_slots, error);
}

static int set_flow_table_entries(struct agent_config *config, const char *value,
				  struct error *error)
{
	uint32_t entries = 0;
	int r = setting_number(value, AGENT_FLOW_TABLE_MIN, AGENT_FLOW_TABLE_MAX, &entries, error);

	if (r < 0)
		return r;
	if (entries & (entries - 1))
		return error_set(error, -EINVAL, "'%s', expected a power of two", value);
	config->flow_table_entries = entries;
	return 0;
}

static int set_tcp_idle(struct agent_config *config, const char *value, struct error *error)
{
	return setting_number(value, DATAPATH_IDLE_MIN_S, DATAPATH_IDLE_MAX_S, &config->tcp_idle_s,
			      error);
}

static int set_udp_idle(struct agent_config *config, const char *value, struct error *error)
{
	return setting_number(value, DATAPATH_IDLE_MIN_S, DATAPATH_IDLE_MAX_S, &config->udp_idle_s,
			      error);
}

static int set_answer_arp(struct agent_config *config, const char *value, struct error *error)
{
	return setting_switch(&config->answer_neighbours, value, error);
}

static int set_local_policy(struct agent_config *config, const char *value, struct error *error)
{
	static const char *const names[] = {
		[LOCAL_POLICY_AUTO] = "auto",
		[LOCAL_POLICY_NODE] = "node",
		[LOCAL_POLICY_ANY] = "any",
		NULL,
	};
	int policy = setting_choose(value, names, error);

	if (policy >= 0)
		config->local_policy = (enum local_policy)policy;
	return policy < 0 ? policy : 0;
}

static int set_health_checks(struct agent_config *config, const char *value, struct error *error)
{
	return setting_switch(&config->answer_health_checks, value, error);
}

static int set_publish(struct agent_config *config, const char *value, struct error *error)
{
	return setting_switch(&config->publish, value, error);
}

/* What the API takes as a namespace or name is more: these go into a path as they are. */
static bool is_plain_name(const char *text)
{
	return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(text);
}

static int set_lease(struct agent_config *config, const char *value, struct error *error)
{
	char *namespace = arena_strdup(config->arena, value);
	char *name = namespace ? strchr(namespace, '/') : NULL;

	if (!namespace)
		return error_set(error, -ENOMEM, "out of memory");
	if (name)
		*name++ = '\0';
	if (!name || !is_plain_name(namespace) || !is_plain_name(name))
		return error_set(error, -EINVAL, "'%s', expected a namespace and a name: %s", value,
				 "guideway-system/guideway");
	config->lease_namespace = namespace;
	config->lease_name = name;
	return 0;
}

static int set_external_range(struct agent_config *config, const char *value, struct error *error)
{
	struct prefix range;
	int r = prefix_parse(value, &range, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < config->external_range_count; i++)
		if (prefix_compare(&config->external_ranges[i], &range) == 0)
			return error_set(error, -EINVAL, "'%s' is given twice", value);
	if (config->external_range_count == AGENT_CONFIG_LIST_MAX)
		return error_set(error, -E2BIG, "'%s', expected at most %d of these", value,
				 AGENT_CONFIG_LIST_MAX);
	if (!config->external_ranges)
		config->external_ranges =
			arena_alloc_array(config->arena, AGENT_CONFIG_LIST_MAX, sizeof(range));
	if (!config->external_ranges)
		return error_set(error, -ENOMEM, "out of memory");
	config->external_ranges[config->external_range_count++] = range;
	return 0;
}

static int set_proxy_name(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->service_proxy_name, value, error);
}

static int set_peer(struct agent_config *config, const char *value, struct error *error)
{
	struct peer_address peer = { 0 };
	int r = address_port_parse(value, &peer.address, &peer.port, error);

	if (r == 0)
		r = address_check_usable(&peer.address, error);
	if (r < 0)
		return r;
	if (peer.port == 0)
		peer.port = AGENT_PEER_PORT;
	for (size_t i = 0; i < config->peer_count; i++)
		if (address_compare(&config->peers[i].address, &peer.address) == 0 &&
		    config->peers[i].port == peer.port)
			return error_set(error, -EINVAL, "'%s' is given twice", value);
	if (config->peer_count == AGENT_CONFIG_LIST_MAX)
		return error_set(error, -E2BIG, "'%s', expected at most %d of these", value,
				 AGENT_CONFIG_LIST_MAX);
	if (!config->peers)
		config->peers =
			arena_alloc_array(config->arena, AGENT_CONFIG_LIST_MAX, sizeof(peer));
	if (!config->peers)
		return error_set(error, -ENOMEM, "out of memory");
	config->peers[config->peer_count++] = peer;
	return 0;
}

static int set_peer_listen(struct agent_config *config, const char *value, struct error *error)
{
	struct peer_address listen = { 0 };
	int r = address_port_parse(value, &listen.address, &listen.port, error);

	if (r < 0)
		return r;
	if (listen.port == 0)
		listen.port = AGENT_PEER_PORT;
	config->peer_listen = listen;
	return 0;
}

static int set_peer_key(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->peer_key_file, value, error);
}

static int set_peer_interval(struct agent_config *config, const char *value, struct error *error)
{
	return setting_number(value, AGENT_PEER_INTERVAL_MIN_MS, AGENT_PEER_INTERVAL_MAX_MS,
			      &config->peer_interval_ms, error);
}

static int set_state_dir(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->state_dir, value, error);
}

static int set_pin_dir(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->pin_dir, value, error);
}

static int set_socket(struct agent_config *config, const char *value, struct error *error)
{
	return setting_copy(config, &config->socket, value, error);
}

static int set_log_level(struct agent_config *config, const char *value, struct error *error)
{
	if (!log_level_parse(value, &config->log_level))
		return error_set(error, -EINVAL, "'%s', expected error, warning, info or debug",
				 value);
	return 0;
}

static const struct setting settings[] = {
	{ "interface", "NAME", "take packets from this network interface, VLAN device or bond",
	  NULL, true, set_interface },
	{ "manifests", "PATH", "serve the Services in this directory or file", NULL, true,
	  set_manifests },
	{ "kubeconfig", "FILE",
	  "serve the Services of the cluster that this kubeconfig leads to, instead of manifests",
	  NULL, false, set_kubeconfig },
	{ "kubeconfig-allow-exec", NULL,
	  "run the program that the kubeconfig names for credentials, as root", NULL, false,
	  set_allow_exec },
	{ "in-cluster", NULL,
	  "serve the Services of the cluster that the agent's pod is in, instead of manifests",
	  NULL, false, set_in_cluster },
	{ "watch-list", NULL,
	  "ask the cluster for its objects as a stream, where it can, and not in pages", NULL,
	  false, set_watch_list },
	{ "publish", "on|off",
	  "write addresses, conditions and Events of the served Services to the cluster: one "
	  "gateway "
	  "does, which all agree on by a Lease",
	  "on", false, set_publish },
	{ "lease", "NAMESPACE/NAME", "the Lease that says which gateway writes",
	  "guideway, in the namespace of the pod or the kubeconfig's context", false, set_lease },
	{ "serve-unclassed", "yes|no", "serve also Services without a loadBalancerClass",
	  "yes with --manifests, no with a cluster", false, set_serve_unclassed },
	{ "configuration", "FILE",
	  "address pools, as a manifest of kind AgentConfiguration; it may also stand among the "
	  "manifests",
	  NULL, false, set_configuration },
	{ "address-pool", "RANGE",
	  "give Services without an address one from here: 10.0.0.0/24, 10.0.0.5-10.0.0.20, an "
	  "address, or the like in IPv6",
	  NULL, true, set_address_pool },
	{ "forwarding-mode", "MODE",
	  "how packets reach the backends of Services that do not say: " FORWARDING_MODE_NAMES,
	  "snat", false, set_forwarding_mode },
	{ "gateway-address", "ADDRESS", "source address towards the backends in mode snat",
	  "the interface's own", true, set_gateway_address },
	{ "encap-source", "PREFIX",
	  "source addresses of what is sent in modes ipip and gue, a flow's hash picks one: one "
	  "IPv4 and one IPv6 prefix",
	  "the interface's own address", true, set_encap_source },
	{ "snat-ports", "FIRST-LAST", "source ports towards the backends in mode snat",
	  "1024-32767", false, set_snat_ports },
	{ "flow-table-entries", "NUMBER",
	  "room for the flows that are recorded while a service's backends change, 8 bytes each, a "
	  "power of two; takes effect when nothing is pinned yet",
	  "4194304", false, set_flow_table_entries },
	{ "tcp-idle-timeout", "SECONDS",
	  "a TCP connection that was silent for so long is over; so long a service keeps on "
	  "learning its connections after its backends changed",
	  "900", false, set_tcp_idle },
	{ "udp-idle-timeout", "SECONDS", "a UDP flow that was silent for so long is over", "60",
	  false, set_udp_idle },
	{ "table-slots", "NUMBER",
	  "room for the tables of all services, 4 bytes a slot: at least 128 slots a backend are "
	  "used; takes effect when nothing is pinned yet",
	  "4194304", false, set_table_slots },
	{ "answer-arp", "on|off", "answer ARP and neighbour discovery for the served addresses",
	  "on", false, set_answer_arp },
	{ "external-traffic-policy-local", "auto|node|any",
	  "what externalTrafficPolicy Local means: node, only endpoints of this node; any, every "
	  "endpoint; auto, node if --node-name is given, else any",
	  "auto", false, set_local_policy },
	{ "health-check-node-ports", "on|off",
	  "answer load balancers in front of this node on the healthCheckNodePort of Services with "
	  "externalTrafficPolicy Local; leave it off where kube-proxy runs, which does so",
	  "off", false, set_health_checks },
	{ "external-ip-range", "PREFIX",
	  "serve those of a Service's spec.externalIPs that lie in this range", "none", true,
	  set_external_range },
	{ "service-proxy-name", "NAME",
	  "serve also Services whose label service.kubernetes.io/service-proxy-name is this name",
	  NULL, false, set_proxy_name },
	{ "load-balancer-class", "CLASS", "serve Services of this loadBalancerClass",
	  AGENT_CLASS_DEFAULT, false, set_class },
	{ "node-name", "NAME", "the Kubernetes node this is", NULL, false, set_node_name },
	{ "zone", "ZONE", "the zone this node is in",
	  "with a cluster and --node-name, what the Node's label says", false, set_zone },
	{ "hash-key", "FILE",
	  "the secret key that spreads the flows; the same file on every gateway",
	  "made once, kept in the state directory", false, set_hash_key },
	{ "peer", "ADDRESS[:PORT]",
	  "another gateway with the same Services: it is told of flows that began while their "
	  "service's backends change, so that it can go on with them",
	  NULL, true, set_peer },
	{ "peer-key", "FILE",
	  "the secret key that seals what peers tell each other; the same file on every gateway",
	  NULL, false, set_peer_key },
	{ "peer-listen", "ADDRESS[:PORT]", "where peers are heard, in UDP", "[::]:6078", false,
	  set_peer_listen },
	{ "peer-interval", "MILLISECONDS",
	  "when peers know a new connection at the latest: younger ones may break with a gateway",
	  "100", false, set_peer_interval },
	{ "xdp-mode", "MODE",
	  "native: in the driver; generic: in the kernel's stack, slower; auto: native where the "
	  "driver can, else generic",
	  "auto", false, set_xdp_mode },
	{ "state-dir", "DIR", "where addresses given and the hash key are kept",
	  AGENT_STATE_DIR_DEFAULT, false, set_state_dir },
	{ "pin-dir", "DIR", "where the tables are pinned, in a BPF file system",
	  AGENT_PIN_DIR_DEFAULT, false, set_pin_dir },
	{ "socket", "PATH", "where the agent answers the other commands", AGENT_SOCKET_DEFAULT,
	  false, set_socket },
	{ "log-level", "LEVEL", "error, warning, info or debug", "info", false, set_log_level },
};
#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))
_Static_assert(SETTING_COUNT <= 64, "agent_config.flags_given has a bit for each");

const struct setting *settings_all(size_t *ret_count)
{
	*ret_count = SETTING_COUNT;
	return settings;
}

const struct setting *settings_find(const char *name)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

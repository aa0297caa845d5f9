/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object.h - Kubernetes objects as somebody wrote them, with the API server's
 * defaults applied and their origin kept. Never changed after decoding.
 *
 * Everything an object points to lives in its own arena; object_destroy frees all.
 */
#ifndef MODEL_OBJECT_H
#define MODEL_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address_range.h"

struct arena;

enum object_kind {
	OBJECT_SERVICE,
	OBJECT_ENDPOINT_SLICE,
	OBJECT_ENDPOINTS, /* legacy v1 Endpoints: used only where the Service has no slice */
	OBJECT_POD,
	OBJECT_AGENT_CONFIGURATION, /* guideway.dev/v1alpha1: Guideway's own */
	OBJECT_KIND_COUNT,
};

enum protocol {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_SCTP = 132, /* known, not served */
};

struct label {
	const char *key;
	const char *value;
};

/* Sorted by key, each key once. */
struct labels {
	const struct label *items;
	size_t count;
};

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME,
};

struct service_port {
	const char *name; /* "" when the Service has one port without a name */
	enum protocol protocol;
	uint16_t port;
	uint16_t target_port;         /* 0 when target_port_name is set */
	const char *target_port_name; /* NULL when target_port is a number */
	uint16_t node_port;           /* 0: none */
};

enum session_affinity {
	AFFINITY_NONE,
	AFFINITY_CLIENT_IP,
};

enum traffic_policy {
	TRAFFIC_POLICY_CLUSTER,
	TRAFFIC_POLICY_LOCAL,
};

enum forwarding_mode {
	FORWARDING_MODE_DEFAULT, /* the agent's */
	FORWARDING_MODE_SNAT,    /* destination and source rewritten */
	FORWARDING_MODE_DNAT,    /* destination rewritten */
	FORWARDING_MODE_L2,      /* only the destination's MAC address */
	FORWARDING_MODE_IPIP,    /* in an IP header */
	FORWARDING_MODE_GUE,     /* in UDP */
};

#define OBJECT_FINALIZER "guideway.dev/load-balancer"
#define OBJECT_CONDITION "guideway.dev/Programmed"

/* What gateways have written to a Service, as it stands there. */
struct service_marks {
	bool has_finalizer;       /* OBJECT_FINALIZER */
	bool has_foreign_ingress; /* some ingress is not just an ip, with ipMode VIP or none */
	const char *status;       /* of OBJECT_CONDITION: "True", ...; NULL: it is not there */
	const char *reason;       /* "" without, as message */
	const char *message;
};

struct service_object {
	enum service_type type;
	const struct service_port *ports;
	size_t port_count;
	struct labels selector;          /* empty: endpoints are written by hand */
	const char *cluster_ip;          /* "" when none yet, "None" when headless */
	const char *load_balancer_class; /* NULL when unset */
	bool family_ipv4, family_ipv6;   /* spec.ipFamilies; both false when unset */
	bool require_dual_stack, prefer_dual_stack;
	enum session_affinity session_affinity;
	uint32_t affinity_timeout_s;
	enum traffic_policy external_traffic_policy;
	bool publish_not_ready_addresses;
	const struct prefix *source_ranges; /* none: everybody is allowed */
	size_t source_range_count;

	/* Where the VIP comes from, in this order; each may be empty. */
	const struct address *ingress; /* status.loadBalancer.ingress[].ip */
	size_t ingress_count;
	bool has_load_balancer_ip;
	struct address load_balancer_ip;
	const struct address *requested; /* annotation guideway.dev/addresses */
	size_t requested_count;

	const char *pool_name; /* annotation guideway.dev/address-pool, NULL when unset */
	struct service_marks marks;

	const struct address *external_ips; /* spec.externalIPs, whoever owns them */
	size_t external_ip_count;
	uint16_t health_check_node_port; /* 0: none; told of with type LoadBalancer and Local */

	enum forwarding_mode forwarding_mode; /* annotation guideway.dev/forwarding-mode */
	uint32_t flows_per_second; /* annotation guideway.dev/new-flows-per-second; 0: any number */
	uint16_t tcp_mss;          /* annotation guideway.dev/tcp-mss; 0: the clients' own */
	uint32_t drain_deadline_s; /* annotation guideway.dev/drain-deadline-seconds; 0: none */
};

struct endpoint_port {
	const char *name; /* "" when unnamed */
	enum protocol protocol;
	uint16_t port; /* 0: ignored */
};

struct endpoint {
	struct address address;
	const char *node_name;  /* NULL: not local to anyone */
	const char *target_uid; /* targetRef.uid, NULL when unset */
	bool ready, serving, terminating;
	const char *const *zone_hints;
	size_t zone_hint_count;
	const char *const *node_hints;
	size_t node_hint_count;
};

/* Endpoints that share ports: an EndpointSlice, or one subset and family of Endpoints. */
struct endpoint_group {
	bool ipv4; /* addressType */
	const struct endpoint_port *ports;
	size_t port_count;
	const struct endpoint *endpoints;
	size_t endpoint_count;
	uint32_t weight; /* annotation guideway.dev/weight, default 1, 0: no new flows */
};

struct endpoints_object {
	const char *service_name; /* label kubernetes.io/service-name, or the Endpoints' name */
	int64_t change_time_ns;   /* annotation last-change-trigger-time, 0 when unset */
	const struct endpoint_group *groups;
	size_t group_count;
};

struct container_port {
	const char *name; /* "" when unnamed */
	enum protocol protocol;
	uint16_t port;
};

struct pod_object {
	const struct address *addresses; /* status.podIPs, or podIP */
	size_t address_count;
	/* Containers first, then sidecars (init containers that restart always). */
	const struct container_port *ports;
	size_t port_count;
	const char *node_name; /* NULL when not scheduled */
	bool ready;            /* condition Ready is True */
	bool terminating;      /* deletionTimestamp is set */
	bool finished;         /* phase Failed or Succeeded */
};

struct address_pool {
	const char *name;
	const struct address_range *ranges; /* none overlaps another of the same object */
	size_t range_count;
	const char *const *namespaces; /* none: of every namespace */
	size_t namespace_count;
	struct labels selector; /* of Services; empty: every one */
	bool auto_assign;       /* also to Services that do not ask for it */
	bool avoids_buggy;      /* assigns no IPv4 address that ends in .0 or .255 */
};

struct agent_configuration {
	const struct address_pool *pools; /* each name once */
	size_t pool_count;
};

struct object {
	struct arena *arena;
	enum object_kind kind;
	const char *namespace;
	const char *name;
	const char *uid;         /* "" when unset */
	const char *version;     /* resourceVersion, "" when unset */
	int64_t creation_time_s; /* creationTimestamp as Unix time, INT64_MAX when unset */
	bool deleting;           /* deletionTimestamp is set */
	struct labels labels;
	const char *origin; /* for people: "web.yaml:12" */
	union {
		struct service_object service;
		struct endpoints_object endpoints; /* both EndpointSlice and Endpoints */
		struct pod_object pod;
		struct agent_configuration configuration;
	};
};

/* A zeroed object with its own arena; NULL when there is no memory. */
struct object *object_create(enum object_kind kind);
void object_destroy(struct object *object); /* NULL is nothing */

/* "Service", "EndpointSlice", "Endpoints", "Pod", "AgentConfiguration" */
const char *object_kind_name(enum object_kind kind);
/* "TCP", "UDP", "SCTP" */
const char *protocol_name(enum protocol protocol);

/* "snat"; the default mode is "default" */
const char *forwarding_mode_name(enum forwarding_mode mode);
#define FORWARDING_MODE_NAMES "snat, dnat, l2, ipip or gue"
bool forwarding_mode_parse(const char *text, enum forwarding_mode *ret_mode);
/* The backend gets the packet as it came, in another header: any family in any. */
bool forwarding_mode_encapsulates(enum forwarding_mode mode);
/* Backends listen on the VIP and the service's own port. */
bool forwarding_mode_keeps_port(enum forwarding_mode mode);

/* A resourceVersion that can be compared: a decimal of any length, not "0", no leading zero. */
bool object_is_version(const char *text);
/*
 * Which of two resourceVersions of one kind is greater, as strcmp. One that cannot be compared is
 * lower than all others.
 */
int object_compare_versions(const char *a, const char *b);

/* The value of a label; NULL when there is none with that key. */
const char *labels_get(const struct labels *labels, const char *key);
/* Every key=value of selector is in labels. */
bool labels_match(const struct labels *selector, const struct labels *labels);

#endif

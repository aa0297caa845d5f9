/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * service.h - what the datapath is to do: one service is one (VIP, port,
 * protocol) with its usable backends. Immutable once built, shared by counting.
 */
#ifndef MODEL_SERVICE_H
#define MODEL_SERVICE_H

#include "model/object.h"

struct service_key {
	struct address vip;
	uint16_t port;
	enum protocol protocol; /* TCP or UDP */
};

/* Why a backend is one. */
enum backend_state {
	BACKEND_READY,       /* its weight is the one that was asked for */
	BACKEND_TERMINATING, /* takes new flows, because nobody is ready */
	BACKEND_DRAINING,    /* terminating: weight 0 */
	BACKEND_DRAINED,     /* by command: weight 0 */
};

struct backend {
	struct address address;
	uint16_t port;
	uint32_t weight; /* 0: keeps its flows, gets no new ones */
	enum backend_state state;
};

/* What happens to packets when there is no backend. */
enum service_fallback {
	SERVICE_REJECT, /* RST or port unreachable */
	SERVICE_DROP,   /* Local policy and endpoints elsewhere only */
};

struct service {
	unsigned int references;
	struct service_key key;
	const char *namespace; /* of the Kubernetes Service */
	const char *name;
	const char *port_name;
	enum forwarding_mode mode; /* never FORWARDING_MODE_DEFAULT */
	enum service_fallback fallback;
	struct backend *backends; /* sorted by address, then port; each pair once */
	size_t backend_count;

	bool affinity; /* all flows of a client to one backend */
	uint32_t affinity_timeout_s;
	/*
	 * With has_source_ranges only sources within one of the ranges are admitted, so without
	 * any range nobody. Of the VIP's family, sorted by prefix_compare, none within another.
	 */
	bool has_source_ranges;
	struct prefix *source_ranges;
	size_t source_range_count;
	uint32_t flows_per_second; /* new ones; 0: any number */
	uint16_t tcp_mss;          /* larger ones in a SYN are lowered to this; 0: none are */
};

/*
 * A service with room for so many backends and source ranges, which the caller fills before
 * anyone else sees it; strings are copied. One reference. NULL: no memory.
 */
struct service *service_create(const struct service_key *key, const char *namespace,
			       const char *name, const char *port_name, size_t backend_count,
			       size_t source_range_count);
struct service *service_ref(struct service *service);
void service_unref(struct service *service); /* NULL is nothing */

int service_key_compare(const struct service_key *a, const struct service_key *b);
int backend_compare(const struct backend *a, const struct backend *b); /* address, then port */

/* It is on its way out: nobody asked for a backend of weight 0 to stay. */
bool backend_is_leaving(const struct backend *backend);
/* "ready", "terminating", "draining", "drained"; "unweighted" when ready with weight 0 */
const char *backend_state_name(const struct backend *backend);

/* Same key, mode, policies and backends, with their weights and states. */
bool service_equal(const struct service *a, const struct service *b);

/* "10.0.0.1:80/TCP", "[2001:db8::1]:53/UDP" */
#define SERVICE_KEY_TEXT_SIZE 64
const char *service_key_format(const struct service_key *key,
			       char buffer[static SERVICE_KEY_TEXT_SIZE]);

#endif

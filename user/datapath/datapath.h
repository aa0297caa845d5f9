/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * datapath.h - the XDP program and its tables, spoken of as services, VIPs and
 * next hops. The only room that knows map layouts.
 *
 * Maps, program links and the ABI version are pinned in one directory of a BPF file
 * system: they outlive the agent, and the next agent adopts them.
 */
#ifndef DATAPATH_DATAPATH_H
#define DATAPATH_DATAPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/interface.h"
#include "model/next_hop.h"
#include "model/service.h"
#include "model/telling.h"

struct datapath;
struct error;

enum xdp_mode {
	XDP_MODE_AUTO, /* native where the driver has it, else generic */
	XDP_MODE_NATIVE,
	XDP_MODE_GENERIC,
};

#define DATAPATH_HASH_KEY_BYTES 32
#define DATAPATH_ENCAP_HOST_BITS 32

struct datapath_settings {
	const char *pin_dir;
	const struct interface *interfaces;
	size_t interface_count;
	enum xdp_mode xdp_mode;
	uint8_t hash_key[DATAPATH_HASH_KEY_BYTES];
	uint16_t snat_port_first, snat_port_last;
	/*
	 * Source addresses of encapsulated packets, spread over the prefix: IPv6, IPv4. At most
	 * DATAPATH_ENCAP_HOST_BITS behind it; length 0: the next hop's own address.
	 */
	struct prefix encap_sources[2];
	bool answer_neighbours; /* answer ARP and ND for VIPs */
	uint32_t slot_max;      /* of all tables together; what is pinned already has its own */
	uint32_t flow_max;      /* recorded flows, a power of two; likewise */
	/*
	 * A flow that was silent for longer is over. DATAPATH_IDLE_MIN_S to DATAPATH_IDLE_MAX_S.
	 * It is also how long the flows of a TCP service that changes are learned; those of a
	 * UDP service are learned DATAPATH_UDP_LEARNING_S.
	 */
	uint32_t tcp_idle_s, udp_idle_s;
	bool tells_flows; /* there are other gateways: datapath_tell and datapath_hear are used */
};

#define DATAPATH_IDLE_MIN_S 4
#define DATAPATH_IDLE_MAX_S 8188
#define DATAPATH_UDP_LEARNING_S 10

/*
 * To be called again after *ret_wait_ms, and after each change of a service; 0: only then.
 * Ends what is left of changes: makes new owners the base once flows are recorded, and
 * tracks no longer where no flow needs it.
 */
void datapath_tend(struct datapath *datapath, uint32_t *ret_wait_ms);

/* How many services had a change of which something is left: slots that are tracked for it. */
size_t datapath_changing_count(const struct datapath *datapath);

/* What happened to the flows of slots that change owner: nothing in steady state. */
struct track_count {
	const char *name;
	const char *help;
	uint64_t count;
};
int datapath_for_each_track_count(const struct datapath *datapath,
				  void (*on_count)(const struct track_count *count, void *context),
				  void *context);

/* Recorded flows of a backend, by the last complete sweep. */
struct recorded_flows {
	uint64_t count;
	uint32_t idle_s;     /* of the one that was silent for longest */
	uint32_t empty_in_s; /* if they go on to end as fast; RECORDED_FLOWS_FOREVER: they do not */
};
#define RECORDED_FLOWS_FOREVER UINT32_MAX
/* -ENOENT: no such service or backend; -EAGAIN: no sweep yet. */
int datapath_recorded_flows(const struct datapath *datapath, const struct service_key *key,
			    const struct backend *backend, struct recorded_flows *ret);

/*
 * What other gateways must know of the flows here, to be called every 100 ms or so: flows that
 * have begun since the last call, and once more those that had before it, and, as long as a
 * service changes, a part of all that are not where its tables say. In steady state nothing.
 */
void datapath_tell(struct datapath *datapath, telling_on_telling *on_telling, void *owner);

/* Flows that another gateway told of; counts are added to. */
struct heard {
	uint64_t recorded;     /* or what is recorded of them was renewed */
	uint64_t known;        /* already, or better */
	uint64_t needless;     /* where the tables here say, or over */
	uint64_t unknown;      /* their service has no such backend here */
	uint64_t without_room; /* among the flows recorded here */
};
/* datapath_tend must be called afterwards. */
void datapath_hear(struct datapath *datapath, const struct telling *telling, struct heard *heard);

/*
 * A gateway has started, perhaps instead of one that had told of flows: they are told from here,
 * until a gateway that forwards them does.
 */
void datapath_tell_for_others(struct datapath *datapath);

/* Flows that were confirmed in such numbers that datapath_tell knows them only from its passes. */
int datapath_untold_count(const struct datapath *datapath, uint64_t *ret);
/* Entries of the flow table: those who tell each other must have as many. */
uint32_t datapath_flow_bucket_count(const struct datapath *datapath);

/*
 * Loads the program, creates or adopts the pinned maps. Locks pin_dir:
 * -EBUSY when another agent has it. Nothing is attached yet.
 */
int datapath_open(const struct datapath_settings *settings, struct datapath **ret,
		  struct error *error);

/*
 * Attaches to the interfaces' devices; those attached by an earlier agent get the new
 * program in place, and others are detached. Called once the tables are right.
 */
int datapath_attach(struct datapath *datapath, struct error *error);

/*
 * The index-th interface is now this: attaches to devices that are new below it, lets go of
 * those that are not below any, and learns their MAC addresses. Whether there are others than
 * before is in *ret_changed, also when one of them could not be attached to.
 */
int datapath_follow_interface(struct datapath *datapath, size_t index, const struct interface *now,
			      bool *ret_changed, struct error *error);

/* Whether frames that arrive on the device are those of one of the interfaces. */
bool datapath_has_interface(const struct datapath *datapath, uint32_t ifindex);

/* Frees what the process holds. What is pinned stays and goes on forwarding. */
void datapath_close(struct datapath *datapath); /* NULL is nothing */

/* Detaches and removes everything pinned. -EBUSY while an agent has it, -ENOENT when nothing is. */
int datapath_remove(const char *pin_dir, struct error *error);

/* What is programmed, at first what an earlier agent left: sorted, valid until the next call. */
size_t datapath_services(struct datapath *datapath, const struct service_key **ret_keys);
size_t datapath_vips(struct datapath *datapath, const struct address **ret_vips);

/*
 * Makes the service what service says: its table is complete before it becomes visible.
 * Leaves a table that is right already untouched. -ENOSPC when a map is full: the
 * service stays as it was.
 */
int datapath_set_service(struct datapath *datapath, const struct service *service,
			 struct error *error);
int datapath_remove_service(struct datapath *datapath, const struct service_key *key,
			    struct error *error);

int datapath_add_vip(struct datapath *datapath, const struct address *vip, struct error *error);
int datapath_remove_vip(struct datapath *datapath, const struct address *vip, struct error *error);

/* The host's own addresses: traffic to a VIP among them that no service has is the host's. */
int datapath_set_own_addresses(struct datapath *datapath, const struct address *addresses,
			       size_t count, struct error *error);

/*
 * Source addresses for snat, for backends reached by any next hop; none: each next
 * hop's own source address.
 */
int datapath_set_gateway_addresses(struct datapath *datapath, const struct address *addresses,
				   size_t count, struct error *error);

/*
 * Where frames for every backend with this address go. While it is unresolved, what an
 * earlier agent knew stays. May come before the services that use it.
 */
int datapath_set_next_hop(struct datapath *datapath, const struct address *backend,
			  const struct next_hop *next_hop, struct error *error);
/* No service has a backend with this address any more. */
void datapath_forget_next_hop(struct datapath *datapath, const struct address *backend);

struct traffic {
	uint64_t packets, bytes, flows, reply_packets, reply_bytes;
	uint64_t drops; /* packets to a service that no backend got; of a backend: 0 */
};

/*
 * Sums over the CPUs; a service's has that of the backends that left it. -ENOENT when there
 * is no such service or backend.
 */
int datapath_service_traffic(const struct datapath *datapath, const struct service_key *key,
			     struct traffic *ret);
int datapath_backend_traffic(const struct datapath *datapath, const struct service_key *key,
			     const struct backend *backend, struct traffic *ret);

/*
 * How many slots of the service's table each of count backends owns, and how many
 * there are; a backend that is not programmed has none. -ENOENT: no such service.
 */
int datapath_service_slots(struct datapath *datapath, const struct service_key *key,
			   const struct backend *backends, size_t count, uint32_t *ret_slots,
			   uint32_t *ret_total);

/*
 * A number for what decides where the service's flows go, the same on every gateway that was
 * given the same objects. -ENOENT; -EAGAIN: an earlier agent's, not set since.
 */
int datapath_service_digest(const struct datapath *datapath, const struct service_key *key,
			    uint64_t *ret);
/* Of all services and of the flow hash's key, by a fingerprint of it. -ENOMEM. */
int datapath_digest(const struct datapath *datapath, uint64_t key_print, uint64_t *ret);

/* Every verdict with its counters, in the order of the list. */
struct verdict_count {
	const char *name;
	const char *action; /* "pass", "send" or "drop" */
	const char *help;
	uint64_t packets, bytes;
};
int datapath_for_each_verdict(const struct datapath *datapath,
			      void (*on_verdict)(const struct verdict_count *count, void *context),
			      void *context);

/* How the program is attached to a device. */
struct attachment {
	char device[INTERFACE_NAME_SIZE]; /* its name then */
	uint32_t ifindex;
	bool native;      /* else generic: slower, in the kernel's stack */
	int native_error; /* generic in mode auto: the negative errno that native attachment gave */
};
/* NULL when it is not. */
const struct attachment *datapath_attachment(const struct datapath *datapath, uint32_t ifindex);

/* As they are followed, in the order of the settings. */
size_t datapath_interfaces(const struct datapath *datapath, const struct interface **ret);

/*
 * Every table as text, sorted, the same for the same state: for tests and for people
 * who look for a fault. Frees nothing of the caller's; *ret_text is the caller's to free.
 */
int datapath_dump(struct datapath *datapath, char **ret_text, struct error *error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h - what the files of this room share: the state of one open datapath.
 */
#ifndef DATAPATH_INTERNAL_H
#define DATAPATH_INTERNAL_H

#include <guideway/abi.h>

#include "datapath/datapath.h"
#include "datapath/transition.h"
#include "lib/table.h"

struct bpf_map;
struct guideway_bpf;
struct ids;
struct migration;
struct regions;
struct source_set;
struct sweep;
struct teller;

/* A backend as one service uses it, and its index into the map. */
struct placed_backend {
	struct backend backend;
	uint32_t id;
};

/* What services4 or services6 holds for one key. */
struct placed_service {
	struct gw_service entry;
	struct service_key key;
	bool known;                      /* false: adopted, weights unknown until it is set again */
	uint64_t digest;                 /* table_digest.h; 0 while not known */
	struct placed_backend *backends; /* sorted by backend_compare */
	size_t backend_count;
	uint32_t tracked_count;        /* slots of its current table that are tracked */
	uint64_t learn_until_s;        /* with a base table of its own: when that ends */
	uint64_t others_learn_until_s; /* likewise, on other gateways; 0: not told */
	uint8_t *deviations;           /* a bit a slot while a sweep looks for them, else NULL */
};

struct placed_address {
	struct address address;
	uint32_t flags;       /* enum gw_address_flag without GW_ADDRESS_LOCAL */
	uint32_t reply_count; /* entries of replies4 or replies6 with this address */
};

/* A next hop in use; addresses that are reached the same way share one. */
struct placed_next_hop {
	struct next_hop value; /* sorted by device, VLAN, neighbour and source */
	uint32_t id;
};

/* How an address is reached, and the backends that have it; sorted by address. */
struct route {
	struct address address;
	uint32_t next_hop;      /* id, GW_NONE when it has none */
	uint32_t first_backend; /* head of a list through backend_links, GW_NONE when empty */
};

/* Neighbours of a backend id in the list of its address. */
struct backend_link {
	uint32_t next, previous;
};

struct placed_attachment {
	struct attachment attachment;
	int link_fd;
};

struct datapath {
	char *pin_dir;
	int lock_fd;
	uint32_t map_set;            /* ours, see map_sets.c */
	uint32_t old_map_set;        /* of another layout, to be taken over; MAP_SET_NONE */
	struct migration *migration; /* from that one, until it is over; NULL */
	bool is_new;                 /* nothing was pinned before */
	bool is_started;             /* every interface was attached once */
	struct guideway_bpf *skeleton;
	int program_fd;
	uint32_t ways_number; /* in the name of the pin of the program's ways */
	int cpu_count;

	struct gw_backend *backends; /* the mapped arrays */
	struct gw_next_hop *next_hops;
	struct gw_address_filter *filter;

	struct ids *service_ids;
	struct ids *backend_ids;
	struct ids *next_hop_ids;
	struct regions *regions;
	uint32_t slot_max;                  /* entries of the slots map */
	uint32_t *next_hop_users;           /* backends and routes that point to each id */
	struct backend_link *backend_links; /* by backend id */
	uint32_t *slot_counts;              /* by backend id, zero between uses */
	uint32_t flow_bucket_count;         /* entries of the flows map */
	uint32_t tcp_idle_s, udp_idle_s;    /* after which a flow is over */
	struct sweep *sweep;                /* NULL before the first */
	struct teller *teller;              /* NULL without other gateways */

	struct placed_service *services; /* sorted by key */
	size_t service_count, service_room;
	struct service_key *keys; /* what datapath_services gives out */

	struct ids *source_ids;
	struct source_set **source_sets; /* by id */
	struct table source_index;       /* by what is in them */

	struct table replies; /* struct placed_reply by backend address, port and protocol */

	struct placed_address *addresses; /* sorted */
	size_t address_count, address_room;
	struct address *vips; /* what datapath_vips gives out */

	struct address *own_addresses; /* sorted */
	size_t own_address_count;

	struct placed_next_hop *placed_next_hops;
	size_t placed_next_hop_count, placed_next_hop_room;
	struct route *routes; /* sorted by address */
	size_t route_count, route_room;

	struct address gateways[GW_GATEWAY_MAX]; /* as in the map; only appended to */
	uint32_t gateway_count;
	uint32_t set_first[2], set_count[2]; /* configured gateway addresses: IPv6, IPv4 */
	struct prefix encap_sources[2];      /* of encapsulated packets: IPv6, IPv4 */

	struct interface *interfaces;
	size_t interface_count;
	enum xdp_mode xdp_mode;
	struct placed_attachment *attachments;
	size_t attachment_count, attachment_room;
};

/* abi.c: from and to network order. */
void abi_address(const struct address *address, struct gw_addr *ret);
void address_from_abi(const struct gw_addr *address, struct address *ret);
uint8_t abi_mode(enum forwarding_mode mode);
enum forwarding_mode mode_from_abi(uint8_t mode); /* FORWARDING_MODE_DEFAULT: it is none */

/* Room for one element more in a growing array; *room counts elements. -ENOMEM. */
int array_reserve(void **items, size_t *room, size_t count, size_t item_size);

/* pins.c: the pin directory and its lock. */
int pins_lock(const char *pin_dir, bool create, int *ret_fd, struct error *error);
/* Also directories in it, and itself. */
int pins_remove_all(const char *directory_path, struct error *error);
/* Keeps the program's ways, before it is attached, beside those of earlier programs. */
int pins_add_ways(struct datapath *datapath, struct error *error);
/* No earlier program is attached any more. */
void pins_drop_other_ways(const struct datapath *datapath);
/* "pin_dir/name"; false when it is too long. */
bool pins_path(const char *pin_dir, const char *name, char *buffer, size_t size);

/* map_sets.c: the maps of one layout, pinned together. */
#define MAP_SET_NONE UINT32_MAX
enum map_kind {
	MAP_SCRATCH, /* not pinned */
	MAP_META,
	MAP_TABLE, /* written by the agent */
	MAP_LIVE,  /* written by the datapath: what it knows of flows */
	MAP_LOSSY, /* written by the datapath: figures, limits */
};
enum map_kind map_kind(const struct bpf_map *map);
/* A descriptor of the map in the set, the caller's; -ENOENT when it has none. */
int map_sets_open(const struct datapath *datapath, uint32_t set, const char *map,
		  struct error *error);
/* Sets map_set, old_map_set and is_new from what is pinned, and creates the set's directory. */
int map_sets_choose(struct datapath *datapath, struct error *error);
/* How many entries the map has that is taken over; wanted when there is none. */
uint32_t map_sets_entries(const struct datapath *datapath, const char *map, uint32_t wanted);
/* Before the load: where each map is to be pinned, or is. */
int map_sets_pin(struct datapath *datapath, struct error *error);
bool map_sets_is_current(const struct datapath *datapath);
/* Writes its version, too, and that flows are being brought over where there is another set. */
int map_sets_make_current(const struct datapath *datapath, struct error *error);
/* All flows have been brought over. */
void map_sets_settle(const struct datapath *datapath);
/* False: its agent was killed before, so that no program ever used it. */
bool map_sets_was_current(const struct datapath *datapath, uint32_t set);
/* The lowest number above after of a set that is not ours; MAP_SET_NONE: from the first, no more.
 */
uint32_t map_sets_next_other(const struct datapath *datapath, uint32_t after);
void map_sets_remove(const struct datapath *datapath, uint32_t set);

/*
 * migrate.c: what is in a set of another layout, moved into ours. The old program goes on with
 * the old one meanwhile.
 */
/* Before the load: old_map_set's maps that can be had as they are, are. */
int migrate_begin(struct datapath *datapath, struct error *error);
/* After the load: the others. */
int migrate_copy(struct datapath *datapath, struct error *error);
/* What the old program changed since, just before it is replaced. */
int migrate_refresh(struct datapath *datapath, struct error *error);
/* Flows that the old program saw until a moment ago, as soon as it is replaced. */
void migrate_follow(const struct datapath *datapath);
/*
 * No other program is attached any more: flows that only another set knows, which may also be of
 * an agent that was killed here, are brought over, and that set is removed.
 */
void migrate_end(struct datapath *datapath);
void migrate_free(struct datapath *datapath);

/*
 * sockets.c: maps whose key is an address, port and protocol, in two for short IPv4 keys.
 * A service_key is the form of all such keys here, also where the address is no VIP.
 */
struct socket_maps {
	const char *name; /* "services" */
	struct bpf_map *ipv4, *ipv6;
};
int sockets_set(const struct socket_maps *maps, const struct service_key *socket, const void *value,
		struct error *error);
/* -ENOENT without a sentence when there is none. */
int sockets_get(const struct socket_maps *maps, const struct service_key *socket, void *ret_value,
		struct error *error);
/* What is gone already is no failure. */
int sockets_delete(const struct socket_maps *maps, const struct service_key *socket,
		   struct error *error);
/* Both maps; on_entry must not change them. Ends with what on_entry returns, if negative. */
int sockets_for_each(const struct socket_maps *maps,
		     int (*on_entry)(const struct service_key *socket, const void *value,
				     void *context, struct error *error),
		     void *context, struct error *error);

/* slots.c: tables in the slots map, through windows of it. */
/* *ret is the map's own memory, to be given back by slots_close; count 0: an empty table. */
int slots_open(const struct datapath *datapath, uint32_t offset, uint32_t count,
	       struct slot_table *ret, struct error *error);
void slots_close(struct slot_table table);
/* Counts who owns how many slots; slots_take_count then gives each count, once. */
void slots_count(struct datapath *datapath, struct slot_table table);
uint32_t slots_take_count(struct datapath *datapath, uint32_t backend_id);

/* tables.c: which slots a service has and who owns each. */
struct service_tables {
	struct slot_table current, base;
};
/* Both tables of an entry, to be given back by tables_close; *ret is empty after a failure. */
int tables_open(const struct datapath *datapath, const struct gw_service *entry,
		struct service_tables *ret, struct error *error);
void tables_close(struct service_tables tables);
/* Whether the tables send a flow elsewhere than to the backend, now or after a rebase. */
bool tables_deviate(const struct service_tables *tables, uint32_t tag, uint32_t backend);
/*
 * Sets the entry's tables for service, whose backends are placed: old's when they are right
 * already, else a new current one where no packet looks. -ENOSPC, -ENOMEM.
 */
int tables_place(struct datapath *datapath, const struct service *service,
		 const struct placed_service *old, struct placed_service *placed,
		 struct error *error);
/* Gives back the entry's tables that other, which may be NULL, does not have. */
void tables_give(struct datapath *datapath, const struct gw_service *entry,
		 const struct gw_service *other);
/* Once packets see the entry: its base table names none but its backends. */
void tables_heal(struct datapath *datapath, const struct placed_service *placed);
/* Takes the stretches that the entry's tables have; -EEXIST when another has part of them. */
int tables_adopt(struct datapath *datapath, struct placed_service *placed, struct error *error);

/*
 * tending.c: rebases services whose flows have been recorded, and sweeps the flows to end
 * tracking. Begins when a service is placed whose slots are tracked.
 */
void tending_begin_service(const struct datapath *datapath, struct placed_service *placed);
void tending_forget_service(struct placed_service *placed);
uint32_t tending_clock_s(void);   /* the coarse monotonic clock, as the program reads it */
uint32_t tending_flow_time(void); /* flow_table.h's, now */
uint32_t tending_idle_s(const struct datapath *datapath, const struct placed_service *placed);
/* How long the service keeps on learning its flows; 0: it does not. */
uint32_t tending_learning_s(const struct placed_service *placed);
/* So long it does so on another gateway. */
void tending_hear_learning(struct placed_service *placed, uint32_t learning_s);
/* Deletes every flow of a backend that left, so that its id can be another's. */
void tending_purge(void *datapath);
void tending_free(struct datapath *datapath);
/* A sweep that looks for deviations has found one in this slot. */
void tending_deviates(struct placed_service *placed, uint32_t slot);
/* Whether any service has slots that are tracked, so that flows are recorded. */
bool tending_has_tracked(const struct datapath *datapath);
/* False when the program wrote the entry since it was seen: it has the last word. */
bool tending_replace_flow(__u64 *entry, __u64 seen, __u64 flow);

/* telling.c: what other gateways are told. Nothing without telling_open; closes half-opened, too.
 */
int telling_open(struct datapath *datapath, struct error *error);
void telling_close(struct datapath *datapath);
/* The whole map flows; NULL without telling_open. */
struct gw_flow_bucket *telling_flows(const struct datapath *datapath);

/* service_list.c: finds what is programmed; NULL when nothing is. */
struct placed_service *services_find(const struct datapath *datapath,
				     const struct service_key *key);
const struct placed_backend *services_find_backend(const struct placed_service *service,
						   const struct backend *backend);
/* Room for one service more, so that services_insert cannot fail; moves services. -ENOMEM. */
int services_reserve(struct datapath *datapath);
void services_insert(struct datapath *datapath, const struct placed_service *service);
void services_erase(struct datapath *datapath, struct placed_service *placed);
void services_free(struct datapath *datapath);

/* services.c */
struct socket_maps services_maps(const struct datapath *datapath);
/* From now on the datapath records the service's flows; one that is not there: nothing. */
int services_record(struct datapath *datapath, const struct service_key *key, struct error *error);

/* adopt.c: reads the services that an earlier agent left. */
int services_adopt(struct datapath *datapath, struct error *error);

/* Then all its slots are tracked, for ever. */
static inline bool services_has_affinity(const struct placed_service *placed)
{
	return placed->entry.flags & GW_SERVICE_AFFINITY;
}

/* counters.c: zeroes what is counted for a new service, for a new backend. */
void counters_begin_service(struct datapath *datapath, uint32_t id);
void counters_begin_backend(struct datapath *datapath, uint32_t id);
/* The backend leaves: its service keeps what was counted. */
void counters_end_backend(struct datapath *datapath, uint32_t service, uint32_t id);

/* backends.c */
/* The whole of a mmapable array; NULL, and errno, when that cannot be. */
void *map_whole(struct bpf_map *map);
int backends_map(struct datapath *datapath, struct error *error);
void backends_unmap(struct datapath *datapath);
/*
 * A new id with the backend written and its next hop set, for the service of that id.
 * -ENOSPC when the map is full, -ENOMEM.
 */
int backends_place(struct datapath *datapath, const struct backend *backend, uint32_t service,
		   uint32_t *ret_id);
void backends_release(struct datapath *datapath, uint32_t id);
/* Takes over an id that an earlier agent gave a backend of the service, once. -ENOMEM. */
int backends_adopt(struct datapath *datapath, uint32_t id, uint32_t service, struct backend *ret);
/* Whether flows that begin anew with the ports of an old one may stay there. */
void backends_set_draining(struct datapath *datapath, uint32_t id, bool is_draining);
void backends_set_next_hop(struct datapath *datapath, uint32_t id, uint32_t next_hop);

/* next_hops.c */
void next_hops_ref(struct datapath *datapath, uint32_t id); /* GW_NONE is nothing */
void next_hops_unref(struct datapath *datapath, uint32_t id);

/* routes.c: the route of an address, made when there is none; NULL: no memory. */
struct route *routes_get(struct datapath *datapath, const struct address *address);
void routes_link_backend(struct datapath *datapath, struct route *route, uint32_t id);
void routes_unlink_backend(struct datapath *datapath, const struct address *address, uint32_t id);

/* addresses.c */
int addresses_adopt(struct datapath *datapath, struct error *error);
int addresses_set_flags(struct datapath *datapath, const struct address *address, uint32_t add,
			uint32_t remove, struct error *error);
/* One entry of replies more, or less, has the address: replies from it are looked at. */
int addresses_add_reply(struct datapath *datapath, const struct address *address,
			struct error *error);
void addresses_remove_reply(struct datapath *datapath, const struct address *address);
/* Ends adoption: replies are looked at from those addresses alone that have an entry. */
void addresses_drop_unused(struct datapath *datapath);
void addresses_free(struct datapath *datapath);

/* filter.c: the map address_filter, which knows of every address in addresses. */
int filter_map(struct datapath *datapath, struct error *error);
void filter_unmap(struct datapath *datapath);
void filter_add(struct datapath *datapath, const struct address *address, uint32_t flags);
/* The address lost flags: its cell keeps those of the addresses that are placed. */
void filter_recompute(struct datapath *datapath, const struct address *address);
/* Every cell as the placed addresses want it; never without a flag that one of them has. */
int filter_rebuild(struct datapath *datapath, struct error *error);

/* sources.c: sets of source ranges, each once however many services have it. */
int sources_create(struct datapath *datapath); /* -ENOMEM */
void sources_free(struct datapath *datapath);
/* The set with these ranges, complete. -ENOSPC when the map is full. */
int sources_take(struct datapath *datapath, const struct prefix *ranges, size_t count,
		 uint32_t *ret_set, struct error *error);
void sources_give(struct datapath *datapath, uint32_t set);
bool sources_are(const struct datapath *datapath, uint32_t set, const struct prefix *ranges,
		 size_t count);
/* Reads what an earlier agent left; services then take theirs by id, the rest is deleted. */
int sources_adopt(struct datapath *datapath, struct error *error);
int sources_adopt_user(struct datapath *datapath, uint32_t set);
void sources_drop_unused(struct datapath *datapath);
struct source_range {
	uint32_t set;
	struct prefix prefix;
};
struct source_ranges {
	struct source_range *items; /* sorted by set, then prefix */
	size_t count;
};
/* What the map says; items are the caller's to free. */
int sources_read(const struct datapath *datapath, struct source_ranges *ret, struct error *error);

/* replies.c: by which backend a reply in mode dnat is known. */
struct placed_reply {
	struct table_node node;
	struct service_key socket; /* of the backend */
	struct reply_user *users;  /* sorted by key; the first is the entry's */
	uint16_t flags;            /* enum gw_reply_flag */
	bool is_stored;            /* the map says so already */
};
struct socket_maps replies_maps(const struct datapath *datapath);
/*
 * Replies from the backend are the service's, from before its flows go there until after.
 * Another service with the same backend, and this one, must have their flows recorded:
 * true in *ret_recorded, also while only one of them is left.
 */
int replies_claim(struct datapath *datapath, const struct service_key *service,
		  const struct placed_backend *backend, bool *ret_recorded, struct error *error);
void replies_release(struct datapath *datapath, const struct service_key *service,
		     const struct backend *backend);
/* After services_adopt. */
int replies_adopt(struct datapath *datapath, struct error *error);
void replies_free(struct datapath *datapath);

/* gateways.c */
int gateways_adopt(struct datapath *datapath, struct error *error);
/* The range of gateways that backends behind next_hop see as their peer. */
int gateways_for(struct datapath *datapath, const struct next_hop *next_hop, uint16_t *ret_first,
		 uint16_t *ret_count, struct error *error);

/* devices.c */
bool devices_is_veth(uint32_t ifindex);
/* Tells the program the device's MAC address, which its ARP and ND answers carry. */
int devices_store(struct datapath *datapath, uint32_t ifindex, struct error *error);
void devices_forget(struct datapath *datapath, uint32_t ifindex);
/* What is to leave by device from leaves by to instead, until from fails back. */
int devices_fail_over(const struct datapath *datapath, uint32_t from, uint32_t to,
		      struct error *error);
int devices_fail_back(const struct datapath *datapath, uint32_t ifindex, struct error *error);

/* links.c: attaches, or takes over what is attached; the link's descriptor or a negative errno. */
int links_open(const struct datapath *datapath, struct attachment *attachment, struct error *error);
/* Detaches; the device may be gone. */
void links_close(const struct datapath *datapath, uint32_t ifindex, int fd);
/* Detaches what an earlier agent attached and is below no interface of ours. */
void links_detach_others(struct datapath *datapath);

/* interfaces.c */
int interfaces_copy(struct datapath *datapath, const struct interface *interfaces, size_t count);
void interfaces_free(struct datapath *datapath);

#endif

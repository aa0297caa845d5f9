/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.c - keeps the next hops of watched addresses up to date; owns all of this room.
 *
 * Two ways lead to a new answer. An event about a neighbour changes the next hops of
 * its users. Any other event that can matter sets a timer, and when that is due all
 * routes are looked up anew: what a change of routes, rules, links or addresses does
 * to a lookup is the kernel's knowledge, so the kernel is asked.
 */
#include "net/net.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "lib/error.h"
#include "lib/loop.h"
#include "net/link.h"
#include "net/lower.h"
#include "net/neighbour.h"
#include "net/neighbour_probe.h"
#include "net/netlink.h"
#include "net/own_address.h"
#include "net/route.h"
#include "net/solicitation.h"
#include "net/watch_set.h"

#define REFRESH_DELAY_MS 20
#define RETRY_DELAY_MS 1000
#define ASK_TICK_MS 500

struct net {
	struct net_events events;
	struct netlink *event_socket;
	struct netlink *request_socket;
	struct loop_watch *event_reader;
	struct loop_watch *refresh_timer;
	struct loop_watch *ask_timer;
	struct loop_watch *probe_timer;
	int probe_socket; /* -1: none */
	struct link_table links;
	struct own_addresses own;
	struct neighbour_table neighbours;
	struct watch_set set;
	uint64_t refresh_took_ms;
	bool is_refresh_set;
	bool is_probe_set;
	bool has_lost_events; /* since the last refresh */
	bool has_link_event;
	bool has_address_event; /* likewise */
};

static void apply_neighbour(const struct neighbour *neighbour, struct next_hop *hop)
{
	if (neighbour->has_mac) {
		hop->state = NEXT_HOP_RESOLVED;
		memcpy(hop->dst_mac, neighbour->mac, sizeof(hop->dst_mac));
	} else if (!neighbour->has_failed) {
		hop->state = NEXT_HOP_UNRESOLVED;
	}
}

static void update_next_hop(const struct net *net, struct watch_set *set, size_t index)
{
	const struct watched *watched = &set->watched[index];
	const struct route *route = &watched->route;
	struct next_hop hop;

	memset(&hop, 0, sizeof(hop));
	hop.state = NEXT_HOP_UNREACHABLE;
	if (watched->neighbour != NO_NEIGHBOUR &&
	    lower_egress(&net->links, route->ifindex, &watched->address, &hop)) {
		if (route->mtu > 0 && route->mtu < hop.mtu)
			hop.mtu = route->mtu;
		hop.neighbour = route->neighbour;
		hop.source = route->source;
		hop.has_source = route->has_source;
		apply_neighbour(&net->neighbours.neighbours[watched->neighbour], &hop);
	}
	watch_set_store(set, index, &hop);
}

static int look_up_routes(struct net *net, struct watch_set *set, bool all)
{
	struct route_query *queries = calloc(set->count + 1, sizeof(*queries));
	size_t count = 0;
	int r;

	if (!queries)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		struct watched *watched = &set->watched[i];

		if (all || watched->is_new)
			queries[count++] = (struct route_query){ .address = &watched->address,
								 .route = &watched->route };
	}
	r = route_lookup(net->request_socket, queries, count);
	free(queries);
	return r;
}

/* Neighbours only where there can be some: asking on a tunnel device would make odd entries. */
static int replace_neighbours(struct net *net, struct watch_set *set, bool read_again)
{
	struct neighbour_user *users = reallocarray(NULL, set->count + 1, sizeof(*users));
	struct next_hop ignored;
	size_t count = 0;
	int r;

	if (!users)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		struct watched *watched = &set->watched[i];
		const struct route *route = &watched->route;

		watched->neighbour = NO_NEIGHBOUR;
		if (!route->is_usable ||
		    !lower_egress(&net->links, route->ifindex, &watched->address, &ignored))
			continue;
		users[count].key.address = route->neighbour;
		users[count].key.ifindex = route->ifindex;
		users[count++].watched = (uint32_t)i;
	}
	r = neighbour_table_replace(&net->neighbours, net->request_socket, users, count,
				    read_again);
	if (r < 0)
		free(users);
	return r;
}

static void assign_neighbours(const struct neighbour_table *table, struct watch_set *set)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct neighbour *neighbour = &table->neighbours[i];
		const struct neighbour_user *users = &table->users[neighbour->first_user];

		for (size_t j = 0; j < neighbour->user_count; j++)
			set->watched[users[j].watched].neighbour = (uint32_t)i;
	}
}

static void set_probe_timer(struct net *net)
{
	if (net->is_probe_set || net->neighbours.count == 0)
		return;
	net->is_probe_set = true;
	loop_timer_set(net->probe_timer, NEIGHBOUR_PROBE_PERIOD_MS);
}

static void probe_neighbours(void *owner)
{
	struct net *net = owner;

	net->is_probe_set = false;
	neighbour_probe_round(&net->neighbours, &net->links, net->request_socket, net->probe_socket,
			      loop_now_ms());
	set_probe_timer(net);
}

static void ask_neighbours(void *owner)
{
	struct net *net = owner;

	neighbour_table_ask(&net->neighbours, net->request_socket, loop_now_ms());
	if (net->neighbours.count > 0)
		loop_timer_set(net->ask_timer, ASK_TICK_MS);
}

/*
 * Makes set the watched one, after looking up its new addresses or all of them. Takes
 * set over. On failure everything is as it was.
 */
static int adopt(struct net *net, struct watch_set *set, bool all)
{
	int r = look_up_routes(net, set, all);

	if (r == 0)
		r = replace_neighbours(net, set, all && net->has_lost_events);
	if (r < 0) {
		watch_set_finish(set);
		return r;
	}
	assign_neighbours(&net->neighbours, set);
	for (size_t i = 0; i < set->count; i++)
		if (all || set->watched[i].is_new)
			update_next_hop(net, set, i);
	watch_set_finish(&net->set);
	net->set = *set;
	if (all)
		neighbour_table_forget_sources(&net->neighbours);
	ask_neighbours(net);
	set_probe_timer(net);
	return 0;
}

static void set_refresh(struct net *net, uint64_t delay_ms)
{
	if (net->is_refresh_set)
		return;
	net->is_refresh_set = true;
	loop_timer_set(net->refresh_timer, delay_ms);
}

static void schedule_refresh(struct net *net)
{
	uint64_t delay_ms = net->refresh_took_ms;

	/* In a storm of changes half of the loop's time stays for others. */
	set_refresh(net, delay_ms > REFRESH_DELAY_MS ? delay_ms : REFRESH_DELAY_MS);
}

/* 1 when the host's own addresses changed, else 0 or a negative errno. */
static int reload(struct net *net)
{
	int r = 0;

	if (net->has_lost_events)
		r = link_table_load(&net->links, net->request_socket);
	if (r == 0 && (net->has_lost_events || net->has_address_event))
		r = own_addresses_load(&net->own, net->request_socket);
	return r;
}

static void refresh(void *owner)
{
	struct net *net = owner;
	uint64_t started_ms = loop_now_ms();
	bool has_link_event = net->has_link_event || net->has_lost_events;
	int reloaded = reload(net);
	struct watch_set set;
	int r = reloaded;

	net->is_refresh_set = false;
	if (r >= 0)
		r = watch_set_copy(&net->set, &set);
	if (r >= 0)
		r = adopt(net, &set, true);
	if (r >= 0) {
		net->has_lost_events = false;
		net->has_address_event = false;
		net->has_link_event = false;
	} else {
		set_refresh(net, RETRY_DELAY_MS);
	}
	net->refresh_took_ms = loop_now_ms() - started_ms;
	if (has_link_event && net->events.on_links_changed)
		net->events.on_links_changed(net->events.owner);
	if (reloaded > 0)
		net->events.on_addresses_changed(net->events.owner);
	if (net->set.changed_count > 0)
		net->events.on_next_hops_changed(net->events.owner);
}

static int on_message(const struct nlmsghdr *message, void *context)
{
	struct net *net = context;
	struct prefix prefix;

	switch (message->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		neighbour_table_apply(&net->neighbours, message);
		return 0;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (link_table_apply(&net->links, message) == 0)
			return 0;
		net->has_link_event = true;
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		net->has_address_event = true;
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		/* A router may change many routes a second that lead to nobody watched. */
		if (!route_event_prefix(message, &prefix) || !watch_set_meets(&net->set, &prefix))
			return 0;
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		break;
	default:
		return 0;
	}
	schedule_refresh(net);
	return 0;
}

static void on_events(void *owner)
{
	struct net *net = owner;
	struct neighbour_table *table = &net->neighbours;
	bool has_dirty;

	if (netlink_read_events(net->event_socket, on_message, net) < 0) {
		net->has_lost_events = true;
		schedule_refresh(net);
	}
	neighbour_table_ask_dirty(table, net->request_socket, loop_now_ms());
	has_dirty = table->dirty_count > 0;
	for (size_t i = 0; i < table->dirty_count; i++) {
		const struct neighbour *neighbour = &table->neighbours[table->dirty[i]];

		for (size_t j = 0; j < neighbour->user_count; j++)
			update_next_hop(net, &net->set,
					table->users[neighbour->first_user + j].watched);
	}
	neighbour_table_clear_dirty(table);
	if (has_dirty && net->set.changed_count > 0)
		net->events.on_next_hops_changed(net->events.owner);
}

static int open_sockets(struct net *net, struct error *error)
{
	static const unsigned int groups[] = {
		RTNLGRP_LINK,        RTNLGRP_NEIGH,       RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,
	};
	int r = netlink_open(groups, sizeof(groups) / sizeof(groups[0]), &net->event_socket, error);

	if (r == 0)
		r = netlink_open(NULL, 0, &net->request_socket, error);
	return r < 0 ? r : solicitation_open(&net->probe_socket, error);
}

static int add_watches(struct net *net, struct loop *loop, struct error *error)
{
	net->event_reader = loop_add_reader(loop, netlink_fd(net->event_socket), on_events, net);
	net->refresh_timer = loop_add_timer(loop, refresh, net);
	net->ask_timer = loop_add_timer(loop, ask_neighbours, net);
	net->probe_timer = loop_add_timer(loop, probe_neighbours, net);
	if (net->event_reader && net->refresh_timer && net->ask_timer && net->probe_timer)
		return 0;
	return error_set(error, -ENOMEM, "network: out of memory");
}

/* Events are subscribed to before this: what changes meanwhile is told once more. */
static int load(struct net *net, struct error *error)
{
	int r = link_table_load(&net->links, net->request_socket);

	if (r < 0)
		return error_set(error, r, "network: list of links: %s", strerror(-r));
	r = own_addresses_load(&net->own, net->request_socket);
	if (r < 0)
		return error_set(error, r, "network: list of addresses: %s", strerror(-r));
	return 0;
}

int net_create(struct loop *loop, const struct net_events *events, struct net **ret_net,
	       struct error *error)
{
	struct net *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return error_set(error, -ENOMEM, "network: out of memory");
	net->events = *events;
	net->probe_socket = -1;
	r = open_sockets(net, error);
	if (r == 0)
		r = add_watches(net, loop, error);
	if (r == 0)
		r = load(net, error);
	if (r < 0) {
		net_destroy(net);
		return r;
	}
	*ret_net = net;
	return 0;
}

void net_destroy(struct net *net)
{
	if (!net)
		return;
	loop_remove(net->event_reader);
	loop_remove(net->refresh_timer);
	loop_remove(net->ask_timer);
	loop_remove(net->probe_timer);
	netlink_close(net->event_socket);
	netlink_close(net->request_socket);
	if (net->probe_socket >= 0)
		(void)close(net->probe_socket);
	watch_set_finish(&net->set);
	neighbour_table_finish(&net->neighbours);
	own_addresses_finish(&net->own);
	link_table_finish(&net->links);
	free(net);
}

int net_watch(struct net *net, const struct address *addresses, size_t count, struct error *error)
{
	struct watch_set set;
	int r = watch_set_inherit(&net->set, addresses, count, &set);

	if (r == 0)
		r = adopt(net, &set, false);
	if (r < 0)
		return error_set(error, r, "network: next hops of %zu addresses: %s", count,
				 strerror(-r));
	return 0;
}

int net_next_hop(const struct net *net, const struct address *address, struct next_hop *ret)
{
	const struct watched *watched = watch_set_find(&net->set, address);

	if (!watched)
		return -ENOENT;
	*ret = watched->next_hop;
	return 0;
}

void net_take_changed(struct net *net,
		      void (*on_changed)(const struct address *address,
					 const struct next_hop *next_hop, void *context),
		      void *context)
{
	struct watch_set *set = &net->set;

	for (size_t i = 0; i < set->changed_count; i++) {
		const struct watched *watched = &set->watched[set->changed[i]];

		on_changed(&watched->address, &watched->next_hop, context);
	}
	watch_set_clear_changed(set);
}

int net_interface(const struct net *net, const char *name, struct interface *ret,
		  struct error *error)
{
	int r = lower_interface(&net->links, name, ret);

	if (r < 0)
		return error_set(error, r, "interface '%s': more than %d devices below it", name,
				 INTERFACE_DEVICES_MAX);
	return 0;
}

int net_own_addresses(const struct net *net, const struct address **ret, size_t *ret_count)
{
	*ret = net->own.addresses;
	*ret_count = net->own.count;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.h - the kernel's view of the network by netlink: routes, neighbours, links
 * and the host's own addresses. Of the network namespace it is created in.
 *
 * Follows the kernel by its notifications. For every address that somebody asked
 * for (net_watch) it keeps the next hop, asks the kernel to resolve the neighbour
 * and to keep it resolved, and tells when the answer changes.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "model/interface.h"
#include "model/next_hop.h"

struct net;
struct loop;
struct error;

struct net_events {
	/* One or more watched addresses have another next hop: see net_take_changed. */
	void (*on_next_hops_changed)(void *owner);
	/* A network device came, went or changed: see net_interface. May be NULL. */
	void (*on_links_changed)(void *owner);
	/* The host's own addresses changed. */
	void (*on_addresses_changed)(void *owner);
	void *owner;
};

int net_create(struct loop *loop, const struct net_events *events, struct net **ret_net,
	       struct error *error);
void net_destroy(struct net *net);

/*
 * Replaces the set of watched addresses (sorted, each once). New ones are looked up
 * before it returns (route and neighbour table); an unresolved neighbour is asked.
 */
int net_watch(struct net *net, const struct address *addresses, size_t count, struct error *error);

/* The next hop of a watched address; -ENOENT when it is not watched. */
int net_next_hop(const struct net *net, const struct address *address, struct next_hop *ret);

/* Calls on_changed once for each address whose next hop changed since the last call. */
void net_take_changed(struct net *net,
		      void (*on_changed)(const struct address *address,
					 const struct next_hop *next_hop, void *context),
		      void *context);

/* The interface called name and the devices its frames arrive on. */
int net_interface(const struct net *net, const char *name, struct interface *ret,
		  struct error *error);

/* The host's own addresses in this namespace: loopback and link-local ones left out; sorted. */
int net_own_addresses(const struct net *net, const struct address **ret, size_t *ret_count);

#endif

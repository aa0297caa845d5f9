/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers.h - tells other gateways of flows that they could not know, and hears them: what the
 * datapath has to tell, as sealed datagrams to each of a configured list.
 */
#ifndef AGENT_PEERS_H
#define AGENT_PEERS_H

#include <stdint.h>

#include <jansson.h>

struct agent_config;
struct datapath;
struct error;
struct loop;
struct peers;

/*
 * Begins to listen; tells once peers_start is called. NULL in *ret_peers when none are
 * configured. key_print: of the flow hash's key. on_heard is called after flows were heard of.
 */
int peers_create(struct loop *loop, const struct agent_config *config, uint64_t key_print,
		 struct datapath *datapath, void (*on_heard)(void *owner), void *owner,
		 struct peers **ret_peers, struct error *error);
void peers_start(struct peers *peers);   /* NULL is nothing */
void peers_destroy(struct peers *peers); /* NULL is nothing */

/* What was told, heard and refused, each with its name; null without peers. A new reference. */
json_t *peers_json(const struct peers *peers);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reconcile.h - makes the datapath what the model says, step by step.
 *
 * A backend whose next hop is not known yet is kept out of a table for a moment, while
 * the kernel asks for it, so that its first packets are not lost.
 */
#ifndef AGENT_RECONCILE_H
#define AGENT_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>

struct reconciler;
struct loop;
struct model;
struct net;
struct datapath;
struct error;

/*
 * All of them borrowed, and alive longer than the reconciler. on_settled is called after
 * each run that leaves nothing waiting. NULL: no memory.
 */
struct reconciler *reconciler_create(struct loop *loop, struct model *model, struct net *net,
				     struct datapath *datapath, void (*on_settled)(void *owner),
				     void *owner);
void reconciler_destroy(struct reconciler *reconciler); /* NULL is nothing */

/*
 * Brings the datapath up to date. With prune false, what an earlier agent programmed and
 * is not wanted stays: it may be in a manifest that cannot be read. Logs what changes and what
 * fails; what fails is tried again later.
 */
void reconciler_run(struct reconciler *reconciler, bool prune);

/* Services of an earlier agent that are in no manifest, and kept. */
size_t reconciler_kept_count(const struct reconciler *reconciler);

/* Whether anything is programmed that the model does not want any more. */
bool reconciler_has_leftovers(const struct reconciler *reconciler);

/* Next hops changed: tells the datapath, and goes on with what waited for them. */
void reconciler_next_hops_changed(struct reconciler *reconciler);

/* Flows of another gateway were recorded: their slots are tended. */
void reconciler_flows_heard(struct reconciler *reconciler);

#endif

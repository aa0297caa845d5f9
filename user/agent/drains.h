/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drains.h - backends that take no new flows: those an operator drains for maintenance,
 * until he undoes it, and the deadline of all that are leaving.
 */
#ifndef AGENT_DRAINS_H
#define AGENT_DRAINS_H

#include <jansson.h>
#include <stdbool.h>

struct drains;
struct error;
struct loop;
struct model;

/*
 * Gives model the drains that state_dir/drains.json keeps. All borrowed, and alive longer
 * than *ret_drains. on_due is called when a deadline is over: time for drains_follow.
 */
int drains_create(struct loop *loop, const char *state_dir, struct model *model,
		  void (*on_due)(void *owner), void *owner, struct drains **ret_drains,
		  struct error *error);
void drains_destroy(struct drains *drains); /* NULL is nothing */

/*
 * Does what a request says: "backend" is drained, with "undo" no longer; without "backend"
 * nothing changes. What changes is on disk before the model has it. True in *ret_changed
 * when the model is to be updated. On failure all is as it was.
 */
int drains_request(struct drains *drains, const json_t *request, bool *ret_changed,
		   struct error *error);

/*
 * After each update of the model: takes out whose deadline is over, with an update of its
 * own; then *ret_changed becomes true.
 */
int drains_follow(struct drains *drains, bool *ret_changed, struct error *error);

/*
 * The drains, with how many backends of services each concerns, and a warning for every
 * service that is left with no backend for new flows. NULL: no memory.
 */
json_t *drains_answer(const struct drains *drains, struct error *error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * health_check.h - for a load balancer in front of this node, one HTTP server for each Service
 * with externalTrafficPolicy Local, on its healthCheckNodePort, on all addresses: any path is
 * answered 200 while the Service has ready endpoints here, else 503.
 *
 * kube-proxy does the same: where it runs, these ports are its own.
 */
#ifndef AGENT_HEALTH_CHECK_H
#define AGENT_HEALTH_CHECK_H

#include <stdbool.h>

struct health_check;
struct loop;
struct model;

/* NULL: no memory. */
struct health_check *health_check_create(struct loop *loop);
void health_check_destroy(struct health_check *check); /* NULL is nothing */

/*
 * Opens and closes servers as the Services say, and keeps what they answer. While the agent is
 * not healthy every answer is 503. Logs a port that cannot be opened, once; it is tried again
 * each time. check NULL: nothing.
 */
void health_check_follow(struct health_check *check, const struct model *model, bool healthy);

#endif

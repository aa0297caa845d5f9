/* SPDX-License-Identifier: BSD-2-Clause */
/* tending.h - gives the datapath the time that changes need after they were made. */
#ifndef AGENT_TENDING_H
#define AGENT_TENDING_H

struct datapath;
struct loop;
struct tending;

/* NULL: no memory. */
struct tending *tending_create(struct loop *loop, struct datapath *datapath);
void tending_destroy(struct tending *tending); /* NULL is nothing */

/* A service changed, or was adopted. */
void tending_wake(struct tending *tending);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop.h - the one event loop of the agent: what we use of libevent, named.
 *
 * Callbacks get the owner pointer they were added with. A callback may remove
 * its own or any other watch; after calling what may free you, touch nothing.
 */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <stdint.h>

struct loop;
struct loop_watch; /* a descriptor, signal or timer on the loop; owned by who added it */
struct event_base;

struct loop *loop_create(void);       /* NULL when there is no memory */
void loop_destroy(struct loop *loop); /* every watch must have been removed */

/* Until loop_stop. 0, or a negative errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* For libevent's HTTP server and buffered sockets. */
struct event_base *loop_base(struct loop *loop);

/* Calls on_readable whenever fd (borrowed) can be read. NULL when there is no memory. */
struct loop_watch *loop_add_reader(struct loop *loop, int fd, void (*on_readable)(void *owner),
				   void *owner);
struct loop_watch *loop_add_signal(struct loop *loop, int signal, void (*on_signal)(void *owner),
				   void *owner);

/* A timer that is not set; on_due is called once for every loop_timer_set. */
struct loop_watch *loop_add_timer(struct loop *loop, void (*on_due)(void *owner), void *owner);

/* Due in delay_ms from now; replaces an earlier setting. */
void loop_timer_set(struct loop_watch *timer, uint64_t delay_ms);
void loop_timer_clear(struct loop_watch *timer);

void loop_remove(struct loop_watch *watch); /* NULL is nothing */

/* Milliseconds of the monotonic clock. */
uint64_t loop_now_ms(void);

#endif

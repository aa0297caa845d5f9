/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grace.h - waits until no program that runs now can still hold what it read from a map.
 */
#ifndef DATAPATH_GRACE_H
#define DATAPATH_GRACE_H

/*
 * One RCU grace period: XDP programs run inside an RCU read-side section. Takes some
 * 10 ms, so callers ask for it only when nothing clean is left.
 */
void grace_wait(void);

#endif

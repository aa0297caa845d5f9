/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neighbour_probe.h - notices within a second when a neighbour answers with another MAC
 * address although it has told nobody of the change.
 *
 * The kernel alone takes it for good for half a minute, then asks the old MAC address for
 * three seconds more. So every neighbour in use is asked here, at its known MAC address, which
 * disturbs nobody else. When the answer is missing at the next round, everybody on the link
 * is asked. The kernel reads the answers and tells what is new by an event, as always.
 */
#ifndef NET_NEIGHBOUR_PROBE_H
#define NET_NEIGHBOUR_PROBE_H

#include <stdint.h>

struct link_table;
struct neighbour_table;
struct netlink;

#define NEIGHBOUR_PROBE_PERIOD_MS 300
/* With more neighbours than this the period is longer in proportion. */
#define NEIGHBOUR_PROBES_PER_ROUND 600

/* To be called every NEIGHBOUR_PROBE_PERIOD_MS; socket is from solicitation_open. */
void neighbour_probe_round(struct neighbour_table *table, const struct link_table *links,
			   struct netlink *netlink, int socket, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decap.h - the program that unwraps IPIP and GUE on a backend. It has nothing to do with
 * an open datapath: link and counters are pinned, per interface, in a directory of
 * their own, and no process stays.
 */
#ifndef DATAPATH_DECAP_H
#define DATAPATH_DECAP_H

#include <stddef.h>
#include <stdint.h>

#include "datapath/datapath.h"
#include "model/address.h"

#define DECAP_GUE_PORT_DEFAULT 6080
#define DECAP_PREFIX_MAX 256

struct decap_settings {
	const char *pin_dir;
	const char *interface;
	enum xdp_mode xdp_mode;
	uint16_t gue_port;
	const struct prefix *sources; /* outer ones that are unwrapped; none: everybody's */
	size_t source_count;
	const struct prefix *destinations; /* inner ones that are unwrapped; none: all */
	size_t destination_count;
};

/*
 * Attaches the program with these settings, or exchanges one that is there in place, without
 * a gap; its counters go on. Says in *ret how.
 */
int decap_attach(const struct decap_settings *settings, struct attachment *ret,
		 struct error *error);

/* Detaches and removes what is pinned for the interface. -ENOENT when nothing is. */
int decap_detach(const char *pin_dir, const char *interface, struct error *error);

struct decap_view {
	const char *interface;
	bool native;
	const struct verdict_count *verdicts; /* every one, in the order of the list */
	size_t verdict_count;
};

/*
 * Calls on_view for each interface of this network namespace that unwraps, by rising index.
 * With an interface (NULL: all) only for that. Nothing is pinned: 0, and no call.
 */
int decap_for_each(const char *pin_dir, const char *interface,
		   void (*on_view)(const struct decap_view *view, void *owner), void *owner,
		   struct error *error);

#endif

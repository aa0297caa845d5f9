/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interfaces.h - the interfaces of --interface: from net/, which knows what is below them,
 * to datapath/, which attaches there.
 */
#ifndef AGENT_INTERFACES_H
#define AGENT_INTERFACES_H

#include <stddef.h>

struct agent_config_texts;
struct datapath;
struct error;
struct interface;
struct net;

/* One for each name, the caller's to free. */
int interfaces_read(const struct net *net, const struct agent_config_texts *names,
		    struct interface **ret, struct error *error);

/* Logs how the program is attached to each. */
void interfaces_tell(const struct datapath *datapath);

/* Network devices changed: the datapath follows them. Logs what changes and what fails. */
void interfaces_follow(const struct net *net, struct datapath *datapath);

/* "native"; "generic" when any of its devices is; "absent" when the program is on none. */
const char *interfaces_mode(const struct datapath *datapath, const struct interface *interface);

#endif

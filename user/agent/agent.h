/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * agent.h - the daemon, as the commands start it.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

struct agent_config;
struct error;

/* Serves until SIGTERM or SIGINT. 0, or a negative errno with a sentence that was not logged. */
int agent_run(const struct agent_config *config, struct error *error);

/*
 * Detaches the program from every interface and removes what is pinned in pin_dir.
 * -EBUSY while an agent runs there, -ENOENT when nothing is pinned.
 */
int agent_detach(const char *pin_dir, struct error *error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * settings.h - the list of the agent's settings: each is a flag, a key of the
 * configuration file and a line of the help.
 */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct agent_config;
struct error;

struct setting {
	const char *name;     /* without dashes in front */
	const char *argument; /* NULL: as a flag it takes none; in the file it is yes or no */
	const char *help;
	const char *default_text; /* NULL: none to tell */
	bool repeats;             /* each call of set adds one */
	/* Checks and stores a copy of value; the sentence of a failure starts with the value. */
	int (*set)(struct agent_config *config, const char *value, struct error *error);
};

/* At most 64: agent_config keeps a bit for each. */
const struct setting *settings_all(size_t *ret_count);

/* NULL when there is none of that name. */
const struct setting *settings_find(const char *name);

#endif
